"""Secrets that print as stars, and text from outside made safe to keep and to show."""

import json
import re
from collections.abc import Iterable
from typing import NoReturn, override
from urllib.parse import quote

SAID_LIMIT = 2000
_STARS = "***"

_PATTERNS = (
    re.compile(r"(?i)\b(bearer|basic)\s+[^\s,;\"'}\]]+"),
    re.compile(r"[\w-]++(?:\.[\w-]++)*+"),
    re.compile(
        r"(?i)((?:token|secret|password|passwd|pwd|api[_-]?key|authorization|signature|sig)\b[\"']?\s*[=:]\s*[\"']?)"
        r"([^\s\"'&,;}\]]{6,})"
    ),
    re.compile(r"(?i)([?&](?:sig|code|key|token)=)[^&\s\"']+"),
    re.compile(r"\b[A-Za-z0-9_~+/-]{40,}={0,2}"),
)
_JWT_BEGINS = re.compile(r"\beyJ")
_LETTER, _DIGIT = re.compile(r"[A-Za-z]"), re.compile(r"\d")


class SecretValue:
    """A value that never shows itself: `str`, `repr`, formatting and pickling give stars or fail."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value; only the code that puts it on the wire calls this."""
        return self._value

    @override
    def __str__(self) -> str:
        return _STARS

    @override
    def __repr__(self) -> str:
        return _STARS

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretValue) and self._value == other._value

    @override
    def __hash__(self) -> int:
        return hash(self._value)

    @override
    def __reduce__(self) -> NoReturn:
        message = "a secret value is not serialised"
        raise TypeError(message)


def redact(text: str, known: Iterable[SecretValue] = (), limit: int = SAID_LIMIT) -> str:
    """Return the text without credentials and at most `limit` characters long.

    Values in `known` are removed wherever they stand; beyond them, what looks like a credential is: authorization
    headers, JWTs, `token=...` pairs and long random strings. Entra's messages quote the target's URL, headers and body.
    The time taken grows with the text's length and no faster, whatever it says: texts come from anybody.
    """
    for written in sorted({form for secret in known for form in _forms(secret.reveal())}, key=len, reverse=True):
        text = text.replace(written, _STARS)
    bearer, jwt, pair, query, random = _PATTERNS
    text = bearer.sub(lambda match: f"{match[1]} {_STARS}", text)
    text = jwt.sub(_without_jwt, text)
    text = pair.sub(lambda match: f"{match[1]}{_STARS}", text)
    text = query.sub(lambda match: f"{match[1]}{_STARS}", text)
    text = random.sub(_without_random, text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _forms(value: str) -> tuple[str, ...]:
    """Return the ways in which messages write a value: as it is, inside JSON, inside an address."""
    forms = (value, json.dumps(value)[1:-1], quote(value, safe="", errors="replace"))
    return tuple(form for form in forms if form)


def _without_random(word: re.Match[str]) -> str:
    return _STARS if _LETTER.search(word[0]) and _DIGIT.search(word[0]) else word[0]


def _without_jwt(word: re.Match[str]) -> str:
    begins = _JWT_BEGINS.search(word[0])
    if begins is None or "." not in word[0][begins.end() :]:
        return word[0]
    return word[0][: begins.start()] + _STARS
