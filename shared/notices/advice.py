"""What a notice says of a cause: a headline, and the remedy's steps in one line each."""

from shared.diagnosis.causes import Cause
from shared.diagnosis.remedies import remedy
from shared.tokens.vendors import Vendor

HEADLINES: dict[Cause, str] = {
    Cause.INVALID_CREDENTIALS: "Entra cannot sign in to the target",
    Cause.INSUFFICIENT_PERMISSIONS: "The target does not allow what Entra asks of it",
    Cause.SCIM_NONCOMPLIANCE: "The target answers in a way that SCIM does not allow",
    Cause.TARGET_UNREACHABLE: "Entra does not reach the target",
    Cause.RATE_LIMITED: "The target turns requests away",
    Cause.DUPLICATE_ROLES: "Two application roles carry the same value",
    Cause.MISSING_REQUIRED_ATTRIBUTE: "Users lack a value that the target requires",
    Cause.INVALID_ATTRIBUTE_VALUE: "The target refuses a value",
    Cause.UNIQUENESS_CONFLICT: "A value is taken in the target",
    Cause.MATCHING_FAILURE: "Users cannot be matched with the target's accounts",
    Cause.REFERENCE_UNRESOLVED: "A manager or member is not provisioned yet",
    Cause.ESCROW_THRESHOLD: "Too many users or groups fail",
    Cause.ACCIDENTAL_DELETION: "The cycle was stopped: it would have deleted too many accounts",
    Cause.ON_DEMAND_QUARANTINE: "Microsoft has quarantined this job by hand",
    Cause.NOTIFICATION_EMAIL_MISSING: "The inbound job has no notification e-mail",
    Cause.INBOUND_INVALID_DATA_FORMAT: "The inbound API does not understand what is sent to it",
    Cause.INBOUND_UNAUTHORIZED: "The inbound API turns its caller away",
    Cause.INVALID_UPN: "A user principal name is not acceptable",
    Cause.INVALID_DOMAIN: "A value's domain is not verified or not allowed",
    Cause.OUT_OF_SCOPE_SKIP: "Users are skipped, which is no failure",
    Cause.LICENSE_OR_QUOTA: "Licences or a quota are used up",
    Cause.AGENT_UNAVAILABLE: "No provisioning agent answers",
    Cause.SCHEMA_OR_MAPPING_ERROR: "A mapping does not fit the target's schema",
    Cause.TRANSIENT_ENTRA_SIDE: "Entra's own service failed and tries again",
    Cause.UNKNOWN: "The job is in quarantine and its cause is not known",
}


def headline(cause: Cause) -> str:
    """Return one short sentence without its full stop."""
    return HEADLINES[cause]


def steps(cause: Cause, vendor: Vendor | None = None) -> tuple[str, ...]:
    """Return what to do in order, each with its place and, where it changes, who can; at last what happens then."""
    lines, before = [], ""
    found = remedy(cause, vendor)
    for step in found.steps:
        where = f"{step.where}: " if step.where else ""
        who = f" ({step.who})" if step.who and step.who != before else ""
        lines.append(f"{where}{step.what}{who}")
        before = step.who
    return (*lines, found.next)
