"""A service on loopback that answers whatever a test tells it to."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from aiohttp import web

from emulator.certificates import Certificates, prepare

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@cache
def certificates(directory: Path) -> Certificates:
    """Return the directory's certificates; nothing here changes them, so one set serves all tests."""
    return prepare(directory)


@dataclass
class Served:
    """Where it is, and what it was asked."""

    origin: str = ""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)


@asynccontextmanager
async def serving(tls: ssl.SSLContext, handler: Handler) -> AsyncIterator[Served]:
    """Serve one handler under every path for as long as the block lasts."""
    served = Served()

    async def answer(request: web.Request) -> web.StreamResponse:
        served.asked.append((request.method, request.path_qs, {k.lower(): v for k, v in request.headers.items()}))
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        served.origin = f"https://127.0.0.1:{runner.addresses[0][1]}"
        yield served
    finally:
        await runner.cleanup()
