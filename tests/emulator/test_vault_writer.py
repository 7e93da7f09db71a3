"""The product's writer, against the emulated vault over HTTP: one call is one act, and no error holds a value."""

import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from emulator.clock import ManualClock
from emulator.entra import Role
from emulator.faults import Fault, Reset, Status
from emulator.tenant import EmbeddedTenant
from shared.clients.permissions import Permission
from shared.clients.vault import Vault
from shared.clients.vault_writer import VaultWriter
from shared.errors import MissingPermission, NotFound, ServiceError, Throttled, Unavailable
from shared.redaction import SecretValue
from tests.emulator.conftest import Caller

MARKER = "marker-7c20-value"
VALUE = SecretValue(MARKER)


@pytest.fixture
async def writer(tenant: EmbeddedTenant, caller: Caller) -> AsyncIterator[VaultWriter]:
    """Return a writer whose identity is an officer, and nothing else at the vault."""
    tenant.entra.roles.add(Role.VAULT_OFFICER)
    tenant.entra.roles.discard(Role.VAULT)
    made = VaultWriter(tenant.vault.origin, caller.credential)
    yield made
    await made.close()


def written(tenant: EmbeddedTenant) -> list[tuple[str, int | None]]:
    """Return method and status of every authorized write that the vault was sent."""
    return [
        (one.method, one.status)
        for one in tenant.requests
        if one.service == "vault" and one.method != "GET" and "authorization" in one.headers
    ]


async def challenged(tenant: EmbeddedTenant, writer: VaultWriter) -> None:
    """Have the client meet the vault's challenge, so that faults meet what it really sends."""
    await tenant.vault.put("other", "v")
    await writer.retag("other", "", {})
    tenant.requests.clear()


async def test_nothing_is_contacted_before_the_first_call(tenant: EmbeddedTenant, caller: Caller) -> None:
    """Making and closing a writer asks neither the vault nor for a token."""
    await VaultWriter(tenant.vault.origin, caller.credential).close()
    assert tenant.requests == []


async def test_a_put_is_a_new_version_with_its_own_tags(
    tenant: EmbeddedTenant, writer: VaultWriter, clock: ManualClock
) -> None:
    """What comes back is what the vault holds; the older version keeps its tags, the new one inherits none."""
    older = await tenant.vault.put("token", "old", {"pratique-vendor": "druva"})
    expires = clock.now().replace(microsecond=0) + timedelta(days=365)
    made = await writer.put("token", VALUE, tags={"pratique-rotation": "1"}, expires=expires)
    kept = tenant.vault.version("token")
    assert (kept.value, kept.tags, kept.expires) == (MARKER, {"pratique-rotation": "1"}, expires)
    assert (made.name, made.version, made.enabled) == ("token", kept.version, True)
    assert (made.tags, made.expires, made.created) == (kept.tags, expires, kept.created.replace(microsecond=0))
    assert tenant.vault.version("token", older).tags == {"pratique-vendor": "druva"}
    endless = await writer.put("token", VALUE, tags={}, expires=None)
    assert (endless.tags, endless.expires) == ({}, None)


@pytest.mark.parametrize(
    ("fault", "error", "versions"),
    [
        (Status(503), Unavailable, 0),
        (Status(503, handled=True), Unavailable, 1),
        (Status(500, handled=True), Unavailable, 1),
        (Reset(), Unavailable, 0),
        (Reset(handled=True), Unavailable, 1),
        (Status(429, retry_after=7), Throttled, 0),
    ],
)
async def test_one_put_is_at_most_one_version_whatever_is_answered(
    tenant: EmbeddedTenant, writer: VaultWriter, fault: Fault, error: type[ServiceError], versions: int
) -> None:
    """A lost or failing answer is not sent again: before it was applied there is no version, after it exactly one."""
    await challenged(tenant, writer)
    tenant.faults.add("vault", "PUT", "^/secrets/token", fault, times=None)
    with pytest.raises(error) as raised:
        await writer.put("token", VALUE, tags={}, expires=None)
    assert len(tenant.vault.versions("token")) == versions
    assert len(written(tenant)) == 1
    if isinstance(raised.value, Throttled):
        assert raised.value.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize("handled", [False, True])
async def test_a_retag_whose_answer_is_lost_is_sent_once_too(
    tenant: EmbeddedTenant, writer: VaultWriter, handled: bool
) -> None:
    """The caller cannot tell whether the tags were replaced; the writer does not try again by itself."""
    version = await tenant.vault.put("token", "v", {"a": "old"})
    await challenged(tenant, writer)
    tenant.faults.add("vault", "PATCH", "^/secrets/token", Status(503, handled=handled), times=None)
    with pytest.raises(Unavailable):
        await writer.retag("token", version, {"a": "new"})
    assert tenant.vault.version("token").tags == {"a": "new" if handled else "old"}
    assert written(tenant) == [("PATCH", 503)]


