"""One job's entries: each user of a cycle, or of an on-demand run, provisioned by real requests.

A failure of one entry is kept (in escrow) and retried by every later cycle; one that concerns all entries is raised.
"""

from emulator.changes import Change, StepKind
from emulator.clock import Clock
from emulator.connector import NOTHING, Connector, ConnectorError, Trouble
from emulator.jobs import Job, SyncError, User, stamp
from emulator.settings import EmulatorSettings

PROPORTION = "EncounteredEscrowProportionThreshold"
BASE = "EncounteredBaseEscrowThreshold"
TOTAL = "EncounteredTotalEscrowThreshold"
UNRESOLVED = "UnableToResolveReferenceAttributeValue"
type Credentials = dict[str, str]


class Entries:
    """Provisions users; one entry's failure does not stop the others."""

    def __init__(self, connector: Connector, clock: Clock) -> None:
        self._connector = connector
        self._clock = clock

    async def synchronize(self, job: Job, credentials: Credentials, changes: list[Change]) -> None:
        """Provision every user, disable every leaver, and set what refers to other users last.

        Who that is was settled when the cycle began: a leaver of a later moment has passed no deletion threshold yet.
        """
        users, leavers = list(job.users), list(job.leavers)
        for user, skip in job.outside.values():
            if user.id not in job.skips_told:
                job.skips_told.add(user.id)
                changes.append(Change(user, "other", skip=skip))
        for user in users:
            _keep(await self.provision(job, user, credentials), changes)
        for user in leavers:
            _keep(await self._disable(job, user, credentials), changes)
        for user in users:
            _keep(await self._set_manager(job, user, credentials), changes)

    async def provision(self, job: Job, user: User, credentials: Credentials) -> Change | None:
        """Create or update one user at the target; nothing is returned where nothing had to be done."""
        if user.id in job.entry_faults:
            return self._failed(job, user, ConnectorError(Trouble.ENTRY, job.entry_faults[user.id], "create"))
        try:
            written = await self._connector.provision(user, credentials)
        except ConnectorError as failure:
            return self._failed(job, user, failure)
        job.escrows.pop(user.id, None)
        job.target_ids[user.id] = written.target_id
        if written.action == NOTHING:
            return None
        return Change(user, written.action, written.target_id, properties=written.properties)

    async def _disable(self, job: Job, user: User, credentials: Credentials) -> Change | None:
        try:
            identifier = await self._connector.disable(user, credentials)
        except ConnectorError as failure:
            return self._failed(job, user, failure)
        job.escrows.pop(user.id, None)
        job.leavers.remove(user)
        return None if identifier is None else Change(user, "disable", identifier)

    async def _set_manager(self, job: Job, user: User, credentials: Credentials) -> Change | None:
        """Refer to the manager once the target has both; until then the reference is unresolved."""
        manager_id, own = user.manager_id, job.target_ids.get(user.id)
        if manager_id is None or own is None or job.managers.get(user.id) == manager_id:
            return None
        manager = job.target_ids.get(manager_id)
        if manager is None:
            text = (
                f"We were unable to assign {manager_id} as the manager of {user.user_name}. Ensure that {manager_id} "
                "is in scope for provisioning; the reference is resolved by a later cycle."
            )
            return Change(user, "update", own, SyncError(UNRESOLVED, text), StepKind.REFERENCE)
        try:
            await self._connector.set_manager(own, manager, credentials)
        except ConnectorError as failure:
            return self._failed(job, user, failure)
        job.managers[user.id] = manager_id
        return Change(user, "update", own)

    def _failed(self, job: Job, user: User, failure: ConnectorError) -> Change:
        if failure.trouble is not Trouble.ENTRY:
            raise failure
        retried = job.escrows.get(user.id, -1) + 1
        job.escrows[user.id] = retried
        again = stamp(self._clock.now() + job.interval * 2 ** min(retried, 10))
        message = (
            f"{failure.error.message} This operation was retried {retried} times. "
            f"It will be retried again after this date: {again} UTC"
        )
        error = SyncError(failure.error.code, message, tenant_actionable=failure.error.tenant_actionable)
        return Change(user, failure.action, error=error, failed_at=failure.failed_at)


def escrow_reason(changes: list[Change], settings: EmulatorSettings) -> str | None:
    """Return the quarantine reason that a cycle's failures give, by the thresholds of the quarantine page."""
    events = [change for change in changes if change.skip is None]
    failures = [change for change in events if change.error is not None]
    own = sum(not change.unresolved_reference for change in failures)
    if len(failures) > settings.escrow_total:
        return TOTAL
    if own > settings.escrow_base:
        return BASE
    if own >= settings.escrow_floor and own > settings.escrow_proportion * len(events):
        return PROPORTION
    return None


def _keep(change: Change | None, changes: list[Change]) -> None:
    if change is not None:
        changes.append(change)
