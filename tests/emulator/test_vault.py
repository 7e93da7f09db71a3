"""The vault answers the real Key Vault client as Key Vault does, and sends the events that Event Grid would deliver."""

import base64
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, override

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.keyvault.secrets.aio import SecretClient

from emulator.clock import ManualClock
from emulator.entra import Entra, Role
from emulator.vault import Vault
from emulator.vault_events import EventSchema, EventStyle
from tests.emulator.serving import Site, serving

NOW = datetime(2024, 3, 1, 12, 0, 0, 250_000, UTC)


@dataclass
class Bench:
    """A served vault, its client, and what it delivered."""

    vault: Vault
    entra: Entra
    clock: ManualClock
    delivered: list[str]
    site: Site
    client: SecretClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = SecretClient(self.vault.origin, self.site.credential, connection_verify=self.site.ca)

    def paths(self) -> list[str]:
        """Return the paths that the vault was asked for with a token."""
        asked = (one for one in self.site.requests if one.service == "vault")
        return [one.path for one in asked if "authorization" in one.headers]

    def events(self) -> list[dict[str, Any]]:
        """Return the events that were delivered as base64."""
        return [json.loads(base64.b64decode(text)) for text in self.delivered]


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """Serve a vault."""
    clock = ManualClock(NOW)
    entra = Entra(clock)
    delivered: list[str] = []

    async def deliver(text: str) -> None:
        delivered.append(text)

    vault = Vault(entra, clock, deliver)
    async with serving(tmp_path, monkeypatch, entra, vault) as site:
        made = Bench(vault, entra, clock, delivered, site)
        async with made.client:
            yield made
        assert site.unserved == []


async def test_the_current_version_is_the_one_put_last_and_inherits_no_tags(bench: Bench) -> None:
    """Two versions of one second: the second is current, and a bare version carries no tags."""
    first = await bench.vault.put("druva-scim-token", "old", tags={"pratique-vendor": "druva"})
    second = await bench.vault.put("druva-scim-token", "new")
    current = await bench.client.get_secret("druva-scim-token")
    older = await bench.client.get_secret("druva-scim-token", first)
    assert (current.value, current.properties.version, current.properties.tags) == ("new", second, None)
    assert (older.value, older.properties.tags) == ("old", {"pratique-vendor": "druva"})
    assert current.properties.created_on == older.properties.created_on == NOW.replace(microsecond=0)
    assert bench.vault.value("druva-scim-token") == "new"
    assert bench.vault.value("druva-scim-token", first) == "old"


async def test_listing_pages_through_every_name_with_its_current_attributes(bench: Bench) -> None:
    """Five names in pages of two arrive once each, without a version, with the newest version's tags."""
    bench.vault.page_size = 2
    for number in range(5):
        await bench.vault.put(f"secret-{number}", "v", tags={"age": "old"})
    await bench.vault.put("secret-3", "v", tags={"age": "new"}, enabled=False)
    listed = [one async for one in bench.client.list_properties_of_secrets()]
    assert sorted(one.name or "" for one in listed) == [f"secret-{number}" for number in range(5)]
    assert {one.version for one in listed} == {None}
    newest = next(one for one in listed if one.name == "secret-3")
    assert (newest.tags, newest.enabled) == ({"age": "new"}, False)
    assert sum(path.startswith("/secrets?") for path in bench.paths()) == 3


async def test_versions_page_in_no_order_with_their_own_tags(bench: Bench) -> None:
    """Every version comes once with its own tags; the order is not that of creation."""
    bench.vault.page_size = 5
    put = [await bench.vault.put("token", str(number), tags={"number": str(number)}) for number in range(12)]
    listed = [one async for one in bench.client.list_properties_of_secret_versions("token")]
    assert {one.version: one.tags for one in listed} == {
        version: {"number": str(number)} for number, version in enumerate(put)
    }
    assert [one.version for one in listed] not in (put, put[::-1])


async def test_a_requested_page_size_is_honoured_and_bounded(bench: Bench) -> None:
    """A page holds at most maxresults; more than 25 is refused."""
    for number in range(3):
        await bench.vault.put(f"secret-{number}", "v")
    pages = bench.client.list_properties_of_secrets(max_page_size=2).by_page()
    assert [len([one async for one in page]) async for page in pages] == [2, 1]
    with pytest.raises(HttpResponseError, match="maxresults"):
        _ = [one async for one in bench.client.list_properties_of_secrets(max_page_size=26)]


