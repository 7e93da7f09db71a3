"""A SCIM service on loopback that answers exactly what a test tells it to, and remembers what it was asked."""

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
SCIM = "application/scim+json"
type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Target:
    """What the service answers for users and for its configuration."""

    users: Handler
    config: Handler
    origin: str = ""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        self.asked.append((request.method, request.path_qs, dict(request.headers)))
        return await (self.config if request.path.endswith("ServiceProviderConfig") else self.users)(request)


def says(body: object, status: int = 200, content_type: str = SCIM, **headers: str) -> Handler:
    """Return a handler that always gives this answer."""
    text = body if isinstance(body, str) else json.dumps(body)

    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, status=status, content_type=content_type, headers=headers)

    return handler


NOBODY = {"schemas": [LIST], "totalResults": 0, "Resources": []}
EVERYBODY = {"schemas": [LIST], "totalResults": 2, "Resources": [{"userName": "a"}, {"userName": "b"}]}
CONFIG = says({"patch": {"supported": True}})


@asynccontextmanager
async def target(server: ssl.SSLContext | None, users: Handler, config: Handler = CONFIG) -> AsyncIterator[Target]:
    """Serve for as long as the block lasts."""
    serving = Target(users, config)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", serving.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server)
        await site.start()
        serving.origin = f"https://127.0.0.1:{runner.addresses[0][1]}"
        yield serving
    finally:
        await runner.cleanup()
