"""The vocabulary of causes: one word for a cause, everywhere."""

from enum import StrEnum


class Cause(StrEnum):
    """Why a job is quarantined."""

    INVALID_CREDENTIALS = "invalid_credentials"
    INSUFFICIENT_PERMISSIONS = "insufficient_permissions"
    SCIM_NONCOMPLIANCE = "scim_noncompliance"
    TARGET_UNREACHABLE = "target_unreachable"
    RATE_LIMITED = "rate_limited"
    DUPLICATE_ROLES = "duplicate_roles"
    ESCROW_THRESHOLD = "escrow_threshold"
    ACCIDENTAL_DELETION = "accidental_deletion"
    ON_DEMAND_QUARANTINE = "on_demand_quarantine"
    UNKNOWN = "unknown"


class Confidence(StrEnum):
    """How sure a diagnosis is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