async def test_a_disabled_current_version_hides_the_value_but_not_older_ones(bench: Bench) -> None:
    """Reading a disabled version is 403 SecretDisabled; an older version can still be read by its identifier."""
    older = await bench.vault.put("token", "old")
    newer = await bench.vault.put("token", "new")
    await bench.vault.set_enabled("token", newer, enabled=False)
    with pytest.raises(HttpResponseError, match="SecretDisabled") as refused:
        await bench.client.get_secret("token")
    assert refused.value.status_code == 403
    assert (await bench.client.get_secret("token", older)).value == "old"
    await bench.vault.set_enabled("token", newer, enabled=True)
    assert (await bench.client.get_secret("token")).value == "new"


async def test_expiry_and_activation_are_attributes_and_hide_nothing(bench: Bench) -> None:
    """An expired, not yet active secret is served with both times in whole seconds."""
    expires, begins = NOW - timedelta(days=1), NOW + timedelta(days=1)
    await bench.vault.put("token", "v", expires=expires, not_before=begins)
    found = await bench.client.get_secret("token")
    assert found.value == "v"
    assert found.properties.expires_on == expires.replace(microsecond=0)
    assert found.properties.not_before == begins.replace(microsecond=0)


async def test_what_is_not_there_is_not_found(bench: Bench) -> None:
    """A missing name, a missing version and a deleted secret are 404; a missing name has no versions."""
    await bench.vault.put("token", "v")
    for name, version in (("missing", None), ("token", "0" * 32)):
        with pytest.raises(ResourceNotFoundError, match="SecretNotFound"):
            await bench.client.get_secret(name, version)
    await bench.vault.delete("token")
    with pytest.raises(ResourceNotFoundError, match="SecretNotFound"):
        await bench.client.get_secret("token")
    assert [one async for one in bench.client.list_properties_of_secret_versions("token")] == []


async def test_a_name_that_key_vault_forbids_is_refused(bench: Bench) -> None:
    """An underscore is no part of a secret's name."""
    with pytest.raises(ValueError, match="my_token"):
        await bench.vault.put("my_token", "v")


async def test_the_challenge_is_verified_by_the_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A challenge that names another domain than the vault's is refused, and no token is sent."""

    class Elsewhere(Vault):
        @property
        @override
        def resource(self) -> str:
            return "https://vault.example.com"

    clock = ManualClock(NOW)
    entra = Entra(clock)
    vault = Elsewhere(entra, clock, _nowhere)
    await vault.put("token", "v")
    async with serving(tmp_path, monkeypatch, entra, vault) as site:
        async with SecretClient(vault.origin, site.credential, connection_verify=site.ca) as client:
            with pytest.raises(ValueError, match="does not match the requested domain"):
                await client.get_secret("token")
        asked = [one for one in site.requests if one.service == "vault"]
    assert len(asked) == 1
    assert "authorization" not in asked[0].headers


async def test_a_missing_role_is_forbidden_by_rbac(bench: Bench) -> None:
    """Without Key Vault Secrets User every read is 403 ForbiddenByRbac."""
    await bench.vault.put("token", "v")
    bench.entra.roles.discard(Role.VAULT)
    with pytest.raises(HttpResponseError, match=r"ForbiddenByRbac") as refused:
        await bench.client.get_secret("token")
    assert refused.value.status_code == 403
    for listing in (
        bench.client.list_properties_of_secrets(),
        bench.client.list_properties_of_secret_versions("token"),
    ):
        with pytest.raises(HttpResponseError, match=r"readMetadata"):
            _ = [one async for one in listing]


async def test_no_token_and_a_token_for_another_service_are_challenged(bench: Bench) -> None:
    """Both are 401 with a challenge that names the parent domain of the vault's host."""
    url = f"{bench.vault.origin}/secrets?api-version=7.4"
    port = bench.vault.origin.rpartition(":")[2]
    for headers in ({}, await bench.site.headers(bench.vault.origin)):
        async with bench.site.session.get(url, headers=headers) as answer:
            assert answer.status == 401
            assert f'resource="https://0.0.1:{port}"' in answer.headers["WWW-Authenticate"]


