"""`diagnose`: reads everything about one job, judges it, and says what to do. It changes nothing."""

from typing import Protocol

from shared.clients.graph import Graph
from shared.diagnosis.condition import condition_of
from shared.diagnosis.evidence import Evidence
from shared.diagnosis.judgement import judge
from shared.diagnosis.remedies import provisioning_page
from shared.diagnosis.report import Findings
from shared.jobs.model import SynchronizationJob


class Gathers(Protocol):
    """What gathers the evidence about a job."""

    async def gather(self, job: SynchronizationJob, *, deep: bool) -> Evidence:
        """Read what there is; a part that cannot be read is blind, and nothing is raised for it."""
        ...


class Diagnostician:
    """The use case that diagnoses one job."""

    def __init__(self, graph: Graph, gatherer: Gathers, portal_url: str) -> None:
        self._graph = graph
        self._gatherer = gatherer
        self._portal = portal_url

    async def diagnose(self, service_principal_id: str, job_id: str) -> Findings:
        """Diagnose one job.

        Raises:
            ServiceError: the application or the job itself could not be read.
        """
        application = await self._graph.service_principal(service_principal_id)
        job = await self._graph.job(service_principal_id, job_id)
        evidence = await self._gatherer.gather(job, deep=True)
        return Findings(
            application=application,
            job=job,
            evidence=evidence,
            diagnosis=judge(evidence),
            condition=condition_of(job, evidence.at),
            link=provisioning_page(self._portal, service_principal_id, application.app_id),
        )
