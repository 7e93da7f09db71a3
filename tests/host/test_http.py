"""HTTP triggers: keys, routes, and what a function sees of a request."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from emulator.azurite import Storage
from tests.host.running import FUNCTION_KEY, MASTER_KEY, RunningHost, host, seen, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(storage: Storage) -> AsyncIterator[RunningHost]:
    """Serve the sample app to all tests of this module."""
    async with host(storage) as started:
        yield started


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/api/secured", {}, 401),
        ("/api/secured", {"x-functions-key": "wrong"}, 401),
        ("/api/secured?code=wrong", {}, 401),
        ("/api/secured", FUNCTION_KEY, 200),
        ("/api/secured", MASTER_KEY, 200),
        ("/api/secured?code=local-function-key", {}, 200),
        ("/api/vault", FUNCTION_KEY, 401),
        ("/api/vault", MASTER_KEY, 201),
    ],
)
async def test_asks_for_the_key_that_the_level_needs(
    running: RunningHost, path: str, headers: dict[str, str], expected: int
) -> None:
    """A function key opens functions, the master key everything, no key nothing but anonymous functions."""
    status, _, _ = await running.request("GET", path, headers=headers)
    assert status == expected


async def test_refused_requests_do_not_reach_the_function(running: RunningHost) -> None:
    """A request without a key starts nothing."""
    before = len(running.lines("vault", "started"))
    await running.request("GET", "/api/vault")
    await running.request("GET", "/api/vault", headers=MASTER_KEY)
    await until(lambda: len(running.lines("vault", "started")) > before)
    assert len(running.lines("vault", "started")) == before + 1


async def test_hands_the_request_to_the_function_decoded(running: RunningHost) -> None:
    """Route parameters are decoded but for an encoded slash; query, headers and body arrive."""
    status, body, headers = await running.request(
        "POST",
        "/api/jobs/a%20b%C3%A9/BoxOut.7f%2F8/look?mode=x%26y&n=1&n=2",
        headers={"X-Marker": "m"},
        body="ä".encode(),
    )
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    answer = json.loads(body)
    assert answer["params"] == {"principal": "a bé", "job": "BoxOut.7f%2F8"}
    assert answer["query"] == {"mode": "x&y", "n": "1,2"}
    assert (answer["body"], answer["header"]) == ("ä", "m")
    assert answer["url"].startswith(f"{running.url}/api/jobs/")


async def test_returns_status_headers_and_cookies_of_the_function(running: RunningHost) -> None:
    """The answer is the function's own."""
    status, body, headers = await running.request("GET", "/api/secured", headers=FUNCTION_KEY)
    assert (status, body, headers["X-Sample"]) == (200, "welcome", "yes")
    assert headers["Set-Cookie"] == "a=b; HttpOnly; Path=/; SameSite=Lax"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/items/12", (200, "item 12")),
        ("GET", "/api/items/twelve", (404, "")),
        ("GET", "/api/items/newest", (200, "newest GET")),
        ("GET", "/API/Items/12/", (200, "item 12")),
        ("GET", "/items/12", (404, "")),
        ("GET", "/api/nowhere", (404, "")),
        ("DELETE", "/api/items/12", (405, "")),
        ("GET", "/api/jobs/a/b/look", (405, "")),
        ("GET", "/api/crash", (500, "")),
    ],
)
async def test_answers_by_route_and_method(
    running: RunningHost, method: str, path: str, expected: tuple[int, str]
) -> None:
    """Unknown routes are 404, other methods 405, and a function that raises is a bare 500."""
    status, body, _ = await running.request(method, path)
    assert (status, body) == expected


async def test_tells_which_methods_a_route_has(running: RunningHost) -> None:
    """A 405 carries Allow."""
    _, _, headers = await running.request("PUT", "/api/items/12")
    assert headers["Allow"] == "GET"


async def test_admin_request_starts_a_timer_in_the_background(storage: Storage, running: RunningHost) -> None:
    """The answer is 202, and the timer runs although it is not due."""
    first = len(await seen(storage, running, 1))
    status, _, _ = await running.request("POST", "/admin/functions/Yearly", headers=MASTER_KEY, body=b"{}")
    assert status == 202
    assert {"yearly": True} in await seen(storage, running, first + 1)


async def test_admin_request_hands_its_input_to_a_queue_function(storage: Storage, running: RunningHost) -> None:
    """The input is the message's text."""
    before = len(await seen(storage, running, 1))
    status, _, _ = await running.request(
        "POST", "/admin/functions/orders", headers=MASTER_KEY, body=b'{"input": "by hand"}'
    )
    assert status == 202
    assert {"body": "by hand", "dequeue_count": 1} in await seen(storage, running, before + 1)


@pytest.mark.parametrize(
    ("name", "headers", "body", "expected"),
    [
        ("orders", {}, b"{}", 401),
        ("orders", FUNCTION_KEY, b"{}", 401),
        ("nobody", MASTER_KEY, b"{}", 404),
        ("orders", MASTER_KEY, b"nonsense", 400),
        ("orders", MASTER_KEY, b'{"input": 5}', 400),
        ("secured", MASTER_KEY, b"{}", 400),
    ],
)
async def test_admin_requests_that_start_nothing(
    running: RunningHost, name: str, headers: dict[str, str], body: bytes, expected: int
) -> None:
    """They need the master key, a function that can be started so, and a body that says what goes in."""
    status, _, _ = await running.request("POST", f"/admin/functions/{name}", headers=headers, body=body)
    assert status == expected


async def test_keys_come_from_the_environment(storage: Storage) -> None:
    """A key that was set replaces the default one."""
    async with host(storage, HOST_FUNCTION_KEY="mine", HOST_MASTER_KEY="my-master") as other:
        statuses = [
            (await other.request("GET", "/api/secured", headers={"x-functions-key": key}))[0]
            for key in ("mine", "my-master", "local-function-key", "")
        ]
    assert statuses == [200, 200, 401, 401]
