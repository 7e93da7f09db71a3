"""What preparing comes to, when that is no attempt, and the trail of what was checked on the way; pure."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.errors import Refused


class Want(StrEnum):
    """Why a rotation is considered: it decides what an unknown past allows."""

    REPAIR = "repair"
    """The job is in quarantine."""
    ARRIVED = "arrived"
    """The vault told of a new version."""
    ASKED = "asked"
    """A person wants it."""
    LOOK = "look"
    """Any other look at a job that is well."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A person is needed: why, what to do, and the topic under which it is told once."""

    topic: str
    why: str
    next_steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing can be said now; look again, at a known moment where there is one."""

    why: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is nothing to do, and why."""

    why: str


@dataclass(slots=True)
class Trail:
    """The checks that were passed, in order, for whoever asks what a rotation would do."""

    passed: list[tuple[str, str]] = field(default_factory=list)
    learns: bool = True
    """Whether what is found out on the way is kept in our own rows; a rehearsal keeps nothing."""

    def note(self, check: str, found: str) -> None:
        """Add a check and what it found."""
        self.passed.append((check, found))


def sentence(refusal: Refused) -> str:
    """Return a refusal as a sentence."""
    text = str(refusal)
    return f"{text[0].upper()}{text[1:]}."
