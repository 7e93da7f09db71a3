"""Which secret serves which application, by tags on the versions of a Key Vault secret; pure.

Tags belong to a version, and a person who pastes a new token sets none. So a secret *name* is bound by the newest of
its versions that carries our tags, and any newer enabled version inherits the binding.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from shared.errors import Refused
from shared.tokens.vendors import catalogue

TAG_SERVICE_PRINCIPAL = "pratique-service-principal"
TAG_VENDOR = "pratique-vendor"
TAG_TENANT_URL = "pratique-tenant-url"
TAG_KEY = "pratique-key"
_DEFAULT_KEY = "SecretToken"
_HTTPS = 443


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """One version of a Key Vault secret, without its value."""

    name: str
    version: str
    enabled: bool
    created: datetime
    expires: datetime | None
    not_before: datetime | None
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Binding:
    """A secret name bound to a service principal's credential key."""

    secret_name: str
    service_principal_id: str
    credential_key: str
    vendor: str
    tenant_url: str


def is_tagged(version: SecretVersion) -> bool:
    """Say whether the version carries our tags."""
    return bool(version.tags.get(TAG_SERVICE_PRINCIPAL, "").strip())


def binding_of(versions: Sequence[SecretVersion]) -> Binding | None:
    """Read the binding of a secret from its versions, newest first; None when no version carries our tags."""
    tagged = next((version for version in versions if is_tagged(version)), None)
    if tagged is None:
        return None
    tags = {name: value.strip() for name, value in tagged.tags.items()}
    return Binding(
        secret_name=tagged.name,
        service_principal_id=tags[TAG_SERVICE_PRINCIPAL],
        credential_key=tags.get(TAG_KEY) or _DEFAULT_KEY,
        vendor=tags.get(TAG_VENDOR, "").lower(),
        tenant_url=tags.get(TAG_TENANT_URL, ""),
    )


def usable(versions: Sequence[SecretVersion], now: datetime) -> list[SecretVersion]:
    """Return the enabled versions that are valid now, newest first."""
    return [
        version
        for version in versions
        if version.enabled
        and (version.expires is None or version.expires > now)
        and (version.not_before is None or version.not_before <= now)
    ]


def require_trusted_host(binding: Binding, base_address: str) -> None:
    """Make sure that a token would go only to the host that the job trusts and that vendor or pin allows.

    Raises:
        Refused: the job's address is unreadable, or on another host than the pin or the vendor's hosts, or neither is
            known.
    """
    trusted = _origin(base_address)
    if trusted is None:
        message = "the job's tenant URL cannot be read, so the host that the token would go to is unknown"
        raise Refused(message)
    vendor = catalogue().get(binding.vendor)
    if not binding.tenant_url and vendor is None:
        message = (
            f"secret {binding.secret_name} names neither a tenant URL ({TAG_TENANT_URL}) nor a known vendor "
            f"({TAG_VENDOR}), so the host {trusted[0]} cannot be checked"
        )
        raise Refused(message)
    if binding.tenant_url:
        allowed = _origin(binding.tenant_url) == trusted
        expected = binding.tenant_url
    else:
        allowed = vendor is not None and trusted[0] in vendor.hosts and trusted[1] == _HTTPS
        expected = ", ".join(sorted(vendor.hosts)) if vendor else ""
    if not allowed:
        message = f"the job sends to {base_address}, but secret {binding.secret_name} is meant for {expected}"
        raise Refused(message)


def _origin(address: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(address.strip())
        port = _HTTPS if parts.port is None else parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme != "https" or not host or parts.username is not None:
        return None
    return host, port
