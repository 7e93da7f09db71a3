"""An emulated Auth0 tenant: its token endpoint, and the SCIM tokens of one connection.

Sources: Auth0 Management API v2 (`post-scim-token`, `get-scim-tokens`, `delete-tokens-by-token-id`), "Configure
Inbound SCIM" (two active tokens, scopes, more than 900 seconds), client credentials flow. Assumed: 409 for a third
token, 400 for unknown members, that expired tokens are listed no more, and the wording of refusals.
"""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, override
from urllib.parse import parse_qsl

from aiohttp import web

from emulator.clock import Clock
from emulator.targets import Target
from emulator.vendor_apis.common import Handler, Minting, Problem, VendorApi, bearer, utc

_PERMISSIONS = ("create:scim_token", "read:scim_token", "delete:scim_token")
_SCOPES = {f"{verb}:{what}" for verb in ("get", "post", "put", "patch", "delete") for what in ("users", "groups")}
_MOST_TOKENS = 2
_ACCESS_LASTS = timedelta(hours=24)


class Auth0(VendorApi):
    """One tenant; the credential is a machine-to-machine application's."""

    def __init__(self, target: Target, clock: Clock) -> None:
        super().__init__(target, clock)
        self.subject = f"con_{secrets.token_hex(8)}"
        self.client_id = secrets.token_hex(16)
        self.client_secret = secrets.token_urlsafe(48)
        self.credential = f'{{"client_id": "{self.client_id}", "client_secret": "{self.client_secret}"}}'
        self.permissions = set(_PERMISSIONS)
        """What the application may do; changes count for access tokens already given."""
        self.scopes: dict[str, list[str]] = {}
        """What each token may do, by its id."""
        self._access: dict[str, datetime] = {}

    @override
    def doors(self) -> Iterable[tuple[str, str, Handler]]:
        tokens = "/api/v2/connections/{connection}/scim-configuration/tokens"
        return [
            ("POST", tokens, self._create),
            ("GET", tokens, self._list),
            ("DELETE", tokens + "/{token}", self._delete),
            ("POST", "/oauth/token", self._give_access),
        ]

    @override
    def wording(self, problem: Problem) -> dict[str, Any]:
        if problem.code in {"access_denied", "invalid_request", "unsupported_grant_type"}:
            return {"error": problem.code, "error_description": problem.message}
        return {"statusCode": problem.status, "errorCode": problem.code, "message": problem.message}

    async def _give_access(self, request: web.Request) -> web.Response:
        if request.content_type != "application/x-www-form-urlencoded":
            raise Problem(415, "invalid_request", "A form is expected.")
        pairs = parse_qsl(await request.text(), keep_blank_values=True)
        form = dict(pairs)
        if len(pairs) != len(form) or set(form) != {"grant_type", "client_id", "client_secret", "audience"}:
            raise Problem(400, "invalid_request", "The form's members are not those of the client credentials flow.")
        if form["grant_type"] != "client_credentials":
            raise Problem(403, "unsupported_grant_type", "The grant type is not allowed for the client.")
        if (form["client_id"], form["client_secret"]) != (self.client_id, self.client_secret):
            raise Problem(401, "access_denied", "Unauthorized")
        if form["audience"] != f"{self.target.origin}/api/v2/":
            raise Problem(403, "access_denied", "Service not enabled within domain.")
        token = f"eyJhbGciOiJSUzI1NiJ9.{secrets.token_urlsafe(40)}.{secrets.token_urlsafe(40)}"
        self._access[token] = self.clock.now() + _ACCESS_LASTS
        lasts = int(_ACCESS_LASTS.total_seconds())
        return self.answer({"access_token": token, "token_type": "Bearer", "expires_in": lasts})

    async def _create(self, request: web.Request) -> web.Response:
        self._admit(request, "create:scim_token")
        body = await self.body(request, "scopes", "token_lifetime")
        scopes, seconds = body.get("scopes", sorted(_SCOPES)), body.get("token_lifetime")
        if not isinstance(scopes, list) or not scopes or not all(scope in _SCOPES for scope in scopes):
            raise Problem(400, "invalid_body", "Payload validation error on property scopes.")
        if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int) or seconds <= 900):
            raise Problem(400, "invalid_body", "Payload validation error on property token_lifetime.")
        if len(self.live()) >= _MOST_TOKENS:
            raise Problem(409, "too_many_tokens", "The connection has two active SCIM tokens already.")
        token_id = f"tok_{secrets.token_hex(8)}"
        self.scopes[token_id] = scopes
        valid_for = None if seconds is None else timedelta(seconds=seconds)
        made = self.issue(token_id, f"{token_id}.{secrets.token_hex(32)}", "", valid_for)
        return self.answer({**self._shown(made), "token": made.value}, 201)

    async def _list(self, request: web.Request) -> web.Response:
        self._admit(request, "read:scim_token")
        return self.answer([self._shown(one) for one in self.live()])

    async def _delete(self, request: web.Request) -> web.Response:
        self._admit(request, "delete:scim_token")
        if not self.revoke(request.match_info["token"], self.live()):
            raise Problem(404, "inexistent_token", "The SCIM token does not exist.")
        return web.Response(status=204)

    def _admit(self, request: web.Request, permission: str) -> None:
        ends = self._access.get(bearer(request))
        if ends is None or self.clock.now() >= ends:
            raise Problem(401, "invalid_token", "Invalid token.")
        if permission not in self.permissions:
            raise Problem(403, "insufficient_scope", f"Insufficient scope, expected any of: {permission}")
        if request.match_info["connection"] != self.subject:
            raise Problem(404, "inexistent_connection", "The connection does not exist.")

    def _shown(self, one: Minting) -> dict[str, Any]:
        known = {"token_id": one.token_id, "scopes": self.scopes[one.token_id], "created_at": utc(one.at)}
        return known if one.expires is None else {**known, "valid_until": utc(one.expires)}
