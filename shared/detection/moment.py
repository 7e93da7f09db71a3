"""Reads the times that news carries; pure."""

from datetime import UTC, datetime
from typing import Any

_FIRST_YEAR, _LAST_YEAR = 2000, 2200


def read_moment(text: Any) -> datetime:
    """Return the time as aware UTC; a time without a zone is UTC.

    Raises:
        ValueError: it is no ISO 8601 time, or so far away that reckoning with it, or storing it, would fail.
    """
    if not isinstance(text, str):
        message = "a time is not text"
        raise ValueError(message)  # noqa: TRY004 -- callers treat every unreadable time alike
    time = datetime.fromisoformat(text.strip())
    if not _FIRST_YEAR <= time.year <= _LAST_YEAR:
        message = f"the year {time.year} is not between {_FIRST_YEAR} and {_LAST_YEAR}"
        raise ValueError(message)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
