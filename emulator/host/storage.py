"""Storage queues as the bindings name them: connections from app settings, creation on first use, and the encoding."""

import base64
import binascii
import json
from collections.abc import Mapping

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from emulator.azurite import ACCOUNT, connection_string
from emulator.host.errors import HostError
from emulator.host.host_json import MessageEncoding, resolve
from emulator.host.logs import storage_log
from emulator.host.protos import Message
from emulator.host.runner import OutputError
from emulator.host.worker import Binding, Function

_DEFAULT_CONNECTION = "AzureWebJobsStorage"
_DEVELOPMENT = connection_string(
    f"http://127.0.0.1:10000/{ACCOUNT}", f"http://127.0.0.1:10001/{ACCOUNT}", f"http://127.0.0.1:10002/{ACCOUNT}"
)


class UndecodableError(Exception):
    """A message's text does not follow the encoding that host.json demands."""


class Queues:
    """The queues that an app's bindings name; one client for each connection."""

    def __init__(self, settings: Mapping[str, str], encoding: MessageEncoding) -> None:
        self._settings = settings
        self._encoding = encoding
        self._services: dict[str, QueueServiceClient] = {}

    async def close(self) -> None:
        """Close the connections."""
        for service in self._services.values():
            await service.close()

    def of(self, function: Function, binding: Binding) -> QueueClient:
        """Return the queue that a function's trigger or output names."""
        where = f"function {function.name}: queue"
        name = resolve(binding.settings["queueName"], self._settings, where)
        return self.named(name, binding)

    def named(self, name: str, beside: Binding) -> QueueClient:
        """Return a queue of the same account that a binding's queue is in."""
        return self._service(beside.settings.get("connection") or _DEFAULT_CONNECTION).get_queue_client(name)

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

    def _service(self, connection: str) -> QueueServiceClient:
        if connection not in self._services:
            self._services[connection] = QueueServiceClient.from_connection_string(
                _connection_string(connection, self._settings),
                # The caller decides on repeating: a poll comes again, a message becomes visible again.
                retry_total=0,
                connection_timeout=5,
                read_timeout=30,
                logger=storage_log,
            )
        return self._services[connection]


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


def _connection_string(connection: str, settings: Mapping[str, str]) -> str:
    value = settings.get(connection) or settings.get(f"AzureWebJobs{connection}")
    if not value:
        by_identity = [name for name in settings if name.startswith(f"{connection}__")]
        advice = (
            "connections by identity are not served here: set a connection string" if by_identity else "it is not set"
        )
        raise HostError(f"the app setting {connection} must hold a connection string; {advice}")
    if value.strip().rstrip(";").lower() == "usedevelopmentstorage=true":
        return _DEVELOPMENT
    return value


def _messages(data: Message) -> list[str | bytes]:
    if data.json is None:
        return [data.string if data.string is not None else data.bytes]
    value = json.loads(data.json)
    items = value if isinstance(value, list) else [value]
    return [item if isinstance(item, str) else json.dumps(item) for item in items]
