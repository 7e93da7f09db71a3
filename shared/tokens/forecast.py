"""Which warning a credential deserves today, and whether a new one should be made; pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

EXPIRED = 0
_DAY = timedelta(days=1)
_THIRD = 3


def tier_of(end: datetime, now: datetime, tiers: Sequence[int]) -> int | None:
    """Return the tier that is reached: the fewest days that still hold, `EXPIRED`, or None when the end is far."""
    if end <= now:
        return EXPIRED
    left = end - now
    return min((days for days in tiers if left <= days * _DAY), default=None)


def days_left(end: datetime, now: datetime) -> int:
    """Return the whole days that are left; negative once it has ended."""
    return (end - now) // _DAY


def mint_due(end: datetime, life: timedelta, now: datetime, ahead: timedelta) -> bool:
    """Say whether it is time to mint a successor: so long ahead, but not before two thirds of a short life are over."""
    return now >= end - min(ahead, max(life, timedelta(0)) / _THIRD)
