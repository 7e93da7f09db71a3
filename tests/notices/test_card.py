"""The Teams card says everything that matters, in the right order, and stays small and harmless."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from shared.notices.card import teams_envelope
from shared.notices.look import LOOKS
from shared.notices.notice import Fact, Link, Notice, NoticeKind
from tests.notices import hostile
from tests.notices.samples import BY_KIND, NOTICES
from tests.notices.test_text import shown_literally


def card(notice: Notice) -> dict[str, Any]:
    """Return the card inside the envelope."""
    content: dict[str, Any] = teams_envelope(notice)["attachments"][0]["content"]
    return content


def elements(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a card, outermost first."""
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from elements(part)
    elif isinstance(value, list):
        for part in value:
            yield from elements(part)


def strings(value: Any) -> Iterator[str]:
    """Yield every text of a card, in reading order."""
    for element in elements(value):
        yield from (text for text in element.values() if isinstance(text, str))


def opened(value: Any) -> list[tuple[str, str]]:
    """Return title and address of every button that opens something."""
    return [(e["title"], e["url"]) for e in elements(value) if e.get("type") == "Action.OpenUrl"]


def markdown_of(value: Any) -> Iterator[str]:
    """Yield the texts that a card's reader passes through Markdown."""
    for element in elements(value):
        if element.get("type") == "TextBlock":
            yield element["text"]
        for fact in element.get("facts", ()):
            yield from (fact["title"], fact["value"])


