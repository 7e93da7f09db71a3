"""Runs functions for whatever fired them, logs how it went, and knows what is still running."""

import asyncio
import time
from collections.abc import Coroutine, Mapping
from typing import Any, Protocol

from emulator.host.logs import about, log
from emulator.host.protos import Message
from emulator.host.worker import Function, Outcome, Worker


class OutputError(Exception):
    """What a function wrote to an output binding could not be delivered."""


class Outputs(Protocol):
    """Delivers what a function wrote to its output bindings."""

    async def deliver(self, function: Function, written: Mapping[str, Message]) -> None:
        """Deliver everything or raise `OutputError`."""
        ...


class Runner:
    """Invokes functions and delivers their outputs; an output that cannot be delivered fails the invocation."""

    def __init__(self, worker: Worker, outputs: Outputs) -> None:
        self._worker = worker
        self._outputs = outputs
        self._background: set[asyncio.Task[Any]] = set()

    async def run(self, function: Function, data: Message, metadata: Mapping[str, str], cause: str) -> Outcome:
        """Run a function once; a function that raises is an outcome, not an exception."""
        log.info("started by %s", cause, extra=about(function.name))
        begun = time.monotonic()
        outcome = await self._worker.invoke(function, data, metadata)
        if outcome.succeeded:
            try:
                await self._outputs.deliver(function, outcome.outputs)
            except OutputError as error:
                outcome = Outcome(error=str(error), outputs={})
        spent = (time.monotonic() - begun) * 1000
        if outcome.succeeded:
            log.info("succeeded after %.0f ms", spent, extra=about(function.name))
        else:
            log.error("failed after %.0f ms: %s", spent, outcome.error, extra=about(function.name))
        return outcome

    def start[T](self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin work that `idle` waits for, whoever else does."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._ended)
        return task

    async def idle(self) -> None:
        """Wait until nothing that was started is running."""
        while self._background:
            await asyncio.wait(self._background)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.critical("the host itself failed", exc_info=error)


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event at most that long and say whether it is set."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
