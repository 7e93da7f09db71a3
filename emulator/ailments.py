"""What may befall an application: one ailment for each cause, made to happen really where a target can cause it.

Where only Entra's own side can fail, the cycle meets an obstacle, or an entry a fault, with the words that are public.
Sources: entra-docs, "Quarantine status", "Cloud sync error codes", "API-driven inbound provisioning: known issues".
"""

import uuid
from dataclasses import dataclass, replace
from enum import StrEnum

from emulator.breakage import Breakage
from emulator.jobs import Obstacle, Skip, SyncError, User
from emulator.tenant import Application, EmbeddedTenant

EXCEPTION = "EncounteredQuarantineException"
_LARGEST_ESCROW = 200
_INBOUND_TEMPLATE = "API2AAD"
_CLOUD_SYNC_TEMPLATE = "AD2AADProvisioning"


class Ailment(StrEnum):
    """One for each cause, in the product's vocabulary."""

    INVALID_CREDENTIALS = "invalid_credentials"
    INSUFFICIENT_PERMISSIONS = "insufficient_permissions"
    SCIM_NONCOMPLIANCE = "scim_noncompliance"
    TARGET_UNREACHABLE = "target_unreachable"
    RATE_LIMITED = "rate_limited"
    DUPLICATE_ROLES = "duplicate_roles"
    MISSING_REQUIRED_ATTRIBUTE = "missing_required_attribute"
    INVALID_ATTRIBUTE_VALUE = "invalid_attribute_value"
    UNIQUENESS_CONFLICT = "uniqueness_conflict"
    MATCHING_FAILURE = "matching_failure"
    REFERENCE_UNRESOLVED = "reference_unresolved"
    ESCROW_THRESHOLD = "escrow_threshold"
    ACCIDENTAL_DELETION = "accidental_deletion"
    ON_DEMAND_QUARANTINE = "on_demand_quarantine"
    NOTIFICATION_EMAIL_MISSING = "notification_email_missing"
    INBOUND_INVALID_DATA_FORMAT = "inbound_invalid_data_format"
    INBOUND_UNAUTHORIZED = "inbound_unauthorized"
    INVALID_UPN = "invalid_upn"
    INVALID_DOMAIN = "invalid_domain"
    OUT_OF_SCOPE_SKIP = "out_of_scope_skip"
    LICENSE_OR_QUOTA = "license_or_quota"
    AGENT_UNAVAILABLE = "agent_unavailable"
    SCHEMA_OR_MAPPING_ERROR = "schema_or_mapping_error"
    TRANSIENT_ENTRA_SIDE = "transient_entra_side"


@dataclass(frozen=True, slots=True)
class _Break:
    """A target that is broken, and whether it takes new users to notice."""

    breakage: Breakage
    joiners: bool = False


_BREAKS = {
    Ailment.INSUFFICIENT_PERMISSIONS: _Break(Breakage.FORBIDDEN),
    Ailment.SCIM_NONCOMPLIANCE: _Break(Breakage.NOT_FOUND_FOR_EMPTY),
    Ailment.TARGET_UNREACHABLE: _Break(Breakage.REFUSED),
    Ailment.RATE_LIMITED: _Break(Breakage.TOO_MANY_REQUESTS),
    Ailment.MISSING_REQUIRED_ATTRIBUTE: _Break(Breakage.REQUIRED_MISSING, joiners=True),
    Ailment.INVALID_ATTRIBUTE_VALUE: _Break(Breakage.INVALID_VALUE, joiners=True),
    Ailment.UNIQUENESS_CONFLICT: _Break(Breakage.UNIQUENESS, joiners=True),
    Ailment.MATCHING_FAILURE: _Break(Breakage.DUPLICATE_MATCHES, joiners=True),
    Ailment.ESCROW_THRESHOLD: _Break(Breakage.MIXED, joiners=True),
    Ailment.INVALID_DOMAIN: _Break(Breakage.DOMAIN_NOT_ALLOWED, joiners=True),
    Ailment.LICENSE_OR_QUOTA: _Break(Breakage.LICENCE_LIMIT, joiners=True),
    Ailment.SCHEMA_OR_MAPPING_ERROR: _Break(Breakage.INVALID_PATH, joiners=True),
}
_OBSTACLES = {
    Ailment.DUPLICATE_ROLES: SyncError(
        "DuplicateAppRoles",
        "This Azure Active Directory service principal has app roles with duplicate attribute values: "
        '00000000-0000-0000-0000-000000000000: "Sandbox". The attribute with the duplicate values is displayName. '
        "The synchronization job cannot proceed until the duplicate is removed.",
    ),
    Ailment.INBOUND_UNAUTHORIZED: SyncError(
        "InvalidAuthenticationToken", "InvalidAuthenticationToken: Access token has expired or is not yet valid."
    ),
    Ailment.AGENT_UNAVAILABLE: SyncError(
        "HybridIdentityServiceNoActiveAgents",
        "We're unable to find an active agent for the domain you're trying to sync. Please check to see if the agents "
        "have been removed. If so, re-install the agent again.",
    ),
    Ailment.TRANSIENT_ENTRA_SIDE: SyncError(
        "InternalError",
        "AADInternal: An internal service error occurred within the Microsoft Entra provisioning service. There's "
        "nothing to do. This attempt is automatically retried in 40 minutes.",
        tenant_actionable=False,
    ),
}
_ENTRY_FAULTS = {
    Ailment.INBOUND_INVALID_DATA_FORMAT: SyncError(
        "InvalidDataFormat",
        "Invalid Data Format: the bulk request could not be parsed. Content-Type must be application/scim+json.",
    ),
    Ailment.INVALID_UPN: SyncError(
        "AzureActiveDirectoryInvalidUserPrincipalName",
        "The user principal name is not valid: it contains characters that the directory does not take.",
    ),
}
_TEMPLATES = {
    Ailment.NOTIFICATION_EMAIL_MISSING: _INBOUND_TEMPLATE,
    Ailment.INBOUND_INVALID_DATA_FORMAT: _INBOUND_TEMPLATE,
    Ailment.INBOUND_UNAUTHORIZED: _INBOUND_TEMPLATE,
    Ailment.INVALID_UPN: _INBOUND_TEMPLATE,
    Ailment.AGENT_UNAVAILABLE: _CLOUD_SYNC_TEMPLATE,
}


