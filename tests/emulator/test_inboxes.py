"""The inboxes take what Teams and Graph would take, refuse what those would refuse, and keep it all."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from emulator.clock import ManualClock
from emulator.entra import Entra
from emulator.inboxes import TEAMS_LIMIT, Inboxes, TeamsPost
from tests.emulator.serving import serving

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CARD: dict[str, Any] = {"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": "Lifted"}]}
CARD_TYPE = "application/vnd.microsoft.card.adaptive"


def envelope(card: Any = CARD, content_type: str = CARD_TYPE) -> dict[str, Any]:
    """Return the message that carries a card."""
    return {"type": "message", "attachments": [{"contentType": content_type, "contentUrl": None, "content": card}]}


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Inboxes, ClientSession]]:
    """Serve inboxes."""
    clock = ManualClock(NOW)
    inboxes = Inboxes(clock)
    async with serving(tmp_path, monkeypatch, Entra(clock), inboxes) as site:
        yield inboxes, site.session
        assert site.unserved == []


async def test_a_card_is_accepted_and_kept_as_it_came(place: tuple[Inboxes, ClientSession]) -> None:
    """202 without a body; the bytes and the moment are kept."""
    inboxes, session = place
    raw = json.dumps(envelope(), indent=1).encode()
    async with session.post(inboxes.teams_url, data=raw, headers={"Content-Type": "application/json"}) as answer:
        assert (answer.status, await answer.read()) == (202, b"")
    assert inboxes.teams == [TeamsPost(NOW, envelope(), raw)]


@pytest.mark.parametrize(
    "body",
    [
        CARD,
        {"type": "message"},
        {"type": "message", "attachments": []},
        {"type": "message", "attachments": ["card"]},
        envelope(content_type="application/json"),
        envelope(card=json.dumps(CARD)),
        envelope(card={**CARD, "type": "MessageCard"}),
        envelope(card={"type": "AdaptiveCard", "body": []}),
        envelope(card={"type": "AdaptiveCard", "version": "1.5"}),
        [envelope()],
    ],
)
async def test_what_is_no_card_in_an_envelope_is_refused(place: tuple[Inboxes, ClientSession], body: Any) -> None:
    """A bare card, an empty message, another content type, a card as text: 400, and nothing is kept."""
    inboxes, session = place
    async with session.post(inboxes.teams_url, json=body) as answer:
        assert answer.status == 400
    assert inboxes.teams == []


@pytest.mark.parametrize(("data", "content_type"), [(b"{", "application/json"), (b"{}", "text/plain")])
async def test_what_is_not_json_is_refused(
    place: tuple[Inboxes, ClientSession], data: bytes, content_type: str
) -> None:
    """Broken JSON and another content type are 400."""
    inboxes, session = place
    async with session.post(inboxes.teams_url, data=data, headers={"Content-Type": content_type}) as answer:
        assert answer.status == 400


async def test_the_limit_is_28_kilobytes(place: tuple[Inboxes, ClientSession]) -> None:
    """A message of exactly the limit is taken; one byte more is 413."""
    inboxes, session = place
    room = TEAMS_LIMIT - len(json.dumps(envelope({**CARD, "speak": ""})))
    for excess, status in ((0, 202), (1, 413)):
        async with session.post(
            inboxes.teams_url,
            data=json.dumps(envelope({**CARD, "speak": "x" * (room + excess)})),
            headers={"Content-Type": "application/json"},
        ) as answer:
            assert answer.status == status
    assert len(inboxes.teams) == 1


async def test_only_the_secret_address_may_post(place: tuple[Inboxes, ClientSession]) -> None:
    """A wrong or missing signature is 401, another workflow 404."""
    inboxes, session = place
    base, _, signature = inboxes.teams_url.rpartition("&sig=")
    address, _, query = inboxes.teams_url.partition("?")
    wrong = {f"{base}&sig={signature[::-1]}": 401, base: 401, f"{address}0?{query}": 404}
    for url, status in wrong.items():
        async with session.post(url, json=envelope()) as answer:
            assert answer.status == status
    assert inboxes.teams == []


def test_mail_is_kept_with_its_sender_and_bytes() -> None:
    """What Graph accepted is in the outbox, whole."""
    inboxes = Inboxes(ManualClock(NOW))
    raw = json.dumps({"message": {"subject": "Recovered"}, "saveToSentItems": False}).encode()
    inboxes.accept_mail("pratique@contoso.example", raw)
    (mail,) = inboxes.mails
    assert (mail.at, mail.sender, mail.message, mail.raw) == (
        NOW,
        "pratique@contoso.example",
        {"subject": "Recovered"},
        raw,
    )
