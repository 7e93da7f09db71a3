"""Whether a signal is worth a look; pure. Old, doubled and out-of-order news ends here."""

from datetime import datetime

from shared.detection.signal import News, Signal
from shared.incidents.incident import Incident


def set_aside(incident: Incident) -> bool:
    """Say whether an open incident has no next look, since its application was found not to be watched."""
    return incident.open and incident.recognised and incident.next_look_at is None


def worth_a_look(signal: Signal, incident: Incident | None, now: datetime) -> bool:
    """Say whether the job must be read again because of this signal.

    A job with an open incident is under watch already: news that it is quarantined adds nothing to the next look that
    is written down. News older than the last look was seen by that look. A person always gets one, and so does a new
    credential for a job that is well: a look that knew nothing of it has left it alone.
    """
    if signal.news in (News.ASKED, News.ROTATE) or incident is None or incident.looked_at is None:
        return True
    if signal.news is News.CREDENTIAL and not incident.open:
        return True
    if signal.news is News.DUE:
        return incident.next_look_at is not None and incident.next_look_at <= now
    if signal.news is News.QUARANTINED and incident.open and not set_aside(incident):
        return False
    return signal.news_at > incident.looked_at
