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


def of_version(
    newest: SecretVersion | None, expiry: Expiry, record: TokenRecord, now: datetime, *, late: bool
) -> list[Finding]:
    """Return what is wrong with a bound secret's versions.

    `expiry` is that of the version in use; `late` says that the newest usable one came after it.
    """
    found = []
    if newest is None:
        found.append(Finding(FindingKind.NO_VERSION, "No version is enabled and valid now."))
    if expiry.at is None:
        text = "Its end is not known: set the version's expiry date, or the tag pratique-expires."
        found.append(Finding(FindingKind.EXPIRY_UNKNOWN, text))
    elif expiry.at <= now:
        found.append(Finding(FindingKind.EXPIRED, f"It ended on {expiry.at:%Y-%m-%d} ({expiry.source})."))
    if record.revoked_at is not None:
        text = f"The target refused it on {record.revoked_at:%Y-%m-%d}, before its date: it was revoked or replaced."
        found.append(Finding(FindingKind.REVOKED, text))
    if newest is not None and record.refused(newest.version) and newest.version != record.applied:
        found.append(Finding(FindingKind.REJECTED, "The target rejected the newest version; it was not saved."))
    elif late:
        found.append(Finding(FindingKind.NOT_APPLIED, "Entra was given an older version than the newest."))
    return found
