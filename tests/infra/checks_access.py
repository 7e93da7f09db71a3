"""Who gets in, who is told, and what is kept: sign-in, the meaning of the alerts, the logs."""

from collections.abc import Iterator, Mapping
from typing import Any

from functions.identity import CallerRole
from tests.infra.allowed import AZURE_CLI, AZURE_MONITOR_WEBHOOK, FIRES
from tests.infra.checks import OTHER_SETTINGS, Templates, settings_of
from tests.infra.deployment import TENANT, Deployment, Resource

_SIGN_IN = "infra/entra/sign-in"


def sign_in(templates: Templates) -> Iterator[str]:
    """Only tokens of this tenant, for this application, from the two callers that are named, over https."""
    (settings,) = (one for one in templates.full.of("Microsoft.Web/sites/config") if one.name == "authsettingsV2")
    body = settings.body["properties"]
    provider = body["identityProviders"]["azureActiveDirectory"]
    validation = provider["validation"]
    wanted: list[tuple[str, object, object]] = [
        ("sign-in", body["platform"]["enabled"], True),
        ("demanding sign-in", body["globalValidation"]["requireAuthentication"], True),
        ("the answer to strangers", body["globalValidation"]["unauthenticatedClientAction"], "Return401"),
        ("https", body["httpSettings"]["requireHttps"], True),
        ("the provider", provider["enabled"], True),
        ("the issuer", provider["registration"]["openIdIssuer"], f"https://login.microsoftonline.com/{TENANT}/v2.0"),
        ("the audiences", set(validation["allowedAudiences"]), {_CLIENT, _URI}),
        (
            "the callers",
            set(validation["defaultAuthorizationPolicy"]["allowedApplications"]),
            {AZURE_MONITOR_WEBHOOK, AZURE_CLI},
        ),
        ("storing tokens", body["login"]["tokenStore"]["enabled"], False),
    ]
    yield from (f"{what} is {found!r}" for what, found, right in wanted if found != right)
    for deployment, right in ((templates.plain, "off"), (templates.full, "required")):
        found = settings_of(deployment).get("PRATIQUE_SIGN_IN")
        if found != right:
            yield f"the app is told that sign-in is {found}"


_CLIENT, _URI = "22222222-2222-2222-2222-222222222222", "api://tenant/pratique-test"


def application(templates: Templates) -> Iterator[str]:
    """The application is this tenant's own, has the code's roles, and gives each to the one who is meant."""
    made = templates.entra["sign-in"]
    (registration,) = made.of("Microsoft.Graph/applications")
    services = {one.body["appId"]: one for one in made.resources if one.type == "Microsoft.Graph/servicePrincipals"}
    if registration.body["signInAudience"] != "AzureADMyOrg":
        yield f"{_SIGN_IN}: other tenants may sign in"
    roles = {one["value"]: one for one in registration.body["appRoles"]}
    if roles.keys() != set(CallerRole) or not all(one["isEnabled"] for one in roles.values()):
        yield f"{_SIGN_IN}: the roles are not the code's"
        return
    own = [one for one in services.values() if not one.existing]
    if len(own) != 1 or own[0].body.get("appRoleAssignmentRequired") is not True:
        yield f"{_SIGN_IN}: whoever is in the tenant gets a token"
    monitor = services.get(AZURE_MONITOR_WEBHOOK)
    wanted = {
        (monitor.id if monitor else "", roles[CallerRole.WEBHOOK]["id"]),
        ("group", roles[CallerRole.OPERATOR]["id"]),
    }
    given = {(one.body["principalId"], one.body["appRoleId"]) for one in made.of("Microsoft.Graph/appRoleAssignedTo")}
    if given != wanted:
        yield f"{_SIGN_IN}: a role is given to somebody else"


def firing(templates: Templates) -> Iterator[str]:
    """Each alert fires at what it is for and at no less."""
    for deployment in (templates.plain, templates.full):
        for rule in deployment.of("Microsoft.Insights/scheduledQueryRules"):
            name = rule.name.removeprefix("pratique-test-")
            if name not in FIRES:
                yield f"{name}: nobody wrote down when it fires"
                continue
            at, not_at = FIRES[name]
            if not _fires(rule, at) or _fires(rule, not_at):
                yield f"{name}: fires at {not_at}, or not at {at}"


def _fires(rule: Resource, found: int) -> bool:
    criterion: Mapping[str, Any] = rule.body["properties"]["criteria"]["allOf"][0]
    threshold = int(criterion["threshold"])
    return {"GreaterThan": found > threshold, "LessThan": found < threshold}[criterion["operator"]]


def kept(templates: Templates) -> Iterator[str]:
    """Logs that others rely on are sent, whole and to the workspace, and nobody writes to it with a key."""
    entra = _sent(templates.entra["diagnostics"], "microsoft.aadiam/diagnosticSettings")
    if entra != {"pratique": {"AuditLogs", "ProvisioningLogs"}}:
        yield f"infra/entra/diagnostics sends {entra}"
    for deployment in (templates.plain, templates.full):
        sent = _sent(deployment, "Microsoft.Insights/diagnosticSettings")
        if sent != {"who-read-what": {"AuditEvent"}, "who-wrote-what": {"StorageWrite", "StorageDelete"}}:
            yield f"the service keeps {sent}"
        workspace = deployment.outputs["PRATIQUE_WORKSPACE_ID"]
        for one in deployment.of("Microsoft.Insights/diagnosticSettings"):
            if one.body["properties"]["workspaceId"] != workspace:
                yield f"{one.name} goes elsewhere"
        for one in deployment.of("Microsoft.OperationalInsights/workspaces"):
            if one.body["properties"]["features"]["disableLocalAuth"] is not True:
                yield "the workspace can be written to with a key"


def _sent(deployment: Deployment, kind: str) -> dict[str, set[str]]:
    return {
        one.name: {log["category"] for log in one.body["properties"]["logs"] if log["enabled"]}
        for one in deployment.of(kind)
    }


def precedence(templates: Templates) -> Iterator[str]:
    """What the template knows goes before what the operator adds, and that before the table's default."""
    given = settings_of(templates.full)
    if given["KEY_VAULT_URL"] == OTHER_SETTINGS["KEY_VAULT_URL"]:
        yield "otherSettings replaces what the template knows"
    if given["PRATIQUE_PROBE"] != OTHER_SETTINGS["PRATIQUE_PROBE"]:
        yield "otherSettings changes nothing"
