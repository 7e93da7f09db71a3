"""A tenant without a running engine, and the product put together against it and real storage."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from emulator.azurite import Storage
from emulator.settings import EmulatorSettings
from emulator.tenant import Application, EmbeddedTenant
from shared.composition import Pratique, compose
from shared.tokens.bindings import TAG_SERVICE_PRINCIPAL, TAG_TENANT_URL
from shared.tokens.record import TokenRecord

MARK = "marked-value"
"""Stands in every secret's value, so that a value can be recognised anywhere."""


@dataclass
class Desk:
    """The tenant and the product; secrets come into the vault with no news of it."""

    tenant: EmbeddedTenant
    product: Pratique
    environment: dict[str, str]

    async def put(
        self,
        name: str,
        tags: dict[str, str],
        *,
        value: str = "",
        age: timedelta = timedelta(hours=1),
        enabled: bool = True,
        expires: datetime | None = None,
    ) -> str:
        """Put a version into the vault and return its id."""
        value, created = value or f"{MARK}-{name}", datetime.now(UTC) - age
        return await self.tenant.vault.put(
            name, value, tags, enabled=enabled, expires=expires, created=created, announce=False
        )

    async def learn(self, application: Application, secret: str, **known: object) -> None:
        """Write what the product has learnt of a secret, as its own attempts do."""
        sp = application.service_principal.id
        row = TokenRecord(sp, secret, **known)  # type: ignore[arg-type]
        await self.product.services.tokens.change(sp, secret, lambda _: row)

    def tags(self, name: str) -> dict[str, str]:
        """Return the tags that the newest version of a secret carries in the vault."""
        return dict(self.tenant.vault._find(name).tags)


def bound(application: Application, **more: str) -> dict[str, str]:
    """Return tags that bind a secret to an application and its present host, and others on top."""
    tags = {TAG_SERVICE_PRINCIPAL: application.service_principal.id, TAG_TENANT_URL: application.target.tenant_url}
    return tags | {f"pratique-{name.replace('_', '-')}": value for name, value in more.items()}


@asynccontextmanager
async def opened(
    state_dir: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch, **settings: str
) -> AsyncIterator[Desk]:
    """Run an empty tenant and put the product together against it, with the environment set to both."""
    quick = EmulatorSettings(secrets_settle=0.1)
    async with EmbeddedTenant(state_dir, settings=quick) as tenant:
        environment = {**tenant.environment(), "AzureWebJobsStorage": storage.connection_string, **settings}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        product = compose(environment)
        try:
            yield Desk(tenant, product, environment)
        finally:
            await product.close()
        assert tenant.unserved == []


@pytest.fixture
async def desk(state_dir: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Return a desk with the default settings."""
    async with opened(state_dir, storage, monkeypatch) as one:
        yield one
