"""One TLS listener per service: records every request, applies faults and hooks, refuses what is not served."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Protocol

from aiohttp import web

from emulator.faults import DropRequest, Fault, Faults, Latency, RecordedRequest, Reset, Status, Timeout

__all__ = ["Listener", "NotServed", "RecordedRequest", "Service", "fault_body", "not_served_body", "silence"]

_LARGEST_BODY = 16 * 1024 * 1024
_LOOK_FOR_CLIENT = 0.02
_SHUTDOWN = 0.2


class Service(Protocol):
    """A part of the tenant that answers on its own origin, so that audiences really differ."""

    name: str
    origin: str
    """Set once the port is bound."""

    def routes(self) -> list[web.AbstractRouteDef]:
        """Return what it serves."""
        ...


class NotServed(Exception):
    """A service has no such route; carries the method and path."""


def not_served_body(what: str) -> dict[str, Any]:
    """Return the 501 answer that names what nobody serves."""
    return {"error": {"code": "NotImplemented", "message": f"{what} is not served by the embedded tenant"}}


def fault_body(fault: Status) -> dict[str, Any]:
    """Return the fault's own body, or the error object that the services have in common."""
    if fault.body is not None:
        return fault.body
    if fault.status == HTTPStatus.TOO_MANY_REQUESTS:
        return {"error": {"code": "TooManyRequests", "message": "Please retry again later."}}
    name = HTTPStatus(fault.status).phrase
    return {"error": {"code": name.replace(" ", ""), "message": f"{name}."}}


class Listener:
    """Binds one service to a free loopback port."""

    def __init__(
        self,
        service: Service,
        tls: ssl.SSLContext,
        faults: Faults,
        requests: list[RecordedRequest],
        unserved: list[str],
    ) -> None:
        self._service = service
        self._tls = tls
        self._faults = faults
        self._requests = requests
        self._unserved = unserved
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self._port = 0
        self._held: socket.socket | None = None

    async def start(self) -> None:
        """Bind the port and tell the service its origin."""
        app = web.Application(middlewares=[self._middleware], client_max_size=_LARGEST_BODY)
        app.add_routes(self._service.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN)
        await self._runner.setup()
        handler = self._runner.server
        if handler is None:
            raise RuntimeError("the runner has no server after its set-up")
        self._server = await asyncio.get_running_loop().create_server(handler, "127.0.0.1", 0, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]
        self._service.origin = f"https://127.0.0.1:{self._port}"

    async def rebind(self, tls: ssl.SSLContext) -> None:
        """Go on at the same port with another certificate; every open connection is closed."""
        held, self._held = await self.refuse(), None
        if self._runner is None or self._runner.server is None:
            raise RuntimeError("the listener was not started")
        self._server = await asyncio.get_running_loop().create_server(self._runner.server, sock=held, ssl=tls)

    async def restore(self) -> None:
        """Go on at the same port with the usual certificate."""
        await self.rebind(self._tls)

    async def refuse(self) -> socket.socket:
        """Refuse connections; return what keeps the port, so that nobody else gets it, while nothing listens."""
        if self._server is not None:
            self._server.close()
            self._server.abort_clients()
            self._server = None
            await asyncio.sleep(0)
        if self._held is None:
            self._held = socket.socket()
            self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._held.bind(("127.0.0.1", self._port))
        return self._held

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._runner is None:
            return
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()
        if self._server is not None:
            # A connection whose TLS is still beginning or ending belongs to no handler yet, or no more.
            self._server.abort_clients()
        if self._held is not None:
            self._held.close()
        await asyncio.sleep(0)
        self._runner = self._server = self._held = None

    @web.middleware
    async def _middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            body = await request.read()
        except ConnectionResetError:  # the client left in the middle of its request
            return _abort(request)
        record = RecordedRequest(self._service.name, request.method, request.raw_path, headers, body)
        self._requests.append(record)
        try:
            for hook in list(self._faults.before):
                await hook(record)
        except DropRequest:
            return _abort(request)
        fault = self._faults.take(record.service, record.method, record.path)
        early = await _instead(request, fault)
        if early is not None:
            record.status = early.status if isinstance(fault, Status) else None
            return early
        response = await self._handle(request, handler)
        for hook in list(self._faults.after):
            await hook(record)
        if isinstance(fault, Reset):
            return _abort(request)
        if isinstance(fault, Timeout):
            return await silence(request)
        if isinstance(fault, Status):
            response = _answer_of(fault)
        record.status = response.status
        return response

    async def _handle(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.match_info.http_exception is not None:
            return self._refuse(f"{request.method} {request.path}")
        try:
            return await handler(request)
        except NotServed as missing:
            return self._refuse(str(missing))

    def _refuse(self, what: str) -> web.Response:
        self._unserved.append(f"{self._service.name}: {what}")
        return web.json_response(not_served_body(what), status=501)


async def _instead(request: web.Request, fault: Fault | None) -> web.StreamResponse | None:
    """Return what takes the answer's place before the service sees the request, if anything does."""
    match fault:
        case Latency(seconds):
            await asyncio.sleep(seconds)
        case Status(handled=False):
            return _answer_of(fault)
        case Timeout(handled=False):
            return await silence(request)
        case Reset(handled=False):
            return _abort(request)
    return None


def _answer_of(fault: Status) -> web.Response:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return web.json_response(fault_body(fault), status=fault.status, headers=headers)


async def silence(request: web.Request) -> web.Response:
    """Wait until the client, or the listener, has closed the connection."""
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110  # nothing tells us
        await asyncio.sleep(_LOOK_FOR_CLIENT)
    return web.Response()


def _abort(request: web.Request) -> web.Response:
    if isinstance(request.transport, asyncio.Transport):
        request.transport.abort()
    return web.Response()
