"""What is wrong with a credential's keeping, so that it can be put right before it matters; pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.tokens.bindings import SecretVersion
from shared.tokens.expiry import Expiry
from shared.tokens.record import TokenRecord


class FindingKind(StrEnum):
    """What can be wrong."""

    UNBOUND = "unbound"
    NO_APPLICATION = "no_application"
    NO_JOB = "no_job"
    BOUND_TWICE = "bound_twice"
    BAD_TAGS = "bad_tags"
    HOST = "host"
    NO_VERSION = "no_version"
    EXPIRY_UNKNOWN = "expiry_unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"
    REJECTED = "rejected"
    NOT_APPLIED = "not_applied"
    GRANTED = "granted"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, in a sentence."""

    kind: FindingKind
    text: str


def of_version(version: SecretVersion | None, expiry: Expiry, record: TokenRecord, now: datetime) -> list[Finding]:
    """Return what is wrong with the newest usable version of a bound secret, by what is known of it."""
    if version is None:
        return [Finding(FindingKind.NO_VERSION, "No version is enabled and valid now.")]
    found = []
    if expiry.at is None:
        text = "Its end is not known: set the version's expiry date, or the tag pratique-expires."
        found.append(Finding(FindingKind.EXPIRY_UNKNOWN, text))
    elif expiry.at <= now:
        found.append(Finding(FindingKind.EXPIRED, f"It ended on {expiry.at:%Y-%m-%d} ({expiry.source})."))
    if record.revoked_at is not None and record.applied == version.version:
        text = f"The target refused it on {record.revoked_at:%Y-%m-%d}, before its date: it was revoked or replaced."
        found.append(Finding(FindingKind.REVOKED, text))
    elif record.rejected == version.version:
        found.append(Finding(FindingKind.REJECTED, "The target rejected the newest version; it was not saved."))
    elif record.applied and record.applied != version.version:
        found.append(Finding(FindingKind.NOT_APPLIED, "Entra was given an older version than the newest."))
    return found
