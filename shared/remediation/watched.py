"""What is not watched (PRATIQUE_APPLICATIONS) is left alone: nothing is read of it, and nothing is done to it."""

import logging

from shared.errors import Refused
from shared.remediation.case import Case
from shared.remediation.services import Services
from shared.settings import Reach

_log = logging.getLogger("pratique.watched")


def not_watched(services: Services, service_principal_id: str) -> str:
    """Say that an application is not watched, and what would change that."""
    allow = f"add {service_principal_id} to PRATIQUE_APPLICATIONS"
    if services.settings.reach is Reach.OWNED:
        allow = f"make Pratique's managed identity an owner of {service_principal_id} (PRATIQUE_APPLICATIONS is owned)"
    return f"The application is not watched, so it is left alone. To have it watched: {allow}."


async def require_watched(services: Services, service_principal_id: str) -> None:
    """Make sure that an application is watched, before anything is read of it.

    Raises:
        Refused: it is not; the sentence says what changes that.
        ServiceError: Graph did not say what is watched.
    """
    if not await services.graph.watches(service_principal_id):
        raise Refused(not_watched(services, service_principal_id))


async def set_aside(case: Case) -> None:
    """Leave a job where it stands, without a next look; the sweep finds it when its application is watched again.

    What waits to be told is told all the same. Of a job that has no row none is made.
    """
    if case.new:
        return
    services, incident = case.services, case.incident
    await services.sources.works("reconcile", incident.job_id)  # no later look could say so
    why = not_watched(services, incident.service_principal_id)
    if incident.next_look_at is not None or incident.note != why:
        _log.warning("job %s is not watched any more and stays %s", incident.job_id, incident.state)
        await case.record(next_look_at=None, note=why)
    await case.tell()
