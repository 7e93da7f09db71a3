"""Whether a job has proven its recovery; pure.

Recovered means: the quarantine is gone **and** a cycle that began after the last action ended well. Until then it is
"lifted, not proven": a lifted quarantine alone says nothing about the credential.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from shared.jobs.model import CycleState, SynchronizationJob

_USUAL_INTERVAL = timedelta(minutes=40)  # Entra's usual interval; used when the job names none
_SHORTEST_WAIT = timedelta(seconds=0.5)


class Recovery(StrEnum):
    """What a look says about the recovery."""

    PROVEN = "proven"
    NOT_YET = "not_yet"
    OVERDUE = "overdue"
    RELAPSED = "relapsed"


def judge_recovery(job: SynchronizationJob, since: datetime, now: datetime, patience: int) -> Recovery:
    """Judge a job against the moment of the last action; `patience` counts the job's own intervals."""
    if job.quarantined:
        evaluated = job.quarantine.current_began if job.quarantine else None
        if evaluated is not None and evaluated > since:
            return Recovery.RELAPSED
    elif proves(job, since):
        return Recovery.PROVEN
    overdue = now > since + patience * (job.interval or _USUAL_INTERVAL)
    return Recovery.OVERDUE if overdue else Recovery.NOT_YET


def proves(job: SynchronizationJob, since: datetime) -> bool:
    """Say whether the last cycle began after the moment and ended without a job-level or credential error."""
    cycle = job.last_execution
    if cycle is None or cycle.began is None or cycle.began <= since or cycle.ended is None:
        return False
    if cycle.state is CycleState.SUCCEEDED:
        return True
    return cycle.state is CycleState.ENTRY_LEVEL_ERRORS and cycle.error is None


def next_look(job: SynchronizationJob, now: datetime, longest: timedelta) -> datetime:
    """Return when to look for the proof again: twice in each of the job's intervals."""
    pause = (job.interval or _USUAL_INTERVAL) / 2
    return now + min(max(pause, _SHORTEST_WAIT), longest)
