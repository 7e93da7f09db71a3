"""Recovered is said only when it is proven; patience is counted in the job's own intervals."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.model import SynchronizationJob
from shared.remediation.recovery import Recovery, judge_recovery, next_look, proves
from tests.pure.material import MINUTE, MOMENTS, T0, UNHURRIED, job_of

TICK = timedelta.resolution
_STATES = st.sampled_from(["Succeeded", "succeeded", "Failed", "EntryLevelErrors", "HalfDone", ""])
_CYCLES = st.none() | st.tuples(_STATES, st.none() | MOMENTS, st.none() | MOMENTS)
_JOBS = st.builds(
    job_of,
    st.sampled_from(["Quarantine", "Active", "Paused", "Frozen", ""]),
    interval=st.sampled_from(["PT40M", "PT0.5S", "P1D", ""]),
    cycle=_CYCLES,
    cycle_error=st.sampled_from([None, ("None", ""), ("InvalidCredentials", "no"), ("", "no")]),
    evaluated=st.none() | MOMENTS,
)
_PATIENCE = st.integers(1, 999)


@UNHURRIED
@given(_JOBS, MOMENTS, MOMENTS, _PATIENCE)
def test_nothing_is_proven_in_quarantine_or_by_an_old_cycle(
    job: SynchronizationJob, since: datetime, now: datetime, patience: int
) -> None:
    """Proven takes a lifted quarantine and a cycle that began after the action and ended."""
    verdict = judge_recovery(job, since, now, patience)
    if verdict is Recovery.PROVEN:
        cycle = job.last_execution
        assert not job.quarantined
        assert cycle is not None
        assert cycle.began is not None
        assert cycle.began > since
        assert cycle.ended is not None
        assert cycle.state_text.lower() in ("succeeded", "entrylevelerrors")


@UNHURRIED
@given(_JOBS, MOMENTS, MOMENTS, _PATIENCE)
def test_relapsed_takes_an_evaluation_after_the_action(
    job: SynchronizationJob, since: datetime, now: datetime, patience: int
) -> None:
    """A quarantine that was last evaluated before the action is not held against it."""
    relapsed = judge_recovery(job, since, now, patience) is Recovery.RELAPSED
    evaluated = job.quarantine.current_began if job.quarantine else None
    assert relapsed is (job.quarantined and evaluated is not None and evaluated > since)


@pytest.mark.parametrize(
    ("began", "evaluated", "quarantined", "expected"),
    [
        (TICK, None, False, Recovery.PROVEN),
        (timedelta(0), None, False, Recovery.NOT_YET),
        (-MINUTE, None, False, Recovery.NOT_YET),
        (TICK, None, True, Recovery.NOT_YET),
        (TICK, timedelta(0), True, Recovery.NOT_YET),
        (TICK, TICK, True, Recovery.RELAPSED),
    ],
)
def test_the_moment_of_the_action_is_the_boundary(
    began: timedelta, evaluated: timedelta | None, expected: Recovery, *, quarantined: bool
) -> None:
    """What happened at the very moment of the action is not after it."""
    job = job_of(
        "Quarantine" if quarantined else "Active",
        cycle=("Succeeded", T0 + began, T0 + MINUTE),
        evaluated=None if evaluated is None else T0 + evaluated,
    )
    assert judge_recovery(job, T0, T0 + MINUTE, 3) is expected


@pytest.mark.parametrize(
    ("state", "error", "ended", "expected"),
    [
        ("Succeeded", None, True, True),
        ("EntryLevelErrors", None, True, True),
        ("EntryLevelErrors", ("None", ""), True, True),
        ("EntryLevelErrors", ("SystemForCrossDomainIdentityManagementInvalidCredentials", "no"), True, False),
        ("Failed", None, True, False),
        ("HalfDone", None, True, False),
        ("Succeeded", None, False, False),
    ],
)
def test_which_cycles_prove(state: str, error: tuple[str, str] | None, *, ended: bool, expected: bool) -> None:
    """Errors of single entries are allowed; a job-level error, an unknown word and a running cycle prove nothing."""
    job = job_of(cycle=(state, T0 + TICK, T0 + MINUTE if ended else None), cycle_error=error)
    assert proves(job, T0) is expected


@pytest.mark.parametrize(("interval", "length"), [("PT40M", 40), ("PT5M", 5), ("", 40), ("P10675199DT2H48M", 40)])
@pytest.mark.parametrize("code", ["Active", "Quarantine"])
@pytest.mark.parametrize("patience", [1, 3])
def test_patience_is_counted_in_the_jobs_own_intervals(interval: str, length: int, code: str, patience: int) -> None:
    """Overdue is what is later than that many intervals; a job that names none has Entra's usual forty minutes."""
    job = job_of(code, interval=interval)
    ends = T0 + patience * length * MINUTE
    assert judge_recovery(job, T0, ends, patience) is Recovery.NOT_YET
    assert judge_recovery(job, T0, ends + TICK, patience) is Recovery.OVERDUE


@pytest.mark.parametrize(
    ("interval", "longest", "expected"),
    [
        ("PT40M", timedelta(hours=1), timedelta(minutes=20)),
        ("PT40M", timedelta(minutes=15), timedelta(minutes=15)),
        ("PT0.1S", timedelta(minutes=15), timedelta(seconds=0.5)),
        ("", timedelta(hours=1), timedelta(minutes=20)),
    ],
)
def test_the_next_look_comes_twice_an_interval(interval: str, longest: timedelta, expected: timedelta) -> None:
    """Half an interval, neither faster than twice a second nor slower than the longest pause."""
    assert next_look(job_of(interval=interval), T0, longest) == T0 + expected
