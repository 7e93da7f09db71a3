"""Storage queues as the bindings name them: creation on first use, delivery of outputs, and the encoding."""

import base64
import binascii
import json
from collections.abc import Mapping

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient

from emulator.host.connections import Connections
from emulator.host.host_json import MessageEncoding, resolve
from emulator.host.protos import Message
from emulator.host.runner import OutputError
from emulator.host.worker import Binding, Function

_DEFAULT_CONNECTION = "AzureWebJobsStorage"


class UndecodableError(Exception):
    """A message's text does not follow the encoding that host.json demands."""


class Queues:
    """The queues that an app's bindings name."""

    def __init__(self, settings: Mapping[str, str], encoding: MessageEncoding) -> None:
        self._settings = settings
        self._encoding = encoding
        self._connections = Connections(settings)

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()

    def of(self, function: Function, binding: Binding) -> QueueClient:
        """Return the queue that a function's trigger or output names."""
        where = f"function {function.name}: queue"
        name = resolve(binding.settings["queueName"], self._settings, where)
        return self.named(name, binding)

    def named(self, name: str, beside: Binding) -> QueueClient:
        """Return a queue of the same account that a binding's queue is in."""
        connection = str(beside.settings.get("connection") or _DEFAULT_CONNECTION)
        return self._connections.service(connection).get_queue_client(name)

    def decode(self, text: str) -> str | bytes:
        """Return the content of a message: text where it is UTF-8, else bytes."""
        if self._encoding is MessageEncoding.NONE:
            return text
        try:
            # .NET's decoder skips white space.
            content = base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise UndecodableError(str(error)) from error
        try:
            return content.decode()
        except UnicodeDecodeError:
            return content

    def encode(self, content: str | bytes) -> str:
        """Return the text that a message with this content has on the queue."""
        if self._encoding is MessageEncoding.BASE64:
            return base64.b64encode(content.encode() if isinstance(content, str) else content).decode()
        return content if isinstance(content, str) else content.decode()

    async def deliver(self, function: Function, written: Mapping[str, Message]) -> None:
        """Send what a function wrote to its queue outputs."""
        for binding in function.outputs:
            if binding.type == "queue" and binding.name in written:
                try:
                    queue = self.of(function, binding)
                    for content in _messages(written[binding.name]):
                        await send(queue, self.encode(content))
                except (AzureError, UnicodeDecodeError) as error:
                    raise OutputError(f"output {binding.name} was not delivered: {error}") from error


async def create(queue: QueueClient) -> None:
    """Create a queue where there is none."""
    try:
        await queue.create_queue()
    except ResourceExistsError:
        return


async def send(queue: QueueClient, text: str) -> None:
    """Put a message on a queue, creating the queue where there is none."""
    try:
        await queue.send_message(text)
    except ResourceNotFoundError:
        await create(queue)
        await queue.send_message(text)


def _messages(data: Message) -> list[str | bytes]:
    if data.json is None:
        return [data.string if data.string is not None else data.bytes]
    value = json.loads(data.json)
    items = value if isinstance(value, list) else [value]
    return [item if isinstance(item, str) else json.dumps(item) for item in items]
