"""Making outside text harmless and short: it must show as it is, never as a link, a format or a function."""

import re
import unicodedata
from urllib.parse import quote, urlsplit

SHORTENED = "… shortened"

_ENOUGH = 10_000  # beyond what any reader is shown; a reply of megabytes must not cost seconds
_LINE_ENDS = re.compile(r"\r\n|[\r\v\f\x85\u2028\u2029]")
_JOINERS = "\u200c\u200d"  # emoji and several scripts are spelled with them; all other format characters can mislead
_DROPPED = frozenset({"Cc", "Cf", "Cs"})
_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?")
_ALWAYS_SPECIAL = re.compile(r"[\\`*\[\]<~]")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_LIST_OR_HEADING = re.compile(r"^(\d{0,9})([-+#=>.):])")
_BRACES = re.compile(r"\{(?=\{)")


def clean(text: str) -> str:
    """Return the text without control, direction and invisible characters; lines end in a plain newline."""
    if text.isprintable():
        return text
    lined = _LINE_ENDS.sub("\n", text).replace("\t", " ")
    return "".join(c for c in lined if c in _JOINERS or c == "\n" or unicodedata.category(c) not in _DROPPED)


def bounded(text: str) -> str:
    """Return the text, or its beginning with a word that it was shortened, before anything costly is done with it."""
    return shorten(text, _ENOUGH)


def one_line(text: str) -> str:
    """Return the cleaned text with every run of white space made one blank."""
    return " ".join(clean(text).split())


def shorten(text: str, limit: int) -> str:
    """Return the text, or its beginning with a word that it was shortened, in no more than `limit` characters."""
    if len(text) <= limit:
        return text
    return f"{text[: limit - len(SHORTENED) - 1].rstrip()} {SHORTENED}"


def shorten_all(items: tuple[str, ...], count: int, limit: int) -> tuple[str, ...]:
    """Return at most `count` shortened items; a last one tells how many were left out."""
    kept = tuple(shorten(item, limit) for item in items[:count])
    left = len(items) - count
    return (*kept[:-1], f"{SHORTENED}: {left + 1} more") if left > 0 else kept


def literal_run(text: str) -> str:
    """Return text for a TextRun, where Markdown is off but Adaptive Cards still expand `{{DATE(...)}}`.

    Nothing can be escaped there, so an invisible word joiner parts the braces.
    """
    return _BRACES.sub("{\u2060", text)


def literal_markdown(line: str) -> str:
    """Return one line for a place that reads Markdown, with a backslash wherever a character would mean something.

    Only there: not every Teams client hides a needless backslash, and names such as `invalid_credentials` are common.
    """
    escaped = _ALWAYS_SPECIAL.sub(lambda found: f"\\{found[0]}", line)
    escaped = _ENTITY.sub(r"\\&", escaped)
    escaped = _EDGE_UNDERSCORE.sub(r"\\_", escaped)
    escaped = _LIST_OR_HEADING.sub(r"\1\\\2", escaped)
    return _BRACES.sub(r"{\\", escaped)


def https_url(url: str) -> str | None:
    """Return an address that may be offered as a link, or None: https, a plain host, no user part."""
    if any(c.isspace() or not c.isprintable() or c == "\\" for c in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme != "https" or not _HOST.fullmatch(parts.netloc):
        return None
    return quote(url, safe="%/:?#[]@!$&'()*+,;=~-._")
