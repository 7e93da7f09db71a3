"""Asks vendors' APIs for tokens: over https, once, with bounded answers, and with nothing secret in an error.

Sources: RFC 9110 (status codes, Retry-After); the vendors' own error shapes are named in `shared/tokens/vendors/`.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from json import loads
from typing import Any, NoReturn

import httpx

from shared.errors import NotFound, Refused, RefusedByVendor, ServiceError, Throttled, Unavailable
from shared.redaction import SecretValue, redact
from shared.tokens.vendors.minting import UNREADABLE, Answer

_MOST = 256 * 1024  # Databricks lists a user's 600 tokens, which is its limit, in one answer
_SAID = 300
_LONG_WORD = re.compile(r"[A-Za-z0-9_~+/.=:-]{16,}")
_LETTER, _DIGIT = re.compile(r"[A-Za-z]"), re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class _Heard:
    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)
    whole: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    """What every error about a request says of it."""

    service: str
    operation: str
    permission: str
    secrets: tuple[SecretValue, ...]


class VendorApi:
    """Sends requests to vendors' APIs; nothing is contacted before the first of them.

    Environment proxies are not used: what is sent here mints credentials.
    """

    def __init__(self, deadline: timedelta) -> None:
        self._deadline = deadline.total_seconds()
        self._http: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Close what was opened, if anything was."""
        if self._http is not None:
            await self._http.aclose()

    async def send(
        self,
        service: str,
        operation: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        permission: str,
        secrets: tuple[SecretValue, ...],
        json: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request once, and return its answer.

        Args:
            service: the vendor's name, for errors.
            operation: what is tried, as a verb: "create a token".
            method: of HTTP.
            url: https only; its host is the caller's business.
            headers: beyond those that every request has.
            permission: which credential lacks what when the vendor answers 401 or 403.
            secrets: whatever the request carries that no error may show.
            json: the body, unless there is a form; a Content-Type among the headers is kept.
            form: the body, sent as a form.

        Raises:
            Refused: the address is not https.
            Unavailable: no answer in time, or 5xx: what happened is unknown. The code `ConnectError` or
                `ConnectTimeout` means that nothing was sent.
            Throttled: 429, with the time to wait if the vendor says.
            RefusedByVendor: 401 or 403.
            NotFound: 404.
            ServiceError: any other refusal, a redirect, or with the code `UNREADABLE` a 2xx that cannot be read.
        """
        if not url.startswith("https://"):
            message = f"{service} is asked over https only"
            raise Refused(message)
        heard = await self._ask(method, url, headers, json, form)
        asked = _Asked(service, operation, permission, secrets)
        if isinstance(heard, str):
            raise Unavailable(service, operation, None, heard, "")
        if not 200 <= heard.status < 300:
            _refuse(asked, heard)
        return _read(asked, heard)

    async def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        json: Mapping[str, Any] | None,
        form: Mapping[str, str] | None,
    ) -> _Heard | str:
        """Return what was heard, or the name of the library's error: the error itself holds the request's headers."""
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "Pratique/1", **headers}
        try:
            async with (
                asyncio.timeout(self._deadline),
                self._client().stream(method, url, headers=sent, json=json, data=form) as response,
            ):
                body, whole = await _bounded(response)
                return _Heard(response.status_code, response.headers, body, whole)
        except TimeoutError:
            return "Timeout"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return type(error).__name__

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = httpx.AsyncClient(
                verify=httpx.create_ssl_context(),
                trust_env=False,
                follow_redirects=False,
                timeout=self._deadline,
                # A kept connection that the vendor has closed would leave it unknown whether a token was made.
                limits=httpx.Limits(max_keepalive_connections=0),
                # One tenant's session must not answer for another's credential.
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            )
        return self._http


async def _bounded(response: httpx.Response) -> tuple[bytes, bool]:
    read = bytearray()
    async for chunk in response.aiter_raw():
        read += chunk
        if len(read) > _MOST:
            return bytes(read[:_MOST]), False
    return bytes(read), True


def _read(asked: _Asked, heard: _Heard) -> Answer:
    if heard.whole and not heard.body.strip():
        return Answer(heard.status, None)
    body = _json(heard)
    if body is None:
        message = "the answer is not JSON" if heard.whole else f"the answer is longer than {_MOST} bytes"
        raise ServiceError(asked.service, asked.operation, heard.status, UNREADABLE, message)
    return Answer(heard.status, body)


def _refuse(asked: _Asked, heard: _Heard) -> NoReturn:
    service, operation, status = asked.service, asked.operation, heard.status
    code, message = (_safe(text, asked.secrets) for text in _said(_json(heard)))
    if 300 <= status < 400:
        raise ServiceError(service, operation, status, "Redirected", "a redirect is not followed")
    if status in (401, 403):
        raise RefusedByVendor(service, operation, status, code, message, asked.permission)
    if status == 404:
        raise NotFound(service, operation, status, code, message)
    if status == 429:
        raise Throttled(service, operation, status, message, _retry_after(heard.headers))
    if status >= 500:
        raise Unavailable(service, operation, status, code, message)
    raise ServiceError(service, operation, status, code, message)


def _json(heard: _Heard) -> Any:
    if not heard.whole:
        return None
    try:
        return loads(heard.body)
    except (ValueError, RecursionError):
        return None


def _said(body: object) -> tuple[str, str]:
    """Return a refusal's code and message, as any of the vendors writes them."""
    if not isinstance(body, dict):
        return "", ""
    errors = body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    code = _first(body, "error_code", "errorCode", "code", "error") or _first(first, "title", "code")
    message = _first(body, "message", "error_description", "detail") or _first(first, "detail")
    return code, message


def _first(body: Mapping[str, Any], *names: str) -> str:
    """Return the first of the members that is a text or a number and not empty."""
    found = (str(body[name]) for name in names if isinstance(body.get(name), str | int))
    return next((text for text in found if text), "")


def _safe(text: str, secrets: tuple[SecretValue, ...]) -> str:
    """Return a vendor's words without secrets; a token that it has just made is known by its looks alone."""
    return _LONG_WORD.sub(_without_token, redact(text, secrets, _SAID))


def _without_token(word: re.Match[str]) -> str:
    return "***" if _LETTER.search(word[0]) and _DIGIT.search(word[0]) else word[0]


def _retry_after(headers: httpx.Headers) -> timedelta | None:
    """Return how long to wait, from seconds or from a date; a date is held against the vendor's own clock if told."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdecimal():
        return timedelta(seconds=int(text)) if len(text) < 10 else None
    until = _date(text)
    if until is None:
        return None
    return max(until - (_date(headers.get("Date", "")) or datetime.now(UTC)), timedelta())


def _date(text: str) -> datetime | None:
    try:
        read = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)
