"""The probe tells faults of a target apart, stays on its host, and never says or sends the token elsewhere."""

import asyncio
import gzip
import json
import socket
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from emulator.certificates import prepare
from shared.clients.addresses import is_public
from shared.clients.scim import ScimProbe
from shared.diagnosis.evidence import ProbeFinding
from shared.errors import PratiqueError, Refused, Throttled
from shared.redaction import SecretValue
from tests.evidence.breakage import EVERYBODY, LIST, NOBODY, Handler, says, target

TOKEN = SecretValue("scim-token-4711")
PROBE = ScimProbe(private_allowed=True, deadline=timedelta(seconds=2))
HTML = "<!DOCTYPE html><html><body>Sign in</body></html>"
SCIM_ERROR = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "404"}


@pytest.mark.parametrize(
    ("users", "expected"),
    [
        (says(NOBODY), ProbeFinding.OK),
        (says(NOBODY, content_type="application/json"), ProbeFinding.OK),
        (says({"totalResults": 0}), ProbeFinding.OK),
        (says(NOBODY, content_type="text/plain"), ProbeFinding.WRONG_CONTENT_TYPE),
        (says(NOBODY, content_type="text/html"), ProbeFinding.WRONG_CONTENT_TYPE),
        (says(EVERYBODY), ProbeFinding.FILTER_IGNORED),
        (says({**EVERYBODY, "filler": "x" * 300_000}), ProbeFinding.FILTER_IGNORED),
        (says(SCIM_ERROR, 404), ProbeFinding.NOT_FOUND_FOR_EMPTY),
        (says(HTML, 404, "text/html"), ProbeFinding.NOT_SCIM),
        (says({"scimType": "invalidFilter"}, 400), ProbeFinding.FILTER_REJECTED),
        (says({}, 501), ProbeFinding.FILTER_REJECTED),
        (says({}, 401), ProbeFinding.REJECTED),
        (says({}, 403), ProbeFinding.FORBIDDEN),
        (says({}, 500), ProbeFinding.SERVER_ERROR),
        (says(HTML, 503, "text/html"), ProbeFinding.SERVER_ERROR),
        (says({}, 504), ProbeFinding.TIMEOUT),
        (says(HTML, 200, "text/html"), ProbeFinding.NOT_SCIM),
        (says("x" * 2_000_000, content_type="text/plain"), ProbeFinding.NOT_SCIM),
        (says("[" * 100_000), ProbeFinding.NOT_SCIM),
        (says({"schemas": ["urn:other"], "totalResults": 0}), ProbeFinding.NOT_SCIM),
        (says({"schemas": [LIST], "totalResults": True}), ProbeFinding.NOT_SCIM),
        (says("", 302, Location="https://login.example.com/"), ProbeFinding.REDIRECTED),
        (says("", 302, Location="http://127.0.0.1/"), ProbeFinding.REDIRECTED),
        (says("", 302, Location="//[broken"), ProbeFinding.REDIRECTED),
        (says("", 302, Location="/again"), ProbeFinding.REDIRECTED),
    ],
)
async def test_each_answer_has_its_finding(state_dir: Path, users: Handler, expected: ProbeFinding) -> None:
    """One finding for each way of answering, whatever the size; and only GET is ever sent."""
    async with target(prepare(state_dir).server, users) as serving:
        assert await PROBE.probe(f"{serving.origin}/scim", TOKEN) is expected
    assert {method for method, _, _ in serving.asked} == {"GET"}


async def test_what_is_asked_is_what_entra_asks(state_dir: Path) -> None:
    """The filter names nobody, its own flag stays away, other parameters stay, one header has the token."""
    async with target(prepare(state_dir).server, says(NOBODY)) as serving:
        url = f"{serving.origin}/scim/?aadOptscim062020&company=7"
        assert await PROBE.probe(url, TOKEN) is ProbeFinding.OK
    (_, path, headers), (_, config, _) = serving.asked
    assert path.startswith("/scim/Users?company=7&filter=userName+eq+%22")
    assert config == "/scim/ServiceProviderConfig?company=7"
    assert headers["Host"] == serving.origin.removeprefix("https://")
    assert [name for name, value in headers.items() if TOKEN.reveal() in value] == ["Authorization"]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (says({"patch": {"supported": False}}), ProbeFinding.PATCH_MISSING),
        (says({"patch": "no"}), ProbeFinding.OK),
        (says(HTML, 404, "text/html"), ProbeFinding.OK),
    ],
)
async def test_patch_is_missing_only_where_the_target_says_so(
    state_dir: Path, config: Handler, expected: ProbeFinding
) -> None:
    """A target without a readable configuration is not blamed for it: Entra does not need one."""
    async with target(prepare(state_dir).server, says(NOBODY), config) as serving:
        assert await PROBE.probe(serving.origin, TOKEN) is expected


async def test_a_redirect_on_the_same_host_is_followed_once(state_dir: Path) -> None:
    """`/Users` may move within its host."""

    async def moved(request: web.Request) -> web.StreamResponse:
        if request.path.startswith("/old"):
            return web.Response(status=307, headers={"Location": "/new/Users"})
        return await says(NOBODY)(request)

    async with target(prepare(state_dir).server, moved) as serving:
        assert await PROBE.probe(f"{serving.origin}/old", TOKEN) is ProbeFinding.OK


