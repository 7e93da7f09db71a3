"""The notice that a credential ends soon, or has ended, with the vendor's way to a new one; pure."""

from dataclasses import dataclass
from datetime import datetime

from shared.diagnosis.remedies import provisioning_page
from shared.jobs.model import ServicePrincipal
from shared.notices.compose import token_steps
from shared.notices.notice import Fact, Link, Notice, NoticeKind
from shared.tokens.bindings import Binding
from shared.tokens.expiry import Expiry
from shared.tokens.forecast import days_left
from shared.tokens.vendors import Obtain, Overlap

_MEANING = {
    Overlap.NONE: "A new token ends the old one at once",
    Overlap.WINDOW: "The old token lives on for a while beside a new one",
    Overlap.COEXIST: "Old and new token live side by side",
    Overlap.UNKNOWN: "Whether a new token ends the old one is not known",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """A credential that ends, and what stands in the way of renewing it."""

    application: ServicePrincipal
    binding: Binding
    expiry: Expiry
    end: datetime
    obstacles: tuple[str, ...]
    minted: bool
    """A successor is minted by us, which has not happened yet."""
    acts: bool
    """A new version would be saved by us."""


def expiring(ending: Ending, portal: str, now: datetime) -> Notice:
    """Say when it ends and what to do, in the order in which it is safe."""
    binding, left = ending.binding, days_left(ending.end, now)
    over = ending.end <= now
    vendor = binding.known_vendor
    overlap = vendor.overlap if vendor else Overlap.UNKNOWN
    facts = [
        Fact("Ended on" if over else "Ends on", f"{ending.end:%Y-%m-%d %H:%M} UTC"),
        Fact("Known by", str(ending.expiry.source)),
        Fact("Secret", binding.secret_name),
        *([Fact("Owner", binding.owner)] if binding.owner else []),
        Fact("Old and new", _MEANING[overlap]),
    ]
    when = "has ended" if over else "ends within a day" if left < 1 else f"ends in {left} day{'s' if left > 1 else ''}"
    return Notice(
        kind=NoticeKind.EXPIRED if over else NoticeKind.EXPIRING,
        subject=ending.application.display_name,
        headline=f"{ending.application.display_name}: its credential {when}.",
        summary=_summary(ending, over=over),
        facts=tuple(facts),
        done=(),
        next_steps=_steps(ending, overlap),
        links=(
            Link(
                "Open provisioning in Entra",
                provisioning_page(portal, ending.application.id, ending.application.app_id),
            ),
        ),
        said="",
        reference="",
        at=now,
        owner=binding.owner,
    )


def _summary(ending: Ending, *, over: bool) -> str:
    if ending.minted:
        return "Pratique mints its successor, which has not come yet; if an attempt failed, its own notice says why."
    if over:
        return "Unless a newer one is saved, Entra quarantines the job, and who leaves keeps the access."
    return "Renewed in time, nobody notices. After that day Entra quarantines the job, and who leaves keeps the access."


def _steps(ending: Ending, overlap: Overlap) -> tuple[str, ...]:
    vendor = ending.binding.known_vendor
    if vendor is not None and vendor.obtain is Obtain.OAUTH:
        return ("On the provisioning page, open Admin credentials and choose Authorize.",)
    first: tuple[str, ...] = ()
    if ending.obstacles:
        warning = "Before you make a new token, put this right" + (
            ", for the old one dies as soon as you do:" if overlap is Overlap.NONE else ":"
        )
        first = (warning, *ending.obstacles)
    *steps, last = token_steps(ending.binding, ending.application.id)
    if not ending.acts:
        last = "Pratique may not act here, so save it on the provisioning page too, and use Test connection."
    elif overlap is Overlap.NONE and not ending.obstacles:
        last = "All that can be checked beforehand is in order: Pratique saves it within a minute of its arrival."
    else:
        last = "Pratique tests it and saves it within a minute of its arrival."
    return (*first, *steps, last)
