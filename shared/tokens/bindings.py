"""Which secret serves which application, by tags on the versions of a Key Vault secret; pure.

Tags belong to a version, and a person who pastes a new token sets none. So a secret *name* is bound by the newest of
its versions that carries our tags, and any newer enabled version inherits the binding. Dates are not inherited: the
tag `pratique-expires` speaks for its own version only.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from shared.errors import Refused
from shared.tokens.keys import DEFAULT_KEY, ROTATED
from shared.tokens.vendors import Vendor, vendor_for

TAG_SERVICE_PRINCIPAL = "pratique-service-principal"
TAG_VENDOR = "pratique-vendor"
TAG_TENANT_URL = "pratique-tenant-url"
TAG_KEY = "pratique-key"
TAG_OWNER = "pratique-owner"
TAG_EXPIRES = "pratique-expires"
TAG_MINT = "pratique-mint"
TAG_MINT_FOR = "pratique-mint-for"
TAG_ROTATION = "pratique-rotation"
TAG_MINTED_ID = "pratique-token-id"
_HTTPS = 443
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MAIL = re.compile(r"[^\s@<>,;:\"']{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*\.)+[A-Za-z0-9-]{2,63}")


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
class SecretRef:
    """One version of one secret, and the credential key that it serves; the version is empty while it is not made."""

    credential_key: str
    secret_name: str
    version: str


@dataclass(frozen=True, slots=True)
class Binding:
    """A secret name bound to a service principal's credential key.

    `mint_secret` names the secret that holds the vendor's API credential, `mint_for` what the API mints for (a SCIM
    configuration, an integration, a connection); both are empty where a person brings new tokens.
    """

    secret_name: str
    service_principal_id: str
    credential_key: str
    vendor: str
    tenant_url: str
    owner: str = ""
    mint_secret: str = ""
    mint_for: str = ""

    @property
    def known_vendor(self) -> Vendor | None:
        """Return the catalogue's entry for the vendor, if it has one."""
        return vendor_for(self.vendor)


def is_tagged(version: SecretVersion) -> bool:
    """Say whether the version carries our tags."""
    return bool(version.tags.get(TAG_SERVICE_PRINCIPAL, "").strip())


def binding_of(versions: Sequence[SecretVersion]) -> Binding | None:
    """Read the binding of a secret from its versions, newest first; None when no version carries our tags."""
    tagged = next((version for version in versions if is_tagged(version)), None)
    if tagged is None:
        return None
    tags = {name: value.strip() for name, value in tagged.tags.items()}
    owner = tags.get(TAG_OWNER, "")
    return Binding(
        secret_name=tagged.name,
        service_principal_id=tags[TAG_SERVICE_PRINCIPAL].lower(),
        credential_key=tags.get(TAG_KEY) or DEFAULT_KEY,
        vendor=tags.get(TAG_VENDOR, "").lower(),
        tenant_url=tags.get(TAG_TENANT_URL, ""),
        owner=owner if _MAIL.fullmatch(owner) else "",
        mint_secret=tags.get(TAG_MINT, ""),
        mint_for=tags.get(TAG_MINT_FOR, ""),
    )


def problems_of(tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is wrong with tags that bind a secret, one sentence each; none when they are well."""
    tags = {name: value.strip() for name, value in tags.items()}
    problems = []
    if not _GUID.fullmatch(tags.get(TAG_SERVICE_PRINCIPAL, "")):
        problems.append(f"{TAG_SERVICE_PRINCIPAL} is no object id.")
    if (key := tags.get(TAG_KEY) or DEFAULT_KEY) not in ROTATED:
        problems.append(f"{TAG_KEY} is {key!r}, which is no credential key that Graph documents and we may save.")
    if (owner := tags.get(TAG_OWNER, "")) and not _MAIL.fullmatch(owner):
        problems.append(f"{TAG_OWNER} is no mail address.")
    if (url := tags.get(TAG_TENANT_URL, "")) and origin_of(url) is None:
        problems.append(f"{TAG_TENANT_URL} is no https address.")
    vendor = vendor_for(tags.get(TAG_VENDOR, ""))
    if tags.get(TAG_VENDOR) and vendor is None:
        problems.append(f"{TAG_VENDOR} is {tags[TAG_VENDOR]!r}, which is not in the catalogue.")
    if tags.get(TAG_MINT) and (vendor is None or not vendor.adapter):
        problems.append(f"{TAG_MINT} is set, but the vendor has no minting adapter.")
    if tags.get(TAG_MINT) and not url:
        problems.append(f"{TAG_MINT} is set without {TAG_TENANT_URL}: the minting credential goes nowhere unpinned.")
    return tuple(problems)


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
    trusted = origin_of(base_address)
    if trusted is None:
        message = "the job's tenant URL cannot be read, so the host that the token would go to is unknown"
        raise Refused(message)
    vendor = binding.known_vendor
    if binding.tenant_url:
        allowed, expected = origin_of(binding.tenant_url) == trusted, binding.tenant_url
    elif vendor is None:
        message = (
            f"secret {binding.secret_name} names neither a tenant URL ({TAG_TENANT_URL}) nor a known vendor "
            f"({TAG_VENDOR}), so the host {trusted[0]} cannot be checked"
        )
        raise Refused(message)
    elif vendor.shares_host(trusted[0]):
        message = (
            f"{vendor.name}'s customers share the hosts of {trusted[0]}, so secret {binding.secret_name} must name its "
            f"own tenant URL ({TAG_TENANT_URL})"
        )
        raise Refused(message)
    else:
        allowed = vendor.names_host(trusted[0]) and trusted[1] == _HTTPS
        expected = ", ".join(sorted(vendor.hosts)) or f"a host of {vendor.name}, of which none is known"
    if not allowed:
        message = f"the job sends to {base_address}, but secret {binding.secret_name} is meant for {expected}"
        raise Refused(message)


def require_rotated_key(binding: Binding) -> None:
    """Make sure that the binding names a credential.

    Raises:
        Refused: it names an address, a setting, or nothing that Graph documents.
    """
    if binding.credential_key not in ROTATED:
        message = f"secret {binding.secret_name} names the key {binding.credential_key}, which is no credential"
        raise Refused(message)


def origin_of(address: str) -> tuple[str, int] | None:
    """Return host and port of an https address without user information; None for anything else."""
    try:
        parts = urlsplit(address.strip())
        port = _HTTPS if parts.port is None else parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme != "https" or not host or parts.username is not None:
        return None
    return host, port
