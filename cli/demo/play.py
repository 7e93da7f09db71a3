"""Plays the story in real time, watches what the product makes of it, and tells every change."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cli.azure_monitor import watched_by_azure_monitor
from cli.demo.records import Record, RecordReader, Records
from cli.demo.screen import Line, Screen
from cli.demo.story_says import FATES, Beginning, differences, name_of
from cli.errors import CommandError
from cli.functions_host import FunctionsHost
from cli.home import shown
from cli.notices import cards
from cli.words import standing
from emulator.jobs import Job
from emulator.story import Story

_TICK = 0.15
_HEARD = {
    "sweep": "The sweep of all jobs",
    "audit_log": "The query of the audit log",
    "alert": "Azure Monitor's alert",
    "vault": "Key Vault's event",
}
_FIRST_SOURCES = {"sweep", "audit_log", "alert"}
_DONE = {"save": "the tested token is saved in Entra", "restart": "restarted, reset scope QuarantineState"}
_TOLD = {
    "Found": ("people are told what was found", "yellow"),
    "Needs you": ("people are told what to do", "yellow"),
    "Acted": ("people are told what was done", "cyan"),
    "Recovered": ("people are told that the recovery is proven", "green"),
    "Gave up": ("people are told that Pratique gave up", "red"),
}


@dataclass(slots=True)
class Played:
    """What came of the story when it ended."""

    records: Records
    token_came_at: datetime | None = None
    in_time: bool = False


@dataclass(slots=True)
class _Known:
    """What has been told already."""

    quarantined: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    acts: set[tuple[str, datetime]] = field(default_factory=set)
    cards: int = 0


class Watcher:
    """Looks at tenant and product again and again, and tells what is new."""

    def __init__(self, story: Story, reader: RecordReader, host: FunctionsHost, screen: Screen) -> None:
        self._story = story
        self._host = host
        self._reader = reader
        self._screen = screen
        self._known = _Known()

    async def look(self) -> Records:
        """Look once."""
        records = await self._reader.read()
        self._tell_quarantines()
        self._tell_sources(records)
        self._tell_acts(records)
        self._tell_cards()
        self._screen.show(
            [self._line(name_of(one), one.job.code, records.by_job.get(one.job.id)) for one in self._story.applications]
        )
        return records

    async def until(self, reached: Callable[[Records], bool]) -> Records:
        """Look until the condition holds.

        Raises:
            CommandError: the functions host has ended.
        """
        while True:
            records = await self.look()
            if reached(records):
                return records
            if self._host.process.returncode is not None:
                raise CommandError(f"The functions host has ended; see {shown(self._host.log)}.")
            await asyncio.sleep(_TICK)

    def _line(self, name: str, code: str, record: Record | None) -> Line:
        incident = record.incident if record else None
        quarantined = code == "Quarantine"
        entra = {"Quarantine": "quarantine", "Active": "active", "NotRun": "first run"}.get(code, code.lower())
        return Line(name, entra, standing(incident, quarantined=quarantined), incident.cause if incident else "")

    def _tell_quarantines(self) -> None:
        for application in self._story.applications:
            name, quarantine = name_of(application), application.job.quarantine
            if quarantine is not None and name not in self._known.quarantined:
                self._known.quarantined.add(name)
                self._screen.say(f"Entra quarantines {name}: {quarantine.reason}", "red")

    def _tell_sources(self, records: Records) -> None:
        for name in records.sources_heard:
            if name not in self._known.sources:
                self._known.sources.add(name)
                self._screen.say(f"{_HEARD.get(name, name)} brings news", "dim")

    def _tell_acts(self, records: Records) -> None:
        for record in records.by_job.values():
            for entry in record.acts:
                if (record.incident.job_id, entry.at) not in self._known.acts:
                    self._known.acts.add((record.incident.job_id, entry.at))
                    self._screen.say(f"{record.incident.application}: {_DONE.get(entry.action, entry.action)}", "cyan")

    def _tell_cards(self) -> None:
        notices = cards(self._story.tenant.inboxes)
        for told, _ in notices[self._known.cards :]:
            phrase, style = _TOLD.get(told.label, (told.label.lower(), ""))
            self._screen.say(f"{told.subject}: {phrase}", style)
        self._known.cards = len(notices)


async def play(
    story: Story, beginning: Beginning, reader: RecordReader, host: FunctionsHost, screen: Screen, deadline: float
) -> Played:
    """Play the story to its end, or until the deadline has passed."""
    watcher = Watcher(story, reader, host, screen)
    played = Played(Records({}, ()))
    async with watched_by_azure_monitor(story.tenant, host):
        limit = asyncio.timeout(deadline)
        try:
            async with limit:
                played.token_came_at = await _until_pasted(story, watcher, screen)
                await watcher.until(lambda records: not differences(story, beginning, records))
                screen.say("Every outcome is what the story says", "green")
                played.in_time = True
        except TimeoutError:
            if not limit.expired():
                raise
            screen.say(f"The deadline of {deadline:g} s has passed", "red")
    played.records = await watcher.look()
    return played


async def _until_pasted(story: Story, watcher: Watcher, screen: Screen) -> datetime:
    """Play until the operator has pasted the new token, and return when that was."""
    began = story.tenant.clock.now()
    screen.say("Eight applications are provisioned; their cycles run")
    await watcher.until(lambda _: all(_went_well(one.job, began) for one in story.applications))
    screen.say("All is well. Then, at once: tokens expire at Druva and Box,", "bold")
    screen.say("Contoso Intranet breaks SCIM, Workplace loses all its users,", "bold")
    screen.say("and Microsoft quarantines Legacy HR", "bold")
    story.strike()
    await watcher.until(lambda records: _heard_and_told(story, records))
    screen.say("The operator presses New Token at Druva and pastes it into the vault", "bold")
    came_at = story.tenant.clock.now()
    await story.paste_new_druva_token()
    return came_at


def _went_well(job: Job, since: datetime) -> bool:
    """Say whether a cycle that began after the moment ended well."""
    return job.last_successful is not None and job.last_successful.began > since


def _heard_and_told(story: Story, records: Records) -> bool:
    """Say whether people were told of all five quarantines, and each source that can know of them has brought news."""
    told = {told.subject for told, _ in cards(story.tenant.inboxes)}
    return set(FATES) <= told and set(records.sources_heard) >= _FIRST_SOURCES
