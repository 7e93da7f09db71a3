"""`python -m emulator.host`: serve a Functions app on loopback until SIGTERM or Ctrl-C."""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from emulator.host.errors import HostError
from emulator.host.host import Arguments, end_process, serve
from emulator.host.http import Keys
from emulator.host.logs import log

_TEN_MINUTES = "600"
_STOP_SECONDS = 10


def main() -> int:
    """Serve until told to stop and return the exit code."""
    arguments = _arguments()
    announce = sys.stdout

    def ready(url: str, functions: list[str]) -> None:
        print(json.dumps({"ready": True, "url": url, "functions": functions}), file=announce, flush=True)

    async def run() -> bool:
        stop = asyncio.Event()
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
        return await serve(arguments, os.environ, ready, stop)

    try:
        ended = asyncio.run(run())
    except HostError as error:
        log.critical("%s", error)
        return 1
    if not ended:
        end_process(0)
    return 0


def _arguments() -> Arguments:
    parser = argparse.ArgumentParser(prog="python -m emulator.host", description=__doc__)
    parser.add_argument(
        "--app", type=Path, default=Path(), help="folder of function_app.py and host.json (default: here)"
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: 0, a free one)")
    parser.add_argument(
        "--lock-seconds",
        type=int,
        default=os.environ.get("HOST_MESSAGE_LOCK_SECONDS", _TEN_MINUTES),
        help="how long a queue message stays invisible while its function runs (default: 600, as in Azure)",
    )
    parser.add_argument(
        "--stop-seconds", type=int, default=_STOP_SECONDS, help="how long to wait for running functions (default: 10)"
    )
    given = parser.parse_args()
    if given.lock_seconds < 1:
        parser.error("--lock-seconds must be at least 1")
    return Arguments(
        app=given.app.resolve(),
        port=given.port,
        lock_seconds=given.lock_seconds,
        stop_seconds=given.stop_seconds,
        keys=Keys(
            function=os.environ.get("HOST_FUNCTION_KEY", "local-function-key"),
            master=os.environ.get("HOST_MASTER_KEY", "local-master-key"),
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
