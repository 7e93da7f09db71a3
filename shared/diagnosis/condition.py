"""How a job is, quarantined or not: jobs that are not quarantined may be far from well; pure.

A job that never ran says `lastExecution.state: Failed` with the code `NotRun` and the error code `None` (Entra's
cross-tenant configuration page), so a state counts only for a cycle that began. What Graph shows of a job that Entra
disabled after four weeks is not documented: only a disabled schedule beside a quarantine of that age is called so.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from shared.diagnosis.remedy import PROVISIONING, Remedy, Restart, Step
from shared.jobs.model import CycleState, JobCode, SynchronizationJob

DISABLED_AFTER = timedelta(weeks=4)  # Entra's quarantine status page
_APP_ADMIN = "Application Administrator or Cloud Application Administrator"
_QUARANTINE = "Application provisioning in quarantine status"
_KNOWN = "Known issues for provisioning in Microsoft Entra ID"
_START = Step("Start provisioning.", PROVISIONING, _APP_ADMIN)


class Condition(StrEnum):
    """How a job is."""

    QUARANTINED = "quarantined"
    NEVER_STARTED = "never_started"
    NOT_CONFIGURED = "not_configured"
    PAUSED = "paused"
    DISABLED_AFTER_FOUR_WEEKS = "disabled_after_four_weeks"
    FAILING_WITHOUT_QUARANTINE = "failing_without_quarantine"
    HEALTHY = "healthy"
    UNKNOWN = "unknown"


WORDS: dict[Condition, str] = {
    Condition.QUARANTINED: "in quarantine",
    Condition.NEVER_STARTED: "has never completed a first cycle",
    Condition.NOT_CONFIGURED: "not configured",
    Condition.PAUSED: "paused",
    Condition.DISABLED_AFTER_FOUR_WEEKS: "disabled by Entra after four weeks in quarantine",
    Condition.FAILING_WITHOUT_QUARANTINE: "runs, but entries fail; too few for a quarantine",
    Condition.HEALTHY: "healthy",
    Condition.UNKNOWN: "unknown: what Graph says of the job does not tell",
}

_REMEDIES: dict[Condition, Remedy] = {
    Condition.NEVER_STARTED: Remedy(
        (
            Step("If its schedule is Disabled: start provisioning.", PROVISIONING, _APP_ADMIN),
            Step(
                "If it is Active: wait for the first cycle; with many users it takes hours. Then look at its progress.",
                PROVISIONING,
                _APP_ADMIN,
            ),
        ),
        "The first cycle begins within 40 minutes of the start.",
        Restart.NOT_NEEDED,
        ("Check the status of user provisioning",),
    ),
    Condition.NOT_CONFIGURED: Remedy(
        (
            Step(
                "Set the provisioning mode to Automatic, enter the admin credentials, use Test Connection and save.",
                f"{PROVISIONING} > Admin Credentials",
                _APP_ADMIN,
            ),
            _START,
        ),
        "Until then nobody is provisioned or removed.",
        Restart.NOT_NEEDED,
        ("Managing user account provisioning for enterprise apps",),
    ),
    Condition.PAUSED: Remedy(
        (
            Step(
                "Find out who paused it and why: audit log, activity `Disable/pause provisioning configuration`.",
                "Entra admin center > Audit logs",
                "Reports Reader",
            ),
            _START,
        ),
        "It goes on from where it was paused; leavers keep their accounts in the target meanwhile.",
        Restart.NOT_NEEDED,
        (_KNOWN,),
    ),
    Condition.DISABLED_AFTER_FOUR_WEEKS: Remedy(
        (
            Step("Put the cause right first, as below.", PROVISIONING, _APP_ADMIN),
            Step("Then start provisioning again; a full cycle is to be expected.", PROVISIONING, _APP_ADMIN),
        ),
        "The job does not run any more, and Entra does not try again. Pratique does not start jobs.",
        Restart.BY_PERSON,
        (_QUARANTINE,),
    ),
    Condition.FAILING_WITHOUT_QUARANTINE: Remedy(
        (
            Step(
                "Mend the failures as below. Below 5,000 of them Entra hardly ever quarantines, so nobody is told.",
                f"{PROVISIONING} > Provisioning logs",
                _APP_ADMIN,
            ),
        ),
        "Failed entries are tried again by themselves, more and more rarely.",
        Restart.NOT_NEEDED,
        (_QUARANTINE,),
    ),
    Condition.UNKNOWN: Remedy(
        (Step("Look at the job's status.", PROVISIONING, _APP_ADMIN),),
        "Pratique looks again.",
        Restart.NOT_NEEDED,
        (_QUARANTINE,),
    ),
}


def condition_of(job: SynchronizationJob | None, now: datetime) -> Condition:
    """Say how a job is; without one, or with words that nobody knows, it is unknown."""
    if job is None:
        return Condition.UNKNOWN
    ends = disabled_on(job)
    if ends is not None and ends <= now and _is(job.schedule_state, "Disabled"):
        return Condition.DISABLED_AFTER_FOUR_WEEKS
    match job.code:
        case JobCode.QUARANTINE:
            return Condition.QUARANTINED
        case JobCode.NOT_CONFIGURED:
            return Condition.NOT_CONFIGURED
        case JobCode.NOT_RUN:
            return Condition.NEVER_STARTED
        case JobCode.PAUSED:
            return Condition.PAUSED if _ever_ran(job) else Condition.NEVER_STARTED
        case JobCode.ACTIVE:
            return _running(job)
        case _:
            return Condition.UNKNOWN


def disabled_on(job: SynchronizationJob | None) -> datetime | None:
    """Return when Entra disables the job: four weeks after its series of quarantines began."""
    began = job.quarantine.series_began if job is not None and job.quarantine else None
    try:
        return began + DISABLED_AFTER if began else None
    except OverflowError:  # a date at the end of the calendar is no date
        return None


def condition_remedy(condition: Condition) -> Remedy | None:
    """Return what to do about the condition itself; None where the cause alone decides."""
    return _REMEDIES.get(condition)


def _running(job: SynchronizationJob) -> Condition:
    if _is(job.schedule_state, "Disabled") or _is(job.schedule_state, "Paused"):
        return Condition.PAUSED
    status = _part(job.raw, "status")
    cycle = job.last_execution
    ran = cycle is not None and cycle.began is not None
    failed = ran and cycle is not None and cycle.state in (CycleState.FAILED, CycleState.ENTRY_LEVEL_ERRORS)
    kept = _count(_part(status, "lastExecution"), "countEscrowed") if ran else 0
    if failed or kept or _count(status, "countSuccessiveCompleteFailures") or status.get("escrowsPruned") is True:
        return Condition.FAILING_WITHOUT_QUARANTINE
    if cycle is not None and ran and cycle.state is CycleState.SUCCEEDED:
        return Condition.HEALTHY
    return Condition.UNKNOWN


def _ever_ran(job: SynchronizationJob) -> bool:
    status = _part(job.raw, "status")
    cycle = job.last_execution
    return (cycle is not None and cycle.began is not None) or bool(_part(status, "lastSuccessfulExecution"))


def _is(text: str, word: str) -> bool:
    return text.casefold() == word.casefold()


def _part(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    return value if isinstance(value, Mapping) else {}


def _count(raw: Mapping[str, Any], name: str) -> int:
    value = raw.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
