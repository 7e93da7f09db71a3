"""Counts attempts where every instance sees them: in the journal. Cannot count, cannot act."""

from datetime import datetime, timedelta

from shared.incidents.incident import Incident
from shared.remediation.policy import attempts_left
from shared.remediation.services import Services

ATTEMPT = "attempt"
_DAY = timedelta(hours=24)
_HOUR = timedelta(hours=1)


async def within_limits(services: Services, incident: Incident, now: datetime) -> str | None:
    """Return None while another attempt at the job may begin, else which limit is reached.

    Raises:
        Unavailable: the journal could not be read; the caller must then not act.
    """
    settings, journal = services.settings, services.journal
    entries = await journal.entries(incident, now - _DAY)
    if not attempts_left(sum(1 for _, action, _ in entries if action == ATTEMPT), settings.attempts_per_day):
        return f"{settings.attempts_per_day} attempts were made at this job in the last 24 hours."
    return None


async def within_budget(services: Services, now: datetime) -> str | None:
    """Return None while another attempt in the tenant may begin this hour, else the limit; raises alike."""
    limit = services.settings.attempts_per_hour
    if not attempts_left(await services.journal.counted(ATTEMPT, now - _HOUR), limit):
        return (
            f"{limit} attempts were begun in the tenant in the last hour (PRATIQUE_ATTEMPTS_PER_HOUR); this one waits."
        )
    return None
