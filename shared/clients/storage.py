"""Azure Storage: table rows with ETags, and queues; made on first use where the identity may make them.

What a 403 means stands in the service's error code, which our errors carry. Sources: Azure support page "Troubleshoot
403 errors in Azure Blob Storage", which describes what is common to all of Storage; Storage REST API, "Status and error
codes". Azurite says of a wrong key what the service says of a wrong network, and tells them apart by the text alone.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self
from urllib.parse import quote

from azure.core import MatchConditions
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient, TableServiceClient
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from shared.errors import Conflict, Unavailable
from shared.redaction import SecretValue, redact


class Refusal(StrEnum):
    """Why the service refused, by its own error code."""

    ROLE = "AuthorizationPermissionMismatch"
    """The caller is known and its roles do not allow it."""
    NETWORK = "AuthorizationFailure"
    """Public access is off, or the firewall lets in neither this address nor this network."""
    CREDENTIAL = "AuthenticationFailed"
    """The account key is wrong, or the caller's clock."""
    NO_KEYS = "KeyBasedAuthenticationNotPermitted"
    """The account takes identities alone."""


_NOT_AUTHENTICATED = "Server failed to authenticate"


@dataclass(frozen=True, slots=True)
class Row:
    """A stored row and the ETag that says which state of it was read."""

    values: Mapping[str, Any]
    etag: str


class Table:
    """One table; every failure of the service is `Unavailable`, a lost race is `Conflict`."""

    def __init__(self, client: TableClient) -> None:
        self._client = client
        self._made = False

    async def get(self, partition: str, key: str) -> Row | None:
        """Read one row; None means that there is none."""
        client = await self._ready()
        try:
            entity = await client.get_entity(partition, table_key(key))
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise _unavailable("read a row", error) from error
        return Row(dict(entity), entity.metadata["etag"] or "")

    async def insert(self, partition: str, key: str, values: Mapping[str, Any]) -> str:
        """Add a row and return its ETag.

        Raises:
            Conflict: it exists already.
        """
        client = await self._ready()
        try:
            done = await client.create_entity(_entity(partition, key, values))
        except ResourceExistsError as error:
            message = "the row exists already"
            raise Conflict(message) from error
        except AzureError as error:
            raise _unavailable("add a row", error) from error
        return str(done["etag"])

    async def replace(self, partition: str, key: str, values: Mapping[str, Any], etag: str) -> str:
        """Replace the row that was read and return its new ETag.

        Raises:
            Conflict: it changed since, or is gone.
        """
        client = await self._ready()
        try:
            done = await client.update_entity(
                _entity(partition, key, values),
                mode=UpdateMode.REPLACE,
                etag=etag,
                match_condition=MatchConditions.IfNotModified,
            )
        except (ResourceModifiedError, ResourceNotFoundError) as error:
            message = "the row changed since it was read"
            raise Conflict(message) from error
        except AzureError as error:
            raise _unavailable("replace a row", error) from error
        return str(done["etag"])

    async def put(self, partition: str, key: str, values: Mapping[str, Any]) -> None:
        """Write a row whatever was there."""
        client = await self._ready()
        try:
            await client.upsert_entity(_entity(partition, key, values), mode=UpdateMode.REPLACE)
        except AzureError as error:
            raise _unavailable("write a row", error) from error

    async def merge(self, partition: str, key: str, changes: Mapping[str, Any]) -> None:
        """Write only these values of a row, whatever else it holds; make it when there is none."""
        client = await self._ready()
        try:
            await client.upsert_entity(_entity(partition, key, changes), mode=UpdateMode.MERGE)
        except AzureError as error:
            raise _unavailable("write a row", error) from error

    async def delete(self, partition: str, key: str, etag: str | None = None) -> None:
        """Remove a row; with an ETag only if it is still the one that was read; a row that is gone is fine.

        Raises:
            Conflict: it changed since it was read.
        """
        client = await self._ready()
        condition = MatchConditions.IfNotModified if etag else MatchConditions.Unconditionally
        try:
            await client.delete_entity(partition, table_key(key), etag=etag, match_condition=condition)
        except ResourceNotFoundError:
            return
        except ResourceModifiedError as error:
            message = "the row changed since it was read"
            raise Conflict(message) from error
        except AzureError as error:
            raise _unavailable("remove a row", error) from error

    async def query(self, condition: str = "", **parameters: Any) -> AsyncIterator[Row]:
        """Read the rows that meet an OData condition with `@name` parameters; all rows when there is none."""
        client = await self._ready()
        try:
            entities = client.query_entities(condition, parameters=parameters) if condition else client.list_entities()
            async for entity in entities:
                yield Row(dict(entity), entity.metadata["etag"] or "")
        except AzureError as error:
            raise _unavailable("read rows", error) from error

    async def _ready(self) -> TableClient:
        if not self._made:
            try:
                await self._client.create_table()
            except ResourceExistsError:
                pass  # the normal case: it was made before
            except AzureError as error:
                raise _unavailable("make a table", error) from error
            self._made = True
        return self._client