async def afflict(tenant: EmbeddedTenant, application: Application, ailment: Ailment, entries: int = 3) -> None:
    """Let an ailment befall an application: its next cycles show it.

    Args:
        tenant: whose application it is.
        application: it should be healthy so far.
        ailment: what befalls it.
        entries: how many new users meet it, where it takes new users to notice.
    """
    job = application.job
    job.template_id = _TEMPLATES.get(ailment, job.template_id)
    if ailment in _BREAKS:
        broken = _BREAKS[ailment]
        await tenant.break_target(application, broken.breakage)
        if ailment is Ailment.ESCROW_THRESHOLD:
            entries = max(entries, _escrow_floor(tenant))
        _join(application, entries if broken.joiners else 0)
    elif ailment in _OBSTACLES:
        job.obstacle = Obstacle(EXCEPTION, _OBSTACLES[ailment])
    elif ailment in _ENTRY_FAULTS:
        job.entry_faults.update({user.id: _ENTRY_FAULTS[ailment] for user in _join(application, entries)})
    else:
        _afflict_otherwise(tenant, application, ailment, entries)


async def heal(tenant: EmbeddedTenant, application: Application, ailment: Ailment) -> None:
    """Take the cause away, as a person would; the job's own state is left to its next cycle or a restart."""
    job, target = application.job, application.target
    if ailment in _BREAKS:
        await tenant.break_target(application, None)
    job.obstacle = None
    job.entry_faults.clear()
    match ailment:
        case Ailment.INVALID_CREDENTIALS:
            saved = tenant.directory.secrets.effective(application.service_principal.id)
            target.issue_token(value=saved["SecretToken"])
        case Ailment.REFERENCE_UNRESOLVED:
            known = {user.id for user in job.users}
            missing = {user.manager_id for user in job.users if user.manager_id} - known
            job.users.extend(User(one, f"manager.{one[:8]}@contoso.example", "Manager") for one in missing)
        case Ailment.ACCIDENTAL_DELETION:
            job.users, job.leavers = [*job.users, *job.leavers], []
        case Ailment.NOTIFICATION_EMAIL_MISSING:
            _notify(tenant, application, "app-owners@contoso.example")
        case Ailment.OUT_OF_SCOPE_SKIP:
            job.users.extend(user for user, _ in job.outside.values())
            job.outside.clear()
            job.skips_told.clear()


def _afflict_otherwise(tenant: EmbeddedTenant, application: Application, ailment: Ailment, entries: int) -> None:
    job = application.job
    match ailment:
        case Ailment.INVALID_CREDENTIALS:
            application.target.expire_tokens()
        case Ailment.REFERENCE_UNRESOLVED:
            absent = str(uuid.uuid4())
            _join(application, entries)
            job.users[-entries:] = [replace(user, manager_id=absent) for user in job.users[-entries:]]
        case Ailment.ACCIDENTAL_DELETION:
            threshold = tenant.directory.deletion_threshold(job)
            if threshold is None or len(job.users) <= threshold:
                raise ValueError("the job needs a deletion threshold and more users than it allows to leave")
            job.leavers, job.users = [*job.leavers, *job.users], []
        case Ailment.ON_DEMAND_QUARANTINE:
            tenant.engine.quarantine_on_demand(job.id)
        case Ailment.NOTIFICATION_EMAIL_MISSING:
            _notify(tenant, application, "")
        case Ailment.OUT_OF_SCOPE_SKIP:
            for user in _join(application, entries):
                job.users.remove(user)
                job.outside[user.id] = (user, Skip())


def _join(application: Application, count: int) -> list[User]:
    """Bring new users into the job's scope."""
    slug = application.service_principal.display_name.lower().replace(" ", "-")
    identifiers = [str(uuid.uuid4()) for _ in range(count)]
    joiners = [User(one, f"{slug}.joiner.{one[:8]}@contoso.example", f"Joiner {one[:8]}") for one in identifiers]
    application.job.users.extend(joiners)
    return joiners


def _escrow_floor(tenant: EmbeddedTenant) -> int:
    floor = tenant.settings.escrow_floor
    if floor > _LARGEST_ESCROW:
        raise ValueError(f"set escrow_floor to {_LARGEST_ESCROW} or less: every failing entry is really sent")
    return floor


def _notify(tenant: EmbeddedTenant, application: Application, recipients: str) -> None:
    tenant.directory.set_notification_mail(application.job, recipients)
