"""What is learnt of a secret survives its row, and each lesson replaces what it contradicts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.tokens.record import Retiring, TokenRecord, together
from tests.pure.material import MINUTE, MOMENTS, SP, T0, UNHURRIED

_TEXT = st.text(max_size=20)
_VERSIONS = st.sampled_from(["", "1a", "2b", "3c"])
_TIMES = st.none() | MOMENTS
_RECORDS = st.builds(
    TokenRecord,
    service_principal_id=_TEXT,
    secret_name=_TEXT,
    applied=_VERSIONS,
    applied_at=_TIMES,
    proven_at=_TIMES,
    previous=_VERSIONS,
    rejected=_VERSIONS,
    revoked_at=_TIMES,
    mint_lost_at=_TIMES,
    told_version=_TEXT,
    told_tier=st.integers(-1, 999),
    claims=st.dictionaries(_TEXT, MOMENTS.map(lambda moment: moment.isoformat()), max_size=6),
    retiring=st.lists(st.builds(Retiring, _TEXT, MOMENTS), max_size=3).map(tuple),
)


@UNHURRIED
@given(_RECORDS)
def test_a_record_survives_its_row(record: TokenRecord) -> None:
    """Every field comes back, and the row holds only what a table can hold."""
    row = record.to_row()
    assert all(isinstance(value, str | int | datetime) for value in row.values())
    assert TokenRecord.from_row(row) == record


def test_strange_columns_are_passed_over_and_missing_ones_are_unknown() -> None:
    """A table adds its own columns; a row with nothing but its key is one of which nothing is known."""
    row: dict[str, Any] = {"service_principal_id": SP, "secret_name": "token"}
    assert TokenRecord.from_row(row) == TokenRecord(SP, "token")
    strange = {**TokenRecord(SP, "token").to_row(), "PartitionKey": SP, "mood": "good", "schema": 9}
    assert TokenRecord.from_row(strange) == TokenRecord(SP, "token")


def test_times_of_a_table_become_plain_utc() -> None:
    """A table's own kind of time is read as the standard library's."""

    class TableTime(datetime):
        pass

    stored = TableTime(2026, 1, 31, 3, 12, 7, tzinfo=UTC)
    read = TokenRecord.from_row({**TokenRecord(SP, "token").to_row(), "applied_at": stored}).applied_at
    assert read == stored
    assert type(read) is datetime


@UNHURRIED
@given(_RECORDS, st.sampled_from(["1a", "2b", "3c"]), MOMENTS)
def test_what_is_applied_is_neither_rejected_nor_proven(record: TokenRecord, version: str, at: datetime) -> None:
    """Bringing a version into use forgets that it was rejected, and the proof of the one before; twice is once."""
    applied = record.with_applied(version, at)
    assert applied.applied == version
    assert applied.with_applied(version, at + MINUTE) == applied
    if record.applied != version:
        assert applied.previous == record.applied
        assert not applied.refused(version)
        assert applied.proven_at is None
        assert applied.revoked_at is None


@UNHURRIED
@given(_RECORDS, st.lists(st.sampled_from(["1a", "2b", "3c"]), min_size=1, max_size=3, unique=True))
def test_each_part_of_what_was_refused_together_is_known(record: TokenRecord, versions: list[str]) -> None:
    """Versions that were tried together are remembered together; a version that was not among them is not refused."""
    refused = replace(record, rejected=together(versions))
    assert all(refused.refused(version) for version in versions)
    assert not any(refused.refused(version) for version in {"1a", "2b", "3c", "1", "a"} - set(versions))
    assert TokenRecord.from_row(refused.to_row()) == refused


@UNHURRIED
@given(st.lists(st.tuples(st.sampled_from("abcdefghij"), MOMENTS), max_size=20))
def test_the_latest_claims_are_kept_and_no_more(learnt: list[tuple[str, datetime]]) -> None:
    """A row does not grow with every version; the newest lesson about a version counts."""
    record = TokenRecord(SP, "token")
    for version, end in learnt:
        record = record.with_claim(version, end)
    assert len(record.claims) <= 6
    if learnt:
        version, end = learnt[-1]
        assert record.claim(version) == end
    assert record.claim("never seen") is None


def test_a_claim_survives_its_row() -> None:
    """Read back it is an aware time."""
    record = TokenRecord(SP, "token").with_claim("1a", T0 + timedelta(microseconds=7))
    assert TokenRecord.from_row(record.to_row()).claim("1a") == T0 + timedelta(microseconds=7)
