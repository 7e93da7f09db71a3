#!/usr/bin/env bash
# Grants the service's identity what it needs on Microsoft Graph; what is there already is left alone, nothing is removed.
# Does the same as main.bicep without the Graph extension, and adds the owners that the narrow mode needs.
set -euo pipefail

usage() {
  cat <<'END'
Usage: grant.sh --principal-id <object id> [options]

  --mode tenant-wide          Synchronization.ReadWrite.All and Application.Read.All: every application (default)
  --mode owned-applications   Application.ReadWrite.OwnedBy, and the identity becomes an owner of each --application
  --application <object id>   an enterprise application (service principal) to own; may be given again and again
  --audit-log                 also AuditLog.Read.All, where there is no Log Analytics workspace
  --users                     also User.Read.All, for `try` with a user's name
  --only-extra                --audit-log and --users alone, and nothing of either mode
  --what-if                   say what would be done, and do nothing

Sign in first: az login --allow-no-subscriptions, as Privileged Role Administrator; to make the identity an owner, also
as Cloud Application Administrator or Application Administrator. The object id is azd's PRATIQUE_IDENTITY_PRINCIPAL_ID.
Mail.Send is not granted here: in Entra it would be tenant-wide. Exchange confines it to one mailbox: docs/deploy.md.
END
}

fail() { printf 'grant.sh: %s\n' "$*" >&2; exit 1; }
bad_usage() { printf 'grant.sh: %s\n\n' "$*" >&2; usage >&2; exit 2; }

is_id() { [[ "$1" =~ ^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$ ]]; }

principal="" mode="" only_extra=0 what_if=0 applications=() extra=()
while [ $# -gt 0 ]; do
  case "$1" in
    --principal-id | --mode | --application)
      [ $# -ge 2 ] || bad_usage "$1 needs a value"
      case "$1" in
        --principal-id) principal=$2 ;;
        --mode)
          mode=$2
          [ -n "$mode" ] || bad_usage "--mode must be tenant-wide or owned-applications" ;;
        --application) applications+=("$2") ;;
      esac
      shift 2 ;;
    --audit-log) extra+=(AuditLog.Read.All); shift ;;
    --users) extra+=(User.Read.All); shift ;;
    --only-extra) only_extra=1; shift ;;
    --what-if) what_if=1; shift ;;
    -h | --help) usage; exit 0 ;;
    *) bad_usage "unknown option $1" ;;
  esac
done

is_id "$principal" || bad_usage "--principal-id must be the object id of the identity"
for application in ${applications[@]+"${applications[@]}"}; do
  is_id "$application" || bad_usage "--application must be an object id, not '$application'"
done
wanted=()
if [ "$only_extra" = 1 ]; then
  [ -z "$mode" ] || bad_usage "--only-extra grants nothing of a mode: leave --mode out"
  [ ${#applications[@]} -eq 0 ] || bad_usage "--application is for --mode owned-applications"
  [ ${#extra[@]} -gt 0 ] || bad_usage "--only-extra needs --audit-log or --users"
else
  case "${mode:=tenant-wide}" in
    tenant-wide)
      [ ${#applications[@]} -eq 0 ] || bad_usage "--application is for --mode owned-applications"
      wanted+=(Synchronization.ReadWrite.All Application.Read.All) ;;
    owned-applications)
      [ ${#applications[@]} -gt 0 ] || bad_usage "--mode owned-applications needs at least one --application"
      wanted+=(Application.ReadWrite.OwnedBy) ;;
    *) bad_usage "--mode must be tenant-wide or owned-applications, not '$mode'" ;;
  esac
fi
wanted+=(${extra[@]+"${extra[@]}"})

# Application permissions by the id of their app role: Microsoft Graph permissions reference.
role_id() {
  case "$1" in
    Application.Read.All) echo 9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30 ;;
    Application.ReadWrite.OwnedBy) echo 18a4783c-866b-4cc7-a460-3d5e5662c884 ;;
    AuditLog.Read.All) echo b0afded3-3588-46d8-8b3d-9842eff778da ;;
    Synchronization.ReadWrite.All) echo 9b50c33d-700f-43b1-b2eb-87e89b703581 ;;
    User.Read.All) echo df021288-bdef-4463-88db-98f22de89214 ;;
  esac
}
# What the identity may hold without needing it: too much for the mode, or never by this way.
too_much() {
  case "$1" in
    9b50c33d-700f-43b1-b2eb-87e89b703581) [ "$mode" = owned-applications ] && echo Synchronization.ReadWrite.All ;;
    b633e1c5-b582-4048-a93e-9f11b44c7e96) echo Mail.Send ;;
    06b708a9-e830-4db3-a914-8e69da51d44f) echo AppRoleAssignment.ReadWrite.All ;;
    1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9) echo Application.ReadWrite.All ;;
  esac
}

