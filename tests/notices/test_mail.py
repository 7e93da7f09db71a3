"""The mail says the same as the card, in HTML and in plain text, and asks nothing of the network."""

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from typing import override

import pytest
from hypothesis import HealthCheck, given, settings

from shared.notices.mail import to_mail
from shared.notices.notice import Notice, NoticeKind
from tests.notices import hostile
from tests.notices.samples import BY_KIND, NOTICES

TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "div",
        "table",
        "tr",
        "td",
        "th",
        "h1",
        "h2",
        "strong",
        "a",
        "br",
    )
}


class Reader(HTMLParser):
    """Collects what a mail shows and which elements and attributes it is made of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.hrefs: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the element's name and its attributes."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.hrefs += [value or "" for name, value in attrs if name == "href"]

    @override
    def handle_data(self, data: str) -> None:
        """Keep what is shown."""
        self.texts.append(data.strip())


@pytest.mark.parametrize("notice", NOTICES, ids=lambda notice: notice.kind.value)
def test_everything_that_a_notice_says_is_in_both_parts(notice: Notice) -> None:
    """Summary, facts, what was done, next steps, links, quotation, reference and time are told in HTML and in text."""
    mail = to_mail(notice)
    shown = Reader(mail.html)
    facts = [text for fact in notice.facts for text in (fact.title, fact.value)]
    words = [
        notice.subject,
        notice.summary,
        *facts,
        *notice.done,
        *notice.next_steps,
        *(link.title for link in notice.links),
    ]
    for text in words:
        assert text in shown.texts
        assert text in mail.text
    urls = [link.url for link in notice.links]
    assert shown.hrefs == urls
    assert all(url in mail.text for url in urls)
    for text in (notice.said, notice.reference, "Sat 31 Jan 2026, 03:12 UTC"):
        assert text in " ".join(shown.texts)
        assert text in mail.text
    assert notice.headline in mail.text


def test_the_subject_tells_at_a_glance() -> None:
    """Label, application and what is wrong are in the subject."""
    notice = BY_KIND[NoticeKind.NEEDS_YOU]
    joined = replace(notice, subject="Druva", headline="its secret token was rejected")
    assert to_mail(joined).subject == "[Pratique] Needs you: Druva — its secret token was rejected"
    assert (
        to_mail(notice).subject
        == "[Pratique] Needs you: Zscaler cannot sign in to its target: its secret token was rejected"
    )


def test_steps_come_first_where_a_person_is_asked() -> None:
    """The plain text, too, begins with what must be done."""
    asked, told = to_mail(BY_KIND[NoticeKind.NEEDS_YOU]).text, to_mail(BY_KIND[NoticeKind.ACTED]).text
    assert asked.index("What to do now") < asked.index("Cause:")
    assert told.index("Cause:") < told.index("What was done") < told.index("What happens next")


def test_the_html_suits_its_readers() -> None:
    """It names its language, follows dark mode, has a preview line, and loads nothing from anywhere."""
    html = to_mail(BY_KIND[NoticeKind.NEEDS_YOU]).html
    assert '<html lang="en">' in html
    assert 'name="color-scheme" content="light dark"' in html
    assert "prefers-color-scheme: dark" in html
    assert html.index("In Zscaler, open Administration") < html.index("<h1")
    assert not re.search(r"<(img|link|script|iframe)|url\(|@import| src=", html)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(hostile.NOTICES)
def test_any_text_gives_a_small_harmless_mail(notice: Notice) -> None:
    """Whatever the texts: one subject line, below 100 KB, no element or attribute but the template's own."""
    mail = to_mail(notice)
    assert len(mail.subject) <= 150
    assert (
        mail.subject.isprintable() or "\u200c" in mail.subject or "\u200d" in mail.subject or not mail.subject.isascii()
    )
    assert len(mail.subject.splitlines()) == 1
    assert len((mail.html + mail.text).encode("utf-8")) < 100_000
    shown = Reader(mail.html)
    assert shown.tags <= TAGS
    assert not [name for name in shown.attributes if name.startswith("on") or name == "src"]
    assert all(href.startswith("https://portal.azure.com/") for href in shown.hrefs)


def test_the_template_engine_waits_for_the_first_mail() -> None:
    """Importing the module costs a cold start nothing: jinja2 is loaded by the first mail only."""
    probe = "import sys, shared.notices.mail; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
