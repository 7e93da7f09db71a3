"""A notice as an Adaptive Card in the envelope that a Teams Workflows webhook takes.

Prose from outside goes into TextRuns, which know no Markdown; only facts, which have no such form, are escaped.
"""

import json
from datetime import UTC, datetime
from typing import Any

from shared.notices.look import LOOKS, Look, first_that_fits, headline_parts, said_title
from shared.notices.notice import Notice, NoticeKind
from shared.notices.text import literal_markdown, literal_run

MAX_BYTES = 20_000
"""Teams refuses messages beyond 28 KB; what Workflows adds on the way is not documented, so a good part stays free."""

type Element = dict[str, Any]

_CONTENT_TYPE = "application/vnd.microsoft.card.adaptive"
_EXCERPT = 220
_SAID_LINES = 12
_SHORT_TITLE = 16
_BOTH = ("said-excerpt", "said-full")


def teams_envelope(notice: Notice) -> Element:
    """Return the message to post to a Workflows webhook, always below `MAX_BYTES` however it is encoded."""
    return first_that_fits(notice, _envelope, lambda drawn: len(json.dumps(drawn)) < MAX_BYTES)


def _envelope(notice: Notice) -> Element:
    return {
        "type": "message",
        "attachments": [{"contentType": _CONTENT_TYPE, "contentUrl": None, "content": _card(notice)}],
    }


def _card(notice: Notice) -> Element:
    look = LOOKS[notice.kind]
    steps = [*_steps(look, notice.next_steps), *_links(notice)]
    body = [
        _header(look, notice),
        *([_prose(notice.summary, spacing="Medium")] if notice.summary else []),
        *(steps if look.asks else []),
        *_facts(notice),
        *_done(look, notice.done),
        *([] if look.asks else steps),
        *_said(notice.kind, notice.said),
        _footer(notice),
    ]
    # No `lang`: dates then follow each reader's own client.
    return {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.5",
        "msteams": {"width": "Full"},
        "fallbackText": literal_run("".join(headline_parts(notice))),
        "body": body,
    }


def _header(look: Look, notice: Notice) -> Element:
    subject, rest = headline_parts(notice)
    label = {
        "type": "TextBlock",
        "text": look.label,
        "weight": "Bolder",
        "color": _colour(look),
        "style": "heading",
        "size": "Default",
    }
    inlines = [{"type": "TextRun", "text": literal_run(subject), "size": "Large", "weight": "Bolder"}]
    if rest:
        inlines.append({"type": "TextRun", "text": literal_run(rest), "size": "Large"})
    headline = {"type": "RichTextBlock", "spacing": "Small", "inlines": inlines}
    return {"type": "Container", "style": look.style, "bleed": True, "items": [label, headline]}


def _facts(notice: Notice) -> list[Element]:
    pairs = [
        {"title": literal_markdown(_unbroken(fact.title)), "value": literal_markdown(fact.value)}
        for fact in notice.facts
    ]
    return [{"type": "FactSet", "spacing": "Large", "facts": pairs}] if pairs else []


def _unbroken(title: str) -> str:
    """Keep a short title on one line: renderers give its column away to long values."""
    return title.replace(" ", "\u00a0") if len(title) <= _SHORT_TITLE else title


def _done(look: Look, items: tuple[str, ...]) -> list[Element]:
    marked = [_marked("✓", "Good" if look.is_good_news else "Default", item) for item in items]
    return [_title("What was done", "Large"), *marked] if marked else []


def _steps(look: Look, items: tuple[str, ...]) -> list[Element]:
    if not items:
        return []
    if not look.asks:
        return [_title(look.steps_title, "Large"), *(_marked("→", "Accent", item) for item in items)]
    numbered = [_marked(str(number), _colour(look), item) for number, item in enumerate(items, start=1)]
    panel = {
        "type": "Container",
        "style": "emphasis",
        "spacing": "Large",
        "items": [_title(look.steps_title), *numbered],
    }
    return [panel]


def _links(notice: Notice) -> list[Element]:
    """Return the buttons; they stand by the steps they serve, not below what was said, where nobody scrolls to."""
    opens = [{"type": "Action.OpenUrl", "title": literal_run(link.title), "url": link.url} for link in notice.links]
    return [{"type": "ActionSet", "spacing": "Medium", "actions": opens}] if opens else []


def _said(kind: NoticeKind, said: str) -> list[Element]:
    """Quote what was said; a long quotation is folded behind its beginning."""
    if not said:
        return []
    title = {**_title(said_title(kind), "Large"), "separator": True}
    excerpt = " ".join(said.split())[:_EXCERPT]
    if len(said) <= _EXCERPT:
        return [title, *_quoted(said)]
    begun = {"id": _BOTH[0], "items": [*_quoted(f"{excerpt} …"), _toggle("Show all of it")]}
    whole = {"id": _BOTH[1], "items": [*_quoted(said), _toggle("Show less")], "isVisible": False}
    return [title, *({"type": "Container", "spacing": "Small", **part} for part in (begun, whole))]


def _toggle(title: str) -> Element:
    action = {"type": "Action.ToggleVisibility", "title": title, "targetElements": list(_BOTH)}
    return {"type": "ActionSet", "spacing": "Small", "actions": [action]}


def _quoted(said: str) -> list[Element]:
    lines = [line.strip() for line in said.split("\n") if line.strip()]
    shown = [*lines[: _SAID_LINES - 1], " ".join(lines[_SAID_LINES - 1 :])]
    return [_prose(line, spacing="Small", mono=True) for line in shown if line]


def _footer(notice: Notice) -> Element:
    moment = _function_time(notice.at)
    reference = f" · incident {literal_markdown(notice.reference)}" if notice.reference else ""
    text = f"{{{{DATE({moment},SHORT)}}}} {{{{TIME({moment})}}}}{reference} · Pratique"
    return {
        "type": "TextBlock",
        "text": text,
        "size": "Small",
        "isSubtle": True,
        "wrap": True,
        "separator": True,
        "spacing": "Large",
    }


def _colour(look: Look) -> str:
    return look.style.capitalize()


def _title(text: str, spacing: str = "None") -> Element:
    return {"type": "TextBlock", "text": text, "weight": "Bolder", "wrap": True, "spacing": spacing}


def _prose(text: str, *, spacing: str = "None", mono: bool = False) -> Element:
    run = {"type": "TextRun", "text": literal_run(text)}
    quoted = {"fontType": "Monospace", "size": "Small", "isSubtle": True} if mono else {}
    return {"type": "RichTextBlock", "spacing": spacing, "inlines": [{**run, **quoted}]}


def _marked(mark: str, color: str, text: str) -> Element:
    """Return a mark and its text side by side, so that long texts wrap beside the mark."""
    sign = {"type": "TextBlock", "text": mark, "weight": "Bolder", "color": color}
    columns = [
        {"type": "Column", "width": "24px", "items": [sign]},
        {"type": "Column", "width": "stretch", "spacing": "None", "items": [_prose(text)]},
    ]
    return {"type": "ColumnSet", "spacing": "Small", "columns": columns}


def _function_time(at: datetime) -> str:
    """Return the one form of a time that `{{DATE()}}` and `{{TIME()}}` read: whole seconds and a zone."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
