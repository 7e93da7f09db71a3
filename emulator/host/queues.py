"""Fires Storage queue triggers, after the Storage queues extension 5.x of the Functions host.

A message is taken invisible for ten minutes (here a setting), the lock is renewed at half time while its function
runs, and it is deleted when the function succeeds. When the function fails, the message becomes visible again after
`visibilityTimeout`; after `maxDequeueCount` tries it moves to `<queue>-poison`. A message that does not follow the
encoding moves there at once, unread (azure-sdk-for-net pull request 18326). A poison queue has no poison queue of its
own. After a full hand of messages the next is fetched when no more than `newBatchThreshold` are still running.
"""

import asyncio
import math
from datetime import datetime
from typing import override

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from emulator.host.errors import HostError
from emulator.host.host_json import QueueOptions
from emulator.host.logs import about, log
from emulator.host.protos import Message, bytes_data, text_data
from emulator.host.runner import Runner, set_within
from emulator.host.storage import Queues, UndecodableError, create, send
from emulator.host.worker import Function

_FIRST_WAIT = 0.05
_POISON = "-poison"


class _Lock:
    """A message's lock; every renewal gives it another receipt."""

    def __init__(self, queue: QueueClient, message: QueueMessage, seconds: int) -> None:
        self._queue = queue
        self._message = message
        self._seconds = seconds
        self._receipt: str = message.pop_receipt or ""

    async def keep(self, done: asyncio.Event) -> None:
        """Renew the lock at half time until the work is done.

        It is told to end and never cancelled: after a cancelled request nobody knows which receipt is the valid one.
        """
        while not await set_within(done, self._seconds / 2):
            await self.release(self._seconds)

    async def release(self, seconds: int) -> None:
        """Make the message visible in that many seconds."""
        updated = await self._queue.update_message(self._message.id, self._receipt, visibility_timeout=seconds)
        self._receipt = updated.pop_receipt or self._receipt

    async def delete(self) -> None:
        """Take the message off the queue for good."""
        await self._queue.delete_message(self._message.id, self._receipt)

    @override
    def __repr__(self) -> str:
        return f"message {self._message.id}"


class QueuePump:
    """Takes messages from one queue and runs one function with each."""

    def __init__(
        self, function: Function, queues: Queues, options: QueueOptions, lock_seconds: int, runner: Runner
    ) -> None:
        self._function = function
        self._queues = queues
        self._options = options
        self._lock_seconds = lock_seconds
        self._runner = runner
        self._queue = queues.of(function, function.trigger)
        self._running: set[asyncio.Task[None]] = set()

    async def prepare(self) -> None:
        """Create the queue where there is none."""
        try:
            await create(self._queue)
        except AzureError as error:
            where = f"queue {self._queue.queue_name} of function {self._function.name}"
            raise HostError(f"{where} cannot be reached at {self._queue.primary_hostname}: {error}") from error

    async def poll(self, stop: asyncio.Event) -> None:
        """Take messages until told to stop; what runs then is left to the runner."""
        longest = self._options.max_polling_interval.total_seconds()
        wait = _FIRST_WAIT
        while not stop.is_set():
            messages = await self._receive()
            for message in messages:
                task = self._runner.start(self._process(message))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
            if messages:
                wait = _FIRST_WAIT
                await self._room()
            else:
                await set_within(stop, wait)
                wait = min(wait * 2, longest)

    async def _room(self) -> None:
        while len(self._running) > self._options.new_batch_threshold:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    async def _receive(self) -> list[QueueMessage]:
        count = self._options.batch_size
        try:
            pages = self._queue.receive_messages(
                messages_per_page=count, max_messages=count, visibility_timeout=self._lock_seconds
            )
            return [message async for message in pages]
        except ResourceNotFoundError:
            self._say(f"queue {self._queue.queue_name} is gone and is created again")
        except AzureError as error:
            self._say(f"queue {self._queue.queue_name} cannot be read: {error}")
            return []
        await self._recreate()
        return []

    async def _recreate(self) -> None:
        try:
            await create(self._queue)
        except AzureError as error:
            # A queue that is being deleted cannot be created yet; the next poll tries again.
            self._say(f"queue {self._queue.queue_name} cannot be created: {error}")

    async def _process(self, message: QueueMessage) -> None:
        lock = _Lock(self._queue, message, self._lock_seconds)
        try:
            if (message.dequeue_count or 0) > self._options.max_dequeue_count:
                await self._poison(message, lock, "was taken too often already")
                return
            try:
                content = self._queues.decode(message.content)
            except UndecodableError:
                await self._poison(message, lock, f"is not encoded as {self._options.encoding}")
                return
            if await self._run(message, content, lock):
                await lock.delete()
            elif (message.dequeue_count or 0) >= self._options.max_dequeue_count:
                await self._poison(message, lock, f"failed {message.dequeue_count} times")
            else:
                await lock.release(math.ceil(self._options.visibility_timeout.total_seconds()))
        except AzureError as error:
            self._say(f"{lock} could not be completed and comes again when its lock ends: {error}")

    async def _run(self, message: QueueMessage, content: str | bytes, lock: _Lock) -> bool:
        done = asyncio.Event()
        keeping = asyncio.create_task(lock.keep(done))
        try:
            outcome = await self._runner.run(
                self._function, queue_data(content), _metadata(message, content), f"queue message {message.id}"
            )
        finally:
            done.set()
            try:
                await keeping
            except AzureError as error:
                self._say(f"{lock} could not be kept locked: {error}")
        return outcome.succeeded

    async def _poison(self, message: QueueMessage, lock: _Lock, reason: str) -> None:
        name = self._queue.queue_name
        if name.endswith(_POISON):
            await lock.release(math.ceil(self._options.visibility_timeout.total_seconds()))
            return
        await send(self._queues.named(name + _POISON, self._function.trigger), message.content)
        await lock.delete()
        log.error("%s %s and was moved to %s%s", lock, reason, name, _POISON, extra=about(self._function.name))

    def _say(self, text: str) -> None:
        log.warning("%s", text, extra=about(self._function.name))


def queue_data(content: str | bytes) -> Message:
    """Wrap a message's content as the host hands it to a queue trigger."""
    return text_data(content) if isinstance(content, str) else bytes_data(content)


def _metadata(message: QueueMessage, content: str | bytes) -> dict[str, str]:
    metadata = {
        "Id": message.id,
        "DequeueCount": str(message.dequeue_count),
        "InsertionTime": _iso(message.inserted_on),
        "ExpirationTime": _iso(message.expires_on),
        "NextVisibleTime": _iso(message.next_visible_on),
        "PopReceipt": message.pop_receipt or "",
    }
    if isinstance(content, str):
        metadata["QueueTrigger"] = content
    return metadata


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
