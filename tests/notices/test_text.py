"""Outside text stays text: read by a Markdown parser it gives back exactly its own characters."""

import pytest
from hypothesis import given, settings
from markdown_it import MarkdownIt

from shared.notices.text import clean, https_url, literal_markdown, literal_run, one_line, shorten, shorten_all
from tests.notices.hostile import LINES, TEXTS

MARKDOWN = MarkdownIt("commonmark").enable(["strikethrough", "table"])


def shown_literally(markdown: str) -> str:
    """Return what a reader sees, after making sure that nothing in it became more than text."""
    tokens = MARKDOWN.parse(markdown)
    if not tokens:
        return ""
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert {child.type for child in tokens[1].children or []} <= {"text"}
    return "".join(child.content for child in tokens[1].children or [])


@settings(deadline=None, max_examples=400)
@given(TEXTS)
def test_escaped_text_shows_as_it_is(text: str) -> None:
    """Whatever the characters, Markdown shows them and does nothing else."""
    line = one_line(text)
    assert shown_literally(literal_markdown(line)) == line


@pytest.mark.parametrize("line", LINES)
def test_known_tricks_show_as_they_are(line: str) -> None:
    """Links, formats, lists, entities and functions stay what was written."""
    assert shown_literally(literal_markdown(one_line(line))) == one_line(line)


@settings(deadline=None)
@given(TEXTS)
def test_no_function_survives(text: str) -> None:
    """Two braces in a row, which begin a function of Adaptive Cards, never reach a card."""
    line = one_line(text)
    assert "{{" not in literal_markdown(line)
    assert "{{" not in literal_run(line)
    assert literal_run(line).replace("\u2060", "") == line


def test_usual_words_are_not_littered_with_backslashes() -> None:
    """Identifiers, addresses and times read the same without a Markdown reader."""
    for usual in (
        "invalid_credentials (certain)",
        "31 Jan 2026, 02:58 UTC",
        "a@contoso.com",
        "R&D - 2.5 > 2",
        "zscaler.0b1c-5d",
    ):
        assert literal_markdown(usual) == usual


def test_what_cannot_be_seen_is_dropped() -> None:
    """Control and direction characters and half surrogates go; emoji and line ends stay."""
    assert clean("a\x00b\x1b[31m\u202ec\u200b\ud800\r\nd\u2028e\tf 👩\u200d💻") == "ab[31mc\nd\ne f 👩\u200d💻"


def test_shortened_text_says_so_within_its_limit() -> None:
    """A cut is told, and the limit includes the telling."""
    short = shorten("word " * 100, 60)
    assert short.endswith("… shortened")
    assert len(short) <= 60
    assert shorten("as it is", 60) == "as it is"
    assert shorten_all(("a", "b", "c", "d"), 3, 60) == ("a", "b", "… shortened: 2 more")


@pytest.mark.parametrize(
    "url",
    [
        "http://entra.microsoft.com",
        "javascript:alert(1)",
        "https://",
        "https://entra.microsoft.com@evil.example/",
        "https://entra.microsoft.com\\@evil.example/",
        "https://entra.microsoft.com/a b",
        "https://entra.microsoft.com/\u202ea",
        "https://\u0435ntra.microsoft.com/",
        "https://[::1",
        "/relative",
    ],
)
def test_an_address_that_may_mislead_is_no_link(url: str) -> None:
    """Only plain https addresses of a readable host are offered."""
    assert https_url(url) is None


def test_an_ordinary_address_stays_as_it_is() -> None:
    """The deep links of the portals keep every character; others are percent-encoded."""
    portal = "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/Blade/~/Overview/id/1?x=%7B1%7D&y=a+b"
    assert https_url(portal) == portal
    assert https_url("https://127.0.0.1:8443/é") == "https://127.0.0.1:8443/%C3%A9"
