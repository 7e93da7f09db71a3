"""The periodic sweep: reads every job that is watched and signals those whose state is news to us."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from shared.clients.graph import Graph
from shared.detection.signal import News, Signal, Source
from shared.incidents.incident import Incident
from shared.jobs.model import ServicePrincipal, SynchronizationJob
from shared.remediation.news import set_aside


async def all_jobs(graph: Graph) -> AsyncIterator[tuple[ServicePrincipal, SynchronizationJob]]:
    """Read every synchronization job of the applications that are watched, with its application.

    Raises:
        ServiceError: not everything could be read; a part is not an answer.
    """
    applications = {application.id: application async for application in graph.service_principals()}
    async for job in graph.jobs_of_many(list(applications)):
        yield applications[job.service_principal_id], job


def news_of(job: SynchronizationJob, incidents: Mapping[tuple[str, str], Incident], read_at: datetime) -> Signal | None:
    """Return the signal that a swept job deserves; None when its incident is already as the job is. Pure."""
    incident = incidents.get((job.service_principal_id, job.id))
    if incident is None or not incident.open:
        return _signal(job, News.QUARANTINED, read_at) if job.quarantined else None
    if set_aside(incident):  # it is watched again, and nothing else would look at it
        return _signal(job, News.QUARANTINED if job.quarantined else News.RELEASED, read_at)
    ended = not job.quarantined and incident.attempt is None
    return _signal(job, News.RELEASED, read_at) if ended else None


def _signal(job: SynchronizationJob, news: News, at: datetime) -> Signal:
    return Signal(job.service_principal_id, job.id, Source.SWEEP, news, at)
