"""`pratique scan`: every synchronization job of the tenant as it is now. Changes nothing."""

from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.text import Text

from cli.errors import ExitCode
from cli.output import below, print_json, terminal
from cli.product import needs_person, product
from cli.words import standing
from shared.detection.sources import SourceState
from shared.overview import JobView


async def scan(*, as_json: bool) -> int:
    """Print what is there and tell by the exit code whether somebody is needed."""
    async with product() as pratique:
        jobs = await pratique.overview.jobs()
        blind = [source for source in await pratique.overview.sources() if source.blind]
    if as_json:
        sources = [{"source": source.name, "why": source.why} for source in blind]
        print_json({"jobs": [view.to_dict() for view in jobs], "blind": sources})
    else:
        _print(terminal(), sorted(jobs, key=_order), blind)
    return ExitCode.NEEDS_YOU if blind or any(map(_asks, jobs)) else ExitCode.FINE


def _asks(view: JobView) -> bool:
    return needs_person(view.incident, quarantined=view.job.quarantined)


def _order(view: JobView) -> tuple[bool, bool, str]:
    return not _asks(view), not view.job.quarantined, view.application.display_name.casefold()


def _print(screen: Console, jobs: list[JobView], blind: list[SourceState]) -> None:
    quarantined = sum(view.job.quarantined for view in jobs)
    asking = sum(_asks(view) for view in jobs)
    screen.print()
    screen.print(Text(f"  {_count(len(jobs), 'synchronization job')}", "bold").append(_summary(quarantined, asking)))
    screen.print()
    now = datetime.now(UTC)
    for view in jobs:
        _print_job(screen, view, now)
    for source in blind:
        screen.print(Text("  ? ", "yellow").append(f"Cannot see: {source.name}", "bold"))
        screen.print(below(source.why, "dim"))
    if not jobs:
        screen.print(Text("  No application of this tenant has provisioning set up.", "dim"))
    screen.print()


def _summary(quarantined: int, asking: int) -> Text:
    if not quarantined and not asking:
        return Text(" · all well", "green")
    parts = Text(f" · {quarantined} in quarantine", "red")
    return parts.append(f" · {asking} {'needs' if asking == 1 else 'need'} a person", "yellow") if asking else parts


def _print_job(screen: Console, view: JobView, now: datetime) -> None:
    quarantine, incident = view.job.quarantine, view.incident
    quarantined = view.job.quarantined
    icon, style = ("▲", "red") if quarantined else ("●", "green")
    line = Text(f"  {icon} ", style).append(f"{view.application.display_name:<24.24} ", "bold" if quarantined else "")
    line.append(f"{view.job.code_text or 'no status':<12}", style)
    if quarantine is not None and quarantine.series_began is not None:
        line.append(f" for {_span(now - quarantine.series_began)}", "dim")
    screen.print(line)
    if quarantine is not None:
        screen.print(below(f"{quarantine.reason_text}, since {_moment(quarantine.series_began)}", "dim"))
    if quarantined or (incident is not None and incident.open):
        stands = standing(incident, quarantined=quarantined)
        cause = f" · {incident.cause}" if incident is not None and incident.cause else ""
        screen.print(below(f"{stands.words}{cause}", stands.style))
        if incident is not None and incident.note:
            screen.print(below(incident.note))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _moment(moment: datetime | None) -> str:
    return f"{moment:%d %b %Y, %H:%M} UTC" if moment else "an unknown time"


def _span(span: timedelta) -> str:
    """Return a duration in the largest unit that says something."""
    seconds = int(span.total_seconds())
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}s"
    return f"{max(seconds, 0)} seconds"
