"""An officer may set and update secrets over HTTP, as the real client does; nobody else may, and nobody may delete."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.keyvault.secrets.aio import SecretClient
from hypothesis import given
from hypothesis import strategies as st

from emulator.clock import ManualClock
from emulator.entra import Role
from emulator.tenant import EmbeddedTenant
from emulator.vault_writes import BadBody, read_set, read_update
from tests.emulator.conftest import Caller

MARKER = "marker-5e1f"


@pytest.fixture
def officer(tenant: EmbeddedTenant) -> None:
    """Grant the officer's role, and take the reader's away: an officer needs no other."""
    tenant.entra.roles.add(Role.VAULT_OFFICER)
    tenant.entra.roles.discard(Role.VAULT)


@pytest.fixture
def client(tenant: EmbeddedTenant, caller: Caller) -> SecretClient:
    """Return Microsoft's own client; the caller's credential closes with the caller."""
    return SecretClient(tenant.vault.origin, caller.credential, retry_total=0)


async def send(
    caller: Caller, method: str, path: str, body: Any, *, content_type: str = "application/json"
) -> httpx.Response:
    """Call the vault with a good token and exactly this body."""
    vault = caller.tenant.vault
    headers = {"Authorization": f"Bearer {await caller.token(vault.resource)}", "Content-Type": content_type}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await caller.http.request(method, f"{vault.origin}{path}?api-version=7.6", headers=headers, content=content)


def events(tenant: EmbeddedTenant) -> list[str]:
    """Return the kinds of the events that the vault sent."""
    kinds = (json.loads(base64.b64decode(text))["eventType"] for text in tenant.vault_events)
    return [kind.rpartition(".")[2] for kind in kinds]


async def test_nobody_is_an_officer_unless_it_is_granted(tenant: EmbeddedTenant, client: SecretClient) -> None:
    """The tenant's identity reads by default and cannot write."""
    version = await tenant.vault.put("token", "v", {"a": "b"})
    assert Role.VAULT_OFFICER not in tenant.entra.roles
    async with client:
        assert (await client.get_secret("token")).value == "v"
        for write in (
            client.set_secret("token", "other"),
            client.update_secret_properties("token", version, tags={}),
            client.update_secret_properties("token", tags={}),
        ):
            with pytest.raises(HttpResponseError, match="ForbiddenByRbac") as refused:
                await write
            assert refused.value.status_code == 403
    assert [(one.value, one.tags) for one in tenant.vault.versions("token")] == [("v", {"a": "b"})]


@pytest.mark.usefixtures("officer")
async def test_a_set_adds_a_version_with_all_that_it_says(
    tenant: EmbeddedTenant, client: SecretClient, clock: ManualClock
) -> None:
    """Value, tags, content type and dates are kept; the answer names the version; the older one is as it was."""
    older = await tenant.vault.put("token", "old", {"a": "old"})
    expires, begins = clock.now() + timedelta(days=90), clock.now() - timedelta(days=1)
    async with client:
        made = await client.set_secret(
            "token", "new", tags={"a": "new"}, content_type="text/plain", expires_on=expires, not_before=begins
        )
        read = await client.get_secret("token")
    kept = tenant.vault.version("token")
    assert (made.value, made.properties.version, read.value) == ("new", kept.version, "new")
    assert (kept.value, kept.tags, kept.content_type, kept.enabled) == ("new", {"a": "new"}, "text/plain", True)
    assert (kept.expires, kept.not_before) == (expires.replace(microsecond=0), begins.replace(microsecond=0))
    assert (read.properties.content_type, read.properties.expires_on) == ("text/plain", kept.expires)
    assert (tenant.vault.value("token", older), tenant.vault.version("token", older).tags) == ("old", {"a": "old"})


@pytest.mark.usefixtures("officer")
async def test_a_set_is_announced_as_an_operators_is(tenant: EmbeddedTenant, client: SecretClient) -> None:
    """A new version always, its near expiry at once when there are less than thirty days; a disabled one as well."""
    async with client:
        await client.set_secret("token", "v")
        await client.set_secret("token", "v", expires_on=tenant.clock.now() + timedelta(days=3))
        await client.set_secret("token", "v", enabled=False)
    assert events(tenant) == ["SecretNewVersionCreated"] * 2 + ["SecretNearExpiry", "SecretNewVersionCreated"]
    assert tenant.vault.version("token").enabled is False


