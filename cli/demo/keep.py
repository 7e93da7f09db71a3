"""Keeps what people were sent, as it was sent and as pictures, and searches everything kept for secrets."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cli.demo.story_says import Beginning
from cli.notices import Told, cards, mails
from emulator.drawing import DrawingError, open_drawing
from emulator.story import DRUVA_SECRET, Story

_OURS = ("*.card.json", "*.card.png", "*.mail.html", "*.mail.png", "host.log", "demo.json")


@dataclass(frozen=True, slots=True)
class Kept:
    """One card or mail on disk."""

    name: str
    file: Path
    envelope: dict[str, Any] | None
    """The card's envelope; a mail's HTML is in its file."""

    @property
    def picture(self) -> Path:
        """Return where its picture belongs."""
        return self.file.with_suffix(".png")


def clear(folder: Path) -> None:
    """Make the folder, and remove what an earlier demo left in it; other files stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in _OURS:
        for file in folder.glob(pattern):
            file.unlink()


def keep(story: Story, folder: Path) -> list[Kept]:
    """Write every card as JSON and every mail as HTML, named after application and label."""
    kept = []
    inboxes = story.tenant.inboxes
    for name, post in _named(cards(inboxes)):
        file = folder / f"{name}.card.json"
        file.write_text(json.dumps(post.body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        kept.append(Kept(name, file, post.body))
    for name, mail in _named(mails(inboxes)):
        file = folder / f"{name}.mail.html"
        file.write_text(mail.message["body"]["content"], encoding="utf-8")
        kept.append(Kept(name, file, None))
    return kept


def _named[Sent](notices: Iterable[tuple[Told, Sent]]) -> Iterator[tuple[str, Sent]]:
    """Name notices so that a card and the mail that says the same are named alike."""
    count: Counter[str] = Counter()
    for told, sent in notices:
        count[told.subject] += 1
        yield f"{_slug(told.subject)}-{count[told.subject]}-{_slug(told.label)}", sent


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "notice"


async def draw(kept: list[Kept]) -> str:
    """Draw a picture of each; return why there are none, or nothing when there are."""
    try:
        async with open_drawing() as drawing:
            if drawing is None:
                return "no pictures: no Chromium or Chrome on PATH"
            for one in kept:
                if one.envelope is not None:
                    await drawing.card(one.envelope, one.picture)
                else:
                    await drawing.mail(one.file.read_text(encoding="utf-8"), one.picture)
    except (DrawingError, TimeoutError) as error:
        return f"not all pictures were drawn: {str(error) or 'Chromium did not answer in time'}"
    return ""


def leaks(story: Story, beginning: Beginning, folder: Path, *texts: str) -> list[str]:
    """Say where a secret stands that belongs nowhere but in the vault, in Entra and at its target."""
    secrets = {value.encode() for value in _secrets(story, beginning)}
    places = [(file.name, file.read_bytes()) for file in sorted(folder.iterdir()) if file.is_file()]
    places += [("the output", text.encode()) for text in texts]
    return [f"A secret value stands in {name}." for name, content in places if any(map(content.__contains__, secrets))]


def _secrets(story: Story, beginning: Beginning) -> set[str]:
    """Return every secret of the tenant: tokens old and new, and the signature in the Teams address."""
    signature = parse_qs(urlsplit(story.tenant.inboxes.teams_url).query)["sig"][0]
    newest = story.tenant.vault.value(DRUVA_SECRET)
    return {*beginning.tokens(), newest, signature, story.tenant.entra.identity_header}
