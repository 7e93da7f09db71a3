"""One look at one job while its lease is held: the incident in hand, written with its ETag at every change."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.incidents.incident import Incident
from shared.incidents.store import Kept, Lease
from shared.jobs.model import SynchronizationJob
from shared.notices.notice import Notice
from shared.remediation.services import Services

_log = logging.getLogger("pratique.case")
_UNTOLD_FOR = timedelta(
    days=1
)  # later the notice would describe a state long gone; the failing channel is told meanwhile

_UNTOLD_MOST = 4  # a table's text column holds 32 K characters; the newest notices matter most


class Case:
    """The incident of one job, held by one actor; every change is recorded before the next thing is done."""

    def __init__(self, services: Services, incident: Incident, kept: Kept | None, lease: Lease) -> None:
        self.services = services
        self.incident = incident
        self.lease = lease
        self.began = services.clock.now()
        self.actions: list[str] = []
        self._etag = kept.etag if kept else None
        self._tell_by: datetime | None = None
        self._planned: datetime | None = None

    @property
    def ids(self) -> tuple[str, str]:
        """Return service principal id and job id."""
        return self.incident.service_principal_id, self.incident.job_id

    @property
    def new(self) -> bool:
        """Say whether the job has no row yet."""
        return self._etag is None

    async def record(self, **changes: Any) -> None:
        """Write the incident with these changes.

        Raises:
            Conflict: somebody else wrote the row, so the lease was lost.
        """
        await self.put(replace(self.incident, **changes))

    async def record_attempt(self, **changes: Any) -> None:
        """Write the incident with its attempt changed."""
        await self.put(self.incident.with_attempt(**changes))

    async def put(self, incident: Incident) -> None:
        """Write the incident; one that has something to tell is looked at soon, so that a crash delays no notice."""
        by = self.in_(self.services.settings.retry)
        if incident.untold and (incident.next_look_at is None or incident.next_look_at > by):
            self._tell_by, self._planned = by, incident.next_look_at
            incident = replace(incident, next_look_at=by)
        kept = await self.services.incidents.write(incident, self._etag)
        self.incident, self._etag = kept.incident, kept.etag

    async def journal(self, action: str, detail: str = "") -> None:
        """Write a journal entry; call it before the action."""
        await self.services.journal.write(self.incident, action, detail)
        self.actions.append(action)

    async def hold(self) -> None:
        """Renew the lease before a step.

        Raises:
            LeaseLost: somebody else holds the service principal.
        """
        self.lease = await self.services.leases.renew(self.lease)

    async def read_job(self) -> SynchronizationJob:
        """Read the job's present state from Graph."""
        return await self.services.graph.job(*self.ids)

    def in_(self, pause: timedelta) -> datetime:
        """Return the moment after a pause from now."""
        return self.services.clock.now() + pause

    def telling(self, topic: str, notice: Notice) -> dict[str, Any]:
        """Return the changes that make the notice wait to be told, once for its topic; none when it was told before."""
        if topic in self.incident.told:
            return {}
        return {
            "told": (*self.incident.told, topic),
            "untold": (*self.incident.untold, self.services.teller.untold(notice))[-_UNTOLD_MOST:],
        }

    async def tell(self) -> None:
        """Send what is untold; what fails stays in the row and brings the next look forward."""
        if not self.incident.untold:
            return
        left = []
        for untold in self.incident.untold:
            if untold.notice.at < self.began - _UNTOLD_FOR:
                _log.error("a notice of %s could not be told by %s and is dropped", untold.notice.at, untold.channels)
                continue
            rest, failures = await self.services.teller.send(untold)
            left.extend([rest] if rest else [])
            for name, error in failures.items():
                await self.services.sources.failed(name, error)
            for name in set(untold.channels) - set(failures):
                await self.services.sources.works(name)
        changes: dict[str, Any] = {"untold": tuple(left)}
        if left:
            retry = self.in_(self.services.settings.retry)
            changes["next_look_at"] = min(retry, self.incident.next_look_at or retry)
        elif self._tell_by is not None and self.incident.next_look_at == self._tell_by:
            changes["next_look_at"] = self._planned
        await self.record(**changes)
