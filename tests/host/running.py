"""Runs the host as a child process and talks to it and to its queues."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient
from yarl import URL

from emulator.azurite import Storage

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = Path(__file__).resolve().parent / "sample_app"
FUNCTION_KEY = {"x-functions-key": "local-function-key"}
MASTER_KEY = {"x-functions-key": "local-master-key"}
_PATIENCE = 20.0


@dataclass(slots=True)
class RunningHost:
    """A started host: its address, what it said, and the prefix that keeps its queues apart from other tests'."""

    process: asyncio.subprocess.Process
    prefix: str
    url: str = ""
    functions: list[str] = field(default_factory=list)
    out: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    async def request(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, str, dict[str, str]]:
        """Send one request and return status, body and headers."""
        address = URL(self.url + path, encoded=True)
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, address, headers=headers, data=body) as response,
        ):
            return response.status, await response.text(), dict(response.headers)

    def lines(self, function: str, containing: str) -> list[str]:
        """Return the log lines of a function that contain a text."""
        return [line for line in self.log if line.split(" ", 3)[2] == function and containing in line]


def settings(storage: Storage, prefix: str, **extra: str) -> dict[str, str]:
    """Return the environment of a host for the sample app."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AzureWebJobsStorage": storage.connection_string,
        "PREFIX": prefix,
        "TICK_SCHEDULE": "0 0 0 1 1 *",
        "TICK_SECONDS": "0",
        **extra,
    }


async def start(app: Path, environment: dict[str, str], *arguments: str) -> asyncio.subprocess.Process:
    """Start a host process for an app."""
    command = [sys.executable, "-W", "error", "-m", "emulator.host", "--app", str(app), *arguments]
    return await asyncio.create_subprocess_exec(
        *command, env=environment, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


@contextlib.asynccontextmanager
async def host(
    storage: Storage,
    *arguments: str,
    app: Path = SAMPLE,
    prefix: str = "",
    disabled: Sequence[str] = (),
    **extra: str,
) -> AsyncIterator[RunningHost]:
    """Run a host until it is ready, hand it over, and end it with SIGTERM if it still runs."""
    extra |= {f"AzureWebJobs.{name}.Disabled": "true" for name in disabled}
    prefix = prefix or f"t{uuid.uuid4().hex[:10]}"
    process = await start(app, settings(storage, prefix, **extra), *arguments)
    running = RunningHost(process, prefix)
    reading = [
        asyncio.create_task(_read(process.stdout, running.out)),
        asyncio.create_task(_read(process.stderr, running.log)),
    ]
    try:
        await until(lambda: bool(running.out) or process.returncode is not None)
        assert running.out, "\n".join(running.log)
        ready = json.loads(running.out[0])
        assert ready["ready"] is True
        running.url, running.functions = ready["url"], ready["functions"]
        yield running
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), _PATIENCE) == 0, "\n".join(running.log)
        assert not [line for line in running.log if "critical" in line.split(" ", 2)[1]]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await asyncio.gather(*reading)


async def refused(app: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Start a host that must not become ready; return its exit code and its log."""
    process = await start(app, environment)
    out, log = await asyncio.wait_for(process.communicate(), _PATIENCE)
    assert out == b""
    assert process.returncode is not None
    return process.returncode, log.decode()


async def _read(stream: asyncio.StreamReader | None, lines: list[str]) -> None:
    assert stream is not None
    # One by one: tests look at the lines while the host runs.
    while line := await stream.readline():
        lines.append(line.decode().rstrip("\n"))


async def until(holds: Callable[[], bool | Awaitable[bool]], *, seconds: float = _PATIENCE) -> None:
    """Wait until something holds, and fail when it takes too long."""
    deadline = time.monotonic() + seconds
    while True:
        held = holds()
        if held if isinstance(held, bool) else await held:
            return
        assert time.monotonic() < deadline, "it did not come to pass in time"
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def queue(storage: Storage, name: str) -> AsyncIterator[QueueClient]:
    """Open a queue, creating it where there is none."""
    client = QueueClient.from_connection_string(storage.connection_string, name, retry_total=0)
    async with client:
        with contextlib.suppress(ResourceExistsError):
            await client.create_queue()
        yield client


async def send(storage: Storage, name: str, text: str) -> None:
    """Put a text on a queue as it is."""
    async with queue(storage, name) as client:
        await client.send_message(text)


async def seen(storage: Storage, running: RunningHost, count: int) -> list[dict[str, Any]]:
    """Wait until the sample app has written that many results and return all there are."""

    async def enough() -> bool:
        return len(await texts(storage, f"{running.prefix}-seen")) >= count

    await until(enough)
    return [json.loads(text) for text in await texts(storage, f"{running.prefix}-seen")]


async def texts(storage: Storage, name: str) -> list[str]:
    """Return the visible texts on a queue without taking them."""
    async with QueueClient.from_connection_string(storage.connection_string, name, retry_total=0) as client:
        try:
            return [message.content for message in await client.peek_messages(max_messages=32)]
        except ResourceNotFoundError:
            return []


async def length(storage: Storage, name: str) -> int:
    """Return how many messages a queue holds, taken ones included."""
    async with QueueClient.from_connection_string(storage.connection_string, name, retry_total=0) as client:
        return (await client.get_queue_properties()).approximate_message_count or 0
