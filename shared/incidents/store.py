"""Where incidents, their journal, parked news and leases are kept."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.clients.storage import Storage
from shared.clock import Clock, new_id
from shared.detection.signal import Signal
from shared.errors import Conflict, LeaseLost, MalformedNews
from shared.incidents.incident import Incident

_LEASE = "lease"
_TENANT = "tenant"


@dataclass(frozen=True, slots=True)
class Kept:
    """An incident as it was read, with the ETag that a later write must match."""

    incident: Incident
    etag: str


class Incidents:
    """One row a job."""

    def __init__(self, storage: Storage) -> None:
        self._table = storage.table("pratiqueincidents")

    async def get(self, service_principal_id: str, job_id: str) -> Kept | None:
        """Read the row of one job; None means that nobody has looked at it yet."""
        row = await self._table.get(service_principal_id, job_id)
        return Kept(Incident.from_row(row.values), row.etag) if row else None

    async def write(self, incident: Incident, etag: str | None) -> Kept:
        """Write the row that was read (or a first one, without an ETag).

        Raises:
            Conflict: somebody else wrote it meanwhile.
        """
        partition, key, values = incident.service_principal_id, incident.job_id, incident.to_row()
        if etag is None:
            return Kept(incident, await self._table.insert(partition, key, values))
        return Kept(incident, await self._table.replace(partition, key, values, etag))

    async def due(self, now: datetime) -> tuple[Incident, ...]:
        """Read the rows whose next look is due."""
        return tuple(
            [Incident.from_row(row.values) async for row in self._table.query("next_look_at le @now", now=now)]
        )

    async def of(self, service_principal_id: str) -> tuple[Incident, ...]:
        """Read the rows of one application's jobs."""
        rows = self._table.query("PartitionKey eq @p", p=service_principal_id)
        return tuple([Incident.from_row(row.values) async for row in rows])

    async def all(self) -> tuple[Incident, ...]:
        """Read every row."""
        return tuple([Incident.from_row(row.values) async for row in self._table.query()])


class Parked:
    """News that came while somebody else held the service principal: one row a job, source and kind, until due."""

    def __init__(self, storage: Storage) -> None:
        self._table = storage.table("pratiqueparked")

    async def park(self, signal: Signal, due_at: datetime) -> None:
        """Keep the signal until it is due."""
        key = f"{signal.job_id}~{signal.source}~{signal.news}"
        await self._table.put(signal.service_principal_id, key, {"signal": signal.to_message(), "due_at": due_at})

    async def take_due(self, now: datetime) -> AsyncIterator[Signal]:
        """Hand out each due signal and forget it only after the caller has come back for the next."""
        async for row in self._table.query("due_at le @now", now=now):
            with suppress(MalformedNews):  # a row of another release; the sweep sees whatever it told
                yield Signal.from_message(str(row.values["signal"]))
            try:
                await self._table.delete(str(row.values["PartitionKey"]), str(row.values["RowKey"]), row.etag)
            except Conflict:
                continue  # newer news was parked in its place


class Journal:
    """What was done, written before it was done; also what attempts are counted by."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._table = storage.table("pratiquejournal")
        self._clock = clock

    async def write(self, incident: Incident, action: str, detail: str = "") -> None:
        """Add an entry about an incident."""
        now = self._clock.now()
        values = {
            "at": now,
            "incident": incident.id,
            "attempt": incident.attempt.id if incident.attempt else "",
            "action": action,
            "detail": detail,
        }
        await self._table.insert(_journal_partition(incident), f"{now.isoformat()}~{new_id()}", values)

    async def count(self, action: str) -> None:
        """Count an action for the whole tenant."""
        now = self._clock.now()
        await self._table.insert(_TENANT, f"{now.isoformat()}~{new_id()}", {"at": now, "action": action})

    async def counted(self, action: str, since: datetime) -> int:
        """Return how often an action was counted in the tenant from a moment on."""
        rows = self._table.query("PartitionKey eq @p and at ge @since", p=_TENANT, since=since)
        return len([None async for row in rows if row.values["action"] == action])

    async def entries(self, incident: Incident, since: datetime) -> tuple[tuple[datetime, str, str], ...]:
        """Read the entries of a job from a moment on, oldest first, as (time, action, detail)."""
        rows = self._table.query("PartitionKey eq @p and at ge @since", p=_journal_partition(incident), since=since)
        return tuple(
            sorted([(row.values["at"], str(row.values["action"]), str(row.values["detail"])) async for row in rows])
        )


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act on one service principal until a time."""

    service_principal_id: str
    holder: str
    etag: str


class Leases:
    """One lease a service principal, because its jobs share their credentials."""

    def __init__(self, storage: Storage, clock: Clock, duration: timedelta) -> None:
        self._table = storage.table("pratiqueleases")
        self._clock = clock
        self._duration = duration

    async def acquire(self, service_principal_id: str) -> Lease | None:
        """Take the lease; None means that somebody else holds it."""
        holder = new_id()
        values = {"holder": holder, "until": self._clock.now() + self._duration}
        row = await self._table.get(service_principal_id, _LEASE)
        if row is not None and row.values["until"] > self._clock.now():
            return None
        try:
            if row is None:
                etag = await self._table.insert(service_principal_id, _LEASE, values)
            else:
                etag = await self._table.replace(service_principal_id, _LEASE, values, row.etag)
        except Conflict:
            return None
        return Lease(service_principal_id, holder, etag)

    async def renew(self, lease: Lease) -> Lease:
        """Hold the lease for its whole duration from now on.

        Raises:
            LeaseLost: somebody else holds it.
        """
        values = {"holder": lease.holder, "until": self._clock.now() + self._duration}
        try:
            etag = await self._table.replace(lease.service_principal_id, _LEASE, values, lease.etag)
        except Conflict as error:
            message = f"the lease on service principal {lease.service_principal_id} was lost"
            raise LeaseLost(message) from error
        return Lease(lease.service_principal_id, lease.holder, etag)

    async def release(self, lease: Lease) -> None:
        """Give the lease back; one that was lost is left alone."""
        try:
            await self._table.delete(lease.service_principal_id, _LEASE, lease.etag)
        except Conflict:
            return


def _journal_partition(incident: Incident) -> str:
    return f"{incident.service_principal_id}~{incident.job_id}"
