"""`pratique rotate`: gives Entra the newest credential from the vault, or says step by step what that would be."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.diagnose import find_application
from cli.errors import CommandError, ExitCode, UsageError
from cli.output import below, print_json, terminal
from cli.product import product
from cli.reconcile import asks, print_reports, report_view
from shared.composition import Pratique
from shared.diagnosis.report import plain
from shared.errors import Refused, ServiceError
from shared.incidents.incident import IncidentState
from shared.jobs.model import ServicePrincipal, SynchronizationJob
from shared.remediation.by_hand import require_acting, rotation, up_to_date
from shared.remediation.reconcile import Handled, Report
from shared.remediation.rehearsal import Rehearsed, Verdict, rehearse

_MARKS = {
    Verdict.HOLDS: ("✓", "green", ""),
    Verdict.WOULD: ("▸", "cyan", "would "),
    Verdict.WOULD_NOT: ("✗", "yellow", "would not "),
}
_CHANGING = frozenset({"obtain", "save", "lift"})
_STEPS = _CHANGING | {"read_back", "test_saved", "watch"}


async def rotate(wanted: str, job_id: str | None, *, dry_run: bool, as_json: bool) -> int:
    """Rotate, or rehearse it, and print what came of it; the exit code tells whether something stands in the way."""
    async with product() as pratique:
        application = await find_application(pratique, wanted)
        jobs = await _jobs(pratique, application, job_id)
        if dry_run:
            return await _rehearse(pratique, application, jobs, as_json=as_json)
        try:
            require_acting(pratique.services, application.id)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        reports = {job.id: await _rotate(pratique, job) for job in jobs}
        newest = await _has_newest(pratique, application)
    if as_json:
        print_json(
            {
                "application": application.display_name,
                "service_principal_id": application.id,
                "up_to_date": newest,
                "jobs": [report_view(job, report) for job, report in reports.items()],
            }
        )
    else:
        print_reports(terminal(), application, reports)
    return ExitCode.FINE if all(_went_well(one, newest=newest) for one in reports.values()) else ExitCode.NEEDS_YOU


async def _jobs(pratique: Pratique, application: ServicePrincipal, job_id: str | None) -> list[SynchronizationJob]:
    """Return the jobs to take: they share the credential, so one is enough where none is in quarantine."""
    jobs = await pratique.services.graph.jobs(application.id)
    if not jobs:
        raise UsageError(f"{application.display_name} has no synchronization job.")
    if job_id is None:
        return [job for job in jobs if job.quarantined] or [jobs[0]]
    found = [job for job in jobs if job.id == job_id]
    if not found:
        ids = ", ".join(job.id for job in jobs)
        raise UsageError(f"{application.display_name} has no job {job_id!r}. Its jobs: {ids}.")
    return found


async def _rotate(pratique: Pratique, job: SynchronizationJob) -> Report:
    return await pratique.reconciler.reconcile(rotation(pratique.services, job.service_principal_id, job.id))


async def _has_newest(pratique: Pratique, application: ServicePrincipal) -> bool:
    try:
        return await up_to_date(pratique.services, application.id)
    except ServiceError:
        return False  # steps or reports have said what cannot be read; it must not keep them from being printed


def _went_well(report: Report, *, newest: bool) -> bool:
    """Say whether Entra has the newest credential, is being given it, or needed none to leave quarantine."""
    incident = report.incident
    if report.handled is not Handled.LOOKED or asks(report) or incident is None:
        return False
    lifted = incident.state is IncidentState.LIFTED and not (incident.attempt and incident.attempt.undoing)
    return newest or incident.in_attempt or lifted


async def _rehearse(
    pratique: Pratique, application: ServicePrincipal, jobs: Sequence[SynchronizationJob], *, as_json: bool
) -> int:
    steps = {job.id: await rehearse(pratique.services, application.id, job.id) for job in jobs}
    newest = await _has_newest(pratique, application)
    if as_json:
        rehearsed = [{"job_id": job, "steps": [step.to_dict() for step in steps[job]]} for job in steps]
        print_json(
            {
                "application": application.display_name,
                "service_principal_id": application.id,
                "up_to_date": newest,
                "jobs": rehearsed,
            }
        )
    else:
        _print(terminal(), application, steps)
    well = all(_would(steps[job.id]) or (newest and not job.quarantined) for job in jobs)
    return ExitCode.FINE if well else ExitCode.NEEDS_YOU


def _would(steps: Sequence[Rehearsed]) -> bool:
    return any(step.step in _CHANGING and step.verdict is Verdict.WOULD for step in steps)


def _print(screen: Console, application: ServicePrincipal, steps: Mapping[str, Sequence[Rehearsed]]) -> None:
    screen.print()
    line = Text("  ").append(plain(application.display_name), "bold").append(f"  {application.id}", "dim")
    screen.print(line)
    for job_id, rehearsed in steps.items():
        screen.print(below(job_id, "dim"))
        screen.print()
        table = Table.grid(padding=(0, 2, 0, 0))
        for step in rehearsed:
            mark, style, would = _MARKS[step.verdict]
            name = f"{would if step.step in _STEPS else ''}{step.step.replace('_', ' ')}"
            table.add_row(Text(f"  {mark} {name}", style, no_wrap=True), Text(plain(step.why), overflow="fold"))
        screen.print(table)
        screen.print()
        following = [one for step in rehearsed for one in step.next_steps]
        for number, one in enumerate(following, 1):
            screen.print(below(f"{number}. {plain(one)}"))
        if following:
            screen.print()
    screen.print(below("Nothing was changed.", "dim"))
    screen.print()
