"""Which permission each kind of call needs, so that a refusal can name what is missing, and where it is granted.

The table of docs/security.md is written from here (`python -m cli.permissions_page`), and tests hold the templates and
the emulator's routes against it. Sources: Graph permissions reference and the page of each call (synchronization,
servicePrincipal, ownedObjects, directoryAudit, sendMail); Azure built-in roles. Not in any page: reading the
synchronization secrets, whose permission is taken to be that of saving them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """Application permissions on Microsoft Graph and Azure roles that the identity holds."""

    SYNCHRONIZATION = "Synchronization.ReadWrite.All"
    APPLICATIONS = "Application.Read.All"
    OWNED = "Application.ReadWrite.OwnedBy"
    AUDIT_LOG = "AuditLog.Read.All"
    MAIL = "Mail.Send"
    USERS = "User.Read.All"
    LOGS = "Log Analytics Reader"
    VAULT = "Key Vault Secrets User"
    VAULT_WRITE = "Key Vault Secrets Officer"
    QUEUES = "Storage Queue Data Contributor"
    TABLES = "Storage Table Data Contributor"
    BLOBS = "Storage Blob Data Owner"
    TELEMETRY = "Monitoring Metrics Publisher"


@dataclass(frozen=True, slots=True)
class Need:
    """What one call needs at least; `owned` says that `Permission.OWNED` is enough for applications that are owned."""

    call: str
    permission: Permission
    owned: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """Where a permission is granted, and what it is for."""

    where: str
    why: str


_SYNCHRONIZATION = "/servicePrincipals/{id}/synchronization"
_OWNED = "/servicePrincipals/{id}/ownedObjects/microsoft.graph.servicePrincipal"
_JOB = f"{_SYNCHRONIZATION}/jobs/{{job}}"

NEEDS: tuple[Need, ...] = (
    Need("GET /servicePrincipals", Permission.APPLICATIONS, owned=True),
    Need("GET /servicePrincipals/{id}", Permission.APPLICATIONS, owned=True),
    Need(f"GET {_OWNED}", Permission.APPLICATIONS, owned=True),
    Need(f"GET {_SYNCHRONIZATION}/jobs", Permission.SYNCHRONIZATION, owned=True),
    Need(f"GET {_JOB}", Permission.SYNCHRONIZATION, owned=True),
    Need(f"POST {_JOB}/validateCredentials", Permission.SYNCHRONIZATION, owned=True),
    Need(f"GET {_SYNCHRONIZATION}/secrets", Permission.SYNCHRONIZATION, owned=True),
    Need(f"PUT {_SYNCHRONIZATION}/secrets", Permission.SYNCHRONIZATION, owned=True),
    Need(f"POST {_JOB}/restart", Permission.SYNCHRONIZATION, owned=True),
    Need(f"GET {_JOB}/schema", Permission.SYNCHRONIZATION, owned=True),
    Need(f"POST {_JOB}/provisionOnDemand", Permission.SYNCHRONIZATION, owned=True),
    Need("GET /auditLogs/directoryAudits", Permission.AUDIT_LOG),
    Need("GET /auditLogs/provisioning", Permission.AUDIT_LOG),
    Need("GET /users/{user}", Permission.USERS),
    Need("POST /users/{user}/sendMail", Permission.MAIL),
    Need("POST /v1/workspaces/{workspace}/query", Permission.LOGS),
    Need("GET /secrets", Permission.VAULT),
    Need("GET /secrets/{name}/versions", Permission.VAULT),
    Need("GET /secrets/{name}/{version}", Permission.VAULT),
    Need("PUT /secrets/{name}", Permission.VAULT_WRITE),
    Need("PATCH /secrets/{name}/{version}", Permission.VAULT_WRITE),
)
"""Every call of the product to Graph, Log Analytics and Key Vault, but for `$batch`, whose parts need their own."""

GRANTS: Mapping[Permission, Grant] = {
    Permission.SYNCHRONIZATION: Grant(
        "`infra/entra/graph-permissions`, mode `tenant-wide`",
        "jobs, credentials, tests, quarantine-only restart. Tenant-wide: it could rewrite any application's "
        "credentials; the rules in [architecture](architecture.md) are what limits it",
    ),
    Permission.APPLICATIONS: Grant(
        "`infra/entra/graph-permissions`, mode `tenant-wide`", "which applications there are, and their names"
    ),
    Permission.OWNED: Grant(
        "`infra/entra/graph-permissions`, mode `owned-applications`, with ownership of each",
        "in place of the two above (`PRATIQUE_APPLICATIONS=owned`, or ids): Graph confines it to those applications, "
        "but lets it change everything about them; it may list, not change, all others",
    ),
    Permission.MAIL: Grant(
        "[Exchange, for one mailbox](deploy.md#mail)", "notices by mail; in Entra it would be any mailbox"
    ),
    Permission.VAULT: Grant("`infra/modules/roles.bicep`", "read the vendors' tokens and the Teams address"),
    Permission.LOGS: Grant("`infra/modules/workspace-access.bicep`", "the audit query, and evidence"),
    Permission.QUEUES: Grant(
        "`infra/modules/roles.bicep`", "take and put signals; the host puts what fails on `-poison`"
    ),
    Permission.TABLES: Grant("`infra/modules/roles.bicep`", "its own rows"),
    Permission.BLOBS: Grant("`infra/modules/roles.bicep`", "the Functions host alone: package, locks of timers"),
    Permission.TELEMETRY: Grant("`infra/modules/roles.bicep`", "the Functions host alone: telemetry without a key"),
    Permission.VAULT_WRITE: Grant(
        "`infra/modules/roles.bicep`, with `PRATIQUE_MINTING`; in place of *User*, and kept until somebody removes it",
        "only where minting is on: put minted versions, disable old ones; also for a person who binds secrets",
    ),
    Permission.AUDIT_LOG: Grant(
        "`infra/entra/graph-permissions`, `--only-extra --audit-log`", "only where there is no workspace: evidence"
    ),
    Permission.USERS: Grant(
        "`infra/entra/graph-permissions`, `--only-extra --users`",
        "only for `try` with a user principal name; an object id needs nothing",
    ),
}
"""Where each permission is granted, in the order of docs/security.md."""
