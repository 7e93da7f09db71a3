"""Time for the embedded tenant: the machine's, or one that a simulation moves by hand."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits, so that a scenario can pass in seconds or a year in a test."""

    def now(self) -> datetime:
        """Return the present as an aware UTC time."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait until that many seconds of this clock have passed."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present as an aware UTC time."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait that many real seconds."""
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._moved = asyncio.Condition()

    def now(self) -> datetime:
        """Return the time it was last moved to."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been moved past the moment."""
        until = self._now + timedelta(seconds=seconds)
        async with self._moved:
            await self._moved.wait_for(lambda: self._now >= until)

    async def advance(self, step: timedelta) -> None:
        """Move the clock forward and wake those whose moment has come."""
        async with self._moved:
            self._now += step
            self._moved.notify_all()
        await asyncio.sleep(0)


class LeapingClock:
    """A clock that sleeping moves: for a driver that plays one actor at a time through a year.

    Whoever sleeps takes the time forward for everybody; two that sleep at once add their times up.
    """

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the time it has come to."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Let that many seconds have passed, and others run once."""
        await self.advance(timedelta(seconds=max(seconds, 0)))

    async def advance(self, step: timedelta) -> None:
        """Move the clock forward, and let others run once."""
        if step < timedelta(0):
            raise ValueError("time does not go backwards")
        self._now += step
        await asyncio.sleep(0)
