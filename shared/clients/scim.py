"""A read-only look at a target's SCIM service, as Entra's connector would ask it: what answers, and how.

It leaves from our network, not Entra's. Nothing is ever written. Sources: RFC 7644 (list responses, filters), RFC 7643
(ServiceProviderConfig); "Develop and plan provisioning for a SCIM endpoint" (Microsoft Entra docs).
"""

import asyncio
import json
import re
import socket
import ssl
import uuid
import zlib
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import httpx

from shared.clients.addresses import is_public
from shared.diagnosis.evidence import ProbeFinding
from shared.errors import Refused, Throttled, Unavailable
from shared.redaction import SecretValue

_SERVICE = "The target"
_OPERATION = "answer the probe"
_MOST = 256 * 1024
_ADDRESSES = 3
_CONNECT = 10.0
_TYPES = frozenset({"application/scim+json", "application/json"})
_HEADER_SAFE = re.compile(r"[\x21-\x7e]+")
_TOTAL = re.compile(r'"totalResults"\s*:\s*(\d{1,18})', re.IGNORECASE)
_ENTRA_FLAG = (
    "aadoptscim"  # feature flags that an administrator appends to the tenant URL for Entra, not for the target
)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content_type: str
    location: str
    body: bytes
    whole: bool

    @property
    def html(self) -> bool:
        return self.content_type == "text/html" or self.body.lstrip()[:15].lower().startswith((b"<!doctype", b"<html"))


class _FoundError(Exception):
    """The answer is known before anything was answered."""

    def __init__(self, finding: ProbeFinding) -> None:
        super().__init__(finding)
        self.finding = finding


