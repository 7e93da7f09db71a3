"""Counts attempts where every instance sees them: in the journal. Cannot count, cannot act."""

from datetime import datetime, timedelta

from shared.incidents.incident import Incident
from shared.incidents.store import Journal

ATTEMPT = "attempt"
_DAY = timedelta(hours=24)


async def attempts_today(journal: Journal, incident: Incident, now: datetime) -> int:
    """Count the attempts at the incident's job in the last 24 hours, over all its incidents.

    Raises:
        Unavailable: the journal could not be read; the caller must then not act.
    """
    entries = await journal.entries(incident, now - _DAY)
    return sum(1 for _, action, _ in entries if action == ATTEMPT)