command -v az >/dev/null 2>&1 || fail "the Azure CLI (az) is not installed"
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT

# Says why az failed and what to do about the usual reasons, then what az itself said, for that can name the exact remedy
# (which scope needs a second factor, for one).
needed="Privileged Role Administrator"
explain() {
  local why="az failed"
  if grep -qiE 'az login|AADSTS' "$errors"; then
    why="not signed in, or the sign-in has ended or does not suffice; run: az login --allow-no-subscriptions"
  elif grep -qE 'Authorization_RequestDenied|Forbidden|Insufficient privileges' "$errors"; then
    why="refused; you need the role $needed"
  elif grep -qE 'Request_ResourceNotFound|ResourceNotFound|does not exist|Not a valid reference update' "$errors"; then
    why="there is no such object in this tenant; a new identity can take a minute to appear"
  fi
  fail "$1: $why
$(head -c 1500 "$errors")"
}
ask() {
  local doing=$1
  shift
  az "$@" 2>"$errors" || explain "$doing"
}

graph=$(ask "reading the cloud's addresses" cloud show --query endpoints.microsoftGraphResourceId -o tsv)
[[ "$graph" == https://* ]] || fail "this cloud has no address of Microsoft Graph: az cloud show"
graph="${graph%/}/v1.0"
resource=$(ask "finding Microsoft Graph" rest --method get \
  --url "$graph/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')?\$select=id" --query id -o tsv)
is_id "$resource" || fail "finding Microsoft Graph: the answer has no id; is there a proxy that answers instead?"
held=$(ask "reading the identity's permissions" rest --method get \
  --url "$graph/servicePrincipals/$principal/appRoleAssignments?\$top=999" \
  --query "value[?resourceId=='$resource'].[appRoleId,id]" -o tsv)

changes=0
change() {
  local doing=$1
  shift
  if [ "$what_if" = 1 ]; then printf 'would %s\n' "$doing"; return; fi
  if az "$@" >/dev/null 2>"$errors"; then
    changes=$((changes + 1))
    printf 'did %s\n' "$doing"
  # What was done a moment ago is not listed everywhere at once.
  elif grep -q 'already exist' "$errors"; then
    printf 'was there already: %s\n' "$doing"
  else
    explain "$doing"
  fi
}

for permission in "${wanted[@]}"; do
  role=$(role_id "$permission")
  if grep -qi "^$role" <<<"$held"; then
    printf 'has %s\n' "$permission"
  else
    change "grant $permission" rest --method post --url "$graph/servicePrincipals/$principal/appRoleAssignments" \
      --headers Content-Type=application/json \
      --body "{\"principalId\":\"$principal\",\"resourceId\":\"$resource\",\"appRoleId\":\"$role\"}"
  fi
done

needed="Cloud Application Administrator or Application Administrator"
for application in ${applications[@]+"${applications[@]}"}; do
  owners=$(ask "reading the owners of $application" rest --method get \
    --url "$graph/servicePrincipals/$application/owners?\$select=id&\$top=999" --query "value[].id" -o tsv)
  if grep -qixF "$principal" <<<"$owners"; then
    printf 'owns %s\n' "$application"
  else
    change "make the identity an owner of $application" rest --method post \
      --url "$graph/servicePrincipals/$application/owners/\$ref" --headers Content-Type=application/json \
      --body "{\"@odata.id\":\"$graph/directoryObjects/$principal\"}"
  fi
done

while IFS=$'\t' read -r role assignment; do
  [ -n "$role" ] || continue
  name=$(too_much "$role" || true)
  [ -z "$name" ] || printf 'warning: holds %s, which it should not; to remove it: az rest --method delete --url "%s"\n' \
    "$name" "$graph/servicePrincipals/$principal/appRoleAssignments/$assignment"
done <<<"$held"

if [ "$what_if" = 1 ]; then echo "nothing was changed"; elif [ "$changes" = 0 ]; then echo "everything was there already"; else
  echo "done; restart the app, for its token holds the old permissions until it is renewed"
fi
