"""The worker as a process of its own that can be killed: the functions host with the product's function_app.py."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
_NEVER = "0 0 0 1 1 *"
SETTINGS = {
    "PRATIQUE_MODE": "act",
    "PRATIQUE_SETTLE": "0.4",
    "PRATIQUE_RETRY": "0.3",
    "PRATIQUE_LOOK_AGAIN": "1",
    "PRATIQUE_LEASE": "3",
    "PRATIQUE_STEP": "2.8",
    "PRATIQUE_PATIENCE_INTERVALS": "100",
    "SWEEP_SCHEDULE": _NEVER,
    "AUDIT_SCHEDULE": _NEVER,
    "DUE_SCHEDULE": "* * * * * *",
}
"""Short times; of the timers only the one that brings back what is due, so that each case has one source of news."""
_START_SECONDS = 60.0


@dataclass(slots=True)
class Worker:
    """One started worker and what it has said on either stream."""

    process: asyncio.subprocess.Process
    said: list[str] = field(default_factory=list)
    url: str = ""
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _reading: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    async def start(cls, environment: Mapping[str, str]) -> Self:
        """Start the host with these app settings; it need not be ready yet."""
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "emulator.host", "--app", str(ROOT), "--lock-seconds", "1"),
            env={**inherited, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **environment},
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        worker = cls(process)
        worker._reading = [asyncio.create_task(worker._read(stream)) for stream in (process.stdout, process.stderr)]
        return worker

    async def ready(self) -> None:
        """Wait until every trigger is armed."""
        async with asyncio.timeout(_START_SECONDS):
            await self._ready.wait()
        assert self.url, self.tail()

    def kill(self) -> None:
        """Send SIGKILL: nothing in the process runs after this."""
        self.process.kill()

    async def ended(self) -> None:
        """Wait until the process is gone and everything it said is read."""
        await self.process.wait()
        await asyncio.gather(*self._reading)

    def tail(self) -> str:
        """Return the last of what it said, for a failing test."""
        return "\n".join(line for line in self.said if "Request URL" not in line and "Response status" not in line)[-6000:]

    async def _read(self, stream: asyncio.StreamReader | None) -> None:
        assert stream is not None
        try:
            while line := await stream.readline():
                self.said.append(line.decode(errors="replace").rstrip("\n"))
                if stream is self.process.stdout:
                    self.url = json.loads(self.said[-1])["url"]
                    self._ready.set()
        finally:
            self._ready.set()  # ended before it was ready: whoever waits must not wait on