@pytest.mark.usefixtures("officer")
async def test_an_update_changes_what_it_mentions_and_replaces_tags_as_a_whole(
    tenant: EmbeddedTenant, client: SecretClient, clock: ManualClock
) -> None:
    """Value, dates and what is not mentioned stay; no event tells of it; other versions are left alone."""
    expires = clock.now().replace(microsecond=0) + timedelta(days=90)
    version = await tenant.vault.put("token", "v", {"a": "1", "b": "2"}, expires=expires, content_type="text/plain")
    newer = await tenant.vault.put("token", "w", {"c": "3"})
    told = events(tenant)
    await clock.advance(timedelta(hours=1))
    async with client:
        await client.update_secret_properties("token", version, tags={"b": "4"})
        await client.update_secret_properties("token", version, enabled=False)
        changed = await client.update_secret_properties("token", version, not_before=expires)
        assert (changed.version, changed.enabled, changed.tags) == (version, False, {"b": "4"})
        await client.update_secret_properties("token", tags={})
    kept = tenant.vault.version("token", version)
    assert (kept.value, kept.tags, kept.enabled, kept.content_type) == ("v", {"b": "4"}, False, "text/plain")
    assert (kept.expires, kept.not_before, kept.updated - kept.created) == (expires, expires, timedelta(hours=1))
    assert (tenant.vault.version("token").version, tenant.vault.version("token").tags) == (newer, {})
    assert events(tenant) == told


@pytest.mark.usefixtures("officer")
async def test_an_update_of_nothing_is_not_found_and_nobody_deletes(
    tenant: EmbeddedTenant, client: SecretClient
) -> None:
    """Missing names and versions are 404; DELETE is 403 even for an officer."""
    await tenant.vault.put("token", "v")
    async with client:
        for name, version in (("missing", None), ("token", "0" * 32)):
            with pytest.raises(ResourceNotFoundError, match="SecretNotFound"):
                await client.update_secret_properties(name, version, tags={})
        with pytest.raises(HttpResponseError, match="ForbiddenByRbac"):
            await client.delete_secret("token")
    assert tenant.vault.value("token") == "v"


BAD = {
    "no value": {},
    "value is no text": {"value": 1},
    "value too large": {"value": "x" * (25 * 1024 + 1)},
    "value too large in bytes": {"value": "é" * (13 * 1024)},
    "unknown member": {"value": MARKER, "name": "token"},
    "read-only attribute": {"value": MARKER, "attributes": {"created": 1}},
    "attributes are no object": {"value": MARKER, "attributes": []},
    "enabled is no boolean": {"value": MARKER, "attributes": {"enabled": "true"}},
    "expiry is text": {"value": MARKER, "attributes": {"exp": "2030-01-01"}},
    "expiry is a boolean": {"value": MARKER, "attributes": {"exp": True}},
    "expiry out of range": {"value": MARKER, "attributes": {"exp": 10**30}},
    "ends before it begins": {"value": MARKER, "attributes": {"exp": 1, "nbf": 2}},
    "content type too long": {"value": MARKER, "contentType": "x" * 256},
    "tags are a list": {"value": MARKER, "tags": ["a"]},
    "a tag is no text": {"value": MARKER, "tags": {"a": 1}},
    "sixteen tags": {"value": MARKER, "tags": {str(number): "" for number in range(16)}},
    "a tag without a name": {"value": MARKER, "tags": {"": "x"}},
    "a tag's name too long": {"value": MARKER, "tags": {"x" * 513: ""}},
    "a tag's value too long": {"value": MARKER, "tags": {"x": "y" * 257}},
    "no object": [],
    "no JSON": b"value=1",
    "nested too deep": b"[" * 100_000,
}


