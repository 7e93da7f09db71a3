"""Target applications: a real SCIM server each, behind bearer tokens that expire.

The SCIM side is `scim2-server`, which nobody here wrote; ours are only the door and what a vendor does oddly.
"""

import json
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from aiohttp import web
from scim2_models import ScimProvider, UnauthorizedException
from scim2_server.applications.wsgi import WSGIApplication
from scim2_server.memory import InMemoryStorage
from scim2_server.requests import ScimRequest
from scim2_server.utils import load_default_provider

from emulator.breakage import Breakage, answer
from emulator.clock import Clock
from emulator.web import silence

_YEAR = timedelta(days=365)


class Behaviour(StrEnum):
    """What is particular about a target."""

    STANDARD = "standard"
    """Several tokens may live at once."""
    DRUVA = "druva"
    """A new token kills the old one at once, and lives 365 days."""
    NOT_FOUND_FOR_EMPTY = "not_found_for_empty"
    """Answers 404 where an empty list is due."""


@cache
def _provider() -> ScimProvider:
    return load_default_provider()


class Target:
    """One application's SCIM service on its own origin."""

    def __init__(
        self, name: str, clock: Clock, behaviour: Behaviour = Behaviour.STANDARD, base_path: str = "/v2"
    ) -> None:
        self.name = f"target:{name}"
        self.origin = ""
        self.behaviour = behaviour
        self.base_path = base_path
        self.breakage: Breakage | None = None
        """How it is broken now; a port or a certificate is broken by the tenant, which owns the listener."""
        self.authorizations: list[str] = []
        """Every Authorization header it was sent, so that tests can prove where a token went."""
        self._clock = clock
        self._tokens: dict[str, datetime | None] = {}
        self._storage = InMemoryStorage()
        self._scim = WSGIApplication(self._storage, _provider())

    @property
    def tenant_url(self) -> str:
        """Return what an administrator enters as the application's tenant URL."""
        return self.origin + self.base_path

    @property
    def request_count(self) -> int:
        """Return how many requests it was sent."""
        return len(self.authorizations)

    def routes(self) -> list[web.AbstractRouteDef]:
        """Serve everything below its base path."""
        return [web.route("*", self.base_path + "{path:(/.*)?}", self._serve)]

    def issue_token(self, valid_for: timedelta | None = None, value: str | None = None) -> str:
        """Make a token (or accept the given value as one); with no validity it never expires."""
        if self.behaviour is Behaviour.DRUVA:
            self._tokens.clear()
            valid_for = valid_for or _YEAR
        token = value or f"scim_{secrets.token_urlsafe(32)}"
        self._tokens[token] = None if valid_for is None else self._clock.now() + valid_for
        return token

    def expire_tokens(self) -> None:
        """Let every token issued so far expire now."""
        self._tokens = dict.fromkeys(self._tokens, self._clock.now())

    def accepts(self, token: str) -> bool:
        """Say whether the token was issued here and has not expired."""
        if token not in self._tokens:
            return False
        expires = self._tokens[token]
        return expires is None or self._clock.now() < expires

    def users(self) -> list[dict[str, Any]]:
        """Return the users it holds, as SCIM."""
        return [resource.model_dump() for resource in self._storage.resources]

    async def _serve(self, request: web.Request) -> web.Response:
        authorization = request.headers.get("Authorization", "")
        self.authorizations.append(authorization)
        scim = ScimRequest(
            method=request.method,
            base_url=self.tenant_url,
            path=request.match_info["path"],
            query=dict(request.query),
            headers=dict(request.headers),
            body=await request.read(),
        )
        if self.breakage is Breakage.SLOW:
            return await silence(request)
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not self.accepts(token):
            refused = self._scim.service.error_response(UnauthorizedException())
            return web.Response(body=json.dumps(refused.body).encode(), status=refused.status, headers=refused.headers)
        reply = answer(self._broken, scim, self._scim.serve)
        return web.Response(body=reply.body, status=reply.status, headers=reply.headers)

    @property
    def _broken(self) -> Breakage | None:
        if self.breakage is None and self.behaviour is Behaviour.NOT_FOUND_FOR_EMPTY:
            return Breakage.NOT_FOUND_FOR_EMPTY
        return self.breakage
