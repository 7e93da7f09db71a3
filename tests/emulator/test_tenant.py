"""The assembled tenant tells clients how to find it, and delivers the vault's events where they are awaited."""

import asyncio
import base64
import json
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from azure.keyvault.secrets.aio import SecretClient
from azure.storage.queue.aio import QueueClient

from emulator.azurite import azurite
from emulator.clock import ManualClock
from emulator.tenant import VAULT_QUEUE, EmbeddedTenant
from tests.emulator.conftest import Caller


async def test_the_environment_names_every_service(tenant: EmbeddedTenant) -> None:
    """Each service has an origin of its own, and no storage is named that nobody gave."""
    environment = tenant.environment()
    addresses = [
        environment[name] for name in ("GRAPH_BASE_URL", "LOGS_ENDPOINT", "KEY_VAULT_URL", "IDENTITY_ENDPOINT")
    ]
    addresses.append(environment["TEAMS_WEBHOOK_URL"])
    assert len({address.split("/")[2] for address in addresses}) == 5
    assert "AzureWebJobsStorage" not in environment
    assert environment["SSL_CERT_FILE"] == environment["REQUESTS_CA_BUNDLE"] == str(tenant.certificates.ca_path)


async def test_the_vault_client_reads_what_an_operator_pasted(tenant: EmbeddedTenant, caller: Caller) -> None:
    """The unchanged client passes the vault's challenge, through the settings that the tenant gives."""
    await tenant.vault.put("druva-scim-token", "pasted")
    async with SecretClient(tenant.environment()["KEY_VAULT_URL"], caller.credential) as client:
        assert (await client.get_secret("druva-scim-token")).value == "pasted"


async def test_a_client_that_leaves_in_the_middle_of_its_request_is_no_error(
    tenant: EmbeddedTenant, caplog: pytest.LogCaptureFixture
) -> None:
    """A killed worker, or Ctrl-C in a demo, is nothing to tell a person about."""
    address = urlsplit(tenant.environment()["TEAMS_WEBHOOK_URL"])
    trust = ssl.create_default_context(cafile=tenant.certificates.ca_path)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, ssl=trust)
    writer.write(f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 100\r\n\r\n{{".encode())
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.transport.abort()
    await asyncio.sleep(0.2)
    assert reader.at_eof()
    assert caplog.records == []


async def test_vault_events_reach_the_queue(state_dir: Path) -> None:
    """A new version and its near expiry arrive on the Storage queue, as base64, while the engine runs."""
    clock = ManualClock(datetime.now(UTC))
    async with (
        azurite() as storage,
        EmbeddedTenant(state_dir, clock=clock, storage_connection=storage.connection_string) as tenant,
        QueueClient.from_connection_string(storage.connection_string, VAULT_QUEUE) as queue,
    ):
        assert tenant.environment()["AzureWebJobsStorage"] == storage.connection_string
        await tenant.vault.put("druva-scim-token", "x", expires=clock.now() + timedelta(days=60))
        await clock.advance(timedelta(days=31))
        await tenant.vault.announce_due()
        messages = [message.content async for message in queue.receive_messages()]
    types = [json.loads(base64.b64decode(text))["eventType"].rpartition(".")[2] for text in messages]
    assert types == ["SecretNewVersionCreated", "SecretNearExpiry"]
    assert tenant.vault_events == []
