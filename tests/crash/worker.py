"""The worker as a process of its own that can be killed: the functions host with the product's function_app.py.

Each worker is forked from a server that has the libraries imported and nothing else: starting costs a third of what a
new interpreter costs, and no state of the product is shared between two workers.
"""

import asyncio
import json
import multiprocessing
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_NEVER = "0 0 0 1 1 *"
SETTINGS = {
    "PRATIQUE_MODE": "act",
    "PRATIQUE_SETTLE": "0.4",
    "PRATIQUE_RETRY": "0.3",
    "PRATIQUE_LOOK_AGAIN": "1",
    "PRATIQUE_LEASE": "2.5",
    "PRATIQUE_STEP": "2.4",
    "PRATIQUE_PATIENCE_INTERVALS": "100",
    "SWEEP_SCHEDULE": _NEVER,
    "AUDIT_SCHEDULE": _NEVER,
    "DUE_SCHEDULE": "* * * * * *",
    "FORECAST_SCHEDULE": _NEVER,
}
"""Short times; of the timers only the one that brings back what is due, so that each case has one source of news."""
_START_SECONDS = 60.0
_END_SECONDS = 30.0
_POLL = 0.03

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(
    [
        "emulator.host.__main__",
        "azure.functions",
        "shared.composition",
        "msgraph.generated.service_principals.item.synchronization.jobs.item.restart.restart_request_builder",
    ]
)


def app_folder(folder: Path, **queue_options: object) -> Path:
    """Lay out the app as deployed, but for waits of the host: an idle queue is asked again at once, not after 5 s."""
    options = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    options["extensions"]["queues"] |= {"maxPollingInterval": "00:00:00.1", **queue_options}
    folder.mkdir()
    (folder / "host.json").write_text(json.dumps(options), encoding="utf-8")
    (folder / "function_app.py").symlink_to(ROOT / "function_app.py")
    return folder


@dataclass(slots=True)
class Worker:
    """One started worker and the file that keeps what it says on either stream."""

    process: ForkServerProcess
    log: Path

    @classmethod
    async def start(cls, app: Path, environment: Mapping[str, str], log: Path) -> "Worker":
        """Start the host with these app settings; it need not be ready yet."""
        process = _server.Process(target=_serve, args=(str(app), dict(environment), str(log)), daemon=True)
        await asyncio.to_thread(process.start)
        return cls(process, log)

    async def url(self) -> str:
        """Wait until every trigger is armed and return the host's address."""
        async with asyncio.timeout(_START_SECONDS):
            while not (lines := [line for line in self.said().splitlines() if line.startswith('{"ready"')]):
                assert self.process.exitcode is None, self.said()
                await asyncio.sleep(_POLL)
        return str(json.loads(lines[0])["url"])

    def kill(self) -> None:
        """Send SIGKILL: nothing in the process runs after this."""
        self.process.kill()

    async def ended(self) -> int:
        """Wait until the process is gone and return its exit code."""
        await asyncio.to_thread(self.process.join, _END_SECONDS)
        assert self.process.exitcode is not None, self.said()
        return self.process.exitcode

    def said(self) -> str:
        """Return everything that it has said so far."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""


def _serve(app: str, environment: dict[str, str], log: str) -> None:
    """Become the host, as `python -m emulator.host` does."""
    from emulator.host.__main__ import main  # noqa: PLC0415 -- only in the forked process

    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    os.environ.clear()
    os.environ.update(kept | environment)
    with Path(log).open("ab", buffering=0) as both:
        os.dup2(both.fileno(), sys.stdout.fileno())
        os.dup2(both.fileno(), sys.stderr.fileno())
    sys.argv = ["emulator.host", "--app", app, "--lock-seconds", "1"]
    sys.exit(main())
