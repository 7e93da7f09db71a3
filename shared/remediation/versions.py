"""Which versions of bound secrets count: what comes later, came too late, or would be put back; pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from shared.remediation.outcome import Later
from shared.tokens.bindings import SecretRef, SecretVersion, usable
from shared.tokens.bound import BoundSecret, is_newer
from shared.tokens.record import TokenRecord
from shared.tokens.vendors import Overlap


def newer_or_same(secret: BoundSecret, version: SecretVersion, record: TokenRecord) -> bool:
    """Say whether a version is the one that Entra was given, or came after it."""
    return version.version == record.applied or is_newer(secret, version, record)


def valid_later(secrets: Sequence[BoundSecret], now: datetime) -> Later | None:
    """Return when a version becomes valid that is newer than all that are; an operator's clock may run ahead."""
    for secret in secrets:
        version = next((one for one in secret.own_versions if one.enabled), None)
        if version is not None and version.not_before is not None and version.not_before > now:
            moment, name = version.not_before, secret.binding.secret_name
            return Later(f"The newest version of secret {name} is valid from {moment:%Y-%m-%d %H:%M} UTC.", moment)
    return None


def arrived_too_late(secrets: Sequence[BoundSecret], now: datetime) -> tuple[BoundSecret, str] | None:
    """Return the secret whose newest version has ended already, and say so: nobody expects an older one instead."""
    for secret in secrets:
        version = next((one for one in secret.own_versions if one.enabled), None)
        if version is not None and version.expires is not None and version.expires <= now:
            name = secret.binding.secret_name
            return secret, f"The newest version of secret {name} is past its date, {version.expires:%Y-%m-%d}."
    return None


def previous_refs(
    secrets: Sequence[BoundSecret],
    newest: Mapping[str, SecretVersion],
    records: Mapping[str, TokenRecord],
    now: datetime,
) -> tuple[SecretRef, ...]:
    """Name what an undo would put back: what Entra was given before, where the vendor may have left it alive."""
    refs, older = [], False
    for secret in secrets:
        vendor, name = secret.binding.known_vendor, secret.binding.secret_name
        others = [one.version for one in usable(secret.own_versions, now) if one.version != newest[name].version]
        known = next((one for one in (records[name].applied, records[name].previous) if one in others), None)
        back = known or next(iter(others), None)
        if back is None or (vendor is not None and vendor.overlap is Overlap.NONE):
            refs.append(secret.ref(newest[name].version))
        else:
            refs.append(secret.ref(back))
            older = True
    return tuple(refs) if older else ()
