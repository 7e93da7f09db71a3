"""Finds the secret that serves a service principal, and the version to try next."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from shared.clients.vault import Vault
from shared.errors import NotFound, Refused
from shared.tokens.bindings import TAG_SERVICE_PRINCIPAL, Binding, SecretVersion, binding_of, is_tagged, usable

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class BoundSecret:
    """A bound secret and its versions, newest first."""

    binding: Binding
    versions: tuple[SecretVersion, ...]


async def bound_secret(vault: Vault, service_principal_id: str) -> BoundSecret | None:
    """Find the one secret bound to a service principal; None when no secret names it.

    Secrets whose newest version carries another application's tags are passed over without reading their versions.

    Raises:
        Refused: two secrets claim the same application, so neither is trusted.
        ServiceError: the vault could not be read.
    """
    wanted = service_principal_id.lower()
    names = [
        newest.name for newest in await vault.newest_versions() if not is_tagged(newest) or _claims(newest, wanted)
    ]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def read(name: str) -> BoundSecret | None:
        async with gate:
            return await secret_by_name(vault, name)

    found = [secret for secret in await asyncio.gather(*(read(name) for name in names)) if secret]
    mine = [secret for secret in found if secret.binding.service_principal_id.lower() == wanted]
    if len(mine) > 1:
        claimed = ", ".join(sorted(secret.binding.secret_name for secret in mine))
        message = f"more than one secret is bound to this application: {claimed}"
        raise Refused(message)
    return mine[0] if mine else None


async def secret_by_name(vault: Vault, name: str) -> BoundSecret | None:
    """Read a secret and its binding; None when it is gone or no version carries our tags."""
    try:
        versions = await vault.versions(name)
    except NotFound:
        return None
    binding = binding_of(versions)
    return BoundSecret(binding, versions) if binding else None


async def candidate(vault: Vault, secret: BoundSecret, now: datetime) -> SecretVersion | None:
    """Return the newest enabled version that is valid now, or None."""
    versions = usable(secret.versions, now)
    if len(versions) > 1 and versions[0].created == versions[1].created:
        newest = await vault.newest_version(secret.binding.secret_name)
        versions.sort(key=lambda version: version.version != newest)
    return versions[0] if versions else None


def _claims(version: SecretVersion, service_principal_id: str) -> bool:
    return version.tags.get(TAG_SERVICE_PRINCIPAL, "").strip().lower() == service_principal_id
