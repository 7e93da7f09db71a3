"""What the claims about pure modules are tried on: any JSON, any text, moments, jobs."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from shared.jobs.model import SynchronizationJob
from shared.jobs.reading import read_job

UNHURRIED = settings(deadline=None, max_examples=100)
"""A machine that is busy elsewhere must not fail a claim."""

SP = "4f6cbd2b-5d7c-4b0c-9b3e-5f6f0a2d1c11"
JOB = "scim.7ab1d2a4f0c14f0c8f0a0d4f6a1f2b3c.0f5d7c2e-92cf-4c0e-8d93-9c8a5f1f7a11"
T0 = datetime(2026, 1, 31, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))
ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)

TIMES = (
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.9999999Z",
    "9999-12-31T23:59:59-14:00",
    "2026-01-31T03:12:07.1234567Z",
    "2026-01-31T03:12:07",
    "2026-01-31",
    "2026-02-30T00:00:00Z",
    "2026-01-31T25:00:00Z",
    "tomorrow",
    "",
    "٢٠٢٦-01-31T03:12:07Z",
)
ANY_TIME: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(TIMES), st.datetimes().map(lambda time: time.isoformat() + "Z"), ANY_JSON
)
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- bounds are naive by contract


def within(names: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Return objects in which each of these names may be missing, fitting, or anything at all."""
    return st.fixed_dictionaries({}, optional={name: st.one_of(value, ANY_JSON) for name, value in names.items()})


def stamp(moment: datetime | None) -> str:
    """Write a moment as Graph does."""
    return "0001-01-01T00:00:00Z" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def job_of(
    code: str = "Active",
    *,
    interval: str = "PT40M",
    cycle: tuple[str, datetime | None, datetime | None] | None = None,
    cycle_error: tuple[str, str] | None = None,
    evaluated: datetime | None = None,
) -> SynchronizationJob:
    """Return a job as Graph would tell of it; `cycle` is state, begin and end of the last one."""
    status: dict[str, Any] = {"code": code}
    if cycle:
        state, began, ended = cycle
        status["lastExecution"] = {"state": state, "timeBegan": stamp(began), "timeEnded": stamp(ended)}
        if cycle_error:
            status["lastExecution"]["error"] = {"code": cycle_error[0], "message": cycle_error[1]}
    if code == "Quarantine":
        status["quarantine"] = {"reason": "EncounteredQuarantineException", "currentBegan": stamp(evaluated)}
    return read_job(SP, {"id": JOB, "status": status, "schedule": {"interval": interval, "state": "Active"}})
