"""`pratique reconcile`: looks at one application's jobs now, as the queue would, within the same mode and limits."""

from difflib import get_close_matches
from typing import Any

from rich.console import Console
from rich.text import Text

from cli.errors import ExitCode, UsageError
from cli.output import below, print_json, terminal
from cli.product import needs_person, product
from cli.words import standing
from shared.clients.graph import Graph
from shared.composition import Pratique
from shared.incidents.incident import IncidentState
from shared.jobs.model import ServicePrincipal
from shared.overview import incident_view
from shared.remediation.reconcile import Handled, Report
from shared.settings import Reach

_WORDS = {
    Handled.LOOKED: "looked at",
    Handled.STALE: "nothing new",
    Handled.BUSY: "busy: somebody else holds this application now; the look is kept for later",
    Handled.UNSEEN: "could not be looked at",
    Handled.UNKNOWN: "not there any more",
    Handled.UNWATCHED: "not watched (PRATIQUE_APPLICATIONS), so it is left alone",
}
_DONE = {
    "opened": "opened an incident",
    "attempt": "began an attempt",
    "mint": "had the vendor's API mint a token for the vault",
    "save": "saved the newest token from the vault",
    "undo": "found that what was saved is rejected, and went back",
    "put back": "saved again what was saved before",
    "restart": "lifted the quarantine (reset scope QuarantineState)",
    "revoke": "revoked a token at the vendor",
    "disable": "disabled an old version in the vault",
    "rotated": "closed the rotation: a good cycle proves the new credential",
    "recovered": "closed the incident: recovery is proven",
    "gave up": "gave up",
    "relapsed": "found that the quarantine came back",
}


async def reconcile(wanted: str, job_id: str | None, *, as_json: bool) -> int:
    """Reconcile and print what was done and what stands; tell by the exit code whether somebody is needed."""
    async with product() as pratique:
        application = choose(wanted, await _applications(pratique.services.graph), pratique.settings.reach)
        reports = await _reconcile(pratique, application, job_id)
    if as_json:
        print_json(
            {
                "application": application.display_name,
                "service_principal_id": application.id,
                "jobs": [report_view(job, report) for job, report in reports.items()],
            }
        )
    else:
        print_reports(terminal(), application, reports)
    return ExitCode.NEEDS_YOU if any(map(asks, reports.values())) else ExitCode.FINE


def choose(wanted: str, applications: list[ServicePrincipal], reach: Reach) -> ServicePrincipal:
    """Return the application with this id or display name; `reach` says which of the tenant's these are.

    Raises:
        UsageError: there is none, or more than one.
    """
    folded = wanted.strip().casefold()
    found = [one for one in applications if one.id.casefold() == folded]
    found = found or [one for one in applications if one.display_name.casefold() == folded]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(one.id for one in found)
        raise UsageError(f"{len(found)} applications are named {wanted!r}; name one by its service principal id: {ids}")
    names = sorted({one.display_name for one in applications}, key=str.casefold)
    near = get_close_matches(folded, [name.casefold() for name in names], n=3, cutoff=0.5)
    near += [name.casefold() for name in names if folded and folded in name.casefold()]
    meant = [name for name in names if name.casefold() in near] or names[:10]
    if reach is not Reach.TENANT:
        watched = f" Those that are watched (PRATIQUE_APPLICATIONS): {', '.join(meant) or 'none'}."
        raise UsageError(f"No application that is watched has the name or service principal id {wanted!r}.{watched}")
    hint = f" Is it one of these: {', '.join(meant)}?" if meant else " The tenant has no enterprise applications."
    raise UsageError(f"No application has the name or service principal id {wanted!r}.{hint}")


async def _applications(graph: Graph) -> list[ServicePrincipal]:
    return [application async for application in graph.service_principals()]


async def _reconcile(pratique: Pratique, application: ServicePrincipal, job_id: str | None) -> dict[str, Report]:
    jobs = [job.id for job in await pratique.services.graph.jobs(application.id)]
    if job_id is not None and job_id not in jobs:
        raise UsageError(f"{application.display_name} has no job {job_id!r}. Its jobs: {', '.join(jobs) or 'none'}.")
    if not jobs:
        raise UsageError(f"{application.display_name} has no synchronization job.")
    wanted = [job_id] if job_id is not None else jobs
    return {job: await pratique.reconciler.reconcile(pratique.overview.asked(application.id, job)) for job in wanted}


def asks(report: Report) -> bool:
    """Say whether a report needs somebody."""
    incident = report.incident
    waits = incident is not None and incident.state in (IncidentState.NEEDS_PERSON, IncidentState.WAITING)
    return report.handled is Handled.UNSEEN or waits or needs_person(incident, quarantined=False)


def report_view(job_id: str, report: Report) -> dict[str, Any]:
    """Return a report JSON-ready."""
    incident = report.incident
    return {
        "job_id": job_id,
        "handled": str(report.handled),
        "actions": list(report.actions),
        "incident": incident_view(incident) if incident and incident.id else None,
        "note": incident.note if incident else "",
    }


def print_reports(screen: Console, application: ServicePrincipal, reports: dict[str, Report]) -> None:
    """Print what was done at each job and what stands."""
    screen.print()
    screen.print(Text("  ").append(application.display_name, "bold").append(f"  {application.id}", "dim"))
    for job_id, report in reports.items():
        incident = report.incident
        stands = standing(incident, quarantined=report.handled is not Handled.LOOKED)
        words = (
            f"{_WORDS[report.handled]} · {stands.words}" if report.handled is Handled.LOOKED else _WORDS[report.handled]
        )
        screen.print()
        screen.print(Text(f"  {stands.mark} {words}", stands.style))
        screen.print(below(job_id, "dim"))
        for action in report.actions:
            screen.print(below(f"✓ {_DONE.get(action, action)}"))
        if not report.actions:
            screen.print(below("Nothing was changed."))
        if incident is not None and incident.note:
            screen.print(below(incident.note))
    screen.print()
