"""When a credential ends, and how we know; pure.

The nearest of all known dates counts. Each is an upper bound: a token may have been made before it came into the vault,
and may be revoked at any time.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from shared.redaction import SecretValue
from shared.tokens.bindings import TAG_EXPIRES, SecretVersion
from shared.tokens.vendors import Vendor

_LONGEST_TOKEN = 16 * 1024


class ExpirySource(StrEnum):
    """Where the date comes from."""

    VERSION = "the version's expiry date"
    TAG = "the tag pratique-expires"
    CLAIM = "the token itself"
    LIFETIME = "the vendor's lifetime of a token"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Expiry:
    """The nearest known date; `at` is None exactly when the source is unknown."""

    at: datetime | None
    source: ExpirySource


UNKNOWN = Expiry(None, ExpirySource.UNKNOWN)


def expiry_of(version: SecretVersion, vendor: Vendor | None, claim: datetime | None = None) -> Expiry:
    """Return when a version ends; `claim` is the token's own `exp` where a test has read it."""
    known = [
        (version.expires, ExpirySource.VERSION),
        (tagged_date(version), ExpirySource.TAG),
        (claim, ExpirySource.CLAIM),
        (_end_of_life(version, vendor), ExpirySource.LIFETIME),
    ]
    return min(
        (Expiry(at, source) for at, source in known if at is not None),
        key=lambda expiry: expiry.at or datetime.max.replace(tzinfo=UTC),
        default=UNKNOWN,
    )


def tagged_date(version: SecretVersion) -> datetime | None:
    """Return the date that the version's tag gives: a day (its beginning, UTC) or a time with a zone; else None."""
    text = version.tags.get(TAG_EXPIRES, "").strip()
    try:
        if len(text) == len("2027-03-01"):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def claimed_end(value: SecretValue) -> datetime | None:
    """Return the `exp` claim when the token is a JWT (RFC 7519); its signature is not ours to check."""
    text = value.reveal().strip()
    parts = text.split(".")
    if len(text) > _LONGEST_TOKEN or len(parts) != 3:
        return None
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    end = payload.get("exp") if isinstance(payload, dict) else None
    if isinstance(end, bool) or not isinstance(end, int | float):
        return None
    try:
        return datetime.fromtimestamp(end, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def life_of(version: SecretVersion, expiry: Expiry) -> timedelta | None:
    """Return how long the version lives from its arrival to its end; None when the end is unknown."""
    return expiry.at - version.created if expiry.at is not None else None


def _end_of_life(version: SecretVersion, vendor: Vendor | None) -> datetime | None:
    if vendor is None or vendor.expires_in is None:
        return None
    try:
        return version.created + vendor.expires_in
    except OverflowError:
        return None
