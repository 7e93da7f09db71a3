"""Secrets that print as stars, and text from outside made safe to keep and to show."""

import re
from collections.abc import Iterable
from typing import NoReturn, override

SAID_LIMIT = 2000
_STARS = "***"

_PATTERNS = (
    re.compile(r"(?i)\b(bearer|basic)\s+[^\s,;\"'}\]]+"),
    re.compile(r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]+)?"),
    re.compile(
        r"(?i)([\"']?\b[\w-]*(?:token|secret|password|passwd|pwd|api[_-]?key|authorization|signature|sig|code)\b[\"']?\s*[=:]\s*[\"']?)"
        r"([^\s\"'&,;}\]]{6,})"
    ),
    re.compile(r"\b(?=[\w~+/.-]*\d)(?=[\w~+/.-]*[A-Za-z])[A-Za-z0-9_~+/-]{40,}={0,2}"),
)


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
    """
    for secret in known:
        if secret.reveal():
            text = text.replace(secret.reveal(), _STARS)
    bearer, jwt, pair, random = _PATTERNS
    text = bearer.sub(lambda match: f"{match[1]} {_STARS}", text)
    text = jwt.sub(_STARS, text)
    text = pair.sub(lambda match: f"{match[1]}{_STARS}", text)
    text = random.sub(_STARS, text)
    return text if len(text) <= limit else text[: limit - 1] + "…"
