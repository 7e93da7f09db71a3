"""An incident survives its table row, and a row of another release is read as far as it can be."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.incidents.incident import Attempt, AttemptStep, Incident, IncidentState, Untold
from shared.tokens.bindings import SecretRef
from tests.notices.hostile import notice_of
from tests.pure.material import JOB, MOMENTS, SP, T0

TOKEN = SecretRef("SecretToken", "token", "1f")
_TEXT = st.text(max_size=20)
_TIMES = st.none() | MOMENTS
_REFS = st.lists(st.builds(SecretRef, _TEXT, _TEXT, _TEXT), max_size=2).map(tuple)
_ATTEMPTS = st.builds(
    Attempt,
    id=_TEXT,
    began=MOMENTS,
    step=st.sampled_from(AttemptStep),
    saving=_REFS,
    previous=_REFS,
    settings_before=st.dictionaries(_TEXT, _TEXT, max_size=3),
    ahead=st.booleans(),
    undoing=st.booleans(),
    mint_sent=st.booleans(),
    arrived_at=_TIMES,
    saved_at=_TIMES,
    acted_at=_TIMES,
    tries=st.integers(0, 20),
)
_UNTOLD = st.builds(
    Untold,
    st.lists(_TEXT, min_size=1, max_size=3).map(tuple).map(notice_of),
    st.lists(_TEXT, max_size=2).map(tuple),
)
_INCIDENTS = st.builds(
    Incident,
    service_principal_id=_TEXT,
    job_id=_TEXT,
    application=_TEXT,
    app_id=_TEXT,
    id=_TEXT,
    state=st.sampled_from(IncidentState),
    cause=_TEXT,
    confidence=_TEXT,
    reason=_TEXT,
    error_code=_TEXT,
    said=_TEXT,
    note=_TEXT,
    opened_at=_TIMES,
    series_began=_TIMES,
    quarantined_at=_TIMES,
    looked_at=_TIMES,
    next_look_at=_TIMES,
    closed_at=_TIMES,
    wanted=_TEXT,
    attempt=st.none() | _ATTEMPTS,
    told=st.lists(_TEXT, max_size=3).map(tuple),
    untold=st.lists(_UNTOLD, max_size=2).map(tuple),
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(_INCIDENTS)
def test_an_incident_survives_its_row(incident: Incident) -> None:
    """Every field comes back, and the row holds only what a table can hold."""
    row = incident.to_row()
    assert all(isinstance(value, str | int | datetime) for value in row.values())
    assert Incident.from_row(row) == incident


def test_a_row_of_strangers_is_read_as_far_as_it_can_be() -> None:
    """An unknown state reads as unrecognised and open; unknown columns, and the table's own, are passed over."""
    row = {**Incident(SP, JOB).to_row(), "state": "hibernating", "mood": "good", "PartitionKey": SP, "RowKey": JOB}
    read = Incident.from_row(row)
    assert read == Incident(SP, JOB, state=IncidentState.UNRECOGNISED)
    assert read.open


def test_a_row_of_an_older_release_has_defaults() -> None:
    """Columns that are missing are as in an incident that nobody has looked at."""
    assert Incident.from_row({"service_principal_id": SP, "job_id": JOB, "state": "clear"}) == Incident(SP, JOB)


@pytest.mark.parametrize("state", IncidentState)
def test_which_states_are_open(state: IncidentState) -> None:
    """Only clear and recovered need nobody's eye; what is not understood does."""
    assert Incident(SP, JOB, state=state).open is (state not in (IncidentState.CLEAR, IncidentState.RECOVERED))


@pytest.mark.parametrize("step", AttemptStep)
def test_an_attempt_is_under_way_until_it_watches(step: AttemptStep) -> None:
    """Every step but the last must be resumed."""
    incident = Incident(SP, JOB, attempt=Attempt("a", T0, step))
    assert incident.in_attempt is (step is not AttemptStep.WATCH)
    assert not Incident(SP, JOB).in_attempt


def test_an_attempt_is_changed_without_losing_the_rest() -> None:
    """A change names what changes; without an attempt there is nothing to change."""
    incident = Incident(SP, JOB, attempt=Attempt("a", T0, AttemptStep.SAVE, saving=(TOKEN,)))
    changed = incident.with_attempt(step=AttemptStep.LIFT)
    assert changed == replace(incident, attempt=Attempt("a", T0, AttemptStep.LIFT, saving=(TOKEN,)))
    with pytest.raises(ValueError, match="no attempt"):
        Incident(SP, JOB).with_attempt(tries=1)


def test_times_of_a_table_become_plain_utc() -> None:
    """A table's own kind of time, in any zone, is read as the standard library's in UTC."""

    class TableTime(datetime):
        pass

    stored = TableTime(2026, 1, 31, 3, 12, 7, 123456, tzinfo=UTC)
    row: dict[str, Any] = {**Incident(SP, JOB).to_row(), "looked_at": stored}
    read = Incident.from_row(row).looked_at
    assert read == stored
    assert type(read) is datetime


_OLD_ATTEMPT = {
    "id": "a",
    "began": T0.isoformat(),
    "secret_name": "token",
    "secret_version": "1f",
    "credential_key": "SecretToken",
    "settings_before": {"SyncAll": "x", "SecretToken": "*"},
    "acted_at": None,
    "tries": 3,
}


@pytest.mark.parametrize("step", ["save", "read_back", "test_saved", "lift", "watch"])
def test_an_attempt_that_the_last_release_wrote_is_resumed(step: str) -> None:
    """A row of the release that knew one secret an application reads as an attempt that saves that one version."""
    row = {**Incident(SP, JOB).to_row(), "schema": 1, "state": "acting"}
    row["attempt"] = json.dumps({**_OLD_ATTEMPT, "step": step})
    read = Incident.from_row(row)
    assert read.recognised
    assert read.attempt == Attempt(
        "a",
        T0,
        AttemptStep(step),
        saving=(TOKEN,),
        settings_before={"SyncAll": "x", "SecretToken": "*"},
        tries=3,
    )


def test_an_attempt_of_the_last_release_that_only_lifts_saves_nothing() -> None:
    """Without a secret's name there was nothing to save, and there is nothing now."""
    nothing = {**_OLD_ATTEMPT, "step": "lift", "secret_name": "", "secret_version": "", "credential_key": ""}
    row = {**Incident(SP, JOB).to_row(), "schema": 1, "attempt": json.dumps(nothing)}
    attempt = Incident.from_row(row).attempt
    assert attempt is not None
    assert attempt.saving == attempt.previous == ()


def test_a_row_without_a_schema_is_an_old_one_and_a_later_schema_is_left_alone() -> None:
    """The first release wrote no schema; what a later one wrote is not understood, whatever its words."""
    row = Incident(SP, JOB, state=IncidentState.LIFTED).to_row()
    old = {name: value for name, value in row.items() if name != "schema"}
    assert Incident.from_row(old).state is IncidentState.LIFTED
    assert not Incident.from_row({**row, "schema": 3}).recognised


def test_what_is_saved_is_named_without_its_versions() -> None:
    """People are told names of secrets, one or several."""
    two = Attempt("a", T0, AttemptStep.SAVE, saving=(TOKEN, SecretRef("UserName", "name", "2e")))
    assert two.secret_names == "token, name"
    assert Attempt("a", T0, AttemptStep.LIFT).secret_names == ""
