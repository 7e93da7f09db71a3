"""`pratique tokens`: every credential of the tenant, nearest end first, and what is wrong with it. Changes nothing."""

from datetime import datetime, timedelta

from rich.console import Console
from rich.text import Text

from cli.errors import ExitCode
from cli.output import below, print_json, terminal
from cli.product import product
from shared.diagnosis.report import plain
from shared.tokens.bound import is_newer
from shared.tokens.findings import FindingKind
from shared.tokens.forecast import EXPIRED, days_left, tier_of
from shared.tokens.inventory import Held, Stock
from shared.tokens.keys import DEFAULT_KEY
from shared.tokens.vendors import Overlap, Vendor

_OVERLAP = {
    Overlap.NONE: "a new token ends the old one at once",
    Overlap.WINDOW: "the old token lives on beside a new one",
    Overlap.COEXIST: "old and new token both live",
    Overlap.UNKNOWN: "whether a new token ends the old one is not known",
}


async def tokens(*, as_json: bool) -> int:
    """Print what is held and tell by the exit code whether somebody is needed."""
    async with product() as pratique:
        stock = await pratique.inventory.read()
    if as_json:
        print_json(stock.to_dict())
    else:
        _print(terminal(), stock, pratique.settings.tiers)
    return ExitCode.NEEDS_YOU if any(map(_asks, stock.held)) else ExitCode.FINE


def _asks(held: Held) -> bool:
    return any(finding.kind is not FindingKind.GRANTED for finding in held.findings)


def _print(screen: Console, stock: Stock, tiers: tuple[int, ...]) -> None:
    asking = sum(map(_asks, stock.held))
    screen.print()
    line = Text(f"  {len(stock.held)} credential{'' if len(stock.held) == 1 else 's'}", "bold")
    needs = f" · {asking} {'needs' if asking == 1 else 'need'} a person"
    screen.print(line.append(needs, "yellow") if asking else line.append(" · all well", "green"))
    screen.print()
    for held in stock.held:
        _print_held(screen, held, stock.at, tiers)
    if not stock.held:
        screen.print(Text("  No application has provisioning set up, and no secret is bound.", "dim"))
    if stock.loose:
        screen.print()
        screen.print(below("Secrets that are bound to nothing (they may have nothing to do with Pratique):", "dim"))
        screen.print(below(", ".join(stock.loose), "dim"))
    screen.print()


def _print_held(screen: Console, held: Held, now: datetime, tiers: tuple[int, ...]) -> None:
    icon, style = ("▲", "yellow") if _asks(held) else ("●", "green")
    end, end_style = _end(held, now, tiers)
    line = Text(f"  {icon} ", "red" if end_style == "red" else style)
    line.append(f"{plain(held.name):<24.24} ", "bold" if _asks(held) else "")
    screen.print(line.append(end, end_style))
    for detail in (_kept_in(held), _vendor(held.vendor) if held.secret else "", _known_by(held)):
        if detail:
            screen.print(below(detail, "dim"))
    for finding in held.findings:
        screen.print(below(plain(finding.text), "" if finding.kind is FindingKind.GRANTED else "yellow"))


def _end(held: Held, now: datetime, tiers: tuple[int, ...]) -> tuple[str, str]:
    at = held.expiry.at
    if held.secret is None:
        return "no secret", "dim"
    if at is None:
        return "end unknown", "yellow"
    tier, left = tier_of(at, now, tiers), days_left(at, now)
    if tier == EXPIRED:
        return f"ended {at:%d %b %Y}", "red"
    when = "within a day" if left < 1 else f"in {left} day{'' if left == 1 else 's'}"
    return f"ends {at:%d %b %Y}, {when}", "yellow" if tier is not None else "green"


def _kept_in(held: Held) -> str:
    if held.secret is None:
        return ""
    binding, newest, record = held.secret.binding, held.newest, held.record
    key = f" for {binding.credential_key}" if binding.credential_key != DEFAULT_KEY else ""
    if not record.applied:
        in_use = "which version Entra has is not known"
    elif newest is not None and record.applied == newest.version:
        in_use = "Entra has the newest, proven by a cycle" if record.proven_at else "Entra has the newest"
    elif newest is not None and is_newer(held.secret, newest, record):
        in_use = "Entra has an older version"
    else:
        in_use = "Entra has one that the vault does not hand out any more"
    return plain(f"secret {binding.secret_name}{key} · {in_use}")


def _vendor(vendor: Vendor | None) -> str:
    if vendor is None:
        return "vendor not known"
    window = ""
    if vendor.overlap is Overlap.WINDOW and vendor.window is not None:
        window = f" for {_length(vendor.window)}"
    return f"{vendor.name}: {_OVERLAP[vendor.overlap]}{window}"


def _length(span: timedelta) -> str:
    days = span.days
    return f"{days} days" if days >= 2 else f"{span // timedelta(hours=1)} hours"


def _known_by(held: Held) -> str:
    owner = held.secret.binding.owner if held.secret else ""
    known = f"end by {held.expiry.source}" if held.expiry.at else ""
    return plain(" · ".join(part for part in (known, f"owner {owner}" if owner else "") if part))
