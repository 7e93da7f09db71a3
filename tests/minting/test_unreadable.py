"""A vendor's success that makes no sense: never a wrong token, never "there is none"."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from shared.clients.vendor_api import VendorApi
from shared.errors import Refused, ServiceError
from shared.redaction import SecretValue
from shared.tokens.vendors.minting import UNREADABLE, MintRequest, minter
from shared.tokens.vendors.reading import given_id, given_list, given_time, given_value, inside, path_id
from tests.minting.conftest import KINDS, LABEL, RECOGNISING, START, staged
from tests.minting.serving import Handler, certificates, serving

_DEADLINE = timedelta(seconds=5)
_NO_TOKEN: list[Any] = [
    {},
    [],
    "text",
    7,
    None,
    {"token_value": None, "token": None, "data": None},
    {"token_value": 7, "token": 7, "data": 7},
    {"token_value": "", "token": "", "data": [[""]]},
    {"token_value": "a b", "token": "a\nb", "data": [["a b"]]},
    {"token_value": ["x"], "token": {"x": "y"}, "data": [[["x"]]]},
    {"data": {"attributes": "x"}},
    {"data": {"attributes": {"token": None}}},
    {"data": []},
    {"data": [[]]},
    {"data": {"0": {"0": "x"}}},
]
_NO_LIST: list[Any] = [
    [],
    "text",
    7,
    {"token_infos": None, "data": None},
    {"token_infos": {}, "data": {}},
    {"other": 1},
    {"token_infos": [{"comment": LABEL}], "data": [{"attributes": {"description": LABEL}}]},
    {
        "token_infos": [{"comment": LABEL, "token_id": "a/b"}],
        "data": [{"id": "..", "attributes": {"description": LABEL}}],
    },
]
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "data"]), inner, max_size=3),
    max_leaves=12,
)


def _says(bodies: list[Any]) -> Handler:
    """Answer with the first body until it is taken away; a sign-in and a list succeed."""

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/oauth/token":
            return web.json_response({"access_token": "access"})
        if request.method == "GET" and "scim-configuration/" in request.path:
            return web.json_response([])
        return web.json_response(bodies[0])

    return handler


async def _credential(kind: str, state_dir: Path) -> tuple[SecretValue, str]:
    async with staged(kind, state_dir) as scene:
        return scene.credential, scene.api.subject


@pytest.mark.parametrize("kind", KINDS)
async def test_a_success_without_a_token(state_dir: Path, kind: str) -> None:
    """A 2xx in which no usable token stands where it belongs is unreadable: a token may exist."""
    credential, subject = await _credential(kind, state_dir)
    client, bodies = VendorApi(_DEADLINE), list(_NO_TOKEN)
    async with serving(certificates(state_dir).server, _says(bodies)) as served:
        request = MintRequest(served.origin, subject, LABEL, None, START)
        while bodies:
            with pytest.raises(ServiceError) as caught:
                await minter(kind, client).mint(request, credential)
            assert caught.value.code == UNREADABLE
            bodies.pop(0)
    await client.close()


@pytest.mark.parametrize("kind", RECOGNISING)
async def test_a_success_without_a_list(state_dir: Path, kind: str) -> None:
    """A list that cannot be read does not mean that there is no token of ours."""
    credential, subject = await _credential(kind, state_dir)
    client, bodies = VendorApi(_DEADLINE), list(_NO_LIST)
    async with serving(certificates(state_dir).server, _says(bodies)) as served:
        request = MintRequest(served.origin, subject, LABEL, None, START)
        while bodies:
            with pytest.raises(ServiceError) as caught:
                await minter(kind, client).made(request, credential)
            assert caught.value.code == UNREADABLE
            bodies.pop(0)
    await client.close()


async def test_pages_without_end(state_dir: Path) -> None:
    """A list that always names a next page is given up, and is not said to hold nothing."""
    credential, subject = await _credential("hcp_terraform", state_dir)
    client = VendorApi(_DEADLINE)
    body = {"data": [], "meta": {"pagination": {"next-page": 2}}}
    async with serving(certificates(state_dir).server, _says([body])) as served:
        request = MintRequest(served.origin, subject, LABEL, None, START)
        with pytest.raises(ServiceError, match="more than 2000"):
            await minter("hcp_terraform", client).made(request, credential)
    await client.close()


@pytest.mark.parametrize("kind", ["databricks", "hcp_terraform", "auth0"])
async def test_a_token_whose_id_or_end_is_unreadable(state_dir: Path, kind: str) -> None:
    """The token is kept: without an id it cannot be revoked by API, without an end nothing is said of one."""
    credential, subject = await _credential(kind, state_dir)
    client = VendorApi(_DEADLINE)
    odd: dict[str, Any] = {"id": "a/b", "token_id": "..", "expired-at": "soon", "valid_until": 5, "expiry_time": 10**30}
    body = {"token_value": "good", "token_info": odd, "token": "good", **odd}
    body["data"] = {"id": "a/b", "attributes": {"token": "good", **odd}}
    async with serving(certificates(state_dir).server, _says([body])) as served:
        minted = await minter(kind, client).mint(MintRequest(served.origin, subject, LABEL, None, START), credential)
    await client.close()
    assert (minted.value.reveal(), minted.token_id, minted.expires) == ("good", "", None)


@given(body=_json, path=st.lists(st.sampled_from(["a", "b", "data"]) | st.integers(0, 3), max_size=4))
def test_nothing_lies_where_nothing_lies(body: Any, path: list[str | int]) -> None:
    """Whatever JSON says, looking inside it fails only by finding nothing, and what is found makes an id or none."""
    found = inside(body, *path)
    identifier = given_id(found)
    assert identifier == "" or path_id(identifier, "it") == found
    if isinstance(found, str) and found and found.isascii() and found.isprintable() and " " not in found:
        assert given_value(found, "Vendor", "try", 200).reveal() == found
    else:
        with pytest.raises(ServiceError, match=UNREADABLE):
            given_value(found, "Vendor", "try", 200)
    if isinstance(found, list):
        assert given_list(found, "Vendor", "try", 200) is found
    else:
        with pytest.raises(ServiceError, match=UNREADABLE):
            given_list(found, "Vendor", "try", 200)


@given(st.text(max_size=40))
def test_an_id_stays_where_it_is_put(text: str) -> None:
    """An id that is accepted names one step of a path, whatever it is made of."""
    if given_id(text):
        assert urlsplit(f"https://x.example/a/{text}").path == f"/a/{text}"
        assert set(text) - {"."}
        assert "/" not in text


@given(st.text(max_size=40) | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat) | _json)
def test_times_are_aware_or_none(value: Any) -> None:
    """A moment that is read is in UTC; what has no offset is not guessed."""
    read = given_time(value)
    assert read is None or read.tzinfo is UTC
    if isinstance(value, str) and value.endswith("+00:00"):
        assert read == datetime.fromisoformat(value)
    assert given_time("2030-01-01T00:00:00") is None


@given(
    st.text(max_size=40)
    | st.text(max_size=30).map("https://{}".format)
    | st.tuples(st.text(max_size=12), st.text(max_size=12)).map(lambda two: f"https://{two[0]}@{two[1]}")
)
def test_an_origin_is_that_of_the_address(url: str) -> None:
    """The origin is a plain https one, or the address is refused; nobody's user name or path becomes a host."""
    try:
        origin = MintRequest(url, "", LABEL, None, START).origin
    except Refused:
        return
    parts = urlsplit(origin)
    assert parts.scheme == "https"
    assert parts.hostname
    assert (parts.path, parts.query, parts.fragment, parts.username) == ("", "", "", None)
    assert parts.netloc == parts.netloc.lower()


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Example.COM/scim/v2?x#y", "https://example.com"),
        ("https://example.com:443/", "https://example.com"),
        ("https://example.com:8443", "https://example.com:8443"),
        ("https://[::1]:8443/x", "https://[::1]:8443"),
        ("https://bücher.example/x", "https://xn--bcher-kva.example"),
    ],
)
def test_origins(url: str, origin: str) -> None:
    """Case, the usual port, addresses in brackets and international names come out as one form."""
    assert MintRequest(url, "", LABEL, None, START).origin == origin
