"""The provisioning service: runs each job's cycles against its target, and quarantines a job whose cycles fail.

Public source: entra-docs, "Application provisioning in quarantine status".
"""

import asyncio
import uuid
from datetime import timedelta

from emulator.changes import Change
from emulator.clock import Clock
from emulator.connector import Connector, ConnectorError, Trouble
from emulator.directory import Directory
from emulator.entries import Entries, escrow_reason
from emulator.jobs import ON_DEMAND, Counts, Execution, Job, Obstacle, Quarantine, SyncError, User
from emulator.records import Records
from emulator.settings import EmulatorSettings

_TICK = 0.05
_EXCEPTION = "EncounteredQuarantineException"
_TOO_MANY_DELETES = "TooManyDeletes"
_ESCROWS = "Quarantined due to a high number of errors. Assess the errors in the logs and remediate them."
_NO_MAIL = "You have not set the notification email prior to starting the job."


class ProvisioningEngine:
    """Runs what is due, one cycle of a job at a time, different jobs side by side."""

    def __init__(
        self, directory: Directory, connector: Connector, records: Records, clock: Clock, settings: EmulatorSettings
    ) -> None:
        self._directory = directory
        self._connector = connector
        self.entries = Entries(connector, clock)
        self._records = records
        self._clock = clock
        self._settings = settings

    async def run_due(self) -> int:
        """Run every cycle that is due now, wait for all, and return how many there were."""
        due = self._claim_due()
        await asyncio.gather(*(self._run(job) for job in due))
        return len(due)

    async def run_forever(self) -> None:
        """Run cycles as they fall due, until cancelled; a slow target delays only its own job."""
        async with asyncio.TaskGroup() as cycles:
            while True:
                for job in self._claim_due():
                    cycles.create_task(self._run(job))
                await self._clock.sleep(_TICK)

    def restart(self, job: Job, scopes: frozenset[str]) -> None:
        """Do what the scopes of a restart ask for, then have a cycle run soon; a job not scheduled stays so."""
        if scopes & {"QuarantineState", "None", "Full"} or not scopes:
            self._lift(job)
        if scopes & {"Escrows", "Full"} or not scopes:
            job.escrows.clear()
        job.deletes_allowed = "ForceDeletes" in scopes
        if not _held(job):
            self._schedule_soon(job)

    def start(self, job: Job) -> None:
        """Resume a paused, disabled or quarantined job."""
        job.schedule_state = "Active"
        self._lift(job)
        self._schedule_soon(job)

    def pause(self, job: Job) -> None:
        """Stop scheduling a job; a cycle under way runs to its end."""
        job.schedule_state = "Paused"
        job.code = "Paused"

    def quarantine_on_demand(self, job_id: str) -> None:
        """Quarantine a job by hand, as Microsoft does when it sees an issue; no cycle lifts it."""
        error = SyncError(ON_DEMAND, "The job was quarantined because an issue was detected.", tenant_actionable=False)
        self.impose(job_id, ON_DEMAND, error)
        job = self._directory.jobs[job_id]
        job.next_cycle = None
        if job.quarantine is not None:
            job.quarantine.next_attempt = None

    def impose(self, job_id: str, reason: str, error: SyncError | None) -> None:
        """Quarantine a job for any reason, or look at its quarantine again and leave it in force."""
        job, now = self._directory.jobs[job_id], self._clock.now()
        if job.quarantine is None:
            job.quarantine = Quarantine(reason, error, series_began=now, current_began=now)
        else:
            job.quarantine.reason, job.quarantine.error, job.quarantine.current_began = reason, error, now
            job.quarantine.series_count += 1
        if job.code != "Paused":
            job.code = "Quarantine"
        self._plan_next_attempt(job, job.quarantine)
        self._records.quarantined(self._directory.service_principals[job.service_principal_id], reason, error)

    def _claim_due(self) -> list[Job]:
        """Mark and return the jobs whose cycle is due, so that none runs twice at a time."""
        now = self._clock.now()
        due = [
            job
            for job in self._directory.jobs.values()
            if job.schedule_state == "Active"
            and not job.running
            and job.next_cycle is not None
            and job.next_cycle <= now
        ]
        for job in due:
            job.running = True
            job.next_cycle = now + job.interval
        return due

    async def _run(self, job: Job) -> None:
        began, cycle_id = self._clock.now(), str(uuid.uuid4())
        # Read once: a cycle that began before a PUT settled goes on with the old credentials.
        credentials = self._directory.secrets.effective(job.service_principal_id)
        error: SyncError | None = None
        reason: str | None = None
        changes: list[Change] = []
        try:
            obstacle = self._obstacle(job)
            if obstacle is None:
                await self._connector.validate(credentials)
                obstacle = self._too_many_deletes(job)
            if obstacle is None:
                await self.entries.synchronize(job, credentials, changes)
            else:
                error, reason = obstacle.error, obstacle.reason
        except ConnectorError as failure:
            error = failure.error
            reason = self._reason_for(job, failure)
        finally:
            job.running = False
        self._record(job, cycle_id, changes)
        exported = sum(change.status == "success" for change in changes)
        counts = Counts(len(job.users), exported, sum(change.error is not None for change in changes))
        state = "Failed" if error else "EntryLevelErrors" if counts.escrowed else "Succeeded"
        execution = Execution(cycle_id, began, self._clock.now(), state, error, counts)
        job.last = execution
        escrows = escrow_reason(changes, self._settings)
        if error is None and escrows is not None:
            if not _held(job):
                self.impose(job.id, escrows, SyncError(escrows, _ESCROWS) if self._settings.escrow_error else None)
        elif error is None:
            self._ended_well(job, execution)
        elif reason is not None and not _held(job):
            self.impose(job.id, reason, error)
        elif job.code == "NotRun":
            job.code = "Active"

    def _reason_for(self, job: Job, failure: ConnectorError) -> str | None:
        """Quarantine at once for what waiting cannot mend; for an absent target only after several cycles."""
        job.complete_failures += 1
        patient = failure.trouble is Trouble.UNAVAILABLE and job.quarantine is None
        if patient and job.complete_failures < self._settings.failures_before_quarantine:
            return None
        return _EXCEPTION

    def _obstacle(self, job: Job) -> Obstacle | None:
        """Return what keeps the job from its target; an inbound job does not start without somebody to notify."""
        if job.inbound and not self._directory.has_notification_mail(job):
            error = SyncError("InvalidNotificationSettings", _NO_MAIL)
            return Obstacle(_EXCEPTION, error)
        return job.obstacle

    def _too_many_deletes(self, job: Job) -> Obstacle | None:
        threshold = self._directory.deletion_threshold(job)
        if threshold is None or job.deletes_allowed or len(job.leavers) <= threshold:
            return None
        text = f"{len(job.leavers)} deletions exceed the accidental deletion threshold of {threshold}."
        return Obstacle(_TOO_MANY_DELETES, SyncError(_TOO_MANY_DELETES, text))

    def _record(self, job: Job, cycle_id: str, changes: list[Change]) -> None:
        principal = self._directory.service_principals[job.service_principal_id]
        for change in changes:
            self._records.provisioned(principal, job, cycle_id, change)

    def _ended_well(self, job: Job, execution: Execution) -> None:
        job.complete_failures = 0
        job.deletes_allowed = False
        job.last_successful = execution
        if execution.counts.exported:
            job.last_with_exports = execution
        job.steady_first = job.steady_first or execution.ended
        job.steady_last = execution.ended
        if not _held(job):
            self._lift(job)

    def _plan_next_attempt(self, job: Job, quarantine: Quarantine) -> None:
        """Slow down with every look, and stop scheduling the job once the series has lasted too long."""
        now = self._clock.now()
        factors = self._settings.quarantine_intervals
        factor = factors[min(quarantine.series_count, len(factors)) - 1]
        quarantine.next_attempt = job.next_cycle = now + job.interval * factor
        if now - quarantine.series_began >= self._settings.quarantine_disable_after:
            job.schedule_state = "Disabled"
            quarantine.next_attempt = job.next_cycle = None

    def _lift(self, job: Job) -> None:
        job.quarantine = None
        if job.schedule_state == "Active":
            job.code = "Active"

    def _schedule_soon(self, job: Job) -> None:
        job.next_cycle = self._clock.now() + timedelta(seconds=self._settings.restart_delay)


def _held(job: Job) -> bool:
    """Say whether Microsoft holds the job by hand: a cycle that was under way neither lifts nor replaces that."""
    return job.quarantine is not None and job.quarantine.reason == ON_DEMAND


def users_named(application: str, count: int) -> list[User]:
    """Return that many users of the directory, with names that fit the application."""
    slug = application.lower().replace(" ", "-")
    return [
        User(str(uuid.uuid4()), f"{slug}.user{number}@contoso.example", f"{application} User {number}")
        for number in range(1, count + 1)
    ]