async def test_a_packed_answer_is_unpacked_within_the_bound(state_dir: Path) -> None:
    """A small packed list is read; one that unpacks to hundreds of megabytes is not."""

    def packed(content: bytes) -> Handler:
        async def handler(_request: web.Request) -> web.StreamResponse:
            headers = {"Content-Encoding": "gzip", "Content-Type": "application/scim+json"}
            return web.Response(body=gzip.compress(content), headers=headers)

        return handler

    for content, expected in (
        (json.dumps(NOBODY).encode(), ProbeFinding.OK),
        (b" " * 50_000_000, ProbeFinding.NOT_SCIM),
    ):
        async with target(prepare(state_dir).server, packed(content)) as serving:
            assert await PROBE.probe(serving.origin, TOKEN) is expected


async def test_no_answer_has_its_findings_too(state_dir: Path) -> None:
    """A slow target, a name nobody knows, a port nobody listens on, a connection cut off."""

    async def slow(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        raise AssertionError

    async def cut(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    quick = ScimProbe(private_allowed=True, deadline=timedelta(seconds=0.5))
    async with target(prepare(state_dir).server, slow) as serving:
        assert await quick.probe(serving.origin, TOKEN) is ProbeFinding.TIMEOUT
    async with target(prepare(state_dir).server, cut) as serving:
        assert await quick.probe(serving.origin, TOKEN) is ProbeFinding.UNREACHABLE
    assert await PROBE.probe("https://nobody.invalid/scim", TOKEN) is ProbeFinding.NAME_NOT_RESOLVED
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{unused.getsockname()[1]}"
        assert await PROBE.probe(url, TOKEN) is ProbeFinding.UNREACHABLE


async def test_a_certificate_nobody_trusts_is_a_tls_fault() -> None:
    """So is a target that speaks no TLS at all; the token is not sent."""
    strange = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(strange)
    for server in (strange, None):
        async with target(server, says(NOBODY)) as serving:
            assert await PROBE.probe(serving.origin, TOKEN) is ProbeFinding.TLS_FAULT
        assert serving.asked == []


async def test_the_certificate_must_be_for_the_name_that_was_asked(state_dir: Path) -> None:
    """The connection goes to the address that was checked, and still the name is what the certificate must show."""
    prepare(state_dir)
    authority = trustme.CA.from_pem((state_dir / "ca.pem").read_bytes(), (state_dir / "ca-key.pem").read_bytes())
    for name, expected in (("localhost", ProbeFinding.OK), ("other.example", ProbeFinding.TLS_FAULT)):
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(server)
        async with target(server, says(NOBODY)) as serving:
            port = serving.origin.rpartition(":")[2]
            assert await PROBE.probe(f"https://localhost:{port}/scim", TOKEN) is expected
        assert [headers["Host"] for _, _, headers in serving.asked] == [f"localhost:{port}"] * len(serving.asked)


async def test_private_addresses_are_refused_before_anything_is_sent(state_dir: Path) -> None:
    """By default a name or number that leads to loopback gets no connection."""
    async with target(prepare(state_dir).server, says(NOBODY)) as serving:
        port = serving.origin.rpartition(":")[2]
        for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "169.254.169.254"):
            with pytest.raises(Refused, match="PRATIQUE_PROBE_PRIVATE"):
                await ScimProbe().probe(f"https://{host}:{port}/scim", TOKEN)
    assert serving.asked == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("168.63.129.16", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::808:808", True),
        ("2002:7f00:1::", False),
        ("nonsense", False),
    ],
)
def test_only_the_public_internet_is_public(address: str, public: bool) -> None:
    """Private, shared, link-local, platform and carried addresses are not."""
    assert is_public(address) is public


@pytest.mark.parametrize("url", ["http://a.example", "https://", "https://u:p@a.example", "nonsense", "https://[x", ""])
async def test_an_address_that_is_none_is_refused(url: str) -> None:
    """Only a plain https address is asked."""
    with pytest.raises(Refused):
        await PROBE.probe(url, TOKEN)


@pytest.mark.parametrize("token", ["abc\r\nX-Evil: 1", "schlüssel-4711", "", "two words"])
async def test_a_token_that_fits_no_header_is_refused_and_not_shown(token: str) -> None:
    """What libraries would say about it would quote it."""
    with pytest.raises(Refused) as refused:
        await PROBE.probe("https://127.0.0.1:1/", SecretValue(token))
    assert not token or token not in str(refused.value)


async def test_a_target_that_asks_for_patience_says_nothing(state_dir: Path) -> None:
    """429 is no finding, and the error does not carry the token."""
    async with target(prepare(state_dir).server, says({"detail": TOKEN.reveal()}, 429)) as serving:
        with pytest.raises(Throttled) as throttled:
            await PROBE.probe(serving.origin, TOKEN)
    chain: list[str] = []
    error: BaseException | None = throttled.value
    while error is not None:
        chain.append(repr(error))
        error = error.__cause__
    assert isinstance(throttled.value, PratiqueError)
    assert TOKEN.reveal() not in "".join(chain)
