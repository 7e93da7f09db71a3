"""What a person may ask for: every job with its state in Graph, its incident, and which sources are blind."""

from dataclasses import dataclass
from typing import Any

from shared.detection.signal import News, Signal, Source
from shared.detection.sources import SourceState
from shared.detection.sweep import all_jobs
from shared.incidents.incident import Incident
from shared.jobs.model import ServicePrincipal, SynchronizationJob
from shared.remediation.services import Services


@dataclass(frozen=True, slots=True)
class JobView:
    """One job as Graph shows it now, with its incident if somebody has looked at it."""

    application: ServicePrincipal
    job: SynchronizationJob
    incident: Incident | None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        quarantine, incident = self.job.quarantine, self.incident
        return {
            "application": self.application.display_name,
            "service_principal_id": self.application.id,
            "job_id": self.job.id,
            "status": self.job.code_text,
            "quarantined": self.job.quarantined,
            "reason": quarantine.reason_text if quarantine else "",
            "since": quarantine.series_began.isoformat() if quarantine and quarantine.series_began else None,
            "incident": incident_view(incident) if incident and incident.id else None,
        }


@dataclass(frozen=True, slots=True)
class Overview:
    """Reads without changing anything."""

    services: Services

    async def jobs(self) -> tuple[JobView, ...]:
        """Read every job of the tenant.

        Raises:
            ServiceError: not everything could be read.
        """
        incidents = {(row.service_principal_id, row.job_id): row for row in await self.services.incidents.all()}
        return tuple(
            [
                JobView(application, job, incidents.get((job.service_principal_id, job.id)))
                async for application, job in all_jobs(self.services.graph)
            ]
        )

    async def sources(self) -> tuple[SourceState, ...]:
        """Return which sources see and which are blind."""
        return await self.services.sources.all()

    def asked(self, service_principal_id: str, job_id: str) -> Signal:
        """Return the signal of a person who asks for a look."""
        return Signal(service_principal_id, job_id, Source.PERSON, News.ASKED, self.services.clock.now())


def incident_view(incident: Incident) -> dict[str, Any]:
    """Return what a person sees of an incident, JSON-ready."""
    return {
        "id": incident.id,
        "state": str(incident.state),
        "cause": incident.cause,
        "confidence": incident.confidence,
        "note": incident.note,
        "opened_at": incident.opened_at.isoformat() if incident.opened_at else None,
        "closed_at": incident.closed_at.isoformat() if incident.closed_at else None,
        "next_look_at": incident.next_look_at.isoformat() if incident.next_look_at else None,
    }
