"""Graph as a service: finds a call's route, checks who may call it, and answers alike in and out of a batch."""

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from emulator.clock import Clock
from emulator.directory import Directory
from emulator.entra import Access, Entra, Role
from emulator.faults import Faults, Latency, Reset, Status, Timeout
from emulator.graph.batch import run_batch
from emulator.graph.calls import Answer, Call, GraphError, Route
from emulator.web import NotServed, fault_body, not_served_body

_PREFIX = "/v1.0"
_BATCH = "/$batch"


class Graph:
    """Serves the given routes below `/v1.0`, and batches of them."""

    name = "graph"

    def __init__(self, entra: Entra, directory: Directory, clock: Clock, faults: Faults, unserved: list[str]) -> None:
        self.origin = ""
        self._entra = entra
        self._directory = directory
        self._clock = clock
        self._faults = faults
        self._unserved = unserved
        self._routes: list[Route] = []

    @property
    def served(self) -> tuple[Route, ...]:
        """Return the routes that are served, each with the role that it demands."""
        return tuple(self._routes)

    def serve(self, routes: list[Route]) -> None:
        """Add routes; the tenant does so once their subjects exist."""
        self._routes.extend(routes)

    def routes(self) -> list[web.AbstractRouteDef]:
        """Take everything below `/v1.0`."""
        return [web.route("*", _PREFIX + "/{tail:.*}", self._answer)]

    async def _answer(self, request: web.Request) -> web.Response:
        raw = await request.read()
        url = request.raw_path.removeprefix(_PREFIX)
        if request.method == "POST" and url == _BATCH:
            answer = await self._batch(request, raw)
        else:
            answer = await self._call(request, request.method, url, raw)
        headers = {"request-id": request.headers.get("client-request-id", ""), **answer.headers}
        if answer.body is None:
            return web.Response(status=answer.status, headers=headers)
        return web.json_response(answer.body, status=answer.status, headers=headers)

    async def _batch(self, request: web.Request, raw: bytes) -> Answer:
        async def part(method: str, url: str, body: bytes) -> Answer:
            return await self._part(request, method, url, body)

        try:
            # The envelope needs a valid token but no role of its own: each part is judged by itself.
            _refuse(self._entra.check(request, self.origin, Role.APPLICATIONS), envelope=True)
            return await run_batch(Call("POST", _BATCH, {}, raw), part)
        except GraphError as error:
            return error.answer(self._clock)

    async def _part(self, request: web.Request, method: str, url: str, raw: bytes) -> Answer:
        """Run one part of a batch as if it had come alone, faults included."""
        match fault := self._faults.take(self.name, method, _PREFIX + url):
            case Status(status, retry_after):
                return Answer(
                    status, fault_body(fault), {} if retry_after is None else {"Retry-After": str(retry_after)}
                )
            case Latency(seconds):
                await asyncio.sleep(seconds)
            case Timeout() | Reset():  # a part has no connection of its own to lose
                return GraphError(504, "GatewayTimeout", "The request timed out.").answer(self._clock)
        try:
            return await self._call(request, method, url, raw)
        except NotServed as missing:
            self._unserved.append(f"{self.name}: {missing}")
            return Answer(501, not_served_body(str(missing)))

    async def _call(self, request: web.Request, method: str, url: str, raw: bytes) -> Answer:
        raw_path, _, raw_query = url.partition("?")
        path = unquote(raw_path)
        for route in self._routes:
            params = route.match(method, path)
            if params is not None:
                break
        else:
            raise NotServed(f"{method} {_PREFIX}{path}")
        try:
            _refuse(self._access(request, route, params))
            query = dict(parse_qsl(raw_query, keep_blank_values=True))
            return await route.handler(Call(method, path, query, raw, params))
        except GraphError as error:
            return error.answer(self._clock)

    def _access(self, request: web.Request, route: Route, params: Mapping[str, str]) -> Access:
        """Ask for the route's role, or for that of an owner: all applications may be listed, owned ones be changed.

        Source: Graph docs, "Get servicePrincipal": OwnedBy lists the whole tenant; permissions reference: all else only
        for applications that the caller owns.
        """
        access = self._entra.check(request, self.origin, route.role)
        if access is not Access.MISSING_ROLE:
            return access
        owned = route.role is Role.SYNCHRONIZATION and params["principal"] in self._directory.owned
        if route.role is not Role.APPLICATIONS and not owned:
            return access
        return self._entra.check(request, self.origin, Role.OWNED)


def _refuse(access: Access, *, envelope: bool = False) -> None:
    match access:
        case Access.NO_TOKEN:
            raise _unauthenticated("Access token is empty.")
        case Access.INVALID_TOKEN:
            raise _unauthenticated("Access token validation failure. Invalid audience.")
        case Access.MISSING_ROLE if not envelope:
            raise GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def _unauthenticated(message: str) -> GraphError:
    return GraphError(401, "InvalidAuthenticationToken", message, {"WWW-Authenticate": 'Bearer realm=""'})
