"""What is counted of a year, what the product promises of it, and the table of both fleets; pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from bench.year.ledger import Ledger, Quarantined, Why

_DAY = timedelta(days=1)
_NONE = "-"


@dataclass(frozen=True, slots=True)
class Counts:
    """The figures of one fleet's year; days are fractions, seconds are the tenant's.

    `ended_in_use` counts credentials that were saved in Entra when their end came, `foreseeable` those among them whose
    date could be known, `announced` those of the latter that somebody was told of before.
    """

    applications: int
    ended_in_use: int
    foreseeable: int
    announced: int
    ahead: int
    after: int
    quarantines: Mapping[str, int]
    days_in_quarantine: float
    longest_quarantine: float
    disabled_jobs: int
    leavers: int
    leaver_days: float
    saved_after_median: float | None
    saved_after_most: float | None
    messages: int
    elsewhere: int
    secrets_seen: int
    retired: int = 0
    retired_too_early: int = 0
    mints: int = 0
    orphans: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Counts":
        """Read what `to_dict` gave."""
        return cls(**{one.name: raw[one.name] for one in fields(cls)})


def count(ledger: Ledger, applications: int, end: datetime, interval: timedelta, **vault: int) -> Counts:
    """Add a ledger up.

    Args:
        ledger: what happened.
        applications: how many there are.
        end: when the year ended; what is still open counts until then.
        interval: of a job's cycles: so long a leaver keeps access even when all is well.
        vault: what only a fleet with the product has: retired, retired_too_early, mints, orphans.
    """
    ended = [one for one in ledger.credentials.values() if one.ended_in_use]
    foreseeable = [one for one in ended if one.known]
    lasted = [_lasted(one, end) / _DAY for one in ledger.quarantines]
    kept = [(one.gone or end) - one.left - interval for one in ledger.leavers]
    took = [one.took.total_seconds() for one in ledger.rotations if one.took is not None]
    return Counts(
        applications=applications,
        ended_in_use=len(ended),
        foreseeable=len(foreseeable),
        announced=sum(ledger.announced(one) for one in foreseeable),
        ahead=sum(one.ahead for one in ledger.rotations),
        after=sum(not one.ahead for one in ledger.rotations),
        quarantines=dict(Counter(str(one.why) for one in ledger.quarantines)),
        days_in_quarantine=sum(lasted),
        longest_quarantine=max(lasted, default=0.0),
        disabled_jobs=sum(one.disabled for one in ledger.quarantines),
        leavers=len(ledger.leavers),
        leaver_days=sum(max(one / _DAY, 0.0) for one in kept),
        saved_after_median=median(took) if took else None,
        saved_after_most=max(took, default=None),
        messages=len(ledger.messages),
        elsewhere=len(ledger.elsewhere),
        secrets_seen=ledger.secrets_seen,
        **vault,
    )


def broken_promises(counts: Counts) -> tuple[str, ...]:
    """Return what the product promises and did not keep, one sentence each."""
    avoidable = counts.quarantines.get(Why.AVOIDABLE, 0)
    promises = (
        (int(not counts.secrets_seen), "observer saw no secret anywhere, so it cannot say where they went"),
        (counts.foreseeable - counts.announced, "credentials ended without anybody being told before"),
        (avoidable, "quarantines befell a job whose credential could have been renewed ahead"),
        (counts.elsewhere, "applications' secrets were seen at another application's target"),
        (counts.retired_too_early, "old versions were disabled before a good cycle had proven the new one"),
        (counts.orphans, "tokens were made and lost, and live on at their vendor"),
    )
    return tuple(f"{number} {text}." for number, text in promises if number)


def table(product: Counts, alone: Counts) -> str:
    """Return both years side by side in plain text."""
    rows = [("", "with Pratique", "without"), *_rows(product, alone)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(f"{name:<{widths[0]}}  {one:>{widths[1]}}  {other:>{widths[2]}}" for name, one, other in rows)


def _rows(product: Counts, alone: Counts) -> Sequence[tuple[str, str, str]]:
    both = (product, alone)

    def row(name: str, values: Sequence[object]) -> tuple[str, str, str]:
        return name, str(values[0]), str(values[1])

    return [
        row("applications", [one.applications for one in both]),
        row("credentials that ended while in use", [one.ended_in_use for one in both]),
        row("  whose date could be known", [one.foreseeable for one in both]),
        row("  of these, somebody was told before", [one.announced for one in both]),
        row("renewals before any quarantine", [one.ahead for one in both]),
        row("renewals after a quarantine", [one.after for one in both]),
        row("quarantines", [sum(one.quarantines.values()) for one in both]),
        *(row(f"  {why}", [one.quarantines.get(why, 0) for one in both]) for why in Why),
        row("days in quarantine, all jobs", [f"{one.days_in_quarantine:.0f}" for one in both]),
        row("  the longest", [f"{one.longest_quarantine:.0f}" for one in both]),
        row("jobs that Entra disabled for it", [one.disabled_jobs for one in both]),
        row("people who left", [one.leavers for one in both]),
        row("  days they kept access beyond a cycle", [f"{one.leaver_days:.0f}" for one in both]),
        row("messages to owners", [one.messages for one in both]),
        row("from the vault to saved, median", [_seconds(product.saved_after_median), _NONE]),
        row("  the longest", [_seconds(product.saved_after_most), _NONE]),
        row("secrets seen at another target", [one.elsewhere for one in both]),
        row("versions retired", [product.retired, _NONE]),
        row("  before a good cycle", [product.retired_too_early, _NONE]),
        row("tokens minted", [product.mints, _NONE]),
        row("  lost and left alive", [product.orphans, _NONE]),
    ]


def _seconds(value: float | None) -> str:
    if value is None:
        return _NONE
    return f"{value:.0f} s" if value < 600 else str(timedelta(seconds=round(value)))


def _lasted(one: Quarantined, end: datetime) -> timedelta:
    return (one.ended or end) - one.began
