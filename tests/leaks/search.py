"""Looks for a secret everywhere it could have gone, whole or in part, plain or in base64."""

import base64
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from itertools import chain

from azure.data.tables.aio import TableServiceClient
from azure.storage.queue.aio import QueueServiceClient

from emulator.faults import RecordedRequest
from emulator.inboxes import Inboxes
from emulator.tenant import EmbeddedTenant

_PART = 10  # a masked token may show a few characters; this many of them in a row are a leak


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere a secret could have gone, and all that is written there."""

    name: str
    text: str


def found(secret: str, places: Iterable[Place]) -> list[str]:
    """Return the names of the places that hold the secret, or its beginning or end."""
    traces = _traces(secret)
    return [place.name for place in places if any(trace in place.text for trace in traces)]


def _traces(secret: str) -> list[str]:
    raw = secret.encode()
    # In base64 a text looks different by where it begins in a group of three bytes; its inner groups tell it.
    encoded = [base64.b64encode(bytes(offset) + raw).decode()[4:-4] for offset in range(3)]
    return [secret[:_PART], secret[-_PART:], *encoded]


async def stored(connection_string: str) -> AsyncIterator[Place]:
    """Read every row of every table and every message of every queue."""
    async with TableServiceClient.from_connection_string(connection_string) as tables:
        async for table in tables.list_tables():
            async for row in tables.get_table_client(table.name).list_entities():
                yield Place(f"table {table.name}", repr(dict(row)))
    async with QueueServiceClient.from_connection_string(connection_string) as queues:
        async for queue in queues.list_queues():
            for message in await queues.get_queue_client(queue).peek_messages(max_messages=32):
                yield Place(f"queue {queue.name}", str(message.content))


def told(inboxes: Inboxes) -> list[Place]:
    """Return every card and every mail as it was sent."""
    cards = [Place("card", post.raw.decode()) for post in inboxes.teams]
    return cards + [Place("mail", mail.raw.decode()) for mail in inboxes.mails]


def requested(tenant: EmbeddedTenant, signature: str) -> list[Place]:
    """Return every request without the parts where a secret belongs.

    A token belongs in the body that saves it, tests a candidate or keeps a minted one, and in an Authorization header
    at its target, as the minting credential does at its vendor; the Teams signature belongs in the address of a request
    to Teams.
    """
    return [
        Place(f"request {request.service} {request.method} {request.path}", _outside(request, signature))
        for request in chain(tenant.requests, tenant.target_requests)
    ]


def carries_a_token(request: RecordedRequest) -> bool:
    """Say whether the request is one whose body is for a token."""
    saving = request.method == "PUT" and request.path.endswith("/synchronization/secrets")
    testing = request.path.endswith("/validateCredentials") and b'"useSavedCredentials": false' in request.body
    keeping = request.service == "vault" and request.method == "PUT"
    return keeping or (request.service == "graph" and (saving or testing))


def _outside(request: RecordedRequest, signature: str) -> str:
    target = request.service.startswith("target:")
    headers = {name: value for name, value in request.headers.items() if not (target and name == "authorization")}
    path = request.path.replace(signature, "") if request.service == "inboxes" else request.path
    body = "" if carries_a_token(request) else request.body.decode(errors="replace")
    return f"{path}\n{headers}\n{body}"
