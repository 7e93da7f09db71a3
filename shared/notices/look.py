"""How each kind of notice looks and how much of one is shown: shared by card and mail, so that both read alike."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from shared.notices.notice import Fact, Link, Notice, NoticeKind
from shared.notices.text import SHORTENED, bounded, clean, https_url, one_line, shorten, shorten_all


@dataclass(frozen=True, slots=True)
class Look:
    """The label and colour of a kind, and whether a person must do something."""

    label: str
    style: str
    asks: bool

    @property
    def is_good_news(self) -> bool:
        """Return whether what was done worked as far as anybody knows."""
        return self.style in {"good", "accent"}

    @property
    def steps_title(self) -> str:
        """Return what stands above the next steps."""
        return "What to do now" if self.asks else "What happens next"


LOOKS: dict[NoticeKind, Look] = {
    NoticeKind.FOUND: Look("Found", "warning", asks=False),
    NoticeKind.ACTED: Look("Acted", "accent", asks=False),
    NoticeKind.NEEDS_YOU: Look("Needs you", "attention", asks=True),
    NoticeKind.RECOVERED: Look("Recovered", "good", asks=False),
    NoticeKind.ROTATED: Look("Rotated", "good", asks=False),
    NoticeKind.EXPIRING: Look("Expires soon", "warning", asks=True),
    NoticeKind.EXPIRED: Look("Expired", "attention", asks=True),
    NoticeKind.GAVE_UP: Look("Gave up", "attention", asks=True),
    NoticeKind.BLIND: Look("Cannot see", "warning", asks=True),
    NoticeKind.SEEING_AGAIN: Look("Seeing again", "good", asks=False),
}

_REFERENCE = 60
_LINK_TITLE = 48
_SOURCES = frozenset({NoticeKind.BLIND, NoticeKind.SEEING_AGAIN})


def said_title(kind: NoticeKind) -> str:
    """Return whose words are quoted."""
    return "What the source said" if kind in _SOURCES else "What Entra said"


def headline_parts(notice: Notice) -> tuple[str, str]:
    """Split the headline into its subject, told in bold, and the rest, so that no name is said twice."""
    if not notice.subject:
        return notice.headline, ""
    rest = notice.headline.removeprefix(notice.subject)
    if rest != notice.headline and not rest[:1].isalnum():
        return notice.subject, rest
    return notice.subject, f" — {notice.headline}"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many characters, or how many entries, of each part are shown."""

    said: int
    items: int
    item: int
    facts: int
    title: int
    fact: int
    summary: int
    headline: int
    subject: int
    links: int
    url: int

    def apply(self, notice: Notice) -> Notice:
        """Return a tidy notice with its texts shortened and its long lists cut."""
        facts = tuple(Fact(shorten(fact.title, self.title), shorten(fact.value, self.fact)) for fact in notice.facts)
        if len(facts) > self.facts:
            facts = (*facts[: self.facts - 1], Fact(SHORTENED, f"{len(facts) - self.facts + 1} more"))
        return replace(
            notice,
            subject=shorten(notice.subject, self.subject),
            headline=shorten(notice.headline, self.headline),
            summary=shorten(notice.summary, self.summary),
            facts=facts,
            done=shorten_all(notice.done, self.items, self.item),
            next_steps=shorten_all(notice.next_steps, self.items, self.item),
            links=tuple(link for link in notice.links if len(link.url) <= self.url)[: self.links],
            said=shorten(notice.said, self.said),
        )


_ROOMY = Limits(
    said=4000,
    items=12,
    item=600,
    facts=14,
    title=40,
    fact=300,
    summary=1200,
    headline=300,
    subject=120,
    links=6,
    url=1500,
)
_SMALL = Limits(
    said=240, items=5, item=160, facts=8, title=40, fact=80, summary=300, headline=200, subject=80, links=4, url=800
)
# What Entra said goes first, then the lists; the last entry fits whatever the characters are (12 bytes each at worst).
_STEPS = (
    _ROOMY,
    replace(_ROOMY, said=2000),
    replace(_ROOMY, said=800),
    replace(_ROOMY, said=240),
    replace(_ROOMY, said=240, items=8, item=300, facts=10, fact=160, summary=600),
    _SMALL,
    Limits(
        said=80, items=3, item=60, facts=4, title=20, fact=48, summary=100, headline=90, subject=40, links=2, url=400
    ),
)


def first_that_fits[T](notice: Notice, draw: Callable[[Notice], T], fits: Callable[[T], bool]) -> T:
    """Draw the notice as fully as fits, shortening it step by step."""
    tidy = _tidied(notice)
    for limits in _STEPS:
        drawn = draw(limits.apply(tidy))
        if fits(drawn):
            return drawn
    raise ValueError(f"the notice {tidy.reference!r} does not fit however much it is shortened")


def _tidied(notice: Notice) -> Notice:
    """Return the notice with texts that hide nothing; links that may not be offered are gone."""
    urls = ((shorten(_line(link.title), _LINK_TITLE), https_url(link.url)) for link in notice.links)
    return replace(
        notice,
        subject=_line(notice.subject),
        headline=_line(notice.headline),
        summary=_line(notice.summary),
        facts=tuple(Fact(_line(fact.title), _line(fact.value)) for fact in notice.facts),
        done=tuple(filter(None, map(_line, notice.done))),
        next_steps=tuple(filter(None, map(_line, notice.next_steps))),
        links=tuple(Link(title or url, url) for title, url in urls if url),
        said=clean(bounded(notice.said)).strip(),
        reference=shorten(_line(notice.reference), _REFERENCE),
    )


def _line(text: str) -> str:
    return one_line(bounded(text))