@pytest.mark.usefixtures("officer")
async def test_what_the_docs_do_not_allow_is_refused_and_changes_nothing(
    tenant: EmbeddedTenant, caller: Caller
) -> None:
    """Each is 400 BadParameter without repeating the value, in a set and (but for the value) in an update."""
    await tenant.vault.put("token", "v")
    for claim, body in BAD.items():
        answers = [await send(caller, "PUT", "/secrets/token", body)]
        if isinstance(body, dict) and (patch := {key: body[key] for key in body if key != "value"}):
            answers.append(await send(caller, "PATCH", "/secrets/token/", patch))
        for answer in answers:
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadParameter"), claim
            assert MARKER not in answer.text, claim
    assert (await send(caller, "PATCH", "/secrets/token/", {"value": "w"})).status_code == 400
    assert (await send(caller, "PUT", "/secrets/my_token", {"value": "w"})).status_code == 400
    assert (await send(caller, "PUT", "/secrets/token", {"value": "w"}, content_type="text/plain")).status_code == 415
    (kept,) = tenant.vault.versions("token")
    assert (kept.value, kept.tags, kept.updated) == ("v", {}, kept.created)


@pytest.mark.usefixtures("officer")
async def test_the_largest_that_is_allowed_is_kept(tenant: EmbeddedTenant, caller: Caller) -> None:
    """25 KB, fifteen tags, a tag of 512 and 256 characters, a name of 127."""
    tags = {"x" * 512: "y" * 256} | {str(number): "" for number in range(14)}
    name = "n" * 127
    answer = await send(caller, "PUT", f"/secrets/{name}", {"value": "x" * 25 * 1024, "tags": tags})
    assert answer.status_code == 200
    assert (len(tenant.vault.value(name)), tenant.vault.version(name).tags) == (25 * 1024, tags)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "value": _JSON,
        "tags": _JSON | st.dictionaries(st.text(), st.text()),
        "contentType": _JSON,
        "attributes": _JSON
        | st.fixed_dictionaries({}, optional={name: _JSON | st.integers() for name in ("enabled", "exp", "nbf")}),
    },
)


@given(_JSON | _MEMBERS)
def test_any_json_is_read_or_refused(body: Any) -> None:
    """Whatever JSON arrives, it is a body with aware times and text for tags, or a BadBody; no other error leaves."""
    for read in (read_set, read_update):
        try:
            found = read(json.dumps(body).encode())
        except BadBody:
            continue
        assert (found.value is None) == (read is read_update)
        assert all(moment is None or moment.tzinfo is UTC for moment in (found.expires, found.not_before))
        assert all(isinstance(value, str) for value in (found.tags or {}).values())


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Broken text, broken JSON: a BadBody, nothing else."""
    with pytest.raises(BadBody):
        read_set(body)


async def test_a_secret_may_be_older_than_its_subscribers(
    tenant: EmbeddedTenant, client: SecretClient, clock: ManualClock
) -> None:
    """It is put without an event and shows its age; what the clock brings later is announced all the same."""
    born = datetime(2024, 1, 1, tzinfo=UTC)
    await tenant.vault.put("aged", "v", created=born, expires=clock.now() + timedelta(days=40), announce=False)
    await tenant.vault.put("ending", "v", created=born, expires=clock.now() + timedelta(days=5), announce=False)
    async with client:
        properties = (await client.get_secret("aged")).properties
    assert properties.created_on == properties.updated_on == born
    await tenant.vault.announce_due()
    assert events(tenant) == []
    await clock.advance(timedelta(days=11))
    await tenant.vault.announce_due()
    assert sorted(events(tenant)) == ["SecretExpired", "SecretNearExpiry"]


async def test_versions_are_told_in_the_order_of_their_putting(tenant: EmbeddedTenant) -> None:
    """Whatever age they claim, the last put is the current one; an unknown name has none."""
    first = await tenant.vault.put("token", "1")
    second = await tenant.vault.put("token", MARKER, created=tenant.clock.now() - timedelta(days=9))
    assert [one.version for one in tenant.vault.versions("token")] == [first, second]
    assert tenant.vault.version("token").value == MARKER
    assert MARKER not in repr(tenant.vault.versions("token"))
    assert tenant.vault.versions("missing") == ()
