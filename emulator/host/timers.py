"""Fires timer triggers: each timer by its schedule, in UTC, never twice at a time."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from emulator.host.errors import HostError
from emulator.host.host_json import resolve
from emulator.host.ncrontab import Schedule, parse_schedule
from emulator.host.protos import Message, json_data
from emulator.host.runner import Runner, set_within
from emulator.host.worker import Function


class Timer:
    """One timer-triggered function and its schedule."""

    def __init__(self, function: Function, settings: Mapping[str, str], runner: Runner) -> None:
        self._function = function
        self._runner = runner
        self._run_on_startup = bool(function.trigger.settings.get("runOnStartup", False))
        self._schedule = _schedule(function, settings)
        self._last: datetime | None = None

    async def fire(self, stop: asyncio.Event) -> None:
        """Run the function whenever it is due, until told to stop.

        What falls due while the function still runs is skipped: the next run is the first one due after its end.
        """
        if self._run_on_startup:
            await self._run(datetime.now(UTC))
        due = self._schedule.next_after(datetime.now(UTC))
        while True:
            wait = (due - datetime.now(UTC)).total_seconds()
            if await set_within(stop, max(wait, 0.0)):
                return
            if wait > 0:
                # A sleep may end a moment early; a run before its second would be due again in that second.
                continue
            await self._run(due)
            due = self._schedule.next_after(max(datetime.now(UTC), due))

    async def _run(self, due: datetime) -> None:
        data = timer_data(last=self._last, following=self._schedule.next_after(due))
        self._last = due
        await self._runner.run(self._function, data, {}, "timer")


def timer_data(*, last: datetime | None, following: datetime | None) -> Message:
    """Write what the host tells a timer-triggered function; nothing is ever past due here."""
    status = {
        "Last": last.isoformat() if last else "0001-01-01T00:00:00+00:00",
        "Next": following.isoformat() if following else "0001-01-01T00:00:00+00:00",
        "LastUpdated": last.isoformat() if last else "0001-01-01T00:00:00+00:00",
    }
    return json_data({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": False})


def _schedule(function: Function, settings: Mapping[str, str]) -> Schedule:
    where = f"function {function.name}: schedule"
    text = resolve(function.trigger.settings["schedule"], settings, where)
    try:
        schedule = parse_schedule(text)
        schedule.next_after(datetime.now(UTC))
    except HostError as error:
        raise HostError(f"{where} {text!r}: {error}") from error
    return schedule
