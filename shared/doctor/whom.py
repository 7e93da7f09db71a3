"""What the service may do, and as whom it is looked at."""

from collections.abc import AsyncIterator

from shared.doctor.found import Found, Mark
from shared.doctor.part import About, Look
from shared.doctor.setting import change
from shared.doctor.words import told
from shared.errors import Unavailable
from shared.settings import Mode


async def mode(look: Look) -> AsyncIterator[Found]:
    """Say whether anything would be done."""
    settings = look.services.settings
    if not look.services.acting():
        text = "PRATIQUE_ACTING is off: nothing is done, whatever the mode."
        yield Found(Mark.LOOK, About.MODE, text, change("PRATIQUE_ACTING", "on"))
        return
    others = len([one for one in settings.mode_by_application.values() if one is not settings.mode])
    but = f" {others} application{'' if others == 1 else 's'} otherwise." if others else ""
    does = "tells people, and changes nothing" if settings.mode is Mode.OBSERVE else "rotates, lifts and proves"
    yield Found(Mark.FINE, About.MODE, f"{settings.mode}: {does}.{but}")


async def sign_in(look: Look) -> AsyncIterator[Found]:
    """Get a token; what is found with somebody else's says nothing about the service, and is mended for that one."""
    try:
        look.caller = caller = await look.signed_in.caller()
    except Unavailable as error:
        rest = (
            "Graph, vault and logs" if look.services.settings.storage_connection else "Graph, vault, logs and storage"
        )
        login = "az login   # at a desk; in Azure the identity needs no sign-in"
        yield Found(Mark.MISSING, About.SIGN_IN, f"{told(error)} {rest} were not looked at.", (login,), barred=True)
        return
    identity = look.services.settings.identity
    if caller.object_id == identity or not (identity or caller.person):
        yield Found(Mark.FINE, About.SIGN_IN, f"as {caller.object_id or 'somebody whose token cannot be read'}")
        return
    mend = look.names.ask_itself()
    look.names = look.names.about(caller)
    who = caller.object_id or "somebody else"
    text = f"You are {who}, not the service's identity: permissions and roles below are yours."
    yield Found(Mark.LOOK, About.SIGN_IN, text, mend)
