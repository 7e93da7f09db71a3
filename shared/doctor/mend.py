"""The commands that mend what is missing, with the deployment's own names where they are known; pure.

A command never gives more than what is missing: what widens a narrow deployment to the whole tenant is a person's
decision and has a page, no command.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from shared.clients.permissions import Permission
from shared.clients.signed_in import Caller
from shared.settings import Reach, Settings

GRAPH_PERMISSIONS = frozenset(
    {
        Permission.SYNCHRONIZATION,
        Permission.APPLICATIONS,
        Permission.OWNED,
        Permission.AUDIT_LOG,
        Permission.USERS,
        Permission.MAIL,
    }
)
_GRANT = "infra/entra/graph-permissions/grant.sh --principal-id"
_SOME_APPLICATION = "--application <object id of the application>"
_WIDER = "docs/deploy.md, Let the identity read and repair jobs: this permission reaches every application"
_MAIL = "docs/deploy.md, Mail: Exchange lets the identity send from one mailbox"
_YOU = '"$(az ad signed-in-user show --query id -o tsv)"'
_AZURE_NAME = re.compile(r"[A-Za-z0-9-]{3,63}")
_AZURE_HOST = re.compile(r"\.(vault|table|queue)\.[a-z.]+$")


@dataclass(frozen=True, slots=True)
class Names:
    """What the deployment's resources are called, fit for a shell; a name in angle brackets is not known."""

    app: str = "<app>"
    group: str = "<resource group>"
    location: str = "<region>"
    principal: str = "<object id of the identity>"
    workspace: str = "<resource id of the workspace>"
    vault: str = "<vault>"
    storage: str = "<storage account>"
    sign_in: str | None = None
    """What people ask a token for where sign-in is on; empty where it is off, None where that is not known."""
    narrow: str = ""
    """The options that name the applications to own; empty where the whole tenant is watched."""
    you: str = ""
    """Whom Azure roles are assigned to where what was found is about somebody else than the identity."""

    @classmethod
    def of(cls, settings: Settings, outputs: Mapping[str, str]) -> "Names":
        """Take names from azd's outputs (`azd env get-values`) and, where those are silent, from the settings."""
        given = {
            "app": outputs.get("AZURE_FUNCTION_NAME"),
            "group": outputs.get("AZURE_RESOURCE_GROUP"),
            "location": outputs.get("AZURE_LOCATION"),
            "principal": outputs.get("PRATIQUE_IDENTITY_PRINCIPAL_ID") or settings.identity,
            "workspace": outputs.get("PRATIQUE_WORKSPACE_ID"),
            "vault": outputs.get("AZURE_KEY_VAULT_NAME") or _first_label(settings.key_vault_url),
            "storage": _first_label(settings.table_service_uri),
        }
        names = cls(**{name: shlex.quote(value) for name, value in given.items() if value})
        if settings.reach is not Reach.TENANT:
            owned = " ".join(f"--application {one}" for one in settings.applications)
            names = replace(names, narrow=owned or _SOME_APPLICATION)
        if not given["app"]:
            return names
        on = outputs.get("SIGN_IN_CLIENT_ID") and outputs.get("SIGN_IN_IDENTIFIER_URI")
        return replace(names, sign_in=shlex.quote(on) if on else "")

    def about(self, caller: Caller) -> "Names":
        """Return the names for what is found with the roles of somebody else than the service's identity."""
        if caller.person or not caller.object_id:
            return replace(self, you=f"--assignee-object-id {_YOU} --assignee-principal-type User")
        whom = f"--assignee-object-id {shlex.quote(caller.object_id)} --assignee-principal-type ServicePrincipal"
        return replace(self, you=whom)

    def about_the_service(self) -> "Names":
        """Return the names for what the service itself wrote down."""
        return replace(self, you="")

    def grant(self, permission: str) -> tuple[str, ...]:
        """Return what grants a permission to the identity; to whoever asks, where it is about that one's Azure roles.

        A person's own permissions on Graph are of no use to the service, so there the service is asked instead.
        """
        if permission not in GRAPH_PERMISSIONS:
            return self._role(permission)
        return self.ask_itself() if self.you else self._on_graph(permission)

    def network(self) -> tuple[str, ...]:
        """Return what lets this place through to the vault and to storage."""
        let_in = "azd env set ALLOWED_IP_RANGES <your public address> && azd provision   # all of them, by commas"
        if self.you:
            return (let_in, *self.ask_itself())
        put_back = "azd provision --no-state   # for the service: its network as PRIVATE_NETWORKING says"
        return (put_back, f"{let_in}; for people")

    def diagnostics(self) -> tuple[str, ...]:
        """Return what sends Entra's logs to the workspace."""
        template = "infra/entra/diagnostics/main.bicep"
        deploy = f"az deployment sub create --location {self.location} -f {template} -p workspaceId={self.workspace}"
        return (f"{deploy}   # without rights on a subscription: docs/deploy.md, Send Entra's logs",)

    def store(self, secret: str) -> tuple[str, ...]:
        """Return what stores a secret from a file."""
        return (f"az keyvault secret set --vault-name {self.vault} --name {shlex.quote(secret)} --file <file>",)

    def log_stream(self) -> tuple[str, ...]:
        """Return what shows whether the app runs."""
        return (
            # on Flex Consumption the state stands one level deeper
            f'az functionapp show -g {self.group} -n {self.app} --query "properties.state || state" -o tsv',
            self._restart(),
        )

    def ask_itself(self) -> tuple[str, ...]:
        """Return what lets the service look with its own identity."""
        key = f"az functionapp keys list -g {self.group} -n {self.app} --query functionKeys.default -o tsv"
        ask = f'curl -H "x-functions-key: $({key})"'
        address = f"https://{self.app}.azurewebsites.net/api/doctor"
        token = (
            f"az account get-access-token --resource {self.sign_in or '<identifier URI>'} --query accessToken -o tsv"
        )
        signed_in = f'{ask} -H "Authorization: Bearer $({token})" {address}'
        match self.sign_in:
            case None:
                return f"{ask} {address}", f"{signed_in}   # where sign-in is on"
            case "":
                return (f"{ask} {address}",)
            case _:
                return (signed_in,)

    def _on_graph(self, permission: str) -> tuple[str, ...]:
        if permission == Permission.MAIL:
            return (_MAIL,)
        if permission == Permission.SYNCHRONIZATION and self.narrow:
            return (_WIDER,)
        owned = f" --mode owned-applications {self.narrow or _SOME_APPLICATION}"
        options = {
            Permission.APPLICATIONS: owned if self.narrow else "",
            Permission.OWNED: owned,
            Permission.AUDIT_LOG: " --only-extra --audit-log",
            Permission.USERS: " --only-extra --users",
        }
        return f"{_GRANT} {self.principal}{options.get(Permission(permission), '')}", self._restart()

    def _role(self, role: str) -> tuple[str, ...]:
        match role:
            case Permission.VAULT_WRITE if not self.you:
                return ("azd env set PRATIQUE_MINTING true && azd provision",)
            case Permission.VAULT | Permission.VAULT_WRITE:
                scope = f'"$(az keyvault show -n {self.vault} --query id -o tsv)"'
            case Permission.LOGS:
                scope = self.workspace
            case Permission.QUEUES | Permission.TABLES:
                scope = f'"$(az storage account show -n {self.storage} --query id -o tsv)"'
            case _:
                return ()
        identity = f"--assignee-object-id {self.principal} --assignee-principal-type ServicePrincipal"
        return (f'az role assignment create {self.you or identity} --role "{role}" --scope {scope}',)

    def _restart(self) -> str:
        return f"az functionapp restart -g {self.group} -n {self.app}"


def _first_label(address: str) -> str:
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return ""
    label = host.partition(".")[0]
    return label if _AZURE_HOST.search(host) and _AZURE_NAME.fullmatch(label) else ""
