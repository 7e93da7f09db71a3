"""The client of vendors' APIs: what it sends, once, and what it makes of every kind of answer."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web

from emulator.certificates import untrusted
from shared.clients.vendor_api import VendorApi
from shared.errors import NotFound, Refused, RefusedByVendor, ServiceError, Throttled, Unavailable
from shared.redaction import SecretValue
from shared.tokens.vendors.minting import UNREADABLE, Answer
from tests.minting.serving import Handler, Served, certificates, serving

SECRET = "s3cret-0f-the-request"
TOKEN = "dapi0123456789abcdef0123456789abcdef"


def says(body: object, status: int = 200, **headers: str) -> Handler:
    """Return a handler that always gives this answer."""
    text = body if isinstance(body, str) else json.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, status=status, headers=named)

    return handler


async def ask(client: VendorApi, url: str, **body: Any) -> Answer:
    """Ask as the adapters do."""
    headers = {"Authorization": f"Bearer {SECRET}"}
    return await client.send(
        "Vendor",
        "create a token",
        "POST",
        url,
        headers=headers,
        permission="a better credential",
        secrets=(SecretValue(SECRET),),
        **body,
    )


async def outcome(directory: Path, handler: Handler, deadline: float = 5) -> tuple[Answer | ServiceError, Served]:
    """Serve the handler, ask once, and return what came of it."""
    client = VendorApi(timedelta(seconds=deadline))
    async with serving(certificates(directory).server, handler) as served:
        try:
            return await ask(client, f"{served.origin}/create", json={"comment": "x"}), served
        except ServiceError as error:
            return error, served
        finally:
            await client.close()


async def test_what_is_sent(state_dir: Path) -> None:
    """JSON with its type, or a form; who asks; nothing packed."""
    heard: list[tuple[str, str]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        heard.append((request.headers["Content-Type"], await request.text()))
        return web.json_response({})

    client = VendorApi(timedelta(seconds=5))
    async with serving(certificates(state_dir).server, handler) as served:
        await ask(client, served.origin, json={"a": 1})
        await ask(client, served.origin, form={"a": "b c"})
        await client.close()
    assert heard == [("application/json", '{"a":1}'), ("application/x-www-form-urlencoded", "a=b+c")]
    headers = served.asked[0][2]
    assert headers["user-agent"] == "Pratique/1"
    assert headers["accept-encoding"] == "identity"
    assert headers["authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "HTTP://127.0.0.1:1/", "127.0.0.1", "", "ftp://x"])
async def test_https_only(url: str) -> None:
    """Anything else is refused before a connection is made."""
    with pytest.raises(Refused, match="https only"):
        await ask(VendorApi(timedelta(seconds=1)), url)


@pytest.mark.parametrize("status", [200, 201, 202])
async def test_success(state_dir: Path, status: int) -> None:
    """A 2xx gives the status and the parsed body, which the answer does not show."""
    answer, _ = await outcome(state_dir, says({"token": TOKEN}, status))
    assert isinstance(answer, Answer)
    assert (answer.status, answer.json) == (status, {"token": TOKEN})
    assert TOKEN not in repr(answer)


async def test_no_content(state_dir: Path) -> None:
    """A 204, or a body of nothing, is an answer without JSON."""
    for status in (204, 200):
        answer, _ = await outcome(state_dir, says("", status))
        assert answer == Answer(status, None)


@pytest.mark.parametrize("body", [f"token {TOKEN}", f'{{"token": "{TOKEN}"', "<html>", "\x00", "[" * 100_000])
async def test_garbage(state_dir: Path, body: str) -> None:
    """A 2xx that is not JSON is unreadable, and is not quoted."""
    error, _ = await outcome(state_dir, says(body))
    assert isinstance(error, ServiceError)
    assert (error.status, error.code) == (200, UNREADABLE)
    assert TOKEN not in str(error)


@pytest.mark.parametrize("letter", [b"x", b" "])
async def test_an_answer_without_end(state_dir: Path, letter: bytes) -> None:
    """No more than 256 KiB are read, and even blanks without end are not "no content"."""
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(letter * 65_536)
                sent += 65_536
        except ConnectionError:
            return response

    error, _ = await outcome(state_dir, endless)
    assert isinstance(error, ServiceError)
    assert (error.code, error.message) == (UNREADABLE, "the answer is longer than 262144 bytes")
    assert sent < 64 * 1024 * 1024


async def test_refusals(state_dir: Path) -> None:
    """Every status has its kind; the vendor's code and message are told."""
    body = {"error_code": "SOME_CODE", "message": "No such luck."}
    for status, kind in (
        (400, ServiceError),
        (401, RefusedByVendor),
        (403, RefusedByVendor),
        (404, NotFound),
        (408, ServiceError),
        (409, ServiceError),
        (415, ServiceError),
        (422, ServiceError),
        (429, Throttled),
        (500, Unavailable),
        (503, Unavailable),
    ):
        error, served = await outcome(state_dir, says(body, status))
        assert type(error) is kind
        assert isinstance(error, ServiceError)
        assert error.status == status
        assert error.code == ("TooManyRequests" if status == 429 else "SOME_CODE")
        assert "No such luck." in error.message
        assert len(served.asked) == 1
        if isinstance(error, RefusedByVendor):
            assert error.permission == "a better credential"


