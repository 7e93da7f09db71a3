"""Microsoft's renderer and a real browser agree with what the cards and mails claim."""

from itertools import batched
from pathlib import Path

import pytest

from emulator.drawing import DrawingError, draw_card, draw_mail, find_chromium, open_drawing
from shared.notices.card import teams_envelope
from shared.notices.mail import to_mail
from shared.notices.text import one_line
from tests.notices import hostile
from tests.notices.samples import NOTICES

needs_chromium = pytest.mark.skipif(find_chromium() is None, reason="no Chromium on PATH: nothing can be drawn")


@needs_chromium
@pytest.mark.xdist_group("drawing")
async def test_every_kind_is_drawn_without_a_complaint(tmp_path: Path) -> None:
    """A card of any kind gives no parse event and no validation failure, in both themes, and shows its headline."""
    async with open_drawing() as drawing:
        assert drawing is not None
        for notice in NOTICES:
            for dark in (False, True):
                drawn = await drawing.card(teams_envelope(notice), tmp_path / f"{notice.kind}-{dark}.png", dark=dark)
                assert (drawn.events, drawn.failures) == ((), ())
                assert drawn.png.read_bytes().startswith(b"\x89PNG")
                assert notice.headline in drawn.text
                assert "{{" not in drawn.text
                assert not drawn.overflows


@needs_chromium
@pytest.mark.xdist_group("drawing")
async def test_mails_fit_a_phone_and_a_desk(tmp_path: Path) -> None:
    """No mail is wider than its window, by day and by night, and all that is shown is its own."""
    async with open_drawing() as drawing:
        assert drawing is not None
        for notice in NOTICES:
            html = to_mail(notice).html
            for width in (375, 680):
                drawn = await drawing.mail(html, tmp_path / f"{width}.png", dark=width == 375, width=width)
                assert not drawn.overflows
                assert drawn.links == len(notice.links)


@needs_chromium
@pytest.mark.xdist_group("drawing")
async def test_hostile_text_is_shown_and_does_nothing(tmp_path: Path) -> None:
    """In the real renderer no trick makes a link, a format or a date; each is read as it was written."""
    async with open_drawing() as drawing:
        assert drawing is not None
        for lines in batched(hostile.LINES, 5, strict=True):
            notice = hostile.notice_of(lines)
            card = await drawing.card(teams_envelope(notice), tmp_path / "card.png")
            mail = await drawing.mail(to_mail(notice).html, tmp_path / "mail.png")
            assert (card.links, card.formatted, mail.links) == (0, 0, 0)
            assert (card.events, card.failures) == ((), ())
            for drawn in (card, mail):
                text = drawn.text.replace("\u2060", "").replace("\u00a0", " ")
                # as a fact, done, to be done, and in the summary
                assert [line for line in lines if text.count(one_line(line)) < 4] == []


@needs_chromium
@pytest.mark.xdist_group("drawing")
async def test_the_renderer_reports_what_it_does_not_know(tmp_path: Path) -> None:
    """Unknown elements and missing properties are noticed and live Markdown is counted: the checks above can fail."""
    envelope = teams_envelope(NOTICES[0])
    body = envelope["attachments"][0]["content"]["body"]
    body += [
        {"type": "TextBlok", "text": "x"},
        {"type": "Input.Text"},
        {"type": "TextBlock", "text": "**a** [b](https://c.example)"},
    ]
    drawn = await draw_card(envelope, tmp_path / "wrong.png")
    assert drawn is not None
    assert any("TextBlok" in event for event in drawn.events)
    assert drawn.failures
    assert (drawn.links, drawn.formatted) == (1, 1)


@needs_chromium
@pytest.mark.xdist_group("drawing")
async def test_a_page_that_fails_is_not_taken_for_a_picture(tmp_path: Path) -> None:
    """A card that cannot be rendered raises instead of leaving an empty picture."""
    with pytest.raises(DrawingError):
        await draw_card({"attachments": [{"content": None}]}, tmp_path / "none.png")


async def test_without_a_browser_nothing_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no Chromium is on PATH the answer is None and no file appears."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert await draw_card(teams_envelope(NOTICES[0]), tmp_path / "card.png") is None
    assert await draw_mail(to_mail(NOTICES[0]).html, tmp_path / "mail.png") is None
    assert not (tmp_path / "card.png").exists()
    assert not (tmp_path / "mail.png").exists()
