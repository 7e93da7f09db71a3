"""How findings tell what a service said: short, in its own words, without secrets; pure."""

from collections.abc import Iterable

from shared.errors import MissingPermission, ServiceError
from shared.redaction import SecretValue, redact

_LONGEST = 160  # with our own words around it three lines of a terminal


def told(error: ServiceError) -> str:
    """Return a service's error in a sentence; a permission that is missing in one more."""
    answer = f"HTTP {error.status}" if error.status is not None else "no answer"
    permission, message = "", error.message
    if isinstance(error, MissingPermission):
        permission = f"The missing permission is {error.permission}."
        message = message.removesuffix(permission)
    said = ": ".join(part for part in (error.code, short(message).rstrip(".")) if part)
    sentence = f"{error.service} could not {error.operation} ({answer}{'; ' + said if said else ''})."
    return f"{sentence} {permission}".rstrip()


def told_before(text: str, permission: str) -> str:
    """Return the text of an error that was kept, as `told` would tell it; no permission is empty."""
    sentence = f"The missing permission is {permission}."
    begun = short(text.replace(sentence, "")).rstrip(" .)")
    closed = f"{begun})." if begun.count("(") > begun.count(")") else f"{begun}."
    return f"{closed} {sentence}" if permission else closed


def short(text: str, known: Iterable[SecretValue] = ()) -> str:
    """Return the first line of a text, cut where it is long."""
    lines = redact(text.strip(), known).splitlines()
    line = lines[0].strip() if lines else ""
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
