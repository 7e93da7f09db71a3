"""Reads Key Vault events from a Storage queue; pure.

Both Event Grid schemas arrive: the Event Grid schema and CloudEvents, alone or in a list of one, plain or base64.
The names inside `data` are PascalCase in Azure's docs and camelCase in its REST specification, and the docs' own
sample has `"ObjectName "` with a blank; so names are compared without case and blanks.
Source: Azure docs, "Azure Key Vault as Event Grid source"; azure-rest-api-specs, Microsoft.KeyVault events.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from shared.detection.moment import read_moment
from shared.errors import MalformedNews

_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")  # Key Vault's own rule


class VaultEventKind(StrEnum):
    """The events that matter here."""

    NEW_VERSION = "Microsoft.KeyVault.SecretNewVersionCreated"
    NEAR_EXPIRY = "Microsoft.KeyVault.SecretNearExpiry"
    EXPIRED = "Microsoft.KeyVault.SecretExpired"


@dataclass(frozen=True, slots=True)
class VaultEvent:
    """News about one secret."""

    kind: VaultEventKind
    secret_name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OtherEvent:
    """An event of a kind that is not ours; it is passed over."""

    kind: str


def read_vault_event(text: str) -> VaultEvent | OtherEvent:
    """Read one queue message.

    Raises:
        MalformedNews: it is no event; the reason is in the error.
    """
    raw = _single(_json(text))
    folded = _folded(raw)
    kind = folded.get("eventtype") or folded.get("type")
    if not isinstance(kind, str) or not kind:
        message = "the message has neither eventType nor type"
        raise MalformedNews(message)
    known = next((member for member in VaultEventKind if member.casefold() == kind.strip().casefold()), None)
    if known is None:
        return OtherEvent(kind[:100])
    data = _folded(folded.get("data") if isinstance(folded.get("data"), Mapping) else {})
    return VaultEvent(known, _secret_name(data, folded), _time(folded.get("eventtime") or folded.get("time")))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(base64.b64decode(text.strip(), validate=True))
    except (ValueError, RecursionError, binascii.Error) as error:
        message = "the message is neither JSON nor base64 of JSON"
        raise MalformedNews(message) from error


def _single(raw: Any) -> Mapping[str, Any]:
    if isinstance(raw, list) and len(raw) == 1:
        raw = raw[0]
    if not isinstance(raw, Mapping):
        message = "the message is not one event"
        raise MalformedNews(message)
    return raw


def _folded(raw: Any) -> dict[str, Any]:
    return {str(name).strip().casefold(): value for name, value in raw.items()} if isinstance(raw, Mapping) else {}


def _secret_name(data: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    path = _path(str(data.get("id", "")).strip()).strip("/").split("/")
    if len(path) >= 2 and path[0] == "secrets":
        name = path[1]
    else:
        name = str(data.get("objectname") or event.get("subject") or "").strip()
    if not _NAME.fullmatch(name):
        message = "the event names no secret"
        raise MalformedNews(message)
    return name


def _path(address: str) -> str:
    try:
        return urlsplit(address).path
    except ValueError:
        return ""


def _time(text: Any) -> datetime:
    try:
        return read_moment(text)
    except ValueError as error:
        message = "the event has no time"
        raise MalformedNews(message) from error
