"""The vendor catalogue: facts about how vendors' SCIM tokens live; pure.

Ours is `catalogue.json`; an organization adds to it or replaces entries of it with a `vendors.json` beside `host.json`.
`schema.json` says what both may contain. Sources stand in every entry.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from shared.errors import PratiqueError

OURS = Path(__file__).parent / "catalogue.json"
OWN = Path(__file__).parents[3] / "vendors.json"
_SHOWN = 64


class Overlap(StrEnum):
    """What a new token does to the old one."""

    NONE = "none"
    WINDOW = "window"
    COEXIST = "coexist"
    UNKNOWN = "unknown"


class Obtain(StrEnum):
    """How a token is had: by an API, in a console, by an administrator's consent, or there is none to make."""

    API = "api"
    CONSOLE = "console"
    OAUTH = "oauth"
    NONE = "none"
    UNKNOWN = "unknown"


class Lifetime(StrEnum):
    """Who decides how long a token lives; a chosen lifetime proves nothing about one token."""

    FIXED = "fixed"
    CHOSEN = "chosen"
    ENDLESS = "endless"
    UNKNOWN = "unknown"


class Auth(StrEnum):
    """How Entra signs in to the vendor."""

    BEARER = "bearer"
    BASIC = "basic"
    OAUTH_CODE = "oauth_code"
    CLIENT_CREDENTIALS = "client_credentials"
    UNKNOWN = "unknown"


class Confidence(StrEnum):
    """How sure an entry is: all of it documented, a part of it inferred, or nobody looked."""

    DOCUMENTED = "documented"
    INFERRED = "inferred"
    UNKNOWN = "unknown"


class InvalidCatalogue(PratiqueError):
    """An organization's own catalogue cannot be used; the message names file, entry and field, and repeats no value."""

    def __init__(self, file: str, entry: str, field: str, problem: str) -> None:
        places = (f"entry {entry[:_SHOWN]!r}" if entry else "", f"field {field[:_SHOWN]!r}" if field else "")
        where = "".join(f"{place}, " for place in places if place)
        super().__init__(f"The vendor catalogue {file} cannot be used: {where}{problem}.")
        self.file = file
        self.entry = entry
        self.field = field


@dataclass(frozen=True, slots=True)
class Vendor:
    """What is known of one vendor.

    `gallery` holds names that the enterprise application goes by, `keys` the credential keys in Graph's spelling,
    `console` the path that a person follows, `adapter` the module that mints here (empty: none). `lifetime` and
    `window` are None where no length is known.
    """

    key: str
    name: str
    gallery: tuple[str, ...]
    hosts: tuple[str, ...]
    auth: Auth
    keys: tuple[str, ...]
    lifetime: timedelta | None
    lifetime_kind: Lifetime
    overlap: Overlap
    window: timedelta | None
    obtain: Obtain
    adapter: str
    console: str
    revoke: str
    cautions: tuple[str, ...]
    confidence: Confidence
    sources: tuple[str, ...]

    def names_host(self, host: str) -> bool:
        """Say whether the host is this vendor's, the same one for all its customers."""
        return _plain(host) in self.hosts

    def shares_host(self, host: str) -> bool:
        """Say whether the host is one of many that the vendor's customers share out, so that a pin is needed."""
        plain = _plain(host)
        return plain not in self.hosts and any(_wildcard(it).fullmatch(plain) for it in self.hosts if "*" in it)

    @property
    def expires_in(self) -> timedelta | None:
        """Return how long every token lives; None where an administrator chooses, or nobody knows."""
        return self.lifetime if self.lifetime_kind is Lifetime.FIXED else None


@cache
def catalogue() -> dict[str, Vendor]:
    """Read the catalogue by key (the value of the tag `pratique-vendor`), with the organization's own entries.

    Raises:
        InvalidCatalogue: the organization's own file is there and cannot be used.
    """
    return read_catalogue(OWN if OWN.exists() else None)


def read_catalogue(own: Path | None = None) -> dict[str, Vendor]:
    """Read our entries and those of an own file, which add to ours or replace them whole.

    Raises:
        InvalidCatalogue: the own file cannot be used.
    """
    entries = json.loads(OURS.read_text(encoding="utf-8"))["vendors"]
    if own is not None:
        from shared.tokens.vendors.own_file import own_entries  # noqa: PLC0415 -- cold start: most have no own file

        entries |= own_entries(own)
    return {key: _vendor(key, entry) for key, entry in entries.items()}


def vendor_for(key: str) -> Vendor | None:
    """Return the entry with this key, however it is capitalised."""
    return catalogue().get(key.strip().lower())


def vendor_named(name: str) -> Vendor | None:
    """Return the vendor whose name stands in an application's name; it decides on a hint of where to look, no more.

    The longest name wins; where two vendors' names are equally long, the application's name does not tell.
    """
    words = _words(name)
    found = [
        (len(own), vendor)
        for vendor in catalogue().values()
        for own in map(_words, (vendor.name, *vendor.gallery))
        if _stands_in(own, words)
    ]
    longest = max((length for length, _ in found), default=0)
    named = {vendor.key: vendor for length, vendor in found if length == longest}
    return next(iter(named.values())) if len(named) == 1 else None


def _vendor(key: str, entry: Mapping[str, Any]) -> Vendor:
    days, hours = entry.get("lifetime_days"), entry.get("window_hours")
    return Vendor(
        key=key,
        name=entry["name"],
        gallery=tuple(entry.get("gallery", ())),
        hosts=tuple(entry.get("hosts", ())),
        auth=Auth(entry.get("auth", Auth.UNKNOWN)),
        keys=tuple(entry.get("keys", ())),
        lifetime=timedelta(days=days) if days else None,
        lifetime_kind=Lifetime(entry.get("lifetime", Lifetime.UNKNOWN)),
        overlap=Overlap(entry.get("overlap", Overlap.UNKNOWN)),
        window=timedelta(hours=hours) if hours else None,
        obtain=Obtain(entry.get("obtain", Obtain.CONSOLE)),
        adapter=entry.get("adapter", ""),
        console=entry.get("console", ""),
        revoke=entry.get("revoke", ""),
        cautions=tuple(entry.get("cautions", ())),
        confidence=Confidence(entry.get("confidence", Confidence.UNKNOWN)),
        sources=tuple(entry.get("sources", ())),
    )


def _plain(host: str) -> str:
    """Write a host as the catalogue does; one with other letters than ASCII's equals none of it."""
    return host.lower().removesuffix(".") if host.isascii() else ""


@cache
def _wildcard(pattern: str) -> re.Pattern[str]:
    label = "[a-z0-9_-]+"
    if pattern.startswith("*."):
        return re.compile(rf"(?:{label}\.)+{re.escape(pattern[2:])}")
    return re.compile(label.join(map(re.escape, pattern.split("*"))))


def _words(name: str) -> list[str]:
    return re.findall(r"\w+", name.casefold())


def _stands_in(words: list[str], text: list[str]) -> bool:
    return bool(words) and any(text[at : at + len(words)] == words for at in range(len(text) - len(words) + 1))
