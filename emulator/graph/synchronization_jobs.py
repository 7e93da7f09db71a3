"""`/servicePrincipals/{id}/synchronization/jobs`: reading, restarting, starting and pausing jobs.

Public sources: Graph docs, synchronizationJob: restart, start, pause, and synchronizationJobRestartCriteria.
"""

from typing import Any

from emulator.clock import Clock
from emulator.directory import Directory, Restart, ServicePrincipal
from emulator.engine import ProvisioningEngine
from emulator.entra import Role
from emulator.graph.calls import Answer, Call, GraphError, Route, bad_request, not_found, only_members, unknown_value
from emulator.graph.odata import refuse_other_options, selected
from emulator.jobs import Job
from emulator.records import PAUSED, RESTARTED, STARTED, Records

SYNCHRONIZATION = "/servicePrincipals/{principal}/synchronization"
_SCOPES = frozenset({"None", "ConnectorDataStore", "Escrows", "Watermark", "QuarantineState", "Full", "ForceDeletes"})


def find_principal(directory: Directory, call: Call) -> ServicePrincipal:
    """Return the service principal that the call's path names."""
    principal = directory.service_principals.get(call.params["principal"])
    if principal is None:
        raise not_found(call.params["principal"])
    return principal


def find_job(directory: Directory, call: Call) -> Job:
    """Return the job that the call's path names, if it belongs to that service principal."""
    principal, job = find_principal(directory, call), directory.jobs.get(call.params["job"])
    if job is None or job.service_principal_id != principal.id:
        raise not_found(call.params["job"])
    return job


class SynchronizationJobs:
    """Reads jobs, and passes on to the engine what callers ask of them."""

    def __init__(
        self,
        directory: Directory,
        engine: ProvisioningEngine,
        records: Records,
        clock: Clock,
        *,
        restart_unauthorized: bool,
    ) -> None:
        self._directory = directory
        self._engine = engine
        self._records = records
        self._clock = clock
        self._restart_unauthorized = restart_unauthorized

    def routes(self) -> list[Route]:
        """Return what it serves."""
        job = f"{SYNCHRONIZATION}/jobs/{{job}}"
        return [
            Route("GET", f"{SYNCHRONIZATION}/jobs", Role.SYNCHRONIZATION, self._list),
            Route("GET", job, Role.SYNCHRONIZATION, self._get),
            Route("POST", f"{job}/restart", Role.SYNCHRONIZATION, self._restart),
            Route("POST", f"{job}/start", Role.SYNCHRONIZATION, self._start),
            Route("POST", f"{job}/pause", Role.SYNCHRONIZATION, self._pause),
        ]

    async def _list(self, call: Call) -> Answer:
        refuse_other_options(call.query, "$select")
        principal = find_principal(self._directory, call)
        jobs = [self._directory.job_resource(job) for job in self._directory.jobs_of(principal.id)]
        select = call.query.get("$select")
        context = f"$metadata#servicePrincipals('{principal.id}')/synchronization/jobs"
        return Answer(200, {"@odata.context": context, "value": [selected(job, select) for job in jobs]})

    async def _get(self, call: Call) -> Answer:
        refuse_other_options(call.query, "$select")
        job = find_job(self._directory, call)
        context = f"$metadata#servicePrincipals('{job.service_principal_id}')/synchronization/jobs/$entity"
        resource = selected(self._directory.job_resource(job), call.query.get("$select"))
        return Answer(200, {"@odata.context": context, **resource})

    async def _restart(self, call: Call) -> Answer:
        """Keep every request before judging it: what was sent counts, also when it was refused."""
        job = find_job(self._directory, call)
        body = call.json()
        try:
            scopes = self._allowed_scopes(body)
        except GraphError as refusal:
            self._keep(job, body, refusal.status)
            raise
        self._keep(job, body, 204)
        self._engine.restart(job, scopes)
        self._records.configured(find_principal(self._directory, call), RESTARTED)
        return Answer(204)

    def _allowed_scopes(self, body: Any) -> frozenset[str]:
        if self._restart_unauthorized:
            raise GraphError(401, "UnknownError", "")
        return _scopes(body)

    def _keep(self, job: Job, body: Any, status: int) -> None:
        widened = body != {"criteria": {"resetScope": "QuarantineState"}}
        self._directory.restarts.append(Restart(job.id, body, widened, self._clock.now(), status))

    async def _start(self, call: Call) -> Answer:
        job = find_job(self._directory, call)
        if job.schedule_state == "Active" and job.quarantine is None and job.code != "NotRun":
            self._directory.repeated_starts.append(job.id)
        self._engine.start(job)
        self._records.configured(find_principal(self._directory, call), STARTED)
        return Answer(204)

    async def _pause(self, call: Call) -> Answer:
        self._engine.pause(find_job(self._directory, call))
        self._records.configured(find_principal(self._directory, call), PAUSED)
        return Answer(204)


def _scopes(body: Any) -> frozenset[str]:
    """Read the scopes of a restart; none at all is the portal's near-full restart, as the criteria page says."""
    criteria = only_members(body, "action 'restart'", "criteria").get("criteria")
    if criteria is None:
        return frozenset()
    text = only_members(criteria, "type 'synchronizationJobRestartCriteria'", "resetScope").get("resetScope")
    if text is None or text == "":
        return frozenset()
    if not isinstance(text, str):
        raise bad_request("Cannot read the value of 'resetScope' as an enumeration.")
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in _SCOPES:
            raise unknown_value(name)
    return frozenset(names)
