"""What the emulated vendors' APIs have in common: tokens that really open the SCIM door, and trouble on demand."""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from emulator.clock import Clock
from emulator.targets import Target

type Handler = Callable[[web.Request], Awaitable[web.Response]]


class Problem(Exception):
    """A request is refused; every vendor words it in its own way."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Fail:
    """Fails every so-manieth request, before it is carried out or after; what was carried out stays."""

    every: int = 1
    status: int = 503
    handled: bool = False
    mints_only: bool = False


@dataclass(frozen=True, slots=True)
class Minting:
    """One token that was made here."""

    token_id: str
    label: str
    at: datetime
    expires: datetime | None
    value: str = field(repr=False)


class VendorApi(ABC):
    """One vendor's API beside its target."""

    media_type = "application/json"
    """Of its answers, and of the JSON it takes."""

    def __init__(self, target: Target, clock: Clock) -> None:
        self.target = target
        self.clock = clock
        self.subject = ""
        """What a mint is asked for; a vault's tag names it."""
        self.credential = ""
        """What the vault holds so that tokens can be minted."""
        self.minted: list[Minting] = []
        """Every token made through the API, oldest first."""
        self.fail: Fail | None = None
        self.echo = False
        """Whether refusals repeat what they were sent, and the newest token, as careless services do."""
        self.slow = 0.0
        """How many real seconds every answer takes longer."""
        self._failed_over = 0
        self._revoked: set[str] = set()

    @abstractmethod
    def doors(self) -> Iterable[tuple[str, str, Handler]]:
        """Return method, path and handler of everything it serves; the first one mints."""

    @abstractmethod
    def wording(self, problem: Problem) -> dict[str, Any]:
        """Return a refusal's body as this vendor words it."""

    def live(self) -> list[Minting]:
        """Return the tokens made here that the SCIM door accepts."""
        return [one for one in self.minted if self.target.accepts(one.value)]

    def kept(self) -> list[Minting]:
        """Return the tokens made here that nobody revoked, expired ones among them."""
        return [one for one in self.minted if one.value not in self._revoked]

    def routes(self) -> list[web.AbstractRouteDef]:
        """Serve the doors, with whatever trouble is switched on."""
        routes: list[web.AbstractRouteDef] = []
        for method, path, handler in self.doors():
            routes.append(web.route(method, path, self._troubled(handler, mints=not routes)))
        return routes

    def issue(self, token_id: str, value: str, label: str, valid_for: timedelta | None) -> Minting:
        """Make a token that opens the target's SCIM door."""
        now = self.clock.now()
        self.target.issue_token(valid_for, value)
        made = Minting(token_id, label, now, None if valid_for is None else now + valid_for, value)
        self.minted.append(made)
        return made

    def revoke(self, token_id: str, among: list[Minting]) -> bool:
        """Close the door to one of these tokens; say whether it was one of them."""
        found = [one for one in among if one.token_id == token_id]
        for one in found:
            self.target.revoke_token(one.value)
            self._revoked.add(one.value)
        return bool(found)

    async def body(self, request: web.Request, *members: str) -> dict[str, Any]:
        """Read a JSON object of these members and no others; what the pages leave open is refused with 400."""
        if request.content_type != self.media_type:
            raise Problem(415, "UNSUPPORTED_MEDIA_TYPE", f"The content type must be {self.media_type}.")
        return checked(_parsed(await request.text()), *members)

    def answer(self, body: Any, status: int = 200) -> web.Response:
        """Return an answer in the vendor's media type."""
        return web.Response(text=json.dumps(body), status=status, content_type=self.media_type)

    def _troubled(self, handler: Handler, *, mints: bool) -> Handler:
        async def serve(request: web.Request) -> web.Response:
            self.target.api_authorizations.append(request.headers.get("Authorization", ""))
            await asyncio.sleep(self.slow)
            fail = self._due(mints=mints)
            if fail is not None and not fail.handled:
                return await self._refuse(request, Problem(fail.status, "TEMPORARILY_UNAVAILABLE", "Try again later."))
            try:
                answer = await handler(request)
            except Problem as problem:
                return await self._refuse(request, problem)
            if fail is not None:
                return await self._refuse(request, Problem(fail.status, "INTERNAL_ERROR", "Something went wrong."))
            return answer

        return serve

    def _due(self, *, mints: bool) -> Fail | None:
        if self.fail is None or (self.fail.mints_only and not mints):
            return None
        self._failed_over += 1
        return self.fail if self._failed_over % self.fail.every == 0 else None

    async def _refuse(self, request: web.Request, problem: Problem) -> web.Response:
        if self.echo:
            newest = self.minted[-1].value if self.minted else ""
            heard = f"{request.headers.get('Authorization', '')} {await request.text()} {newest}"
            problem = Problem(problem.status, problem.code, f"{heard} {problem.message}")
        return self.answer(self.wording(problem), problem.status)


def bearer(request: web.Request) -> str:
    """Return the request's bearer token, or an empty text."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme == "Bearer" else ""


def checked(value: object, *members: str) -> dict[str, Any]:
    """Return an object that has no members but these."""
    if not isinstance(value, dict):
        raise Problem(400, "MALFORMED_REQUEST", "A JSON object is expected.")
    unknown = sorted(set(value) - set(members))
    if unknown:
        raise Problem(400, "MALFORMED_REQUEST", f"Unknown members: {', '.join(unknown)}.")
    return value


def utc(moment: datetime | None) -> str | None:
    """Write a moment as these APIs do: milliseconds and a Z."""
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        raise Problem(400, "MALFORMED_REQUEST", "The body is not JSON.") from None
