"""The commands that mend what is missing, with the deployment's own names where they are known; pure."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.clients.permissions import Permission
from shared.settings import Settings

_GRANT = "infra/entra/graph-permissions/grant.sh --principal-id"
_OPTIONS = {
    Permission.SYNCHRONIZATION: "",
    Permission.APPLICATIONS: "",
    Permission.OWNED: " --mode owned-applications --application <object id of the application>",
    Permission.AUDIT_LOG: " --audit-log",
    Permission.USERS: " --users",
}
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
        return cls(**{name: shlex.quote(value) for name, value in given.items() if value})

    def grant(self, permission: str) -> tuple[str, ...]:
        """Return what grants a permission to the identity."""
        restart = f"az functionapp restart -g {self.group} -n {self.app}"
        if permission in _OPTIONS:
            return f"{_GRANT} {self.principal}{_OPTIONS[Permission(permission)]}", restart
        match permission:
            case Permission.VAULT:
                return (self._assign(permission, f'"$(az keyvault show -n {self.vault} --query id -o tsv)"'),)
            case Permission.VAULT_WRITE:
                return ("azd env set PRATIQUE_MINTING true && azd provision",)
            case Permission.LOGS:
                return (self._assign(permission, self.workspace),)
            case Permission.QUEUES | Permission.TABLES:
                return (self._assign(permission, f'"$(az storage account show -n {self.storage} --query id -o tsv)"'),)
            case Permission.MAIL:
                return ("docs/deploy.md, Mail: Exchange lets the identity send from one mailbox",)
            case _:
                return ()

    def diagnostics(self) -> tuple[str, ...]:
        """Return what sends Entra's logs to the workspace."""
        template = "infra/entra/diagnostics/main.bicep"
        return (f"az deployment sub create --location {self.location} -f {template} -p workspaceId={self.workspace}",)

    def setting(self, name: str, value: str) -> tuple[str, ...]:
        """Return what changes a setting of the deployment."""
        return (f"azd env set {name} {value} && azd provision",)

    def store(self, secret: str) -> tuple[str, ...]:
        """Return what stores a secret from a file."""
        return (f"az keyvault secret set --vault-name {self.vault} --name {shlex.quote(secret)} --file <file>",)

    def log_stream(self) -> tuple[str, ...]:
        """Return what shows whether the app runs."""
        return (
            # on Flex Consumption the state stands one level deeper
            f'az functionapp show -g {self.group} -n {self.app} --query "properties.state || state" -o tsv',
            f"az functionapp restart -g {self.group} -n {self.app}",
        )

    def ask_itself(self) -> tuple[str, ...]:
        """Return what lets the service look with its own identity."""
        return (f"curl -H 'x-functions-key: <key>' https://{self.app}.azurewebsites.net/api/doctor",)

    def _assign(self, role: str, scope: str) -> str:
        whom = f"--assignee-object-id {self.principal} --assignee-principal-type ServicePrincipal"
        return f'az role assignment create {whom} --role "{role}" --scope {scope}'


def _first_label(address: str) -> str:
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return ""
    label = host.partition(".")[0]
    return label if _AZURE_HOST.search(host) and _AZURE_NAME.fullmatch(label) else ""
