"""The people who own applications: what they are told, and when they do something about it, if ever; pure.

They know nothing but what reaches them. With the product that is its mails; without it, Entra's one mail when a job is
quarantined ("Application provisioning in quarantine status", Microsoft Entra docs) and the reminders of a vendor that
sends any: Druva says that it sends several (help.druva.com, article 8807119), on which days is assumed here.
"""

import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

_SUBJECT = re.compile(r"\[Pratique\] (?P<label>[^:]+): (?P<about>.+)")
_LEFT = re.compile(r"ends in (\d+) days?\b")
_ENDS = re.compile(r"End(?:s|ed) on.{1,400}?(\d{4}-\d\d-\d\d \d\d:\d\d) UTC", re.DOTALL)
_URGENT = 3
_JUST_MADE = timedelta(days=30)
REMINDERS = (30, 7, 1)
"""Days before the end at which a vendor that reminds is assumed to do so."""


class Temper(StrEnum):
    """When an owner acts."""

    PROMPT = "prompt"
    """Within days of the first word."""
    LATE = "late"
    """When three days are left."""
    AFTER = "after"
    """Once it has ended."""
    NEVER = "never"


class Word(StrEnum):
    """What a message means to its reader."""

    ENDING = "ending"
    ENDED = "ended"
    TROUBLE = "trouble"
    """The job is in quarantine, or a new credential does not work."""
    NEWS = "news"
    """Nothing is asked."""


_WORDS = {
    "Expires soon": Word.ENDING,
    "Expired": Word.ENDED,
    "Needs you": Word.TROUBLE,
    "Gave up": Word.TROUBLE,
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message about one application; `end` is the date that it gives, `left` the days."""

    application: str
    word: Word
    at: datetime
    left: int | None = None
    end: datetime | None = None


def read_mail(subject: str, body: str, at: datetime, applications: frozenset[str]) -> Message | None:
    """Read one of the product's mails; None when it is about no application (a source that cannot be read)."""
    told = _SUBJECT.fullmatch(subject)
    if told is None:
        raise ValueError("a mail with a subject that is not the product's")
    name = next((one for one in applications if told["about"].startswith(one)), None)
    if name is None:
        return None
    left, end = _LEFT.search(told["about"]), _ENDS.search(body)
    return Message(
        application=name,
        word=_WORDS.get(told["label"], Word.NEWS),
        at=at,
        left=int(left[1]) if left else 0 if "ends within a day" in told["about"] else None,
        end=datetime.strptime(end[1], "%Y-%m-%d %H:%M").replace(tzinfo=UTC) if end else None,
    )


class Owner:
    """One application's owner; the same seed makes the same decisions with the product and without."""

    def __init__(self, name: str, temper: Temper, seed: int) -> None:
        self._temper = temper
        self._chance = random.Random(f"{seed} {name}")  # noqa: S311 -- the same year again for the same seed
        self._busy = False
        self._made: datetime | None = None

    def hears(self, message: Message) -> datetime | None:
        """Return when they will act on a message; None when they let it be, or are about to act already."""
        if self._busy or not self._cares(message):
            return None
        self._busy = True
        shortest, longest = {Temper.PROMPT: (0.1, 3.0), Temper.LATE: (0.1, 0.9)}.get(self._temper, (0.5, 6.0))
        return message.at + timedelta(days=self._chance.uniform(shortest, longest))

    def has_acted(self, at: datetime, *, made: bool) -> None:
        """Note that they acted; `made` says that they believe to have done what was asked."""
        self._busy = False
        self._made = at if made else self._made

    def _cares(self, message: Message) -> bool:
        if self._temper is Temper.NEVER or message.word is Word.NEWS:
            return False
        if message.word is not Word.ENDING:
            return True
        if self._made is not None and message.at - self._made < _JUST_MADE:
            return False
        urgent = message.left is not None and message.left <= _URGENT
        return self._temper is Temper.PROMPT or (self._temper is Temper.LATE and urgent)
