"""Runs the command line as a child process."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 150.0


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return a bare environment with these settings."""
    bare = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**bare, "PYTHONPATH": str(ROOT), "COLUMNS": "80", **(settings or {})}


async def run(*arguments: str, settings: Mapping[str, str] | None = None) -> Ran:
    """Run a command to its end."""
    async with running(*arguments, settings=settings) as process:
        out, err = await asyncio.wait_for(process.communicate(), _PATIENCE)
        assert process.returncode is not None
        return Ran(process.returncode, out.decode(), err.decode())


@contextlib.asynccontextmanager
async def running(
    *arguments: str, settings: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a command, and end it if the test does not."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error::ResourceWarning", "-m", "cli", *arguments),
        env=environment(settings),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def interrupt(process: asyncio.subprocess.Process) -> Ran:
    """Press Ctrl-C and return what was said since."""
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), _PATIENCE)
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())


async def line_with(stream: asyncio.StreamReader | None, text: str) -> str:
    """Read on until a line contains the text, and return that line."""
    assert stream is not None
    async with asyncio.timeout(_PATIENCE):
        while line := (await stream.readline()).decode():
            if text in line:
                return line.strip()
    raise AssertionError(f"the stream ended without {text!r}")


def living_with(mark: str) -> list[str]:
    """Return the commands of processes whose environment holds a mark; it finds what a command left behind."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile, or belongs to somebody else
            if mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found
