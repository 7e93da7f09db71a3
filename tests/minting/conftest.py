"""One vendor at a time: its target with its API beside it over TLS, and the product's adapter pointed at it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulator.clock import ManualClock
from emulator.faults import Faults, RecordedRequest
from emulator.targets import Target
from emulator.vendor_apis import VendorApi as EmulatedApi
from emulator.vendor_apis import vendor_api
from emulator.web import Listener
from shared.clients.vendor_api import VendorApi
from shared.redaction import SecretValue
from shared.tokens.vendors.minting import Minter, MintRequest, minter
from tests.minting.serving import certificates

KINDS = ("databricks", "hcp_terraform", "snowflake", "auth0")
RECOGNISING = ("databricks", "hcp_terraform")
REVOKING = ("databricks", "hcp_terraform", "auth0")
START = datetime(2030, 1, 1, 12, tzinfo=UTC)
LABEL = "pratique 1f0c"


@dataclass
class Scene:
    """A vendor, and the product's way to it."""

    kind: str
    target: Target
    api: EmulatedApi
    faults: Faults
    requests: list[RecordedRequest]
    unserved: list[str]
    clock: ManualClock
    client: VendorApi
    minter: Minter
    browser: httpx.AsyncClient

    @property
    def credential(self) -> SecretValue:
        """Return the minting credential that works."""
        return SecretValue(self.api.credential)

    def request(self, **changes: Any) -> MintRequest:
        """Return a request for a token of 60 days."""
        wanted = MintRequest(
            tenant_url=self.target.tenant_url,
            subject=self.api.subject,
            label=LABEL,
            lifetime=timedelta(days=60),
            now=self.clock.now(),
        )
        return replace(wanted, **changes)

    async def opens(self, value: str) -> bool:
        """Say whether a token opens the SCIM door."""
        url = f"{self.target.tenant_url}/Users"
        answer = await self.browser.get(url, headers={"Authorization": f"Bearer {value}"})
        assert answer.status_code in (200, 401)
        return answer.status_code == 200


@asynccontextmanager
async def staged(kind: str, directory: Path, deadline: float = 5) -> AsyncIterator[Scene]:
    """Serve a vendor for as long as the block lasts, and see that nothing was asked of it that it does not serve."""
    known, faults, clock = certificates(directory), Faults(), ManualClock(START)
    target = Target(kind, clock, base_path="/some/scim/v2")
    api = vendor_api(kind, target, clock)
    requests: list[RecordedRequest] = []
    unserved: list[str] = []
    listener = Listener(target, known.server, faults, requests, unserved)
    await listener.start()
    client = VendorApi(timedelta(seconds=deadline))
    try:
        async with httpx.AsyncClient(verify=known.client) as browser:
            yield Scene(kind, target, api, faults, requests, unserved, clock, client, minter(kind, client), browser)
        assert unserved == []
    finally:
        await client.close()
        await listener.stop()


@pytest.fixture(params=KINDS)
async def scene(request: pytest.FixtureRequest, state_dir: Path) -> AsyncIterator[Scene]:
    """Return every vendor in turn."""
    async with staged(request.param, state_dir) as one:
        yield one


@pytest.fixture(params=RECOGNISING)
async def recognising(request: pytest.FixtureRequest, state_dir: Path) -> AsyncIterator[Scene]:
    """Return in turn every vendor whose tokens carry our label."""
    async with staged(request.param, state_dir) as one:
        yield one


@pytest.fixture(params=REVOKING)
async def revoking(request: pytest.FixtureRequest, state_dir: Path) -> AsyncIterator[Scene]:
    """Return in turn every vendor that revokes single tokens."""
    async with staged(request.param, state_dir) as one:
        yield one
