"""Which sources are blind, and whether the timers ran: from what the service itself wrote down.

Schedules are the host's and no setting of ours, so a timer that ran late is worth a look at first, and missing only
when no schedule that anybody would choose explains it.
"""

from collections.abc import AsyncIterator
from datetime import timedelta

from shared.clients.permissions import Permission
from shared.detection.signal import Source
from shared.detection.sources import SourceState
from shared.doctor.found import Found, Mark
from shared.doctor.part import About, Look, moment
from shared.doctor.words import told_before
from shared.errors import Unavailable

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_LATE = {
    Source.SWEEP: (_HOUR, _DAY + 2 * _HOUR),
    Source.AUDIT_LOG: (_HOUR, _DAY + 2 * _HOUR),
    Source.FORECAST: (_DAY + 2 * _HOUR, 8 * _DAY),
}
"""After how long without a run a timer is worth a look, and after how long it is missing."""
_OFTEN = {Source.SWEEP, Source.AUDIT_LOG}  # these run within minutes of a deployment, the forecast within a day


async def sources(look: Look) -> AsyncIterator[Found]:
    """Tell of each blind source and of each timer."""
    if look.lacks(About.STORAGE):
        return
    try:
        known = {one.name: one for one in await look.services.sources.all()}
    except Unavailable:
        return  # told of storage already
    for one in known.values():
        if one.blind:
            yield _blind(one, look)
    for source in _LATE:
        state = known.get(source)
        if (source is Source.AUDIT_LOG and look.logs is None) or (state is not None and state.blind):
            continue
        yield _timer(source, state, look)


def _blind(one: SourceState, look: Look) -> Found:
    """Tell why, with what grants the permission that the reason names: the service missed it, not the caller."""
    missing = next((it for it in Permission if f"The missing permission is {it}." in one.why), None)
    text = f"Cannot see since {moment(one.since)}: {told_before(one.why, missing or '')}"
    mend = look.names.about_the_service().grant(missing) if missing is not None else ()
    return Found(Mark.MISSING, _subject(one.name), text, mend)


def _timer(source: Source, state: SourceState | None, look: Look) -> Found:
    subject, mend = _subject(source), look.names.log_stream()
    worked = state.worked_at if state is not None else None
    if worked is None:
        gone = source in _OFTEN and not look.desk
        text = "has not run yet" if not gone else "Has not run yet, and runs every few minutes: does the app start?"
        return Found(Mark.MISSING if gone else Mark.LOOK, subject, text, mend if source in _OFTEN else ())
    ago, (late, gone_after) = look.services.clock.now() - worked, _LATE[source]
    if ago <= late:
        return Found(Mark.FINE, subject, f"last ran {moment(worked)}")
    if ago <= gone_after:
        return Found(Mark.LOOK, subject, f"Last ran {moment(worked)}: late, unless its schedule says so.", mend)
    return Found(Mark.MISSING, subject, f"Last ran {moment(worked)}.", mend)


def _subject(name: str) -> str:
    return name.replace("_", " ").capitalize()
