"""A tenant on a clock that tests move by hand, and clients that talk to it as the product does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.identity.aio import ManagedIdentityCredential
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph.graph_service_client import GraphServiceClient

from emulator.clock import ManualClock
from emulator.tenant import Application, EmbeddedTenant

# Tokens are judged by this clock and checked for age by real clients: it starts at the present.
START = datetime.now(UTC)


@dataclass
class Caller:
    """Calls Graph with a token of the tenant's managed identity, over plain HTTP."""

    tenant: EmbeddedTenant
    http: httpx.AsyncClient
    credential: ManagedIdentityCredential

    async def token(self, audience: str) -> str:
        """Return a token for the audience."""
        access = await self.credential.get_token(f"{audience}/.default")
        return str(access.token)

    async def graph(self, method: str, path: str, body: Any = None, *, audience: str | None = None) -> httpx.Response:
        """Call Graph below `/v1.0`, or an absolute link that it gave."""
        origin = self.tenant.graph.origin
        headers = {"Authorization": f"Bearer {await self.token(audience or origin)}"}
        url = path if path.startswith("https:") else f"{origin}/v1.0{path}"
        if body is None:
            return await self.http.request(method, url, headers=headers)
        return await self.http.request(method, url, headers=headers, json=body)

    async def job(self, application: Application) -> dict[str, Any]:
        """Read an application's job."""
        response = await self.graph("GET", job_path(application))
        assert response.status_code == 200, response.text
        return dict(response.json())


def secrets_path(application: Application) -> str:
    """Return the path of an application's saved credentials."""
    return f"/servicePrincipals/{application.service_principal.id}/synchronization/secrets"


def job_path(application: Application, action: str = "") -> str:
    """Return the path of an application's job, or of one of its actions."""
    principal = application.service_principal.id
    return f"/servicePrincipals/{principal}/synchronization/jobs/{application.job.id}{action}"


@asynccontextmanager
async def calling(tenant: EmbeddedTenant, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Caller]:
    """Open a caller's connections for as long as the block lasts."""
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.setenv(name, tenant.environment()[name])
    async with (
        httpx.AsyncClient(verify=tenant.certificates.client) as http,
        ManagedIdentityCredential() as credential,
    ):
        yield Caller(tenant, http, credential)


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands still."""
    return ManualClock(START)


@pytest.fixture
async def tenant(state_dir: Path, clock: ManualClock) -> AsyncIterator[EmbeddedTenant]:
    """Run an empty tenant, and see that nothing was asked of it that it does not serve."""
    async with EmbeddedTenant(state_dir, clock=clock) as embedded:
        yield embedded
        assert embedded.unserved == []


@pytest.fixture
async def caller(tenant: EmbeddedTenant, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Caller]:
    """Return a caller with every role."""
    async with calling(tenant, monkeypatch) as one:
        yield one


@pytest.fixture
async def sdk(tenant: EmbeddedTenant, caller: Caller) -> GraphServiceClient:
    """Return Microsoft's own client, pointed at the tenant."""
    origin = tenant.graph.origin
    provider = AzureIdentityAuthenticationProvider(
        caller.credential, scopes=[f"{origin}/.default"], allowed_hosts=["127.0.0.1"]
    )
    adapter = GraphRequestAdapter(provider, client=caller.http)
    adapter.base_url = f"{origin}/v1.0"
    return GraphServiceClient(request_adapter=adapter)


async def cycle(tenant: EmbeddedTenant, clock: ManualClock) -> None:
    """Let one cycle interval pass, and run what is due."""
    await clock.advance(timedelta(seconds=tenant.settings.cycle_interval))
    await tenant.engine.run_due()
