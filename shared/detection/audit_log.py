"""Reads quarantine events from the audit log in Log Analytics, over overlapping windows.

Rows arrive minutes late and in any order, so each query reaches back behind the last one, and the rows already passed
on are remembered by their id: a late row loses nothing, a row seen twice costs nothing.
"""

import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.clients.logs import Logs
from shared.clients.storage import Storage

QUERY = "quarantine_events"
_PARTITION = "audit_log"
_CURSOR = "cursor"
_log = logging.getLogger("pratique.audit_log")


@dataclass(frozen=True, slots=True)
class QuarantineEvent:
    """One quarantine event of the audit log."""

    id: str
    service_principal_id: str
    application: str
    at: datetime


async def events_between(logs: Logs, begin: datetime, end: datetime) -> tuple[QuarantineEvent, ...]:
    """Read the quarantine events of a window."""
    return tuple(_read(row) for row in await logs.rows(QUERY, begin, end))


class AuditWindow:
    """Remembers how far the log was read and which of its rows were passed on."""

    def __init__(self, storage: Storage, overlap: timedelta) -> None:
        self._table = storage.table("pratiqueheard")
        self._overlap = overlap

    async def begin(self, now: datetime) -> datetime:
        """Return where the next query begins: one overlap behind the end of the last successful one."""
        row = await self._table.get(_PARTITION, _CURSOR)
        last = row.values["until"] if row else now
        return datetime.fromtimestamp(last.timestamp(), UTC) - self._overlap

    async def new(self, events: tuple[QuarantineEvent, ...]) -> AsyncIterator[QuarantineEvent]:
        """Hand out the events not seen before; each is remembered after the caller has come back for the next."""
        for event in events:
            if await self._table.get(_PARTITION, event.id) is None:
                yield event
                await self._table.put(_PARTITION, event.id, {"event_at": event.at})

    async def finish(self, until: datetime) -> None:
        """Move the end of the window, and forget the events that no window will reach again."""
        await self._table.put(_PARTITION, _CURSOR, {"until": until})
        forgotten = until - 2 * self._overlap
        async for row in self._table.query("PartitionKey eq @p and event_at lt @t", p=_PARTITION, t=forgotten):
            await self._table.delete(_PARTITION, str(row.values["RowKey"]))


def _read(row: Mapping[str, Any]) -> QuarantineEvent:
    at = row["TimeGenerated"]
    return QuarantineEvent(
        id=str(row["Id"] or row["CorrelationId"] or f"{row['ServicePrincipalId']}~{at.isoformat()}"),
        service_principal_id=str(row["ServicePrincipalId"] or ""),
        application=str(row["ApplicationName"] or ""),
        at=at if at.tzinfo else at.replace(tzinfo=UTC),
    )
