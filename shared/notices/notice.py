"""A notice: what people are told once about one change that matters, before it becomes a card or a mail.

A notice waits as JSON in a table row until it is sent, and another release of the product may read that row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class NoticeKind(StrEnum):
    """Which change is told; it decides colour, label and what stands first."""

    FOUND = "found"
    ACTED = "acted"
    NEEDS_YOU = "needs_you"
    RECOVERED = "recovered"
    ROTATED = "rotated"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    GAVE_UP = "gave_up"
    BLIND = "blind"
    SEEING_AGAIN = "seeing_again"


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the table of facts."""

    title: str
    value: str


@dataclass(frozen=True, slots=True)
class Link:
    """A place to go; only https addresses reach a reader."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Everything a card or a mail says; its texts may be long or hostile and are made harmless where they are drawn."""

    kind: NoticeKind
    subject: str
    headline: str
    summary: str
    facts: tuple[Fact, ...]
    done: tuple[str, ...]
    next_steps: tuple[str, ...]
    links: tuple[Link, ...]
    said: str
    reference: str
    at: datetime
    owner: str = ""
    """Mail address of who owns what this is about; mails then go there, and to the team in copy."""

    def __post_init__(self) -> None:
        """Refuse a time without a zone, which would be told as another moment than it was."""
        if self.at.tzinfo is None:
            raise ValueError("a notice needs an aware time")

    def to_dict(self) -> dict[str, Any]:
        """Return the notice as JSON-ready values."""
        return {
            "kind": self.kind.value,
            "subject": self.subject,
            "headline": self.headline,
            "summary": self.summary,
            "facts": [{"title": fact.title, "value": fact.value} for fact in self.facts],
            "done": list(self.done),
            "next_steps": list(self.next_steps),
            "links": [{"title": link.title, "url": link.url} for link in self.links],
            "said": self.said,
            "reference": self.reference,
            "at": self.at.astimezone(UTC).isoformat(),
            "owner": self.owner,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Notice":
        """Read a notice back; a kind or field that this release does not know still reaches a person."""
        return cls(
            kind=_kind(raw.get("kind")),
            subject=str(raw["subject"]),
            headline=str(raw["headline"]),
            summary=str(raw.get("summary", "")),
            facts=tuple(Fact(str(fact["title"]), str(fact["value"])) for fact in raw.get("facts", ())),
            done=tuple(str(item) for item in raw.get("done", ())),
            next_steps=tuple(str(item) for item in raw.get("next_steps", ())),
            links=tuple(Link(str(link["title"]), str(link["url"])) for link in raw.get("links", ())),
            said=str(raw.get("said", "")),
            reference=str(raw.get("reference", "")),
            at=datetime.fromisoformat(raw["at"]),
            owner=str(raw.get("owner", "")),
        )


def _kind(raw: object) -> NoticeKind:
    """Read a kind; an unknown one asks for a person, for being read too loudly is better than being overlooked."""
    known = [kind for kind in NoticeKind if kind.value == raw]
    return known[0] if known else NoticeKind.NEEDS_YOU
