"""NCRONTAB: what an expression means, and what is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.host.errors import HostError
from emulator.host.ncrontab import CronSchedule, IntervalSchedule, parse_schedule

_BOUNDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))


def _matches(schedule: CronSchedule, at: datetime) -> bool:
    return (
        at.second in schedule.seconds
        and at.minute in schedule.minutes
        and at.hour in schedule.hours
        and at.day in schedule.days
        and at.month in schedule.months
        and at.isoweekday() % 7 in schedule.weekdays
    )


@st.composite
def _item(draw: st.DrawFn, least: int, most: int) -> tuple[str, set[int]]:
    """Draw one item of a field with the values it stands for."""
    first = draw(st.integers(least, most))
    last = draw(st.integers(first, most))
    step = draw(st.integers(1, most))
    return draw(
        st.sampled_from(
            [
                ("*", set(range(least, most + 1))),
                (f"*/{step}", set(range(least, most + 1, step))),
                (f"{first}", {first}),
                (f"{first}-{last}", set(range(first, last + 1))),
                (f"{first}-{last}/{step}", set(range(first, last + 1, step))),
                (f"{first}/{step}", set(range(first, most + 1, step))),
            ]
        )
    )


@st.composite
def _field(draw: st.DrawFn, least: int, most: int) -> tuple[str, set[int]]:
    items = draw(st.lists(_item(least, most), min_size=1, max_size=3))
    return ",".join(text for text, _ in items), set().union(*(values for _, values in items))


_EXPRESSIONS = st.tuples(*(_field(least, most) for least, most in _BOUNDS))
_FREQUENT = st.tuples(_field(0, 59), _field(0, 59))
_MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2100, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - zone beside it


@given(_EXPRESSIONS)
def test_a_field_allows_exactly_the_values_its_items_stand_for(fields: tuple[tuple[str, set[int]], ...]) -> None:
    """Values, ranges, lists and steps mean the values they name, in every field."""
    schedule = parse_schedule(" ".join(text for text, _ in fields))
    assert isinstance(schedule, CronSchedule)
    read = (schedule.seconds, schedule.minutes, schedule.hours, schedule.days, schedule.months, schedule.weekdays)
    assert list(read) == [values for _, values in fields]


@given(_EXPRESSIONS, _MOMENTS)
@settings(deadline=None)
def test_the_next_time_is_later_and_matches_every_field(
    fields: tuple[tuple[str, set[int]], ...], moment: datetime
) -> None:
    """Strictly later, on a whole second, in all six fields; only impossible dates have no next time."""
    schedule = parse_schedule(" ".join(text for text, _ in fields))
    assert isinstance(schedule, CronSchedule)
    try:
        following = schedule.next_after(moment)
    except HostError:
        assert min(schedule.days) > 28, "every month has this day"
        return
    assert following > moment
    assert following.microsecond == 0
    assert _matches(schedule, following)


@given(_FREQUENT, _MOMENTS)
@settings(deadline=None, max_examples=50)
def test_nothing_earlier_matches(fields: tuple[tuple[str, set[int]], tuple[str, set[int]]], moment: datetime) -> None:
    """Second by second through the hour: the next time is the first match."""
    (second, _), (minute, _) = fields
    schedule = parse_schedule(f"{second} {minute} * * * *")
    assert isinstance(schedule, CronSchedule)
    at = moment.replace(microsecond=0) + timedelta(seconds=1)
    while not _matches(schedule, at):
        at += timedelta(seconds=1)
    assert schedule.next_after(moment) == at


@given(st.integers(0, 23), st.sets(st.integers(1, 31), min_size=1), st.sets(st.integers(0, 6), min_size=1), _MOMENTS)
@settings(deadline=None, max_examples=50)
def test_no_earlier_day_matches(hour: int, days: set[int], weekdays: set[int], moment: datetime) -> None:
    """Day by day: both day fields have to match, and no matching day is passed over."""
    schedule = parse_schedule(f"0 0 {hour} {','.join(map(str, days))} * {','.join(map(str, weekdays))}")
    assert isinstance(schedule, CronSchedule)
    at = moment.replace(hour=hour, minute=0, second=0, microsecond=0)
    while at <= moment or not _matches(schedule, at):
        at += timedelta(days=1)
    assert schedule.next_after(moment) == at


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("0 */5 * * * *", "2026-03-01T10:00:00", "2026-03-01T10:05:00"),
        ("0 30 9 * * Mon-Fri", "2026-03-06T09:30:00", "2026-03-09T09:30:00"),
        ("0 0 0 1 january,JUL *", "2026-01-01T00:00:00", "2026-07-01T00:00:00"),
        ("5/15 0 0 * * *", "2026-03-01T00:00:05", "2026-03-01T00:00:20"),
        ("0 0 0 13 * 5", "2026-03-13T00:00:00", "2026-11-13T00:00:00"),
        ("0 0 0 29 2 *", "2096-02-29T00:00:00", "2104-02-29T00:00:00"),
        ("0 0 12 * * 0", "2026-03-01T11:59:59", "2026-03-01T12:00:00"),
    ],
)
def test_known_expressions(expression: str, after: str, expected: str) -> None:
    """Steps, names, lists, both day fields, leap years, Sunday as 0."""
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert parse_schedule(expression).next_after(moment) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "got 0 fields"),
        ("*/5 * * * *", "got 5 fields"),
        ("60 * * * * *", "field 'second': 60"),
        ("* * 24 * * *", "field 'hour': 24"),
        ("* * * 0 * *", "field 'day': 0"),
        ("* * * * 13 *", "field 'month': 13"),
        ("* * * * * 7", "field 'day of week': 7"),
        ("* * * * * Xyz", "field 'day of week': 'Xyz'"),
        ("* * * * Mo *", "field 'month': 'Mo'"),
        ("*/0 * * * * *", "step of zero"),
        ("30-10 * * * * *", "runs backwards"),
        ("*-5 * * * * *", "field 'second': '\\*-5'"),
        ("1,,2 * * * * *", "field 'second': ''"),
        ("-1 * * * * *", "field 'second': '-1'"),
        ("? * * * * *", "field 'second'"),
        ("00:00:00", "zero"),
        ("24:00:00", "more than 23 hours"),
    ],
)
def test_refuses_and_names_the_field(text: str, said: str) -> None:
    """Every refusal says which field is wrong."""
    with pytest.raises(HostError, match=said):
        parse_schedule(text)


def test_refuses_a_date_that_never_comes() -> None:
    """30 February has no next time."""
    with pytest.raises(HostError, match="no date matches"):
        parse_schedule("0 0 0 30 2 *").next_after(datetime(2026, 1, 1, tzinfo=UTC))


def test_reads_a_time_span() -> None:
    """`00:05:00` is an interval of five minutes, `1.00:00:00` one of a day."""
    assert parse_schedule("00:05:00") == IntervalSchedule(timedelta(minutes=5))
    assert parse_schedule("1.00:00:00") == IntervalSchedule(timedelta(days=1))
