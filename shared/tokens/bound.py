"""Finds the secrets that serve a service principal, and the version of each to try next."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from shared.clients.vault import Vault
from shared.errors import NotFound, Refused
from shared.tokens.bindings import (
    TAG_SERVICE_PRINCIPAL,
    Binding,
    SecretRef,
    SecretVersion,
    binding_of,
    is_tagged,
    origin_of,
    usable,
)
from shared.tokens.keys import DEFAULT_KEY
from shared.tokens.record import TokenRecord

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class BoundSecret:
    """A bound secret and its versions, newest first."""

    binding: Binding
    versions: tuple[SecretVersion, ...]

    @property
    def own_versions(self) -> tuple[SecretVersion, ...]:
        """Return the versions that this binding is about, newest first.

        Each version is bound by its own tags, or by the newest at or before it. One that stood under other tags, or
        before any, may be another application's, and its value must not be sent to this one's host.
        """
        mine = _purpose(self.binding)
        return tuple(one for one in self.versions if (bound := self._bound(one)) and _purpose(bound) == mine)

    def _bound(self, version: SecretVersion) -> Binding | None:
        if is_tagged(version):
            return binding_of([version])
        # Creation times are whole seconds, so tags of the same second count as before.
        return binding_of([one for one in self.versions if one.created <= version.created])

    def ref(self, version: str) -> SecretRef:
        """Name one of its versions."""
        return SecretRef(self.binding.credential_key, self.binding.secret_name, version)

    def version(self, version: str) -> SecretVersion | None:
        """Return a version by its id; None when it is gone."""
        return next((one for one in self.versions if one.version == version), None)


async def all_secrets(vault: Vault, wanted: str | None = None) -> dict[str, BoundSecret | None]:
    """Read every secret by name, None where no version carries our tags; or those that may be one application's.

    Secrets whose newest version carries another application's tags are then passed over without reading their versions.

    Raises:
        ServiceError: the vault could not be read.
    """
    names = [
        newest.name
        for newest in await vault.newest_versions()
        if wanted is None or not is_tagged(newest) or _claims(newest, wanted.lower())
    ]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def read(name: str) -> BoundSecret | None:
        async with gate:
            return await secret_by_name(vault, name)

    return dict(zip(names, await asyncio.gather(*(read(name) for name in names)), strict=True))


async def bound_secrets(vault: Vault, service_principal_id: str) -> tuple[BoundSecret, ...]:
    """Find the secrets bound to a service principal, one a credential key; none when no secret names it.

    Raises:
        Refused: two secrets claim the same key of the application, so neither is trusted.
        ServiceError: the vault could not be read.
    """
    wanted = service_principal_id.lower()
    found = (await all_secrets(vault, wanted)).values()
    mine = [secret for secret in found if secret and secret.binding.service_principal_id.lower() == wanted]
    by_key: dict[str, list[str]] = {}
    for secret in mine:
        by_key.setdefault(secret.binding.credential_key, []).append(secret.binding.secret_name)
    for key, names in by_key.items():
        if len(names) > 1:
            message = f"more than one secret is bound to {key} of this application: {', '.join(sorted(names))}"
            raise Refused(message)
    return tuple(sorted(mine, key=lambda secret: secret.binding.credential_key))


async def bound_token(vault: Vault, service_principal_id: str) -> BoundSecret | None:
    """Find the secret that is bound as the application's bearer token; raises like `bound_secrets`."""
    secrets = await bound_secrets(vault, service_principal_id)
    return next((secret for secret in secrets if secret.binding.credential_key == DEFAULT_KEY), None)


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
    versions = usable(secret.own_versions, now)
    if len(versions) > 1 and versions[0].created == versions[1].created:
        newest = await vault.newest_version(secret.binding.secret_name)
        versions.sort(key=lambda version: version.version != newest)
    return versions[0] if versions else None


def is_newer(secret: BoundSecret, version: SecretVersion, record: TokenRecord) -> bool:
    """Say whether a version came after the one that Entra was given, which may be disabled or gone by now."""
    applied = secret.version(record.applied)
    known = applied.created if applied else record.applied_at
    return version.version != record.applied and (known is None or version.created >= known)


def _purpose(binding: Binding) -> tuple[object, ...]:
    return binding.service_principal_id, binding.credential_key, origin_of(binding.tenant_url), binding.vendor


def _claims(version: SecretVersion, service_principal_id: str) -> bool:
    return version.tags.get(TAG_SERVICE_PRINCIPAL, "").strip().lower() == service_principal_id
