"""Whether Graph can be read, and whether what is read could be changed."""

from collections.abc import AsyncIterator
from datetime import timedelta

from shared.clients.permissions import Permission
from shared.doctor.found import Found, Mark
from shared.doctor.part import About, Look
from shared.doctor.refusal import refused
from shared.doctor.setting import change
from shared.errors import ServiceError
from shared.jobs.model import ServicePrincipal
from shared.settings import Reach

_WHOSE = {Reach.TENANT: "in the tenant", Reach.OWNED: "owned", Reach.NAMED: "named"}


async def graph(look: Look) -> AsyncIterator[Found]:
    """Look at the applications, their jobs and, where there is no workspace, Graph's own logs."""
    if look.lacks(About.SIGN_IN):
        return
    reader, subject = look.services.graph, "Applications"
    try:
        applications = [one async for one in reader.service_principals()]
        yield _applications(applications, look)
        subject = "Jobs"
        jobs = [job async for job in reader.jobs_of_many([one.id for one in applications])]
    except ServiceError as error:
        yield refused(subject, error, look.names)
        return
    text = f"{len(jobs)} can be read" if jobs else "none: no application has provisioning set up"
    yield Found(Mark.FINE if jobs else Mark.LOOK, subject, text)
    for one in _changes(look):
        yield one
    if look.logs is None and applications:
        yield await _reports(applications[0], look)


def _applications(applications: list[ServicePrincipal], look: Look) -> Found:
    subject, settings = "Applications", look.services.settings
    match settings.reach:
        case Reach.OWNED if not applications:
            text = "The identity owns none (PRATIQUE_APPLICATIONS=owned)."
            return Found(Mark.MISSING, subject, text, look.names.grant(Permission.OWNED))
        case Reach.NAMED:
            lost = set(settings.applications) - {one.id.lower() for one in applications}
            if lost:
                text = f"No object id of an enterprise application: {', '.join(sorted(lost))}."
                mend = change("PRATIQUE_APPLICATIONS", "<object id>,<object id>")
                return Found(Mark.MISSING, subject, text, mend)
    return Found(Mark.FINE, subject, f"{len(applications)} {_WHOSE[settings.reach]}")


def _changes(look: Look) -> list[Found]:
    """Judge by the token: no harmless call would show what may be changed."""
    held, subject = look.caller.permissions if look.caller else None, "Jobs"
    if held is None or Permission.SYNCHRONIZATION in held:
        return []
    needed = Permission.SYNCHRONIZATION if look.services.settings.reach is Reach.TENANT else Permission.OWNED
    if needed not in held:
        text = f"Can be read, not changed or tested: the token lacks {needed}."
        return [Found(Mark.MISSING, subject, text, look.names.grant(needed))]
    text = "With ownership alone Graph was seen to answer a restart with 401; the notice then names "
    return [Found(Mark.LOOK, subject, f"{text}{Permission.SYNCHRONIZATION}.")]


async def _reports(application: ServicePrincipal, look: Look) -> Found:
    subject, since = "Graph's logs", look.services.clock.now() - timedelta(days=1)
    try:
        await look.reports.quarantine_events(application.id, since)
    except ServiceError as error:
        return refused(subject, error, look.names, barred=False)
    return Found(Mark.FINE, subject, "can be read in place of a workspace")
