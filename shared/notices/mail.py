"""A notice as a mail: HTML that Outlook and phones show alike, and the same in plain text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from shared.notices.look import LOOKS, first_that_fits, headline_parts, said_title
from shared.notices.notice import Notice
from shared.notices.text import shorten

if TYPE_CHECKING:
    from jinja2 import Template

MAX_BYTES = 100_000
"""Gmail cuts a mail at 102 KB."""

_TEMPLATES = Path(__file__).parent / "templates"
_SUBJECT_LENGTH = 150


@dataclass(frozen=True, slots=True)
class Colours:
    """The colours of a kind: strong for its label and band, and the header's ground, each by day and by night."""

    strong: str
    ground: str
    night_strong: str
    night_ground: str


_COLOURS = {
    "attention": Colours("#b3261e", "#fdf1f0", "#ff9d94", "#3b1d1c"),
    "warning": Colours("#835b00", "#fdf6e3", "#f2c94c", "#352c14"),
    "good": Colours("#0f6b3a", "#edf7f0", "#7fd6a0", "#173023"),
    "accent": Colours("#3f46b5", "#eff0fc", "#a9b0ff", "#23254a"),
}


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to send: a subject on one line and two renderings of the same words."""

    subject: str
    html: str
    text: str


def to_mail(notice: Notice) -> Mail:
    """Return the mail that tells a notice, below `MAX_BYTES` with both of its parts."""
    return first_that_fits(notice, _mail, lambda mail: len((mail.html + mail.text).encode()) < MAX_BYTES)


def _mail(notice: Notice) -> Mail:
    look = LOOKS[notice.kind]
    colours = _COLOURS[look.style]
    subject, rest = headline_parts(notice)
    html = _template().render(
        notice=notice,
        look=look,
        strong=colours.strong,
        ground=colours.ground,
        night_strong=colours.night_strong,
        night_ground=colours.night_ground,
        subject=subject,
        rest=rest,
        said_title=said_title(notice.kind),
        said_lines=notice.said.split("\n"),
        moment=_moment(notice.at),
    )
    return Mail(_subject(notice), html, "\n".join(_text(notice)) + "\n")


def _subject(notice: Notice) -> str:
    subject, rest = headline_parts(notice)
    return shorten(f"[Pratique] {LOOKS[notice.kind].label}: {subject}{rest}", _SUBJECT_LENGTH)


def _text(notice: Notice) -> Iterator[str]:
    look = LOOKS[notice.kind]
    subject, rest = headline_parts(notice)
    yield f"{look.label.upper()}: {subject}{rest}"
    if notice.summary:
        yield from ("", notice.summary)
    steps = _listed(look.steps_title, [f"{number}. {item}" for number, item in enumerate(notice.next_steps, start=1)])
    if look.asks:
        yield from steps
    if notice.facts:
        yield ""
        yield from (f"{fact.title}: {fact.value}" for fact in notice.facts)
    yield from _listed("What was done", [f"- {item}" for item in notice.done])
    if not look.asks:
        yield from steps
    yield from _listed(said_title(notice.kind), [f"> {line}" for line in notice.said.split("\n") if notice.said])
    yield from _listed("Links", [f"{link.title}: {link.url}" for link in notice.links])
    yield from ("", "-- ", " · ".join(filter(None, (_moment(notice.at), f"incident {notice.reference}", "Pratique"))))


def _listed(title: str, lines: list[str]) -> list[str]:
    return ["", title, *lines] if lines else []


def _moment(at: datetime) -> str:
    """Return a time that every reader understands: a mail cannot know its reader's zone."""
    return at.astimezone(UTC).strftime("%a %d %b %Y, %H:%M UTC")


@cache
def _template() -> Template:
    """Return the compiled template; jinja2 is imported here because most invocations send no mail (cold start)."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("notice.html.jinja")
