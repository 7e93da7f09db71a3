"""Runs a command's work so that every way of ending it, short of SIGKILL, ends what it started as well."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

INTERRUPTED = 130


def run(work: Coroutine[Any, Any, int], *, when_stopped: int = INTERRUPTED) -> int:
    """Run to the end and return the exit code; Ctrl-C, SIGTERM and SIGHUP cancel the work, once."""
    stopped = False

    async def main() -> int:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()

        def stop() -> None:
            nonlocal stopped
            if not stopped and task is not None:
                stopped = True
                task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop)
        return await work

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        if not stopped:
            raise
        return when_stopped
