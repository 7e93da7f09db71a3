"""What is measured, and how it is shown."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """One line: what was done, how long it took, and what it needed."""

    what: str
    milliseconds: float | None
    needed: str


def show(measures: Iterable[Measure]) -> str:
    """Return the measures as a table in plain text."""
    rows = [("", "time", "needed"), *((m.what, _time(m.milliseconds), m.needed) for m in measures)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(f"{what:<{widths[0]}}  {time:>{widths[1]}}  {needed}".rstrip() for what, time, needed in rows)


def _time(milliseconds: float | None) -> str:
    if milliseconds is None:
        return ""
    return f"{milliseconds:,.1f} ms" if milliseconds < 10 else f"{milliseconds:,.0f} ms"
