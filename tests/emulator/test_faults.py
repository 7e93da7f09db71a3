"""Faults do what they say to the next request that they match, and hooks see requests at exact points."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import trustme

from emulator.certificates import prepare
from emulator.faults import DropRequest, Fault, Latency, RecordedRequest, Reset, Status, Timeout
from emulator.tenant import Application, EmbeddedTenant
from tests.emulator.conftest import Caller, job_path

QUARANTINE_ONLY = {"criteria": {"resetScope": "QuarantineState"}}


@pytest.fixture
async def application(tenant: EmbeddedTenant) -> Application:
    """Return an application to restart."""
    return await tenant.add_application("Box")


async def restart(caller: Caller, application: Application) -> httpx.Response:
    """Send the restart that changes state, so that a test sees whether it was carried out."""
    return await caller.graph("POST", job_path(application, "/restart"), QUARANTINE_ONLY)


async def test_a_status_fault_answers_in_the_services_place(
    caller: Caller, tenant: EmbeddedTenant, application: Application
) -> None:
    """429 carries its Retry-After, 503 carries none; neither lets the request through, and both are recorded."""
    tenant.faults.add("graph", "POST", "/restart$", Status(429, retry_after=3))
    tenant.faults.add("graph", "POST", "/restart$", Status(503, body={"error": {"code": "mine", "message": ""}}))
    throttled, down = await restart(caller, application), await restart(caller, application)
    assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "3")
    assert throttled.json()["error"]["code"] == "TooManyRequests"
    assert (down.status_code, down.json()["error"]["code"]) == (503, "mine")
    assert "retry-after" not in down.headers
    assert tenant.directory.restarts == []
    assert (await restart(caller, application)).status_code == 204
    assert [one.status for one in tenant.requests if one.service == "graph"] == [429, 503, 204]


async def test_a_status_may_come_after_the_act(
    caller: Caller, tenant: EmbeddedTenant, application: Application
) -> None:
    """The caller reads 503 with its Retry-After, and the request was carried out all the same."""
    tenant.faults.add("graph", "POST", "/restart$", Status(503, retry_after=2, handled=True))
    answer = await restart(caller, application)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["error"]["code"] == "ServiceUnavailable"
    assert len(tenant.directory.restarts) == 1
    assert [one.status for one in tenant.requests if one.service == "graph"] == [503]


async def test_latency_delays_the_answer(caller: Caller, tenant: EmbeddedTenant, application: Application) -> None:
    """The answer is the usual one, later."""
    tenant.faults.add("graph", "*", "/jobs/", Latency(0.2))
    started = time.monotonic()
    assert (await restart(caller, application)).status_code == 204
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize(
    ("fault", "carried_out"),
    [(Timeout(), False), (Timeout(handled=True), True), (Reset(), False), (Reset(handled=True), True)],
)
async def test_an_answer_is_lost_before_or_after_the_act(
    caller: Caller, tenant: EmbeddedTenant, application: Application, fault: Fault, carried_out: bool
) -> None:
    """The caller cannot tell whether its request was carried out; the tenant can."""
    tenant.faults.add("graph", "POST", "/restart", fault)
    caller.http.timeout = httpx.Timeout(0.5)
    with pytest.raises(httpx.TransportError) as caught:
        await restart(caller, application)
    assert isinstance(caught.value, httpx.TimeoutException) == isinstance(fault, Timeout)
    assert bool(tenant.directory.restarts) == carried_out


async def test_a_fault_lasts_as_long_as_it_is_told(caller: Caller, tenant: EmbeddedTenant) -> None:
    """`times=None` holds until cleared; another service, method or path is spared."""
    tenant.faults.add("graph", "GET", "startswith", Status(500), times=None)
    tenant.faults.add("logs", "GET", "servicePrincipals", Status(500))
    path = "/servicePrincipals?$filter=startswith(displayName,'B')"
    for _ in range(3):
        assert (await caller.graph("GET", path)).status_code == 500
    assert (await caller.graph("GET", "/servicePrincipals")).status_code == 200
    tenant.faults.clear()
    assert (await caller.graph("GET", path)).status_code == 200


async def test_hooks_stand_before_and_after_the_act(
    caller: Caller, tenant: EmbeddedTenant, application: Application
) -> None:
    """`before` runs with the state unchanged, `after` with it changed and the answer not sent; both see the body."""
    seen: list[tuple[str, int]] = []

    async def before(request: RecordedRequest) -> None:
        await asyncio.sleep(0)
        seen.append((f"before {request.body!r}", len(tenant.directory.restarts)))

    async def after(request: RecordedRequest) -> None:
        await asyncio.sleep(0)
        assert request.status is None
        seen.append(("after", len(tenant.directory.restarts)))

    await caller.token(tenant.graph.origin)
    tenant.faults.before.append(before)
    tenant.faults.after.append(after)
    await restart(caller, application)
    assert seen == [('before b\'{"criteria":{"resetScope":"QuarantineState"}}\'', 0), ("after", 1)]


async def test_a_hook_may_drop_a_request(caller: Caller, tenant: EmbeddedTenant, application: Application) -> None:
    """As if the caller had died before its bytes arrived: nothing is handled."""

    async def drop(request: RecordedRequest) -> None:
        await asyncio.sleep(0)
        if request.method == "POST":
            raise DropRequest

    tenant.faults.before.append(drop)
    with pytest.raises(httpx.TransportError):
        await restart(caller, application)
    assert tenant.directory.restarts == []


async def test_requests_are_kept_whole(caller: Caller, tenant: EmbeddedTenant, application: Application) -> None:
    """Service, raw path with query, lower-cased headers, body and status can all be read afterwards."""
    await caller.graph("GET", "/servicePrincipals?$filter=displayName%20eq%20'Box'")
    await restart(caller, application)
    listed, restarted = (one for one in tenant.requests if one.service == "graph")
    assert listed.path == "/v1.0/servicePrincipals?$filter=displayName%20eq%20'Box'"
    assert listed.headers["authorization"].startswith("Bearer ey")
    assert (restarted.method, restarted.status) == ("POST", 204)
    assert restarted.body == b'{"criteria":{"resetScope":"QuarantineState"}}'
    assert {one.service for one in tenant.requests} == {"entra", "graph"}


def test_the_authority_outlives_the_process(tmp_path: Path) -> None:
    """A second start trusts what the first one made; damaged, foreign or expiring files are replaced."""
    path = prepare(tmp_path).ca_path
    first = path.read_bytes()
    assert prepare(tmp_path).ca_path.read_bytes() == first
    (tmp_path / "ca-key.pem").write_bytes(trustme.CA().private_key_pem.bytes())
    second = prepare(tmp_path).ca_path.read_bytes()
    assert second != first
    (tmp_path / "ca.pem").write_text("damaged")
    third = prepare(tmp_path).ca_path.read_bytes()
    assert third not in {first, second, b"damaged"}
    short = trustme.CA()
    soon = short.issue_cert("127.0.0.1", not_after=datetime.now(UTC) + timedelta(days=1))
    (tmp_path / "ca.pem").write_bytes(soon.cert_chain_pems[0].bytes())
    (tmp_path / "ca-key.pem").write_bytes(soon.private_key_pem.bytes())
    assert prepare(tmp_path).ca_path.read_bytes() != soon.cert_chain_pems[0].bytes()
