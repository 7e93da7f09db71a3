"""Timer schedules: six-field NCRONTAB expressions and time spans, checked when they are read.

The rules are those of the NCrontab library, which the Functions host uses: both day fields must match (cron proper is
content with one), weekdays run from 0 (Sunday) to 6, and `n/s` starts at n. Two things NCrontab lets pass are refused,
because they rarely say what was meant: a range written backwards, and an expression that no date can ever match.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Protocol, override

from emulator.host.errors import HostError
from emulator.host.host_json import is_time_span, time_span

_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october")
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_ITEM = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?")
# The rarest date is 29 February on a given weekday; around a year like 2100 that takes up to forty years.
_HORIZON_DAYS = 41 * 366


class Schedule(Protocol):
    """Says when a timer is due."""

    def next_after(self, moment: datetime) -> datetime:
        """Return the first time later than this moment at which the timer is due."""
        ...


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, (*_MONTHS, "november", "december")),
    _Field("day of week", 0, 6, _DAYS),
)


@dataclass(frozen=True, slots=True)
class CronSchedule(Schedule):
    """An NCRONTAB expression: the values each field allows."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    @override
    def next_after(self, moment: datetime) -> datetime:
        """Return the first matching second later than this moment, in the moment's time zone."""
        earliest = moment.replace(microsecond=0) + timedelta(seconds=1)
        for offset in range(_HORIZON_DAYS):
            day = earliest.date() + timedelta(days=offset)
            if day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays:
                for at in self._times():
                    due = datetime.combine(day, at, tzinfo=moment.tzinfo)
                    if due >= earliest:
                        return due
        raise HostError("no date matches the day, month and day-of-week fields together")

    def _times(self) -> Iterator[time]:
        return (
            time(hour, minute, second)
            for hour in sorted(self.hours)
            for minute in sorted(self.minutes)
            for second in sorted(self.seconds)
        )


@dataclass(frozen=True, slots=True)
class IntervalSchedule(Schedule):
    """A time span between one run and the next."""

    interval: timedelta

    @override
    def next_after(self, moment: datetime) -> datetime:
        """Return the moment one interval later."""
        return moment + self.interval


def parse_schedule(text: str) -> Schedule:
    """Read a schedule, naming the field that is wrong when there is one."""
    if is_time_span(text.strip()):
        interval = time_span(text.strip(), "time span")
        if not interval:
            raise HostError("a time span of zero would never wait")
        return IntervalSchedule(interval)
    parts = text.split()
    if len(parts) != len(_FIELDS):
        expected = ", ".join(field.name for field in _FIELDS)
        raise HostError(f"expected {len(_FIELDS)} fields ({expected}) or a time span, got {len(parts)} fields")
    return CronSchedule(*(_values(part, field) for part, field in zip(parts, _FIELDS, strict=True)))


def _values(text: str, field: _Field) -> frozenset[int]:
    return frozenset(value for item in text.split(",") for value in _item(item, field))


def _item(text: str, field: _Field) -> range:
    match = _ITEM.fullmatch(text)
    if match is None or (match["first"] == "*" and match["last"]):
        raise HostError(f"field '{field.name}': {text!r} is not a value, a range, '*' or one of them with a step")
    step = int(match["step"] or 1)
    if step == 0:
        raise HostError(f"field '{field.name}': {text!r} has a step of zero")
    if match["first"] == "*":
        return range(field.least, field.most + 1, step)
    first = _value(match["first"], field)
    open_end = field.most if match["step"] else first
    last = _value(match["last"], field) if match["last"] else open_end
    if last < first:
        raise HostError(f"field '{field.name}': the range {text!r} runs backwards")
    return range(first, last + 1, step)


def _value(text: str, field: _Field) -> int:
    if text.isdecimal():
        if not field.least <= int(text) <= field.most:
            raise HostError(f"field '{field.name}': {text} is not between {field.least} and {field.most}")
        return int(text)
    for position, name in enumerate(field.names):
        if len(text) >= 3 and name.startswith(text.lower()):
            return field.least + position
    raise HostError(f"field '{field.name}': {text!r} is not a value it knows")
