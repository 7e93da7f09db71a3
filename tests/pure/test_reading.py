"""Graph's JSON is read without losing a word and without ever failing on one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.model import CycleState, JobCode, QuarantineReason
from shared.jobs.reading import read_interval, read_job, read_service_principal, read_time
from tests.pure.material import ANY_JSON, ANY_TIME, SP, UNHURRIED, within

_ERROR = within({"code": st.text(max_size=8), "message": st.text(max_size=8)})
_CYCLE = within(
    {"state": st.sampled_from(CycleState), "timeBegan": ANY_TIME, "timeEnded": ANY_TIME, "error": _ERROR},
)
_QUARANTINE = within(
    {
        "reason": st.sampled_from(QuarantineReason),
        "error": _ERROR,
        "seriesBegan": ANY_TIME,
        "currentBegan": ANY_TIME,
        "nextAttempt": ANY_TIME,
        "seriesCount": st.integers(),
    }
)
_STATUS = within({"code": st.sampled_from(JobCode), "quarantine": _QUARANTINE, "lastExecution": _CYCLE})
_SCHEDULE = within({"state": st.text(max_size=8), "interval": st.text("PTDHMSYW0123456789.,-+ ", max_size=12)})
_JOBS = within({"id": st.text(max_size=8), "templateId": st.text(max_size=8), "status": _STATUS, "schedule": _SCHEDULE})


@UNHURRIED
@given(_JOBS)
def test_any_object_reads_as_a_job(raw: dict[str, Any]) -> None:
    """Whatever parts are missing or of another type, a job comes out, its words and the whole answer kept."""
    job = read_job(SP, raw)
    status = raw.get("status")
    code = status.get("code") if isinstance(status, dict) else None
    assert job.raw is raw
    assert job.code_text == (code if isinstance(code, str) else "")
    times = [job.quarantine.series_began, job.quarantine.next_attempt] if job.quarantine else []
    times += [job.last_execution.began, job.last_execution.ended] if job.last_execution else []
    assert all(time is None or time.utcoffset() == timedelta(0) for time in times)


@UNHURRIED
@given(st.dictionaries(st.sampled_from(["id", "appId", "displayName"]), ANY_JSON))
def test_any_object_reads_as_a_service_principal(raw: dict[str, Any]) -> None:
    """A display name that is missing gives way to the object id."""
    principal = read_service_principal(raw)
    assert isinstance(raw.get("displayName"), str) or principal.display_name == principal.id


@UNHURRIED
@given(st.text(max_size=30))
def test_any_text_reads_as_an_interval_or_as_none(text: str) -> None:
    """Nothing that is read as an interval is empty, negative or longer than a year."""
    interval = read_interval(text)
    assert interval is None or timedelta(0) < interval <= timedelta(days=366)


def test_unknown_words_keep_their_text() -> None:
    """Members that nobody has heard of read as unrecognised, with what Graph said beside them."""
    quarantine = {"reason": "EncounteredNewThing", "seriesBegan": "2026-01-31T03:12:07Z"}
    job = read_job(SP, {"status": {"code": "Frozen", "quarantine": quarantine, "lastExecution": {"state": "HalfDone"}}})
    assert (job.code, job.code_text, job.quarantined) == (JobCode.UNRECOGNISED, "Frozen", False)
    assert job.quarantine is not None
    assert (job.quarantine.reason, job.quarantine.reason_text) == (QuarantineReason.UNRECOGNISED, "EncounteredNewThing")
    assert job.last_execution is not None
    assert (job.last_execution.state, job.last_execution.state_text) == (CycleState.UNRECOGNISED, "HalfDone")


def test_an_empty_word_is_no_member() -> None:
    """An empty text is not taken for a member, though `UNRECOGNISED` is written as one."""
    job = read_job(SP, {"status": {"code": "", "quarantine": {"reason": "", "seriesCount": 1}}})
    assert job.code is JobCode.UNRECOGNISED
    assert job.quarantine is not None
    assert job.quarantine.reason is QuarantineReason.UNRECOGNISED


@pytest.mark.parametrize("code", ["Quarantine", "quarantine", "QUARANTINE"])
def test_case_does_not_matter(code: str) -> None:
    """A member is known in any case, and its text is kept as it came."""
    job = read_job(SP, {"status": {"code": code}})
    assert job.quarantined
    assert job.code_text == code


@pytest.mark.parametrize("spelling", ["QuarantineOnDemand", "QuarantinedOnDemand", "quarantinedondemand"])
def test_both_spellings_of_on_demand_are_known(spelling: str) -> None:
    """The documentation's two pages spell the reason in two ways."""
    job = read_job(SP, {"status": {"code": "Quarantine", "quarantine": {"reason": spelling}}})
    assert job.quarantine is not None
    assert job.quarantine.reason is QuarantineReason.QUARANTINED_ON_DEMAND
    assert job.quarantine.reason_text == spelling


@pytest.mark.parametrize("nothing", [{}, {"status": None}, {"status": {"quarantine": None, "lastExecution": None}}])
def test_a_missing_part_is_none(nothing: dict[str, Any]) -> None:
    """Null, absent and empty parts are all no part."""
    job = read_job(SP, nothing)
    assert (job.quarantine, job.last_execution, job.interval) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0001-01-01T00:00:00Z", None),
        ("0001-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("0002-01-01T00:00:00Z", datetime(2, 1, 1, tzinfo=UTC)),
        ("", None),
        (None, None),
        (20260131, None),
        ("tomorrow", None),
        ("2026-01-31T03:12:07.1234567Z", datetime(2026, 1, 31, 3, 12, 7, 123456, tzinfo=UTC)),
        ("2026-01-31T03:12:07", datetime(2026, 1, 31, 3, 12, 7, tzinfo=UTC)),
        ("2026-01-31T05:12:07+02:00", datetime(2026, 1, 31, 3, 12, 7, tzinfo=UTC)),
        ("9999-12-31T23:59:59.9999999Z", datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("9999-12-31T23:59:59-01:00", None),
    ],
)
def test_times(text: Any, expected: datetime | None) -> None:
    """The year 1 means never; .NET's seven digits are cut to six; a zone is turned into UTC; none means UTC."""
    assert read_time(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT40M", timedelta(minutes=40)),
        ("PT0.5S", timedelta(milliseconds=500)),
        ("P1DT2H", timedelta(hours=26)),
        ("P365D", timedelta(days=365)),
        ("P366D", None),
        ("P10675199DT2H48M5.4775807S", None),
        ("P99999999999999999999D", None),
        ("PT0S", None),
        ("-PT5M", None),
        ("P1M", None),
        ("P", None),
        ("", None),
        ("40", None),
    ],
)
def test_intervals(text: str, expected: timedelta | None) -> None:
    """.NET's longest time span stands for no interval, and so does what is not longer than nothing."""
    assert read_interval(text) == expected


def test_an_error_is_kept_only_when_it_is_one() -> None:
    """The code `None` without a message is no error; the quarantine's own error comes before the last cycle's."""
    none, some, other = {"code": "None", "message": ""}, {"code": "A", "message": "a"}, {"code": "B", "message": "b"}

    def error(quarantine: Any, cycle: Any) -> str | None:
        status = {"quarantine": {"reason": "Unknown", "error": quarantine}, "lastExecution": {"error": cycle}}
        read = read_job(SP, {"status": status}).quarantine
        assert read is not None
        return read.error.code if read.error else None

    assert [error(some, other), error(none, other), error(None, other), error(none, none)] == ["A", "B", "B", None]
