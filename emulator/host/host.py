"""Puts the parts together: starts an app, fires its triggers until told to stop, and lets what runs come to its end."""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from emulator.host.errors import HostError
from emulator.host.host_json import HostOptions, read_host_json
from emulator.host.http import HttpFront, Keys
from emulator.host.logs import about, log, start_logging
from emulator.host.queues import QueuePump
from emulator.host.runner import Runner
from emulator.host.storage import Queues
from emulator.host.timers import Timer
from emulator.host.worker import Function, Worker

_LAST_ANSWERS_SECONDS = 1.0
_TRIGGERS = ("httpTrigger", "queueTrigger", "timerTrigger")


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the command line says."""

    app: Path
    port: int
    lock_seconds: int
    stop_seconds: int
    keys: Keys


async def serve(
    arguments: Arguments, settings: Mapping[str, str], ready: Callable[[str, list[str]], None], stop: asyncio.Event
) -> bool:
    """Serve an app until told to stop.

    Args:
        arguments: what to serve, and where.
        settings: the app settings, as the process found them in its environment.
        ready: called with the address and the functions once every trigger is armed.
        stop: ends the service when it is set.

    Returns:
        whether everything that ran came to its end in time.
    """
    worker = Worker(arguments.app)
    start_logging(worker.running_function)
    options = read_host_json(arguments.app)
    await worker.start()
    logging.getLogger().setLevel(options.log_level)
    queues = Queues(settings, options.queues.encoding)
    try:
        return await _fire(arguments, options, settings, worker, queues, ready, stop)
    finally:
        await queues.close()


async def _fire(
    arguments: Arguments,
    options: HostOptions,
    settings: Mapping[str, str],
    worker: Worker,
    queues: Queues,
    ready: Callable[[str, list[str]], None],
    stop: asyncio.Event,
) -> bool:
    functions = list(worker.functions.values())
    log.info("indexed %d functions: %s", len(functions), ", ".join(function.name for function in functions))
    for function in functions:
        _check(function, queues)
    runner = Runner(worker, queues)
    armed = [function for function in functions if not _disabled(function, settings)]
    front = HttpFront(functions, armed, options.route_prefix, arguments.keys, runner)
    timers = [Timer(function, settings, runner) for function in armed if function.trigger.type == "timerTrigger"]
    pumps = [
        QueuePump(function, queues, options.queues, arguments.lock_seconds, runner)
        for function in armed
        if function.trigger.type == "queueTrigger"
    ]
    for pump in pumps:
        await pump.prepare()
    site = web.AppRunner(front.application(), access_log=None, shutdown_timeout=_LAST_ANSWERS_SECONDS)
    await site.setup()
    try:
        url = await _listen(site, arguments.port)
        loops = [asyncio.create_task(timer.fire(stop)) for timer in timers]
        loops += [asyncio.create_task(pump.poll(stop)) for pump in pumps]
        ready(url, [function.name for function in functions])
        await _until_stopped(stop, loops)
        log.info("stopping: no new work is taken")
        for listener in list(site.sites):
            await listener.stop()
        ended = await _wind_up(loops, runner, arguments.stop_seconds)
    finally:
        await site.cleanup()
    if ended:
        worker.stop()
    return ended


def _check(function: Function, queues: Queues) -> None:
    """Refuse bindings whose data would be lost, and say which functions nothing here will fire."""
    if function.trigger.type not in _TRIGGERS:
        log.warning("has a %s, which this host never fires", function.trigger.type, extra=about(function.name))
    for binding in function.inputs:
        raise HostError(f"function {function.name}: input binding {binding.name} ({binding.type}) is not served here")
    for binding in function.outputs:
        if binding.type == "queue":
            queues.of(function, binding)
        elif binding.type != "http":
            raise HostError(
                f"function {function.name}: output binding {binding.name} ({binding.type}) is not served here"
            )


def _disabled(function: Function, settings: Mapping[str, str]) -> bool:
    """Say whether an app setting turns the function's trigger off; it can still be started by hand."""
    disabled = settings.get(f"AzureWebJobs.{function.name}.Disabled", "").lower() in {"true", "1"}
    if disabled:
        log.warning("is disabled by an app setting", extra=about(function.name))
    return disabled


async def _listen(site: web.AppRunner, port: int) -> str:
    try:
        await web.TCPSite(site, "127.0.0.1", port).start()
    except OSError as error:
        raise HostError(f"port {port} cannot be served: {error.strerror or error}") from error
    return f"http://127.0.0.1:{site.addresses[0][1]}"


async def _until_stopped(stop: asyncio.Event, loops: list[asyncio.Task[None]]) -> None:
    """Wait for the stop, or for a trigger's loop to fail: an app with a deaf trigger must not look healthy."""
    told = asyncio.create_task(stop.wait())
    await asyncio.wait([told, *loops], return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    for loop in loops:
        if loop.done():
            loop.result()


async def _wind_up(loops: list[asyncio.Task[None]], runner: Runner, seconds: int) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(*loops)
            await runner.idle()
    except TimeoutError:
        log.warning("functions still run after %d s and are abandoned", seconds)
        return False
    return True


def end_process(code: int) -> None:
    """Leave without waiting for threads that an abandoned function keeps busy."""
    log.info("ends with functions still running")
    os._exit(code)
