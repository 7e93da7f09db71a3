"""The vocabulary of causes: one word for a cause, everywhere."""

from enum import StrEnum


class Cause(StrEnum):
    """Why a job is quarantined, or an entry of it fails."""

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
    UNKNOWN = "unknown"


class Confidence(StrEnum):
    """How sure a diagnosis is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
