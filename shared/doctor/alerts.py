"""How Azure Monitor's alerts reach the service: by its sign-in, by a key, or not at all; mails they are in any case."""

from collections.abc import AsyncIterator

from shared.detection.signal import Source
from shared.doctor.found import Found, Mark
from shared.doctor.part import About, Look, moment
from shared.errors import Unavailable

_PAGE = "docs/deploy.md, Sign-in and the alert webhook"


async def alerts(look: Look) -> AsyncIterator[Found]:
    """Say whether there is sign-in for the secure webhook, and when an alert was last heard."""
    settings, set_up = look.services.settings, look.names.sign_in
    mark = Mark.LOOK
    if settings.signed_in or set_up:
        mark, text = Mark.FINE, "sign-in is on, so Azure Monitor can deliver"
    elif settings.sign_in_required:
        text = "Sign-in is required, and App Service does not say that it is on: alerts come by mail alone"
    elif set_up is None and look.desk:
        text = (
            "Whether sign-in is on is not seen from a desk; where it is off, alerts come by mail alone, or with a key"
        )
    else:
        text = "Sign-in is off: alerts come by mail alone, or from a caller with a function key"
    heard = "" if look.lacks(About.STORAGE) else await _heard(look)
    yield Found(mark, About.ALERTS, f"{text}{heard}", (_PAGE,))


async def _heard(look: Look) -> str:
    try:
        known = {one.name: one for one in await look.services.sources.all()}
    except Unavailable:
        return ""  # told of storage already
    state = known.get(Source.ALERT)
    moments = [at for at in (state.heard_at, state.worked_at) if at is not None] if state is not None else []
    return f"; the last was heard {moment(max(moments))}" if moments else "; none was heard yet"
