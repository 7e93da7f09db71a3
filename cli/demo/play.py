"""Plays the story in real time, watches what the product makes of it, and tells every change."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cli.azure_monitor import watched_by_azure_monitor
from cli.demo.records import Record, RecordReader, Records
from cli.demo.screen import Line, Screen
from cli.demo.story_says import FATES, Beginning, differences, name_of
from cli.functions_host import FunctionsHost
from cli.notices import cards
from cli.words import standing
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
_STYLES = {"Needs you": "yellow", "Recovered": "green", "Gave up": "red", "Acted": "cyan"}


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

    def __init__(self, story: Story, reader: RecordReader, screen: Screen) -> None:
        self._story = story
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
        """Look until the condition holds."""
        while not reached(records := await self.look()):
            await asyncio.sleep(_TICK)
        return records

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
            self._screen.say(f"People are told: {told.label.lower()}: {told.subject}", _STYLES.get(told.label, ""))
        self._known.cards = len(notices)


async def play(
    story: Story, beginning: Beginning, reader: RecordReader, host: FunctionsHost, screen: Screen, deadline: float
) -> Played:
    """Play the story to its end, or until the deadline has passed."""
    watcher = Watcher(story, reader, screen)
    played = Played(Records({}, ()))
    async with watched_by_azure_monitor(story.tenant, host):
        try:
            async with asyncio.timeout(deadline):
                screen.say("Eight applications are provisioned; the first cycles run")
                await watcher.until(lambda _: all(one.job.last_successful for one in story.applications))
                screen.say("All is well. Then tokens expire at Druva and Box, Contoso's answers break", "bold")
                screen.say("SCIM, Workplace loses all its users, Microsoft quarantines Legacy HR", "bold")
                story.strike()
                await watcher.until(lambda records: _heard_and_told(story, records))
                screen.say("The operator presses New Token at Druva and pastes it into the vault", "bold")
                played.token_came_at = story.tenant.clock.now()
                await story.paste_new_druva_token()
                await watcher.until(lambda records: not differences(story, beginning, records))
                screen.say("Every outcome is what the story says", "green")
                played.in_time = True
        except TimeoutError:
            screen.say(f"The deadline of {deadline:g} s has passed", "red")
    played.records = await watcher.look()
    return played


def _heard_and_told(story: Story, records: Records) -> bool:
    """Say whether people were told of all five quarantines, and each source that can know of them has brought news."""
    told = {told.subject for told, _ in cards(story.tenant.inboxes)}
    return set(FATES) <= told and set(records.sources_heard) >= _FIRST_SOURCES
