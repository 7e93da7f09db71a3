"""How a job is, from what Graph says of it, odd answers included."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from shared.diagnosis.condition import DISABLED_AFTER, WORDS, Condition, condition_of, condition_remedy, disabled_on
from shared.jobs.reading import read_job
from tests.pure.material import ANY_JSON, JOB, MINUTE, SP, T0, UNHURRIED, stamp, within

_NEVER = "0001-01-01T00:00:00Z"


def _of(status: Any, state: str = "Active") -> Condition:
    return condition_of(read_job(SP, {"id": JOB, "schedule": {"state": state}, "status": status}), T0)


def _cycle(state: str, **more: Any) -> dict[str, Any]:
    return {"state": state, "timeBegan": stamp(T0 - MINUTE), "timeEnded": stamp(T0), **more}


def _quarantine(age: timedelta) -> dict[str, Any]:
    return {"code": "Quarantine", "quarantine": {"reason": "Unknown", "seriesBegan": stamp(T0 - age)}}


_QUIET = Condition.FAILING_WITHOUT_QUARANTINE
_NOT_RUN = {
    "code": "NotRun",
    "lastExecution": {"state": "Failed", "timeBegan": _NEVER, "error": {"code": "None", "message": ""}},
}


@pytest.mark.parametrize(
    ("status", "state", "condition"),
    [
        (_NOT_RUN, "Active", Condition.NEVER_STARTED),
        ({"code": "Paused", "lastExecution": None}, "Disabled", Condition.NEVER_STARTED),
        ({"code": "Paused", "lastExecution": _cycle("Succeeded")}, "Disabled", Condition.PAUSED),
        ({"code": "Active", "lastExecution": _cycle("Succeeded")}, "Paused", Condition.PAUSED),
        ({"code": "NotConfigured"}, "Disabled", Condition.NOT_CONFIGURED),
        (_quarantine(timedelta(days=3)), "Active", Condition.QUARANTINED),
        (_quarantine(timedelta(days=29)), "Active", Condition.QUARANTINED),
        (_quarantine(timedelta(days=29)), "Disabled", Condition.DISABLED_AFTER_FOUR_WEEKS),
        (_quarantine(timedelta(days=27)), "Disabled", Condition.QUARANTINED),
        ({"code": "Active", "lastExecution": _cycle("EntryLevelErrors")}, "Active", _QUIET),
        ({"code": "Active", "lastExecution": _cycle("Succeeded", countEscrowed=7)}, "Active", _QUIET),
        ({"code": "Active", "countSuccessiveCompleteFailures": 2}, "Active", _QUIET),
        ({"code": "Active", "lastExecution": _cycle("Succeeded")}, "Active", Condition.HEALTHY),
        ({"code": "Active", "lastExecution": {"state": "Failed", "timeBegan": _NEVER}}, "Active", Condition.UNKNOWN),
        ({"code": "InProgress"}, "Active", Condition.UNKNOWN),
        ({}, "", Condition.UNKNOWN),
    ],
)  # fmt: skip
def test_the_condition_is_read_from_status_schedule_and_last_cycle(
    status: Any, state: str, condition: Condition
) -> None:
    """A state counts only for a cycle that began; what nobody documented is unknown, never healthy."""
    assert _of(status, state) is condition


def test_no_job_is_unknown() -> None:
    """What could not be read is never healthy."""
    assert condition_of(None, T0) is Condition.UNKNOWN
    assert disabled_on(None) is None


def test_the_countdown_runs_for_four_weeks_from_the_beginning_of_the_series() -> None:
    """A series that began at T0 ends 28 days later; one without a date has no end."""
    job = read_job(SP, {"status": _quarantine(timedelta(0))})
    assert disabled_on(job) == T0 + DISABLED_AFTER
    assert disabled_on(read_job(SP, {"status": {"quarantine": {"seriesBegan": _NEVER}}})) is None
    assert disabled_on(read_job(SP, {"status": {"quarantine": {"seriesBegan": "9999-12-31T00:00:00Z"}}})) is None


def test_every_condition_that_is_not_well_says_what_to_do() -> None:
    """Only the healthy, and the quarantined whose cause decides, have no remedy of their own."""
    without = {condition for condition in Condition if condition_remedy(condition) is None}
    assert without == {Condition.HEALTHY, Condition.QUARANTINED}
    assert set(WORDS) == set(Condition)


@UNHURRIED
@given(
    raw=within(
        {
            "schedule": within({"state": ANY_JSON}),
            "status": within({"code": ANY_JSON, "lastExecution": ANY_JSON, "quarantine": ANY_JSON}),
        }
    )
)
def test_any_answer_of_graph_has_a_condition(raw: Any) -> None:
    """No JSON object makes it raise."""
    if isinstance(raw, dict):
        assert condition_of(read_job(SP, raw), T0) in Condition
