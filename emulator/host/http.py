"""Serves HTTP triggers and the admin route, with keys."""

import asyncio
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aiohttp import web
from multidict import CIMultiDict, MultiMapping

from emulator.host.errors import HostError
from emulator.host.logs import about, log
from emulator.host.protos import Message, http_data
from emulator.host.queues import queue_data
from emulator.host.routing import RouteTemplate, most_exact
from emulator.host.runner import Runner
from emulator.host.timers import timer_data
from emulator.host.worker import Function

_LARGEST_BODY = 100 * 1024 * 1024  # the Functions host's limit: 100 MB
_SAME_SITE = {1: "Lax", 2: "Strict", 3: "None"}


class AuthLevel(StrEnum):
    """Which key a request needs."""

    ANONYMOUS = "ANONYMOUS"
    FUNCTION = "FUNCTION"
    ADMIN = "ADMIN"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of this host: one for functions, one (the master key) for everything."""

    function: str
    master: str

    def allow(self, request: web.Request, level: AuthLevel) -> bool:
        """Say whether the request carries a key that is good for this level."""
        if level is AuthLevel.ANONYMOUS:
            return True
        given = (request.headers.get("x-functions-key") or request.query.get("code", "")).encode()
        good = [self.master] if level is AuthLevel.ADMIN else [self.master, self.function]
        return any(hmac.compare_digest(given, key.encode()) for key in good)


@dataclass(frozen=True, slots=True)
class _Endpoint:
    function: Function
    methods: frozenset[str]
    level: AuthLevel


class HttpFront:
    """Answers requests for HTTP-triggered functions and for `/admin/functions/{name}`."""

    def __init__(
        self, functions: Iterable[Function], armed: Iterable[Function], route_prefix: str, keys: Keys, runner: Runner
    ) -> None:
        self._functions = {function.name.lower(): function for function in functions}
        self._keys = keys
        self._runner = runner
        self._routes = most_exact(
            _route(function, route_prefix) for function in armed if function.trigger.type == "httpTrigger"
        )

    def application(self) -> web.Application:
        """Return the web application to serve."""
        application = web.Application(client_max_size=_LARGEST_BODY)
        application.router.add_post("/admin/functions/{name}", self._admin)
        application.router.add_route("*", "/{path:(?s:.*)}", self._dispatch)
        return application

    async def _dispatch(self, request: web.Request) -> web.Response:
        matches = [
            (endpoint, parameters)
            for template, endpoint in self._routes
            if (parameters := template.match(request.rel_url.raw_path)) is not None
        ]
        if not matches:
            return web.Response(status=404)
        for endpoint, parameters in matches:
            if request.method in endpoint.methods:
                if not self._keys.allow(request, endpoint.level):
                    return web.Response(status=401)
                return await self._invoke(request, endpoint.function, parameters)
        allowed = sorted(method for endpoint, _ in matches for method in endpoint.methods)
        return web.Response(status=405, headers={"Allow": ", ".join(allowed)})

    async def _invoke(self, request: web.Request, function: Function, parameters: dict[str, str]) -> web.Response:
        data = http_data(
            method=request.method,
            url=str(request.url),
            headers={name.lower(): value for name, value in _joined(request.headers).items()},
            query=_joined(request.query),
            params=parameters,
            body=await request.read(),
        )
        # What was started is finished, as in Azure, even when the client has gone.
        work = self._runner.start(self._runner.run(function, data, {}, f"{request.method} {request.path}"))
        outcome = await asyncio.shield(work)
        if not outcome.succeeded:
            return web.Response(status=500)
        returned = [outcome.outputs.get(binding.name) for binding in function.outputs if binding.type == "http"]
        return _response(returned[0] if returned else None)

    async def _admin(self, request: web.Request) -> web.Response:
        if not self._keys.allow(request, AuthLevel.ADMIN):
            return web.Response(status=401)
        function = self._functions.get(request.match_info["name"].lower())
        if function is None:
            return web.Response(status=404)
        given = _input(await request.text())
        if given is None:
            return _refused("the body must be a JSON object whose 'input' is a text")
        if function.trigger.type == "timerTrigger":
            data, metadata = timer_data(last=None, following=None), {}
        elif function.trigger.type == "queueTrigger":
            data, metadata = queue_data(given), {"Id": "", "DequeueCount": "1", "PopReceipt": ""}
        else:
            return _refused(f"{function.name} has a {function.trigger.type}: only timers and queue triggers start here")
        self._runner.start(self._runner.run(function, data, metadata, "admin request"))
        return web.Response(status=202)


def _route(function: Function, prefix: str) -> tuple[RouteTemplate, _Endpoint]:
    settings = function.trigger.settings
    text = "/".join(filter(None, (prefix, str(settings.get("route") or function.name).strip("/"))))
    methods = settings.get("methods") or ["GET", "POST"]
    level = str(settings.get("authLevel") or AuthLevel.FUNCTION).upper()
    try:
        template = RouteTemplate.parse(text)
        endpoint = _Endpoint(function, frozenset(str(method).upper() for method in methods), AuthLevel(level))
    except ValueError as error:
        raise HostError(f"function {function.name}: {error}") from error
    except HostError as error:
        raise HostError(f"function {function.name}: {error}") from error
    log.info("serves %s /%s", ", ".join(sorted(endpoint.methods)), text, extra=about(function.name))
    return template, endpoint


def _joined(values: MultiMapping[str]) -> dict[str, str]:
    return {name: ",".join(values.getall(name)) for name in values}


def _input(body: str) -> str | None:
    """Read `{"input": "..."}`, the body of an admin request; None where it is something else."""
    try:
        given: Any = json.loads(body) if body.strip() else {}
    except ValueError:
        return None
    text = given.get("input", "") if isinstance(given, dict) else None
    return text if isinstance(text, str) else None


def _refused(message: str) -> web.Response:
    return web.json_response({"error": message}, status=400)


def _response(data: Message | None) -> web.Response:
    if data is None:
        return web.Response(status=204)
    if data.http is None:
        return web.Response(text=data.string if data.string is not None else data.json)
    answer = data.http
    response = web.Response(status=int(answer.status_code), body=answer.body.bytes, headers=CIMultiDict(answer.headers))
    for cookie in answer.cookies or []:
        response.set_cookie(
            cookie.name,
            cookie.value,
            path=(cookie.path and cookie.path.value) or "/",
            domain=(cookie.domain and cookie.domain.value) or None,
            max_age=int(cookie.max_age.value) if cookie.max_age else None,
            secure=bool(cookie.secure and cookie.secure.value),
            httponly=bool(cookie.http_only and cookie.http_only.value),
            samesite=_SAME_SITE.get(cookie.same_site),
        )
    return response
