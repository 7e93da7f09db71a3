"""Storage by identity: what the host reads from `<name>__…`, and what Azurite makes of the tokens that it is shown."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
import pytest_asyncio

from emulator.azurite import Storage, azurite
from emulator.certificates import server_files
from emulator.entra import CLIENT_ID
from emulator.host.connections import Connections
from emulator.host.errors import HostError
from emulator.tenant import EmbeddedTenant
from tests.host.running import SAMPLE, host, refused, seen, send, settings

pytestmark = pytest.mark.asyncio(loop_scope="module")

_NAME = "AzureWebJobsStorage"
_WHOLE = {
    f"{_NAME}__blobServiceUri": "https://account.blob.core.windows.net",
    f"{_NAME}__queueServiceUri": "https://account.queue.core.windows.net",
    f"{_NAME}__credential": "managedidentity",
    f"{_NAME}__clientId": CLIENT_ID,
}


@dataclass(frozen=True, slots=True)
class Ground:
    """Azurite over TLS, and a tenant whose one identity is user-assigned."""

    storage: Storage
    tenant: EmbeddedTenant

    def settings(self, **more: str) -> dict[str, str]:
        """Return what the platform and a template give a host: addresses and names, no key."""
        whole = {
            **self.tenant.environment(),
            f"{_NAME}": "",
            f"{_NAME}__blobServiceUri": self.storage.blob_url,
            f"{_NAME}__queueServiceUri": self.storage.queue_url,
            f"{_NAME}__tableServiceUri": self.storage.table_url,
            f"{_NAME}__credential": "managedidentity",
            f"{_NAME}__clientId": CLIENT_ID,
        }
        return {**whole, **more}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(state_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    """Run both for this module."""
    tls = server_files(state_dir, tmp_path_factory.mktemp("tls"))
    async with azurite(tls=tls) as storage, EmbeddedTenant(state_dir) as tenant:
        tenant.entra.user_assigned = True
        yield Ground(storage, tenant)


async def test_a_message_goes_in_and_out_by_identity_alone(ground: Ground) -> None:
    """Trigger queue and output queue are reached although the host holds no key."""
    async with host(ground.storage, app=SAMPLE, disabled=(), **ground.settings()) as running:
        await send(ground.storage, f"{running.prefix}-orders", "by identity")
        (result,) = [one for one in await seen(ground.storage, running, 2) if "body" in one]
    assert result == {"body": "by identity", "dequeue_count": 1}


async def test_an_identity_that_is_not_assigned_gets_nowhere(ground: Ground) -> None:
    """With another client id the host does not start, and says that it cannot reach its queue."""
    more = ground.settings(**{f"{_NAME}__clientId": "another"})
    code, log = await refused(SAMPLE, settings(ground.storage, "refused", **more))
    assert code == 1
    assert "cannot be reached at 127.0.0.1" in log


async def test_azurite_asks_for_the_storage_audience(ground: Ground) -> None:
    """Blob, queue and table take a token for storage, whoever signed it; not one for Graph, an ended one, or none."""

    async def statuses(token: str | None) -> set[int]:
        headers = {"x-ms-version": "2021-12-02", "Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        storage = ground.storage
        addresses = (f"{storage.blob_url}?comp=list", f"{storage.queue_url}?comp=list", f"{storage.table_url}/Tables")
        found = set()
        for address in addresses:
            async with session.get(address, headers=headers, ssl=ground.tenant.certificates.client) as response:
                found.add(response.status)
        return found

    async def token_for(resource: str) -> str:
        environment = ground.tenant.environment()
        async with session.get(
            environment["IDENTITY_ENDPOINT"],
            params={"resource": resource, "client_id": CLIENT_ID},
            headers={"X-IDENTITY-HEADER": environment["IDENTITY_HEADER"]},
            ssl=ground.tenant.certificates.client,
        ) as response:
            assert response.status == 200
            return str((await response.json())["access_token"])

    async with aiohttp.ClientSession() as session:
        assert await statuses(await token_for("https://storage.azure.com")) == {200}
        assert await statuses(await token_for("https://graph.microsoft.com")) == {403}
        claims = jwt.decode(await token_for("https://storage.azure.com"), options={"verify_signature": False})
        signed_by_anybody = "any key at all, of thirty-two bytes or more"
        assert await statuses(jwt.encode(claims, signed_by_anybody)) == {200}
        assert await statuses(jwt.encode({**claims, "exp": claims["iat"] - 1}, signed_by_anybody)) == {403}
        assert await statuses(None) == {403}


async def test_a_user_assigned_identity_must_be_named(ground: Ground) -> None:
    """Without a client id, or with another, the token endpoint answers 400, as App Service does."""
    environment = ground.tenant.environment()
    async with aiohttp.ClientSession() as session:
        for named in ({}, {"client_id": "another"}):
            async with session.get(
                environment["IDENTITY_ENDPOINT"],
                params={"resource": "https://storage.azure.com", **named},
                headers={"X-IDENTITY-HEADER": environment["IDENTITY_HEADER"]},
                ssl=ground.tenant.certificates.client,
            ) as response:
                assert response.status == 400
                assert "Managed Identity" in (await response.json())["message"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"queueServiceUri": ""}, "__queueServiceUri must hold an https address"),
        ({"queueServiceUri": "http://127.0.0.1:10001/a"}, "__queueServiceUri must hold an https address"),
        ({"blobServiceUri": ""}, "__blobServiceUri must hold an https address"),
        ({"credential": ""}, "__clientId needs AzureWebJobsStorage__credential=managedidentity"),
        ({"credential": "workloadidentity"}, "must be managedidentity, not 'workloadidentity'"),
        ({"accountName": "account"}, "__accountName is not served here"),
        ({"managedIdentityResourceId": "/x"}, "__managedIdentityResourceId is not served here"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
async def test_half_a_connection_is_refused_by_name(changed: Mapping[str, Any], said: str) -> None:
    """Nothing is guessed, and no setting is passed over in silence."""
    connections = Connections({**_WHOLE, **{f"{_NAME}__{key}": value for key, value in changed.items()}})
    with pytest.raises(HostError, match=said):
        connections.service(_NAME)


async def test_a_whole_connection_is_taken_once_and_a_connection_string_goes_first(storage: Storage) -> None:
    """One client for each connection; with a key set the identity is not asked."""
    connections = Connections(_WHOLE)
    assert connections.service(_NAME) is connections.service(_NAME)
    assert connections.service(_NAME).url.startswith("https://account.queue.core.windows.net")
    await connections.close()
    connections = Connections({**_WHOLE, _NAME: storage.connection_string})
    assert connections.service(_NAME).url.startswith(storage.queue_url)
    await connections.close()