async def test_a_retag_replaces_all_tags_and_nothing_else(
    tenant: EmbeddedTenant, writer: VaultWriter, clock: ManualClock
) -> None:
    """Value, dates, content type and whether it is enabled stay, of a named version and of the current one."""
    expires = clock.now().replace(microsecond=0) + timedelta(days=9)
    first = await tenant.vault.put("token", "v", {"a": "1", "b": "2"}, expires=expires, content_type="x", enabled=False)
    second = await tenant.vault.put("token", "w", {"c": "3"}, not_before=expires)
    named = await writer.retag("token", first, {"b": "4"})
    current = await writer.retag("token", "", {})
    assert (named.version, named.tags, named.enabled, named.expires) == (first, {"b": "4"}, False, expires)
    assert (current.version, current.tags, current.not_before) == (second, {}, expires)
    older, newer = tenant.vault.versions("token")
    assert (older.value, older.tags, older.content_type, older.enabled) == ("v", {"b": "4"}, "x", False)
    assert (newer.value, newer.tags, newer.enabled) == ("w", {}, True)


async def test_a_disabled_version_keeps_all_but_that_it_can_be_read(
    tenant: EmbeddedTenant, writer: VaultWriter, clock: ManualClock
) -> None:
    """Only the named version is disabled; without a name nothing is sent."""
    expires = clock.now() + timedelta(days=9)
    first = await tenant.vault.put("token", "v", {"a": "1"}, expires=expires)
    await tenant.vault.put("token", "w")
    await writer.disable("token", first)
    older, newer = tenant.vault.versions("token")
    assert (older.enabled, older.value, older.tags, older.expires) == (False, "v", {"a": "1"}, expires)
    assert newer.enabled
    sent = len(written(tenant))
    with pytest.raises(ValueError, match="must be named"):
        await writer.disable("token", "")
    assert len(written(tenant)) == sent


CALLS: dict[str, Callable[[VaultWriter], Awaitable[object]]] = {
    "put": lambda writer: writer.put("token", VALUE, tags={}, expires=None),
    "retag": lambda writer: writer.retag("token", "", {}),
    "disable": lambda writer: writer.disable("token", "0" * 32),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_without_the_officers_role_the_missing_permission_is_named(
    tenant: EmbeddedTenant, caller: Caller, call: Callable[[VaultWriter], Awaitable[object]]
) -> None:
    """A reader's identity is refused, the error names the role to grant, and nothing changes."""
    await tenant.vault.put("token", "v", {"a": "1"})
    writer = VaultWriter(tenant.vault.origin, caller.credential)
    with pytest.raises(MissingPermission, match="Key Vault Secrets Officer") as refused:
        await call(writer)
    await writer.close()
    assert refused.value.permission == Permission.VAULT_WRITE
    assert str(Permission.VAULT_WRITE) == str(Role.VAULT_OFFICER)
    assert [(one.value, one.tags, one.enabled) for one in tenant.vault.versions("token")] == [("v", {"a": "1"}, True)]


async def test_what_is_not_there_cannot_be_changed(tenant: EmbeddedTenant, writer: VaultWriter) -> None:
    """A missing secret and a missing version are NotFound, and are not made by it."""
    await tenant.vault.put("token", "v")
    for name, version in (("missing", ""), ("token", "0" * 32)):
        with pytest.raises(NotFound):
            await writer.retag(name, version, {"a": "1"})
    with pytest.raises(NotFound):
        await writer.disable("token", "0" * 32)
    assert tenant.vault.versions("missing") == ()


async def test_a_refusal_is_no_unknown_outcome(tenant: EmbeddedTenant, writer: VaultWriter) -> None:
    """What Key Vault can never take is refused for good: a caller that repeats what is unknown must not repeat it."""
    with pytest.raises(ServiceError, match="at most 15 tags") as refused:
        await writer.put("token", VALUE, tags={str(number): "" for number in range(16)}, expires=None)
    assert not isinstance(refused.value, Unavailable)
    assert refused.value.status == 400
    assert tenant.vault.versions("token") == ()


async def test_a_reader_with_the_officers_role_reads(tenant: EmbeddedTenant, caller: Caller) -> None:
    """An officer's identity can read what it has put, by the product's own reader."""
    tenant.entra.roles.add(Role.VAULT_OFFICER)
    tenant.entra.roles.discard(Role.VAULT)
    writer, reader = VaultWriter(tenant.vault.origin, caller.credential), Vault(tenant.vault.origin, caller.credential)
    made = await writer.put("token", VALUE, tags={"a": "1"}, expires=None)
    assert await reader.value("token", made.version) == VALUE
    assert [one.tags for one in await reader.versions("token")] == [{"a": "1"}]
    await writer.close()
    await reader.close()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 415, 429, 500, 503])
async def test_no_error_repeats_a_value_even_if_the_service_does(
    tenant: EmbeddedTenant, writer: VaultWriter, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Text, repr, arguments, causes, contexts, the formatted traceback and the log: the value is in none of them."""
    caplog.set_level(logging.DEBUG)
    await challenged(tenant, writer)
    body = {"error": {"code": f"Bad-{MARKER}", "message": f"cannot take {MARKER} for a value"}}
    tenant.faults.add("vault", "PUT", "^/secrets/token", Status(status, body=body), times=None)
    with pytest.raises(ServiceError) as raised:
        await writer.put("token", VALUE, tags={}, expires=None)
    error = raised.value
    assert error.__cause__ is None
    assert error.__context__ is None
    told = [str(error), repr(error), repr(error.args), repr(vars(error)), *traceback.format_exception(error)]
    assert all(MARKER not in text for text in told)
    assert MARKER not in caplog.text