class Queue:
    """One queue whose messages are plain text (`messageEncoding: none`)."""

    def __init__(self, client: QueueClient) -> None:
        self._client = client
        self._made = False

    async def send(self, text: str) -> None:
        """Put one message on the queue, to be handled now."""
        try:
            if not self._made:
                await self._make()
            await self._client.send_message(text)
        except AzureError as error:
            raise _unavailable("put a message on a queue", error) from error

    async def make(self) -> None:
        """Make the queue where it is missing; that it can be made is also shown where it is there."""
        try:
            await self._make()
        except AzureError as error:
            raise _unavailable("make a queue", error) from error

    async def waiting(self) -> int:
        """Return about how many messages lie there, which the service knows no better; none where there is no queue."""
        try:
            return (await self._client.get_queue_properties()).approximate_message_count or 0
        except ResourceNotFoundError:
            return 0
        except AzureError as error:
            raise _unavailable("count a queue's messages", error) from error

    async def _make(self) -> None:
        with suppress(ResourceExistsError):  # the normal case: it was made before
            await self._client.create_queue()
        self._made = True


class Storage:
    """The storage account: by connection string in development, by identity in Azure."""

    def __init__(self, tables: TableServiceClient, queues: QueueServiceClient) -> None:
        self._tables = tables
        self._queues = queues

    @classmethod
    def from_connection_string(cls, connection: SecretValue) -> Self:
        """Reach storage by a connection string."""
        text = connection.reveal()
        return cls(TableServiceClient.from_connection_string(text), QueueServiceClient.from_connection_string(text))

    @classmethod
    def from_identity(cls, table_uri: str, queue_uri: str, credential: AsyncTokenCredential) -> Self:
        """Reach storage by identity (Storage Table Data Contributor, Storage Queue Data Contributor)."""
        tables = TableServiceClient(endpoint=table_uri, credential=credential)
        return cls(tables, QueueServiceClient(account_url=queue_uri, credential=credential))

    def table(self, name: str) -> Table:
        """Return a table by name."""
        return Table(self._tables.get_table_client(name))

    def queue(self, name: str) -> Queue:
        """Return a queue by name."""
        return Queue(self._queues.get_queue_client(name))

    async def close(self) -> None:
        """Close the connections."""
        await self._tables.close()
        await self._queues.close()


def table_key(text: str) -> str:
    """Return the text as a table key may be: without slash, backslash, `#`, `?`, `%` and control characters."""
    return quote(text, safe=" !$&'()*+,-.:;<=>@[]^_`{|}~").replace("%", "_x")


def _entity(partition: str, key: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {**values, "PartitionKey": partition, "RowKey": table_key(key)}


def _unavailable(operation: str, error: AzureError) -> Unavailable:
    status = error.status_code if isinstance(error, HttpResponseError) else None
    said = redact(str(error.message)).strip().splitlines()  # the lines after the first repeat code, request and time
    return Unavailable("Storage", operation, status, _code(error), said[0].rstrip(".") if said else "")


def _code(error: AzureError) -> str:
    # Both SDKs put it on their errors without declaring it: of tables from the body, of queues from the headers.
    given = getattr(error, "error_code", None)
    code = str(getattr(given, "value", given) or "")
    if code == Refusal.NETWORK and _NOT_AUTHENTICATED in str(error.message):
        return Refusal.CREDENTIAL
    return code or type(error).__name__
