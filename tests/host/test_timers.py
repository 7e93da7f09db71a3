"""Timer triggers, in real time."""

import pytest

from emulator.azurite import Storage
from tests.host.running import RunningHost, host, seen, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


def _seconds(running: RunningHost, containing: str) -> list[int]:
    times = [line.split(" ", 1)[0].split(":") for line in running.lines("tick", containing)]
    return [int(hour) * 3600 + int(minute) * 60 + int(second) for hour, minute, second in times]


async def test_fires_by_its_schedule(storage: Storage) -> None:
    """Every second means at most once in a second, and again in the next ones."""
    async with host(storage, TICK_SCHEDULE="*/1 * * * * *") as running:
        await until(lambda: len(running.lines("tick", "tick begins")) >= 4)
    fired = _seconds(running, "tick begins")
    assert len(set(fired)) == len(fired)
    assert (fired[3] - fired[0]) % 86400 <= 5
    assert all("past_due=False" in line for line in running.lines("tick", "tick begins"))


async def test_does_not_overlap(storage: Storage) -> None:
    """A run that outlasts its interval swallows what falls due meanwhile."""
    async with host(storage, TICK_SCHEDULE="*/1 * * * * *", TICK_SECONDS="1.3") as running:
        await until(lambda: len(running.lines("tick", "tick begins")) >= 3)
    happened = [line.rsplit(" ", 1)[-1] == "ends" for line in running.lines("tick", "tick tick ")]
    assert happened == [bool(index % 2) for index in range(len(happened))]
    fired = _seconds(running, "tick begins")
    assert (fired[2] - fired[0]) % 86400 >= 4


async def test_fires_by_a_time_span(storage: Storage) -> None:
    """The first run comes one span after the start."""
    async with host(storage, TICK_SCHEDULE="00:00:01") as running:
        await until(lambda: len(running.lines("tick", "tick begins")) >= 2)


async def test_runs_at_start_where_the_function_asks_for_it(storage: Storage) -> None:
    """`run_on_startup` runs the function at once; a timer without it waits for its time."""
    async with host(storage) as running:
        assert await seen(storage, running, 1) == [{"yearly": True}]
        assert not running.lines("tick", "started")
