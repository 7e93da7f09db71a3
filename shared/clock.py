"""Time and identifiers, handed in at composition so that a year can pass in a test."""

import asyncio
import uuid
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime:
        """Return the present as an aware UTC time."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds of this clock."""
        ...


async def within[T](limit: timedelta, work: Awaitable[T]) -> T:
    """Await the work for at most that much real time, whatever clock rules: a hung call hangs in real time.

    Raises:
        TimeoutError: it took longer; whether it happened is unknown.
    """
    async with asyncio.timeout(limit.total_seconds()):
        return await work


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present as an aware UTC time."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait that many real seconds."""
        await asyncio.sleep(seconds)


def new_id() -> str:
    """Return a fresh identifier."""
    return str(uuid.uuid4())
