"""What people were told, read from the tenant's inboxes: whom each card and mail is about, and its label."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from emulator.inboxes import Inboxes, SentMail, TeamsPost

_MAIL_PREFIX = "[Pratique] "


@dataclass(frozen=True, slots=True)
class Told:
    """A card or a mail: its label, such as "Needs you", and its subject, which is an application or a source."""

    label: str
    subject: str


def cards(inboxes: Inboxes) -> list[tuple[Told, TeamsPost]]:
    """Return every card; its first text is the label, its second the subject."""
    found = []
    for post in inboxes.teams:
        texts = _texts(post.body["attachments"][0]["content"]["body"])
        found.append((Told(next(texts, ""), next(texts, "")), post))
    return found


def mails(inboxes: Inboxes) -> list[tuple[Told, SentMail]]:
    """Return every mail; its subject line is "[Pratique] <label>: <subject> — <headline>"."""
    found = []
    for mail in inboxes.mails:
        label, _, rest = str(mail.message["subject"]).removeprefix(_MAIL_PREFIX).partition(": ")
        found.append((Told(label, rest.partition(" — ")[0]), mail))
    return found


def _texts(part: Any) -> Iterator[str]:
    """Return the texts of a card in the order in which they are read."""
    if isinstance(part, list):
        for entry in part:
            yield from _texts(entry)
    elif isinstance(part, dict):
        if isinstance(part.get("text"), str):
            yield part["text"]
        for name in ("items", "inlines", "columns", "body"):
            yield from _texts(part.get(name))