class ScimProbe:
    """Asks a target two questions and says what is wrong with its answers, if anything.

    Environment proxies are not used: a proxy would choose the address that is reached, and the check of it be void.
    """

    def __init__(self, *, private_allowed: bool = False, deadline: timedelta = timedelta(seconds=30)) -> None:
        self._private_allowed = private_allowed
        self._deadline = deadline.total_seconds()
        self._trust: ssl.SSLContext | None = None

    async def probe(self, tenant_url: str, token: SecretValue) -> ProbeFinding:
        """Look for a user who cannot exist, and whether PATCH is supported.

        The token travels in the Authorization header alone, to the tenant URL's own host alone.

        Raises:
            Refused: the tenant URL is no https address, it leads into a private network, or the token fits no header.
            Throttled: the target asks to come back later.
            Unavailable: the target's answer has no meaning here.
        """
        tenant_url, host, port = _plain(tenant_url)
        if not _HEADER_SAFE.fullmatch(token.reveal()):
            message = "the token holds characters that no header can carry"
            raise Refused(message)
        try:
            async with asyncio.timeout(self._deadline):
                addresses = await self._addresses(host, port)
                finding = _judge_users(await self._get(_users(tenant_url), addresses, token))
        except _FoundError as found:
            return found.finding
        except TimeoutError:
            return ProbeFinding.TIMEOUT
        if finding is ProbeFinding.OK and await self._patch_missing(tenant_url, addresses, token):
            return ProbeFinding.PATCH_MISSING
        return finding

    async def _patch_missing(self, tenant_url: str, addresses: list[str], token: SecretValue) -> bool:
        """Say whether the target itself says that it has no PATCH; a target that does not say is not blamed."""
        try:
            async with asyncio.timeout(self._deadline):
                answer = await self._get(_below(tenant_url, "/ServiceProviderConfig"), addresses, token)
        except (_FoundError, TimeoutError):
            return False
        body = _json(answer)
        patch = body.get("patch") if answer.status == HTTPStatus.OK else None
        return isinstance(patch, dict) and patch.get("supported") is False

    async def _addresses(self, host: str, port: int) -> list[str]:
        """Resolve the host once; what was checked is what will be connected to, so a second answer cannot differ."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise _FoundError(ProbeFinding.NAME_NOT_RESOLVED) from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not self._private_allowed and not all(is_public(address) for address in addresses):
            message = f"{host} leads to an address that is not public; PRATIQUE_PROBE_PRIVATE=on would allow the probe"
            raise Refused(message)
        return addresses[:_ADDRESSES]

    async def _get(self, url: str, addresses: list[str], token: SecretValue) -> _Answer:
        """Read an address, following one redirect that stays on its origin."""
        answer = await self._get_once(url, addresses, token)
        if not _is_redirect(answer):
            return answer
        target = _joined(url, answer.location)
        if target is None:
            raise _FoundError(ProbeFinding.REDIRECTED)
        answer = await self._get_once(target, addresses, token)
        if _is_redirect(answer):
            raise _FoundError(ProbeFinding.REDIRECTED)
        return answer

    async def _get_once(self, url: str, addresses: list[str], token: SecretValue) -> _Answer:
        for position, address in enumerate(addresses):
            try:
                return await self._ask(url, address, token)
            except httpx.ConnectError as error:
                if _is_tls(error):
                    raise _FoundError(ProbeFinding.TLS_FAULT) from None
                if position == len(addresses) - 1:
                    raise _FoundError(ProbeFinding.UNREACHABLE) from None
            except httpx.InvalidURL:
                raise _FoundError(ProbeFinding.NOT_SCIM) from None
            except httpx.TimeoutException:
                raise _FoundError(ProbeFinding.TIMEOUT) from None
            except httpx.HTTPError as error:
                # The cause is left behind: it holds the request, and that the token.
                raise _FoundError(ProbeFinding.TLS_FAULT if _is_tls(error) else ProbeFinding.UNREACHABLE) from None
        raise _FoundError(ProbeFinding.NAME_NOT_RESOLVED)

    async def _ask(self, url: str, address: str, token: SecretValue) -> _Answer:
        parts = urlsplit(url)
        shown = f"[{address}]" if ":" in address else address
        pinned = urlunsplit(parts._replace(netloc=f"{shown}:{parts.port or 443}", fragment=""))
        headers = {
            "Host": parts.netloc.rpartition("@")[2],
            "Accept": "application/scim+json, application/json",
            "Accept-Encoding": "identity",
            "Authorization": f"Bearer {token.reveal()}",
        }
        limits = httpx.Timeout(self._deadline, connect=min(self._deadline, _CONNECT))
        async with (
            httpx.AsyncClient(verify=self._trusted(), trust_env=False, timeout=limits) as client,
            client.stream("GET", pinned, headers=headers, extensions={"sni_hostname": parts.hostname}) as response,
        ):
            body, whole = await _read(response)
        content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return _Answer(response.status_code, content_type, response.headers.get("Location", ""), body, whole)

    def _trusted(self) -> ssl.SSLContext:
        if self._trust is None:
            self._trust = httpx.create_ssl_context()
        return self._trust


def _judge_users(answer: _Answer) -> ProbeFinding:
    match answer.status:
        case 401:
            return ProbeFinding.REJECTED
        case 403:
            return ProbeFinding.FORBIDDEN
        case 404:
            return ProbeFinding.NOT_SCIM if answer.html else ProbeFinding.NOT_FOUND_FOR_EMPTY
        case 400 | 501:
            return ProbeFinding.NOT_SCIM if answer.html else ProbeFinding.FILTER_REJECTED
        case 429:
            raise Throttled(_SERVICE, _OPERATION, 429, "", None)
        case 408 | 504:
            return ProbeFinding.TIMEOUT
        case status if status >= 500:
            return ProbeFinding.SERVER_ERROR
        case 200:
            return _judge_list(answer)
        case status if status >= 400 or 200 <= status < 300:
            return ProbeFinding.NOT_SCIM
        case status:
            raise Unavailable(_SERVICE, _OPERATION, status, "", "an answer that cannot be used")


def _judge_list(answer: _Answer) -> ProbeFinding:
    if not answer.whole:
        # A list about nobody is short; one that does not end is everybody.
        total = _TOTAL.search(answer.body.decode(errors="replace"))
        listed = (total is not None and int(total[1]) > 0) or b'"Resources"' in answer.body
        return ProbeFinding.FILTER_IGNORED if listed and not answer.html else ProbeFinding.NOT_SCIM
    body = _json(answer)
    total_results = body.get("totalResults")
    if isinstance(total_results, bool) or not isinstance(total_results, int) or not _is_list(body):
        return ProbeFinding.NOT_SCIM
    if answer.content_type not in _TYPES:
        return ProbeFinding.WRONG_CONTENT_TYPE
    if total_results > 0 or body.get("Resources"):
        return ProbeFinding.FILTER_IGNORED
    return ProbeFinding.OK


def _is_list(body: dict[str, Any]) -> bool:
    schemas = body.get("schemas")
    return not isinstance(schemas, list) or any("listresponse" in str(schema).lower() for schema in schemas)


def _json(answer: _Answer) -> dict[str, Any]:
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


async def _read(response: httpx.Response) -> tuple[bytes, bool]:
    """Read at most so much of the body, unpacked with the same bound; say whether that is all of it."""
    raw = bytearray()
    async for chunk in response.aiter_raw():
        raw += chunk
        if len(raw) > _MOST:
            break
    whole = len(raw) <= _MOST
    if response.headers.get("Content-Encoding", "identity").lower() not in ("gzip", "deflate"):
        return bytes(raw[:_MOST]), whole
    unpacking = zlib.decompressobj(wbits=47)
    try:
        unpacked = unpacking.decompress(bytes(raw[:_MOST]), _MOST)
    except zlib.error:
        return b"", True
    return unpacked, whole and not unpacking.unconsumed_tail


def _users(tenant_url: str) -> str:
    return _below(tenant_url, "/Users", ("filter", f'userName eq "{uuid.uuid4()}"'))


def _below(tenant_url: str, path: str, *query: tuple[str, str]) -> str:
    parts = urlsplit(tenant_url.strip())
    kept = [
        pair for pair in parse_qsl(parts.query, keep_blank_values=True) if not pair[0].lower().startswith(_ENTRA_FLAG)
    ]
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + path, query=urlencode([*kept, *query]), fragment=""))


def _is_redirect(answer: _Answer) -> bool:
    return 300 <= answer.status < 400 and bool(answer.location)


def _plain(tenant_url: str) -> tuple[str, str, int]:
    """Return an address that headers can carry, its host and its port."""
    try:
        parts = urlsplit(tenant_url.strip())
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port or 443
    except (ValueError, UnicodeError):
        host, port, parts = "", 0, urlsplit("")
    if parts.scheme != "https" or not host or parts.username is not None:
        message = "the tenant URL is no plain https address"
        raise Refused(message)
    shown = f"[{host}]" if ":" in host else host
    return urlunsplit(parts._replace(netloc=shown if port == 443 else f"{shown}:{port}")), host, port


def _joined(url: str, location: str) -> str | None:
    """Return where a redirect leads, or None when that is another origin."""
    try:
        target = urljoin(url, location)
        there, here = urlsplit(target), urlsplit(url)
        same = (there.scheme, there.hostname, there.port or 443) == (here.scheme, here.hostname, here.port or 443)
    except ValueError:
        return None
    return target if same else None


def _is_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
