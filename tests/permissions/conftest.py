"""A tenant, a token that was issued with every role there is, and the product beside it.

A token's roles count while the identity holds them too, so that tests take roles away from the identity.
"""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from emulator.entra import Role
from emulator.tenant import Application, EmbeddedTenant
from shared.clients.permissions import Need, Permission
from shared.composition import Pratique, compose

NO_STORAGE = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=c2VjcmV0;EndpointSuffix=x.example"
VAULT = {Permission.VAULT, Permission.VAULT_WRITE}


@dataclass
class Gate:
    """What stands before the services: the tenant, an application that the identity owns, and one that it does not."""

    tenant: EmbeddedTenant
    product: Pratique
    owned: Application
    other: Application
    http: aiohttp.ClientSession
    identity: dict[str, str]

    async def ask(self, need: Need, application: Application, *roles: Role) -> int:
        """Make a call of the table while the identity holds these roles, and return the status."""
        method, _, path = need.call.partition(" ")
        origin = resource = self.tenant.graph.origin
        if need.permission is Permission.LOGS:
            origin = resource = self.tenant.logs.origin
        elif need.permission in VAULT:
            origin, resource, path = self.tenant.vault.origin, self.tenant.vault.resource, f"{path}?api-version=7.5"
        else:
            path = f"/v1.0{path}"
        token = await self.token(resource)
        ids = {"id": application.service_principal.id, "job": application.job.id}
        address = origin + re.sub(r"\{(\w+)\}", lambda name: ids.get(name[1], "nothing"), path)
        self.tenant.entra.roles = set(roles)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        async with self.http.request(method, address, headers=headers, data=b"{}") as response:
            return response.status

    async def token(self, resource: str) -> str:
        """Return a token with every role."""
        self.tenant.entra.roles = set(Role)
        asked = {"params": {"resource": resource}, "headers": {"X-IDENTITY-HEADER": self.identity["IDENTITY_HEADER"]}}
        async with self.http.get(self.identity["IDENTITY_ENDPOINT"], **asked) as answer:  # type: ignore[arg-type]
            return str((await answer.json())["access_token"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gate(state_dir: Path) -> AsyncIterator[Gate]:
    """Return a tenant without storage."""
    async with AsyncExitStack() as stack:
        tenant = await stack.enter_async_context(EmbeddedTenant(state_dir))
        owned, other = await tenant.add_application("Owned"), await tenant.add_application("Other")
        tenant.directory.owned.add(owned.service_principal.id)
        environment = {**tenant.environment(), "AzureWebJobsStorage": NO_STORAGE}
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in environment.items():
            patch.setenv(name, value)
        product = compose(environment)
        stack.push_async_callback(product.close)
        connector = aiohttp.TCPConnector(ssl=tenant.certificates.client)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        yield Gate(tenant, product, owned, other, http, environment)
        assert tenant.unserved == []
