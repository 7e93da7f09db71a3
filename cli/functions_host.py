"""The local functions host as a child process that runs this repository's `function_app.py`, or that of a package."""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.errors import CommandError
from cli.home import ROOT, shown
from cli.package.alone import alone, link_worker

FUNCTION_KEY = "local-function-key"
_READY_SECONDS = 90.0
_STOP_SECONDS = 15.0
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "PRATIQUE_ACTING")


@dataclass(frozen=True, slots=True)
class FunctionsHost:
    """A running host."""

    url: str
    functions: tuple[str, ...]
    process: asyncio.subprocess.Process
    log: Path


@asynccontextmanager
async def functions_host(
    settings: Mapping[str, str], log: Path, port: int = 0, package: Path | None = None
) -> AsyncIterator[FunctionsHost]:
    """Run the host until the context ends; everything it logs goes to the file.

    From an unpacked package the app and its libraries are the package's; only the host and its worker are not. The
    settings are all that it gets: a proxy or an Azure identity of the caller's shell must not reach it. One
    variable of the shell does: PRATIQUE_ACTING, the switch that stops all acting.

    Raises:
        CommandError: it did not become ready.
    """
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment = {**inherited, "HOST_FUNCTION_KEY": FUNCTION_KEY, **settings}
    arguments = ("--app", str(package or ROOT), "--port", str(port))
    with tempfile.TemporaryDirectory(prefix="pratique-") as place:
        if package is None:
            environment["PYTHONPATH"] = str(ROOT)
            command = [sys.executable, "-m", "emulator.host", *arguments]
        else:
            link_worker(Path(place))
            command = alone(package, Path(place), "emulator.host", *arguments)
        with log.open("wb") as said:
            # A session of its own: Ctrl-C in the terminal reaches the caller, who ends the host in its turn.
            process = await asyncio.create_subprocess_exec(
                *command,
                env=environment,
                cwd=package or ROOT,
                stdout=asyncio.subprocess.PIPE,
                stderr=said,
                start_new_session=True,
            )
        try:
            url, functions = await _ready(process, log)
            yield FunctionsHost(url, functions, process, log)
        finally:
            await _stop(process)


async def _ready(process: asyncio.subprocess.Process, log: Path) -> tuple[str, tuple[str, ...]]:
    line = b""
    if process.stdout is not None:
        try:
            line = await asyncio.wait_for(process.stdout.readline(), _READY_SECONDS)
        except TimeoutError:
            raise CommandError(
                f"The functions host was not ready within {_READY_SECONDS:g} s; see {shown(log)}."
            ) from None
    if not line:
        raise CommandError(f"The functions host did not start: {last_line(log)} (all of it: {shown(log)})")
    ready = json.loads(line)
    return ready["url"], tuple(ready["functions"])


def last_line(log: Path) -> str:
    """Return the last thing that the host said, without its time and level."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["it said nothing"]
    return lines[-1].split(" ", 3)[-1]


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Let what runs come to its end; whatever happens here, no host is left behind."""
    try:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        pass  # it is killed below
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
