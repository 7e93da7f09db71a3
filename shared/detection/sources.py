"""Whether each source can be seen. Cannot see is never healthy: it is kept, told once, and told when it ends."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from shared.clients.storage import Storage, Table
from shared.clock import Clock
from shared.errors import MissingPermission, PratiqueError, ServiceError
from shared.notices.compose import blind, seeing_again
from shared.notices.notice import Notice
from shared.notices.tell import Teller

_log = logging.getLogger("pratique.sources")
_PARTITION = "source"
_PATIENCE = 3  # failures in a row before an outage is told; a missing permission is told at once


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is known of one source."""

    name: str
    blind: bool
    since: datetime | None
    why: str
    heard_at: datetime | None
    """When it last brought news."""
    worked_at: datetime | None
    """When it was last read to the end, news or none."""


class Sources:
    """Keeps one row a source."""

    def __init__(self, storage: Storage, teller: Teller, clock: Clock) -> None:
        self._table: Table = storage.table("pratiquesources")
        self._teller = teller
        self._clock = clock

    @asynccontextmanager
    async def watched(self, name: str) -> AsyncIterator[None]:
        """Note whether the work inside succeeds; a failure is kept, told and raised again."""
        try:
            yield
        except ServiceError as error:
            await self.failed(name, error)
            raise
        await self.works(name)
        await self._table.merge(_PARTITION, name, {"worked_at": self._clock.now()})

    async def heard(self, name: str) -> None:
        """Note that the source brought news."""
        await self._table.merge(_PARTITION, name, {"heard_at": self._clock.now()})

    async def failed(self, name: str, error: ServiceError, about: str = "") -> None:
        """Note a failure (of the work on `about`); tell it when it is a missing permission or has lasted."""
        now = self._clock.now()
        row = await self._table.get(_PARTITION, name)
        values = row.values if row else {}
        failures = int(values.get("failures", 0)) + 1
        since = values["since"] if values.get("blind") else now
        permission = error.permission if isinstance(error, MissingPermission) else ""
        remedy = error.remedy if isinstance(error, MissingPermission) else ""
        told = str(values.get("told", "")) if values.get("blind") else ""
        topic = permission or "outage"
        if told != topic and (permission or failures >= _PATIENCE):
            told = topic if await self._tell(name, blind(name, str(error), permission, remedy, since, now)) else told
        _log.error("source %s is blind: %s", name, error)
        changes = {"blind": True, "failures": failures, "since": since, "why": str(error), "told": told, "about": about}
        await self._table.merge(_PARTITION, name, changes)

    async def works(self, name: str, about: str = "") -> None:
        """Note that the source could be read; tell it when its failure had been told.

        Work on one thing says nothing about the work on another: only what failed last can show that it works again.
        """
        row = await self._table.get(_PARTITION, name)
        if row is None or not row.values.get("blind") or row.values.get("about", "") != about:
            return
        if row.values.get("told"):
            await self._tell(name, seeing_again(name, row.values["since"], self._clock.now()))
        changes = {"blind": False, "failures": 0, "why": "", "told": ""}
        await self._table.merge(_PARTITION, name, changes)

    async def all(self) -> tuple[SourceState, ...]:
        """Return the state of every source that has ever worked, failed or brought news."""
        return tuple(
            [
                SourceState(
                    name=str(row.values["RowKey"]),
                    blind=bool(row.values.get("blind")),
                    since=row.values.get("since"),
                    why=str(row.values.get("why", "")),
                    heard_at=row.values.get("heard_at"),
                    worked_at=row.values.get("worked_at"),
                )
                async for row in self._table.query("PartitionKey eq @p", p=_PARTITION)
            ]
        )

    async def _tell(self, name: str, notice: Notice) -> bool:
        """Send by every channel but the one that the notice is about; say whether at least one took it."""
        untold = self._teller.untold(notice)
        channels = tuple(channel for channel in untold.channels if channel != name)
        if not channels:
            return True
        try:
            _, failures = await self._teller.send(type(untold)(notice, channels))
        except PratiqueError as error:
            _log.warning("the state of source %s could not be told: %s", name, error)
            return False
        return len(failures) < len(channels)
