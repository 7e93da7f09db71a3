"""The bodies of Key Vault's two writes of a secret, read strictly: what the docs do not name is refused.

Sources: Key Vault REST API, "Set Secret" and "Update Secret" (members); "About Azure Key Vault secrets" (a value of at
most 25 KB, a content type of at most 255 characters, at most 15 tags). How long a tag may be, the pages say
differently: 256 characters for both halves in older ones, 512 in newer ones; here a name may have 512 and a value 256.
The wording of the refusals is ours.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_LARGEST_VALUE = 25 * 1024
_LONGEST_CONTENT_TYPE = 255
_MOST_TAGS = 15
_LONGEST_TAG_NAME = 512
_LONGEST_TAG_VALUE = 256
_UPDATE = frozenset({"contentType", "attributes", "tags"})
_SET = _UPDATE | {"value"}
_ATTRIBUTES = frozenset({"enabled", "exp", "nbf"})


class BadBody(ValueError):
    """A body that Key Vault would not take; the text never repeats a value."""


@dataclass(frozen=True, slots=True)
class SecretBody:
    """What a write asks for; what it does not mention is None."""

    value: str | None = field(repr=False)
    content_type: str | None
    tags: Mapping[str, str] | None
    enabled: bool | None
    expires: datetime | None
    not_before: datetime | None


def read_set(body: bytes) -> SecretBody:
    """Read the body of a PUT, which must have a value."""
    members = _members(body, _SET)
    value = members.get("value")
    if not isinstance(value, str):
        raise BadBody("The property 'value' is required and must be text")
    if len(value.encode(errors="replace")) > _LARGEST_VALUE:
        raise BadBody(f"The value exceeds the maximum size of {_LARGEST_VALUE} bytes")
    return _read(members, value)


def read_update(body: bytes) -> SecretBody:
    """Read the body of a PATCH, which cannot change the value."""
    return _read(_members(body, _UPDATE), None)


def _members(body: bytes, known: frozenset[str]) -> Mapping[str, Any]:
    try:
        members = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadBody("The request body is not JSON") from error
    if not isinstance(members, dict):
        raise BadBody("The request body must be an object")
    _only(members, known)
    return members


def _read(members: Mapping[str, Any], value: str | None) -> SecretBody:
    attributes = members.get("attributes", {})
    if not isinstance(attributes, dict):
        raise BadBody("The property 'attributes' must be an object")
    _only(attributes, _ATTRIBUTES)
    enabled = attributes.get("enabled")
    if not isinstance(enabled, bool | None):
        raise BadBody("The attribute 'enabled' must be true or false")
    content_type = members.get("contentType")
    if not isinstance(content_type, str | None) or len(content_type or "") > _LONGEST_CONTENT_TYPE:
        raise BadBody(f"The property 'contentType' must be text of at most {_LONGEST_CONTENT_TYPE} characters")
    expires, not_before = _moment(attributes, "exp"), _moment(attributes, "nbf")
    if expires is not None and not_before is not None and expires < not_before:
        raise BadBody("The attribute 'exp' must not be before 'nbf'")
    return SecretBody(value, content_type, _tags(members.get("tags")), enabled, expires, not_before)


def _only(members: Mapping[str, Any], known: frozenset[str]) -> None:
    for name in members:
        if name not in known:
            raise BadBody(f"Property '{name}' is unknown or cannot be set")


def _moment(attributes: Mapping[str, Any], name: str) -> datetime | None:
    seconds = attributes.get(name)
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise BadBody(f"The attribute '{name}' must be whole seconds since 1970")
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadBody(f"The attribute '{name}' is out of range") from error


def _tags(tags: Any) -> Mapping[str, str] | None:
    if tags is None:
        return None
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise BadBody("The property 'tags' must be an object whose values are text")
    if len(tags) > _MOST_TAGS:
        raise BadBody(f"A secret has at most {_MOST_TAGS} tags")
    for name, value in tags.items():
        if not name or len(name) > _LONGEST_TAG_NAME or len(value) > _LONGEST_TAG_VALUE:
            raise BadBody(f"A tag has a name of 1 to {_LONGEST_TAG_NAME} and a value of at most {_LONGEST_TAG_VALUE}")
    return tags
