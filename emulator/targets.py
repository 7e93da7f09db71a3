"""Target applications: a real SCIM server each, behind a door whose credentials expire.

The SCIM side is `scim2-server`, which nobody here wrote; ours are only the door and what a vendor does oddly.
"""

import json
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, Protocol

from aiohttp import web
from scim2_models import ScimProvider, UnauthorizedException
from scim2_server.applications.wsgi import WSGIApplication
from scim2_server.memory import InMemoryStorage
from scim2_server.requests import ScimRequest
from scim2_server.utils import load_default_provider

from emulator.breakage import Breakage, answer
from emulator.clock import Clock
from emulator.doors import TOKEN_PATH, Door, TokenEndpoint, credential_in, made_up
from emulator.web import silence

_YEAR = timedelta(days=365)
_DAY = timedelta(hours=24)


class Behaviour(StrEnum):
    """What is particular about a target."""

    STANDARD = "standard"
    """Several tokens may live at once."""
    DRUVA = "druva"
    """A new token kills the old one at once, and lives 365 days."""
    WINDOW = "window"
    """A new token leaves the old one a while, `window` long."""
    NOT_FOUND_FOR_EMPTY = "not_found_for_empty"
    """Answers 404 where an empty list is due."""


@cache
def _provider() -> ScimProvider:
    return load_default_provider()


class Beside(Protocol):
    """Something else of the vendor's that answers on the target's origin."""

    def routes(self) -> list[web.AbstractRouteDef]:
        """Return what it serves."""
        ...


class Target:
    """One application's SCIM service on its own origin."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        behaviour: Behaviour = Behaviour.STANDARD,
        base_path: str = "/v2",
        door: Door = Door.BEARER,
    ) -> None:
        self.name = f"target:{name}"
        self.origin = ""
        self.behaviour = behaviour
        self.base_path = base_path
        self.door = door
        self.window = _DAY
        """How long an old token lives on beside a new one, at a target that ends it so."""
        self.breakage: Breakage | None = None
        """How it is broken now; a port or a certificate is broken by the tenant, which owns the listener."""
        self.authorizations: list[str] = []
        """Every Authorization header it was sent, so that tests can prove where a token went."""
        self.api_authorizations: list[str] = []
        """The same of what is served beside SCIM."""
        self._beside: list[Beside] = []
        self._clock = clock
        self._tokens: dict[str, datetime | None] = {}
        self._storage = InMemoryStorage()
        self._scim = WSGIApplication(self._storage, _provider())
        self._exchange = TokenEndpoint(clock, self.accepts)

    @property
    def tenant_url(self) -> str:
        """Return what an administrator enters as the application's tenant URL."""
        return self.origin + self.base_path

    @property
    def request_count(self) -> int:
        """Return how many requests it was sent."""
        return len(self.authorizations)

    @property
    def token_url(self) -> str:
        """Return where a client gets its access tokens; nothing answers there unless the door asks for them."""
        return self.origin + TOKEN_PATH

    def routes(self) -> list[web.AbstractRouteDef]:
        """Serve everything below its base path, and the token endpoint if the door needs one."""
        routes: list[web.AbstractRouteDef] = [web.route("*", self.base_path + "{path:(/.*)?}", self._serve)]
        if self.door is Door.CLIENT_CREDENTIALS:
            routes.insert(0, web.post(TOKEN_PATH, self._give_access))
        return [route for beside in self._beside for route in beside.routes()] + routes

    def serve_beside(self, beside: Beside) -> None:
        """Serve this on the same origin too; to be told before the target listens."""
        self._beside.append(beside)

    def issue_token(self, valid_for: timedelta | None = None, value: str | None = None) -> str:
        """Make a token (or accept the given value as one); with no validity it never expires."""
        if self.door is not Door.BEARER:
            raise ValueError(f"{self.name} takes no secret token: its door is {self.door}")
        token = value or made_up(self.door)[0]
        self._admit(token, valid_for)
        return token

    def issue_credentials(self, valid_for: timedelta | None = None, name: str = "") -> dict[str, str]:
        """Make whatever the door asks for, and return the pairs to save in Entra; validity as for a token.

        A password comes with a new user name, and a client secret with a new client, so that halves which do not
        belong together open nothing; where the vendor keeps the name, give it.
        """
        credential, pairs = made_up(self.door, name)
        self._admit(credential, valid_for)
        return pairs

    def expire_tokens(self) -> None:
        """Let every token issued so far expire now."""
        self._tokens = dict.fromkeys(self._tokens, self._clock.now())

    def revoke_tokens(self) -> None:
        """Refuse every token issued so far from now on, whatever time it had left."""
        self._tokens.clear()

    def revoke_token(self, token: str) -> None:
        """Refuse one token from now on; one that is not known is refused already."""
        self._tokens.pop(token, None)

    def accepts(self, token: str) -> bool:
        """Say whether the token (or `name:secret`, at other doors) was issued here and has not ended."""
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
        if not self._admits(authorization):
            refused = self._scim.service.error_response(UnauthorizedException())
            return web.Response(body=json.dumps(refused.body).encode(), status=refused.status, headers=refused.headers)
        reply = answer(self._broken, scim, self._scim.serve)
        return web.Response(body=reply.body, status=reply.status, headers=reply.headers)

    async def _give_access(self, request: web.Request) -> web.Response:
        self.authorizations.append(request.headers.get("Authorization", ""))
        if self.breakage is Breakage.SLOW:
            return await silence(request)
        return await self._exchange.answer(request)

    def _admit(self, credential: str, valid_for: timedelta | None) -> None:
        """Accept a new credential, and do to the others what this target does."""
        now = self._clock.now()
        if self.behaviour is Behaviour.DRUVA:
            self._tokens.clear()
            valid_for = valid_for or _YEAR
        elif self.behaviour is Behaviour.WINDOW:
            end = now + self.window
            self._tokens = {old: min(expires or end, end) for old, expires in self._tokens.items()}
        self._tokens[credential] = None if valid_for is None else now + valid_for

    def _admits(self, authorization: str) -> bool:
        if self.door is Door.BASIC:
            credential = credential_in(authorization)
            return credential is not None and self.accepts(credential)
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return False
        return self.accepts(token) if self.door is Door.BEARER else self._exchange.accepts(token)

    @property
    def _broken(self) -> Breakage | None:
        if self.breakage is None and self.behaviour is Behaviour.NOT_FOUND_FOR_EMPTY:
            return Breakage.NOT_FOUND_FOR_EMPTY
        return self.breakage
