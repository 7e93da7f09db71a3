"""What the product has written about each job, read from its storage while it works."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.clients.storage import Storage
from shared.clock import SystemClock
from shared.detection.sources import Sources
from shared.incidents.incident import Incident, IncidentState
from shared.incidents.store import Incidents, Journal
from shared.notices.tell import Teller
from shared.redaction import SecretValue

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
_ACTIONS = frozenset({"save", "restart"})
_OUTCOMES = {
    IncidentState.WAITING: "observed",
    IncidentState.LIFTED: "lifted_not_proven",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal entry."""

    at: datetime
    action: str
    detail: str


@dataclass(frozen=True, slots=True)
class Record:
    """An incident and its journal."""

    incident: Incident
    journal: tuple[Entry, ...]

    @property
    def outcome(self) -> str:
        """Return in one word where the incident stands."""
        return _OUTCOMES.get(self.incident.state, str(self.incident.state) or "unrecognised")

    @property
    def acts(self) -> tuple[Entry, ...]:
        """Return the entries that stand for changes outside: credentials saved, jobs restarted."""
        return tuple(entry for entry in self.journal if entry.action in _ACTIONS)


@dataclass(frozen=True, slots=True)
class Records:
    """Every incident by its job's id, and the sources that have brought news."""

    by_job: Mapping[str, Record]
    sources_heard: tuple[str, ...]


class RecordReader:
    """Reads the product's tables; contacts storage only."""

    def __init__(self, connection_string: str) -> None:
        self._storage = Storage.from_connection_string(SecretValue(connection_string))
        clock = SystemClock()
        self._incidents = Incidents(self._storage)
        self._journal = Journal(self._storage, clock)
        self._sources = Sources(self._storage, Teller({}), clock)

    async def close(self) -> None:
        """Close the connections."""
        await self._storage.close()

    async def read(self) -> Records:
        """Read everything that the demo shows and judges."""
        incidents = [row for row in await self._incidents.all() if row.id]
        by_job = {
            row.job_id: Record(row, tuple([Entry(*entry) for entry in await self._journal.entries(row, _BEGINNING)]))
            for row in incidents
        }
        heard = sorted(source.name for source in await self._sources.all() if source.heard_at is not None)
        return Records(by_job, tuple(heard))
