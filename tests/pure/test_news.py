"""Old, doubled and out-of-order news costs no look; news that matters always does."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.detection.signal import News, Signal, Source
from shared.detection.sweep import news_of
from shared.incidents.incident import Attempt, AttemptStep, Incident, IncidentState
from shared.remediation.news import worth_a_look
from tests.pure.material import JOB, MINUTE, MOMENTS, SP, T0, UNHURRIED, job_of

OPEN = [state for state in IncidentState if state not in (IncidentState.CLEAR, IncidentState.RECOVERED)]
HEARD = [News.QUARANTINED, News.RELEASED, News.CREDENTIAL]
_INCIDENTS = st.builds(
    Incident,
    st.just(SP),
    st.just(JOB),
    state=st.sampled_from(IncidentState),
    looked_at=st.none() | MOMENTS,
    next_look_at=st.none() | MOMENTS,
)


def _signal(news: News, at: timedelta = timedelta(0)) -> Signal:
    return Signal(SP, JOB, Source.AUDIT_LOG, news, T0 + at)


def _incident(state: IncidentState, *, attempt: bool = False, aside: bool = False) -> Incident:
    attempts = Attempt("a", T0, AttemptStep.WATCH) if attempt else None
    again = T0 + 5 * MINUTE if state in OPEN and not aside else None
    return Incident(SP, JOB, state=state, looked_at=T0, attempt=attempts, next_look_at=again)


@pytest.mark.parametrize("state", IncidentState)
@pytest.mark.parametrize("news", HEARD)
def test_the_table_of_news_and_states(news: News, state: IncidentState) -> None:
    """News after the last look is worth one, except a quarantine that is under watch already."""
    expected = not (news is News.QUARANTINED and state in OPEN)
    assert worth_a_look(_signal(news, MINUTE), _incident(state), T0 + 2 * MINUTE) is expected


@UNHURRIED
@given(_INCIDENTS, st.sampled_from(HEARD), MOMENTS, MOMENTS)
def test_news_costs_no_look_after_the_look_that_saw_it(
    incident: Incident, news: News, at: datetime, now: datetime
) -> None:
    """Doubled or older news, up to the very moment of the last look, is stale in every state.

    But for a new credential of a job that is well: a look that knew nothing of it has left it alone.
    """
    if incident.looked_at is None or (news is News.CREDENTIAL and not incident.open):
        return
    older = Signal(SP, JOB, Source.VAULT, news, min(incident.looked_at, at))
    assert not worth_a_look(older, incident, now)


@UNHURRIED
@given(st.none() | _INCIDENTS, MOMENTS, MOMENTS)
def test_a_person_always_gets_a_look(incident: Incident | None, at: datetime, now: datetime) -> None:
    """Whatever the row says and however old the question is."""
    asked = Signal(SP, JOB, Source.PERSON, News.ASKED, at)
    assert worth_a_look(asked, incident, now)


@pytest.mark.parametrize("news", News)
def test_a_job_never_looked_at_gets_a_look(news: News) -> None:
    """Without a row, and with a row that no look has finished."""
    assert worth_a_look(_signal(news), None, T0)
    assert worth_a_look(_signal(news), Incident(SP, JOB), T0)


@UNHURRIED
@given(_INCIDENTS, MOMENTS)
def test_a_due_look_is_due_only_while_the_row_says_so(incident: Incident, now: datetime) -> None:
    """A doubled due signal finds the row moved on, and ends there."""
    if incident.looked_at is None:
        return
    due = incident.next_look_at is not None and incident.next_look_at <= now
    assert worth_a_look(_signal(News.DUE), incident, now) is due


def test_a_due_look_is_due_at_its_very_moment() -> None:
    """Not a microsecond before."""
    at = Incident(SP, JOB, looked_at=T0, next_look_at=T0 + MINUTE)
    assert worth_a_look(_signal(News.DUE), at, T0 + MINUTE)
    assert not worth_a_look(_signal(News.DUE), at, T0 + MINUTE - timedelta.resolution)


@pytest.mark.parametrize("state", [None, *IncidentState])
@pytest.mark.parametrize("attempt", [False, True])
def test_the_sweep_signals_what_its_rows_do_not_know(state: IncidentState | None, *, attempt: bool) -> None:
    """A quarantine without an open incident is news; so is an open incident whose quarantine somebody else ended."""
    incidents = {} if state is None else {(SP, JOB): _incident(state, attempt=attempt)}
    known = state in OPEN
    found = news_of(job_of("Quarantine"), incidents, T0)
    assert found == (None if known else Signal(SP, JOB, Source.SWEEP, News.QUARANTINED, T0))
    released = news_of(job_of("Active"), incidents, T0)
    expected = Signal(SP, JOB, Source.SWEEP, News.RELEASED, T0) if known and not attempt else None
    assert released == expected


@pytest.mark.parametrize("state", [state for state in OPEN if state is not IncidentState.UNRECOGNISED])
@pytest.mark.parametrize("attempt", [False, True])
def test_what_was_set_aside_is_news_again_to_the_sweep(state: IncidentState, *, attempt: bool) -> None:
    """An open incident without a next look would wait for ever once its application is watched again."""
    aside = _incident(state, attempt=attempt, aside=True)
    for status, news in (("Quarantine", News.QUARANTINED), ("Active", News.RELEASED)):
        found = news_of(job_of(status), {(SP, JOB): aside}, T0 + MINUTE)
        assert found == Signal(SP, JOB, Source.SWEEP, news, T0 + MINUTE)
        assert worth_a_look(found, aside, T0 + MINUTE)
        assert not worth_a_look(_signal(news), aside, T0 + MINUTE)
    assert not worth_a_look(_signal(News.DUE, MINUTE), aside, T0 + MINUTE)


def test_the_sweep_tells_jobs_apart() -> None:
    """An incident of another job, or of the same job id elsewhere, is not this job's."""
    incident = _incident(IncidentState.WAITING)
    assert news_of(job_of("Quarantine"), {(SP, "other"): incident, ("other", JOB): incident}, T0) is not None