@pytest.mark.parametrize("secret", ["short", "no digits at all", 'quo"ted\\', "a+b/c=d&e", "p4ss!w0rd"])
async def test_a_secret_of_any_looks(state_dir: Path, secret: str) -> None:
    """What was sent is taken out of the vendor's words, plain or as JSON or an address writes it, and they are cut."""
    client = VendorApi(timedelta(seconds=5))
    forms = f"{secret} {json.dumps(secret)} {quote(secret, safe='')}"
    handler = says({"error_code": f"CODE {forms}", "message": f"You sent {forms}. " + "And so on. " * 100}, 400)
    async with serving(certificates(state_dir).server, handler) as served:
        with pytest.raises(ServiceError, match="You sent") as caught:
            await client.send(
                "Vendor", "try", "GET", served.origin, headers={}, permission="", secrets=(SecretValue(secret),)
            )
    await client.close()
    for form in (secret, json.dumps(secret)[1:-1], quote(secret, safe="")):
        assert form not in str(caught.value)
    assert len(caught.value.message) <= 300


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"error_code": "A", "message": "b"}, "A", "b"),
        ({"errors": [{"status": "422", "title": "A", "detail": "b"}]}, "A", "b"),
        ({"statusCode": 400, "errorCode": "A", "error": "Bad Request", "message": "b"}, "A", "b"),
        ({"error": "A", "error_description": "b"}, "A", "b"),
        ({"code": "A", "message": "b", "sqlState": "02000"}, "A", "b"),
        ({"code": 7}, "7", ""),
        ({"errors": []}, "", ""),
        ({"errors": ["x"], "message": {"x": 1}}, "", ""),
        ([1], "", ""),
        ("plain words", "", ""),
    ],
)
async def test_the_vendors_ways_to_say_it(state_dir: Path, body: object, code: str, message: str) -> None:
    """Databricks, JSON:API, Auth0, OAuth and Snowflake each word a refusal in their own way; others are left out."""
    error, _ = await outcome(state_dir, says(body, 400))
    assert isinstance(error, ServiceError)
    assert (error.code, error.message) == (code, message)


async def test_redirects_are_not_followed(state_dir: Path) -> None:
    """A redirect, to elsewhere or on the same origin, is an error; the credential is sent once."""
    async with serving(certificates(state_dir).server, says({})) as elsewhere:
        for where in (f"{elsewhere.origin}/create", "/other"):
            for status in (301, 302, 307, 308):
                error, served = await outcome(state_dir, says("", status, Location=where))
                assert type(error) is ServiceError
                assert (error.status, error.code) == (status, "Redirected")
                assert len(served.asked) == 1
        assert elsewhere.asked == []


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("17", timedelta(seconds=17)),
        ("0", timedelta()),
        ("999999999", timedelta(seconds=999_999_999)),
        ("9" * 40, None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("Fri, 99 Foo 2030 00:00:00 GMT", None),
    ],
)
async def test_how_long_to_wait(state_dir: Path, text: str, wait: timedelta | None) -> None:
    """Seconds are read; what is neither seconds nor a date says nothing."""
    error, _ = await outcome(state_dir, says({}, 429, Retry_After=text))
    assert isinstance(error, Throttled)
    assert error.retry_after == wait


async def test_how_long_to_wait_until_a_date(state_dir: Path) -> None:
    """A date is held against the vendor's own; one that is past means at once; without a date of theirs ours counts."""
    then = datetime(2031, 5, 4, 3, 2, 1, tzinfo=UTC)
    for retry, date, wait in (
        (then + timedelta(seconds=90), format_datetime(then, usegmt=True), 90.0),
        (then - timedelta(seconds=90), format_datetime(then, usegmt=True), 0.0),
    ):
        handler = says({}, 429, Retry_After=format_datetime(retry, usegmt=True), Date=date)
        error, _ = await outcome(state_dir, handler)
        assert isinstance(error, Throttled)
        assert error.retry_after == timedelta(seconds=wait)
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    error, _ = await outcome(state_dir, says({}, 429, Retry_After=soon, Date="nonsense"))
    assert isinstance(error, Throttled)
    assert error.retry_after is not None
    assert timedelta(seconds=90) < error.retry_after <= timedelta(seconds=100)


async def test_a_drop_at_a_time(state_dir: Path) -> None:
    """The deadline holds for the whole answer, not for each of its parts."""

    async def dripping(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            for _ in range(100):
                await response.write(b" ")
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass
        return response

    error, served = await outcome(state_dir, dripping, deadline=0.3)
    assert isinstance(error, Unavailable)
    assert (error.status, error.code) == (None, "Timeout")
    assert len(served.asked) == 1


async def test_an_answer_that_breaks_off(state_dir: Path) -> None:
    """A body cut short is no answer."""

    async def breaking(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"token": "')
        assert request.transport is not None
        request.transport.close()
        return response

    error, _ = await outcome(state_dir, breaking)
    assert isinstance(error, Unavailable)
    assert error.status is None


async def test_nobody_there(state_dir: Path) -> None:
    """A refused connection, and a certificate that nobody trusts, are told by the code that means: nothing was sent."""
    client = VendorApi(timedelta(seconds=5))
    async with serving(untrusted(), says({})) as served:
        with pytest.raises(Unavailable, match="ConnectError"):
            await ask(client, served.origin)
        assert served.asked == []
    async with serving(certificates(state_dir).server, says({})) as served:
        pass
    with pytest.raises(Unavailable, match="ConnectError"):
        await ask(client, served.origin)
    await client.close()


async def test_no_proxy_and_no_session(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent here mints credentials: no proxy of the environment sees it, and no cookie carries over."""
    for name in ("HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    client = VendorApi(timedelta(seconds=5))
    async with serving(certificates(state_dir).server, says({}, Set_Cookie="session=1; Path=/; Secure")) as served:
        for _ in range(2):
            await ask(client, served.origin)
    await client.close()
    assert all("cookie" not in headers for _, _, headers in served.asked)


async def test_closing_what_was_never_used() -> None:
    """A client that sent nothing closes all the same."""
    await VendorApi(timedelta(seconds=1)).close()
