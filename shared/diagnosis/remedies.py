"""What to do about each cause, with the vendor's console path and the deep link where they are known; pure.

The texts stand in `remedies.toml`; notices and reports show the same words.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from urllib.parse import quote

from shared.diagnosis.causes import Cause
from shared.diagnosis.remedy import NEW_TOKEN, Remedy, Restart, Step
from shared.tokens.vendors import Vendor, catalogue


@cache
def remedies() -> dict[Cause, Remedy]:
    """Read the remedy of every cause."""
    with (Path(__file__).parent / "remedies.toml").open("rb") as file:
        read = tomllib.load(file)
    return {
        Cause(cause): Remedy(
            tuple(Step(**step) for step in raw["steps"]), raw["next"], Restart(raw["restart"]), tuple(raw["source"])
        )
        for cause, raw in read.items()
    }


def remedy(cause: Cause, vendor: Vendor | None = None) -> Remedy:
    """Return the remedy for a cause, with the vendor's console path where it is known."""
    found = remedies()[cause]
    return found if vendor is None else replace(found, steps=tuple(_at_vendor(found.steps, vendor)))


def provisioning_page(portal: str, service_principal_id: str, app_id: str) -> str:
    """Return the deep link to one application's provisioning page."""
    blade = f"{portal}/#view/Microsoft_AAD_IAM/ManagedAppMenuBlade/~/Provisioning"
    return f"{blade}/objectId/{quote(service_principal_id, safe='')}/appId/{quote(app_id, safe='')}"


def _at_vendor(steps: Iterable[Step], vendor: Vendor) -> Iterable[Step]:
    for step in steps:
        if step.where != NEW_TOKEN:
            yield step
            continue
        caution = f" {vendor.caution}" if vendor.caution else ""
        yield replace(step, what=f"{step.what}{caution}", where=f"{vendor.name}: {vendor.console}")


def vendor_named(name: str) -> Vendor | None:
    """Return the vendor whose name stands in an application's name; it decides on a hint of where to look, no more."""
    words = name.casefold().split()
    return next((vendor for vendor in catalogue().values() if vendor.name.casefold() in words), None)
