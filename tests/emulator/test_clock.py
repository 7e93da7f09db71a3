"""Sleeping moves a leaping clock, and nothing moves it back."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.clock import Clock, LeapingClock

START = datetime(2024, 3, 1, 12, tzinfo=UTC)


async def test_whoever_sleeps_takes_the_time_forward() -> None:
    """A month is slept through at once, and the clock has moved by exactly that much."""
    clock: Clock = LeapingClock(START)
    async with asyncio.timeout(1):
        await clock.sleep(timedelta(days=30).total_seconds())
    assert clock.now() == START + timedelta(days=30)


async def test_sleeping_lets_others_run_once() -> None:
    """A task that waits for its turn gets it while another sleeps, even for no time at all."""
    clock = LeapingClock(START)
    ran: list[datetime] = []

    async def other() -> None:
        ran.append(clock.now())
        await asyncio.sleep(0)
        ran.append(clock.now())

    task = asyncio.create_task(other())
    await clock.sleep(0)
    assert ran == [START]
    await clock.sleep(60)
    assert ran == [START, START + timedelta(minutes=1)]
    await task


async def test_it_can_be_moved_like_the_manual_one_but_not_back() -> None:
    """Advancing adds the step; a step back is refused, a sleep of less than nothing is none."""
    clock = LeapingClock(START)
    await clock.advance(timedelta(hours=1))
    await clock.sleep(-5)
    with pytest.raises(ValueError, match="backwards"):
        await clock.advance(timedelta(microseconds=-1))
    assert clock.now() == START + timedelta(hours=1)


@given(st.lists(st.floats(min_value=0, max_value=10_000_000), max_size=20))
def test_sleeps_add_up(naps: list[float]) -> None:
    """However they are cut, the time passed is the sum of all sleeps."""

    async def sleep_all() -> datetime:
        clock = LeapingClock(START)
        for nap in naps:
            await clock.sleep(nap)
        return clock.now()

    assert asyncio.run(sleep_all()) == START + sum((timedelta(seconds=nap) for nap in naps), timedelta(0))
