"""Reads minting credentials and vendors' answers; pure. Errors name what is wrong and never quote a value."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from shared.errors import Refused, ServiceError
from shared.redaction import SecretValue
from shared.tokens.vendors.minting import UNREADABLE

_ID = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9._-]{1,128}")
_HEADER_SAFE = re.compile(r"[\x21-\x7e]+")


def bearer(credential: SecretValue, service: str) -> str:
    """Return a credential that is a bearer token, as its header.

    Raises:
        Refused: it is empty or no header can carry it.
    """
    if not _HEADER_SAFE.fullmatch(credential.reveal()):
        message = f"the minting credential for {service} is empty or holds characters that no header can carry"
        raise Refused(message)
    return f"Bearer {credential.reveal()}"


def members(
    credential: SecretValue, service: str, needed: tuple[str, ...], optional: tuple[str, ...]
) -> dict[str, str]:
    """Read a credential that is a JSON object of texts; an optional member that is absent is an empty text.

    Raises:
        Refused: it is no JSON object, or a member is missing, blank or no text; the member is named.
    """
    try:
        read = json.loads(credential.reveal())
    except (ValueError, RecursionError):
        read = None  # raised below, where the error that holds the whole text is no longer its context
    if not isinstance(read, dict):
        message = f"the minting credential for {service} is no JSON object"
        raise Refused(message)
    values: dict[str, str] = {}
    for name in (*needed, *optional):
        value = read.get(name, "" if name in optional else None)
        if not isinstance(value, str) or (name in needed and not value.strip()):
            message = f'the minting credential for {service} has no usable text as its member "{name}"'
            raise Refused(message)
        values[name] = value
    return values


def path_id(value: str, what: str) -> str:
    """Return an id that may stand in a path; one of dots alone would lead to another path.

    Raises:
        Refused: it may not; `what` is named.
    """
    if not _ID.fullmatch(value):
        message = f"{what} must be 1 to 128 letters, digits, dots, hyphens or underscores"
        raise Refused(message)
    return value


def given_id(value: object) -> str:
    """Return an id as a vendor gave it; empty when it could not be used again."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def given_value(value: object, service: str, operation: str, status: int) -> SecretValue:
    """Return a token as a vendor gave it.

    Raises:
        ServiceError: with the code `UNREADABLE`, when it is none.
    """
    if not isinstance(value, str) or not _HEADER_SAFE.fullmatch(value):
        raise ServiceError(service, operation, status, UNREADABLE, "the answer holds no token where one belongs")
    return SecretValue(value)


def given_list(value: object, service: str, operation: str, status: int) -> list[Any]:
    """Return a list as a vendor gave it: without one nobody can say that there is nothing.

    Raises:
        ServiceError: with the code `UNREADABLE`, when it is none.
    """
    if not isinstance(value, list):
        raise ServiceError(service, operation, status, UNREADABLE, "the answer holds no list of tokens")
    return value


def given_time(value: object) -> datetime | None:
    """Return a moment that a vendor wrote in ISO 8601 with its offset; None when it cannot be read."""
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    try:
        return read.astimezone(UTC) if read is not None and read.tzinfo is not None else None
    except OverflowError:
        return None


def inside(body: object, *path: str | int) -> Any:
    """Return what lies at a path of members and positions; None when nothing does."""
    for step in path:
        if isinstance(step, str):
            body = body.get(step) if isinstance(body, dict) else None
        else:
            body = body[step] if isinstance(body, list) and step < len(body) else None
    return body
