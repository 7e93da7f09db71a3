"""The vendor catalogue: facts about how vendors' SCIM tokens live, from `vendors.json`."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Vendor:
    """What is known of one vendor."""

    key: str
    name: str
    hosts: frozenset[str]
    console: str
    caution: str


@cache
def catalogue() -> dict[str, Vendor]:
    """Read the catalogue, by its key (the value of the tag `pratique-vendor`)."""
    raw = json.loads((Path(__file__).parent / "vendors.json").read_text(encoding="utf-8"))["vendors"]
    return {
        key: Vendor(key, entry["name"], frozenset(entry["hosts"]), entry["console"], entry["caution"])
        for key, entry in raw.items()
    }
