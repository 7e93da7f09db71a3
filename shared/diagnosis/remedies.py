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
from shared.tokens.vendors import Obtain, Vendor, vendor_named

__all__ = ["provisioning_page", "remedies", "remedy", "vendor_named"]

_TOKENLESS = (Obtain.OAUTH, Obtain.NONE)


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
    """Return the remedy for a cause; where a new token is the remedy, with the vendor's way to one."""
    found = remedies()[cause]
    if vendor is None or cause is not Cause.INVALID_CREDENTIALS:
        return found
    return replace(found, steps=tuple(_at_vendor(found.steps, vendor)))


def provisioning_page(portal: str, service_principal_id: str, app_id: str) -> str:
    """Return the deep link to one application's provisioning page."""
    blade = f"{portal}/#view/Microsoft_AAD_IAM/ManagedAppMenuBlade/~/Provisioning"
    return f"{blade}/objectId/{quote(service_principal_id, safe='')}/appId/{quote(app_id, safe='')}"


def _at_vendor(steps: Iterable[Step], vendor: Vendor) -> Iterable[Step]:
    for step in steps:
        if step.where != NEW_TOKEN:
            yield step
            continue
        what = () if vendor.obtain in _TOKENLESS else (step.what,)
        where = f"{vendor.name}: {vendor.console}" if vendor.console else step.where
        yield replace(step, what=" ".join((*what, *vendor.cautions[:1])) or step.what, where=where)