async def test_every_write_over_http_is_refused(bench: Bench) -> None:
    """A reader's identity can neither set, nor change, nor delete a secret."""
    version = await bench.vault.put("token", "v")
    writes = (
        bench.client.set_secret("token", "other"),
        bench.client.update_secret_properties("token", version, enabled=False),
        bench.client.delete_secret("token"),
    )
    for write in writes:
        with pytest.raises(HttpResponseError, match="ForbiddenByRbac"):
            await write
    assert bench.vault.value("token") == "v"


async def test_the_api_version_is_required(bench: Bench) -> None:
    """A request that names no api-version is 400."""
    headers = await bench.site.headers(bench.vault.resource)
    async with bench.site.session.get(f"{bench.vault.origin}/secrets", headers=headers) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["code"] == "BadParameter"


@pytest.mark.parametrize(
    ("schema", "camel_case", "oddities", "encoded"), list(itertools.product(EventSchema, *[(False, True)] * 3))
)
async def test_a_new_version_is_announced_in_every_shape(
    bench: Bench, schema: EventSchema, *, camel_case: bool, oddities: bool, encoded: bool
) -> None:
    """Both schemas, both casings, the oddities of the docs' sample, base64 or plain: the facts are the same."""
    bench.vault.events = EventStyle(schema, camel_case, oddities, encoded)
    expires = NOW + timedelta(days=365)
    version = await bench.vault.put("token", "v", expires=expires)
    (text,) = bench.delivered
    event = json.loads(base64.b64decode(text, validate=True) if encoded else text)
    cloud = schema is EventSchema.CLOUD_EVENTS
    assert event["type" if cloud else "eventType"] == "Microsoft.KeyVault.SecretNewVersionCreated"
    assert event["subject"] == "token"
    assert ("specversion" in event, "dataVersion" in event) == (cloud, not cloud)
    data = event["data"]
    assert ("objectName" if camel_case else "ObjectName") + (" " if oddities else "") in data
    assert data["version" if camel_case else "Version"] == (f" {version}" if oddities else version)
    assert data["id" if camel_case else "Id"] == f"{bench.vault.origin}/secrets/token/{version}"
    seconds = int(expires.timestamp())
    assert data["exp" if camel_case else "EXP"] == (str(seconds) if oddities else seconds)
    assert data["nbf" if camel_case else "NBF"] is None


async def test_a_version_that_expires_soon_is_announced_at_once(bench: Bench) -> None:
    """Less than thirty days left at creation: near expiry follows the new version immediately."""
    await bench.vault.put("token", "v", expires=NOW + timedelta(days=29))
    assert _kinds(bench) == ["SecretNewVersionCreated", "SecretNearExpiry"]


async def test_the_clock_brings_near_expiry_and_expiry_once_each(bench: Bench) -> None:
    """Thirty days before, then at the end; a superseded version is never announced."""
    await bench.vault.put("token", "old", expires=NOW + timedelta(days=40))
    newer = await bench.vault.put("token", "new", expires=NOW + timedelta(days=50))
    bench.delivered.clear()
    seen: list[list[str]] = []
    for days in (15, 6, 1, 28, 1):
        await bench.clock.advance(timedelta(days=days))
        await bench.vault.announce_due()
        seen.append(_kinds(bench))
    near, both = ["SecretNearExpiry"], ["SecretNearExpiry", "SecretExpired"]
    assert seen == [[], near, near, both, both]
    assert {event["data"]["Version"] for event in bench.events()} == {newer}


async def test_an_operator_may_have_an_event_sent_again(bench: Bench) -> None:
    """Event Grid delivers at least once, so any event may come twice."""
    await bench.vault.put("token", "v", expires=NOW - timedelta(days=1))
    await bench.vault.announce_expired("token")
    await bench.vault.announce_near_expiry("token")
    assert _kinds(bench) == ["SecretNewVersionCreated", "SecretExpired", "SecretExpired", "SecretNearExpiry"]


def _kinds(bench: Bench) -> list[str]:
    return [event["eventType"].rpartition(".")[2] for event in bench.events()]


async def _nowhere(text: str) -> None:
    """Take an event that the test does not look at."""
