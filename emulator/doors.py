"""How a target wants to be asked: a bearer token, a name and a password, or a token from its own token endpoint.

Public sources: RFC 7617 (Basic), RFC 6749 sections 2.3.1, 4.4 and 5 (client credentials). Which synchronizationSecret
keys carry a name or a client is inferred from their names (Graph docs, synchronizationSecretKeyStringValuePair): no
page describes how the provisioning service uses them.
"""

import base64
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from aiohttp import web

from emulator.clock import Clock

TOKEN_PATH = "/oauth2/token"
_ACCESS_LASTS = timedelta(hours=1)
_FORM = "application/x-www-form-urlencoded"


class Door(StrEnum):
    """What a target asks of whoever comes in."""

    BEARER = "bearer"
    """A secret token."""
    BASIC = "basic"
    """A user name with its password."""
    CLIENT_CREDENTIALS = "client_credentials"
    """An access token that a client gets for its secret; a client whose secret ends loses its access tokens too."""


_KEYS = {
    Door.BASIC: ("UserName", "Password"),
    Door.CLIENT_CREDENTIALS: ("ClientIdentifier", "ClientSecret"),
}


def made_up(door: Door, name: str = "") -> tuple[str, dict[str, str]]:
    """Return a new credential of a door: as the door knows it, and as the pairs that are saved in Entra.

    Where a credential has two halves, the name is new as well unless it is given.
    """
    if door is Door.BEARER:
        token = f"scim_{secrets.token_urlsafe(32)}"
        return token, {"SecretToken": token}
    name, secret = name or f"provisioning-{secrets.token_hex(4)}", secrets.token_urlsafe(32)
    name_key, secret_key = _KEYS[door]
    return f"{name}:{secret}", {name_key: name, secret_key: secret}


def credential_in(authorization: str, *, encoded: bool = False) -> str | None:
    """Read `name:secret` from a Basic header, form-encoded inside where OAuth 2.0 says so; None from any other."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:  # no base64, or no text in it
        return None
    return f"{unquote_plus(name)}:{unquote_plus(secret)}" if encoded else f"{name}:{secret}"


class TokenEndpoint:
    """Gives access tokens to clients whose credentials the target accepts."""

    def __init__(self, clock: Clock, accepts: Callable[[str], bool]) -> None:
        self._clock = clock
        self._accepts = accepts
        self._issued: dict[str, tuple[str, datetime]] = {}

    def accepts(self, access_token: str) -> bool:
        """Say whether it was issued here, still lives, and its client's credentials are accepted as before."""
        if access_token not in self._issued:
            return False
        client, expires = self._issued[access_token]
        return self._clock.now() < expires and self._accepts(client)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a token request: a form with the grant type, the client in a Basic header."""
        client = credential_in(request.headers.get("Authorization", ""), encoded=True)
        if client is None or not self._accepts(client):
            refused = _error("invalid_client", HTTPStatus.UNAUTHORIZED)
            refused.headers["WWW-Authenticate"] = "Basic"
            return refused
        if request.content_type != _FORM:
            return _error("invalid_request")
        form = parse_qsl(await request.text(), keep_blank_values=True)
        grants = [value for name, value in form if name == "grant_type"]
        if len(grants) != 1 or len(dict(form)) != len(form):
            return _error("invalid_request")
        if grants != ["client_credentials"]:
            return _error("unsupported_grant_type")
        token = f"access_{secrets.token_urlsafe(32)}"
        self._issued[token] = (client, self._clock.now() + _ACCESS_LASTS)
        lasts = int(_ACCESS_LASTS.total_seconds())
        return _json({"access_token": token, "token_type": "Bearer", "expires_in": lasts}, HTTPStatus.OK)


def _error(code: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> web.Response:
    return _json({"error": code}, status)


def _json(body: dict[str, Any], status: HTTPStatus) -> web.Response:
    return web.json_response(body, status=status, headers={"Cache-Control": "no-store"})