def test_the_envelope_is_the_one_that_workflows_takes() -> None:
    """One attachment of the Adaptive Card type, a null address, version 1.5, full width."""
    envelope = teams_envelope(NOTICES[0])
    (attachment,) = envelope["attachments"]
    assert envelope["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["contentUrl"] is None
    assert attachment["content"]["type"] == "AdaptiveCard"
    assert attachment["content"]["version"] == "1.5"
    assert attachment["content"]["msteams"] == {"width": "Full"}


@pytest.mark.parametrize("notice", NOTICES, ids=lambda notice: notice.kind.value)
def test_everything_that_a_notice_says_is_on_its_card(notice: Notice) -> None:
    """Label, subject, summary, facts, what was done, next steps, links, quotation, reference and time are there."""
    drawn = card(notice)
    said = list(strings(drawn))
    assert drawn["body"][0]["style"] == LOOKS[notice.kind].style
    assert LOOKS[notice.kind].label in said
    assert {notice.subject, notice.summary, *notice.done, *notice.next_steps} <= set(said)
    shown = {shown_literally(text).replace("\u00a0", " ") for text in markdown_of(drawn)}
    assert {text for fact in notice.facts for text in (fact.title, fact.value)} <= shown
    assert opened(drawn) == [(link.title, link.url) for link in notice.links]
    assert not notice.said or notice.said in said
    assert any(
        notice.reference in text and "{{DATE(2026-01-31T03:12:07Z,SHORT)}} {{TIME(2026-01-31T03:12:07Z)}}" in text
        for text in said
    )


def test_the_subject_is_said_once_in_the_headline() -> None:
    """A headline that begins with the subject is not told twice; another one is joined to it."""
    started = card(BY_KIND[NoticeKind.NEEDS_YOU])["fallbackText"]
    joined = card(replace(NOTICES[0], subject="Druva", headline="its secret token was rejected"))["fallbackText"]
    other = card(replace(NOTICES[0], subject="Box", headline="Boxcar cannot sign in"))["fallbackText"]
    assert started == "Zscaler cannot sign in to its target: its secret token was rejected"
    assert joined == "Druva — its secret token was rejected"
    assert other == "Box — Boxcar cannot sign in"


def test_what_a_person_must_do_stands_before_the_facts() -> None:
    """Where a person is asked, the steps come first; elsewhere what was found and done."""
    for notice in NOTICES:
        order = list(strings(card(notice)))
        if notice.next_steps:
            step = order.index(notice.next_steps[0])
            fact = min(order.index(fact.value) for fact in notice.facts if fact.value in order)
            assert (step < fact) is LOOKS[notice.kind].asks


def test_a_long_quotation_is_folded_behind_its_beginning() -> None:
    """The whole is hidden until asked for; a short one is simply shown."""
    drawn = card(BY_KIND[NoticeKind.NEEDS_YOU])
    toggles = [e["targetElements"] for e in elements(drawn) if e.get("type") == "Action.ToggleVisibility"]
    named = {e["id"]: e.get("isVisible", True) for e in elements(drawn) if "id" in e}
    assert toggles == [list(named)] * 2
    assert list(named.values()) == [True, False]
    assert not [e for e in elements(card(BY_KIND[NoticeKind.GAVE_UP])) if "id" in e]


def test_only_https_links_reach_a_reader() -> None:
    """A link that may mislead is dropped, the others stay."""
    links = (
        Link("bad", "http://evil.example"),
        Link("worse", "javascript:alert(1)"),
        Link("endless", "https://entra.microsoft.com/" + "a" * 2000),
        Link("good", "https://entra.microsoft.com"),
    )
    assert opened(card(replace(NOTICES[0], links=links))) == [("good", "https://entra.microsoft.com")]


def test_what_entra_said_is_shortened_before_anything_else() -> None:
    """A huge quotation costs no fact, no step and no link."""
    notice = replace(BY_KIND[NoticeKind.NEEDS_YOU], said="é" * 50_000)
    said = list(strings(card(notice)))
    assert {*notice.done, *notice.next_steps, notice.summary} <= set(said)
    assert any(text.endswith("… shortened") for text in said)


def test_a_reply_of_megabytes_is_cut_and_says_so() -> None:
    """A quotation that is blank for as far as it is looked at still tells that there was more."""
    said = list(strings(card(replace(BY_KIND[NoticeKind.GAVE_UP], said="refused" + "\t" * 5_000_000 + "end"))))
    assert "refused" in " ".join(said)
    assert not any("end" in text for text in said if text.startswith("refused"))
    assert any(text.endswith("… shortened") for text in said)


def test_long_lists_say_how_many_entries_they_leave_out() -> None:
    """Nothing disappears silently."""
    notice = replace(
        NOTICES[0],
        done=tuple(f"step {n}" for n in range(100)),
        facts=tuple(Fact(f"fact {n}", "x" * 300) for n in range(100)),
    )
    said = list(strings(card(notice)))
    assert any(text.startswith("… shortened: ") and text.endswith(" more") for text in said)
    assert "… shortened" in [text.replace("\u00a0", " ") for text in said]


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(hostile.NOTICES)
def test_any_text_gives_a_small_harmless_card(notice: Notice) -> None:
    """Whatever the texts: valid JSON below 20 KB in either encoding, no live Markdown, no function but our own."""
    envelope = teams_envelope(notice)
    assert len(json.dumps(envelope)) < 20_000
    assert len(json.dumps(envelope, ensure_ascii=False).encode("utf-8")) < 20_000
    assert json.loads(json.dumps(envelope)) == envelope
    drawn = envelope["attachments"][0]["content"]
    for text in markdown_of(drawn):
        shown_literally(text)
    footer = drawn["body"].pop()
    assert not [text for text in strings(drawn) if "{{" in text]
    assert footer["text"].count("{{") == 2
    assert all(url.startswith("https://portal.azure.com/") for _, url in opened(drawn))


@pytest.mark.parametrize("character", ["😀", "\\", '"', "é", "*", "_", "{", "\n", "x"])
def test_the_worst_notice_still_fits(character: str) -> None:
    """Every part as long and as many as it can be, in characters that cost most."""
    text = character * 5000
    notice = Notice(
        kind=NoticeKind.GAVE_UP,
        subject=text,
        headline=text,
        summary=text,
        facts=(Fact(text, text),) * 200,
        done=(text,) * 200,
        next_steps=(text,) * 200,
        links=(Link(text, "https://portal.azure.com/" + "a" * 300),) * 20,
        said=text,
        reference=text,
        at=NOTICES[0].at,
    )
    assert len(json.dumps(teams_envelope(notice))) < 20_000
