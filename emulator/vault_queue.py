"""Where Event Grid delivers the vault's events: a Storage queue, or a list when there is no storage."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from azure.core.exceptions import ResourceExistsError
from azure.storage.queue.aio import QueueClient

VAULT_QUEUE = "pratique-vault-events"


@dataclass(slots=True)
class VaultQueue:
    """The end of an Event Grid subscription."""

    connection: str | None
    kept: list[str] = field(default_factory=list)
    _queue: QueueClient | None = None

    async def open(self, stack: AsyncExitStack) -> None:
        """Find or make the queue, for as long as the stack is open."""
        if self.connection is None:
            return
        self._queue = await stack.enter_async_context(QueueClient.from_connection_string(self.connection, VAULT_QUEUE))
        try:
            await self._queue.create_queue()
        except ResourceExistsError:
            return  # the functions host, or an earlier run, made it

    async def deliver(self, text: str) -> None:
        """Put one event on the queue, or keep it."""
        if self._queue is None:
            self.kept.append(text)
        else:
            await self._queue.send_message(text)
