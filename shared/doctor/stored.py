"""Whether our tables and queues are there and can be written, and whether messages were set aside."""

from collections.abc import AsyncIterator

from shared.clients.permissions import Permission
from shared.clients.storage import Refusal
from shared.detection.signal import QUEUE, VAULT_EVENTS_QUEUE
from shared.doctor.found import Found, Mark
from shared.doctor.part import About, Look
from shared.doctor.refusal import refused_by_storage
from shared.errors import Unavailable

TABLES = (
    "pratiqueheard",
    "pratiqueincidents",
    "pratiquejournal",
    "pratiqueleases",
    "pratiqueparked",
    "pratiquesources",
    "pratiquetokens",
)
QUEUES = (QUEUE, VAULT_EVENTS_QUEUE, f"{QUEUE}-rejected", f"{VAULT_EVENTS_QUEUE}-rejected")
SET_ASIDE = tuple(f"{queue}-{why}" for queue in (QUEUE, VAULT_EVENTS_QUEUE) for why in ("rejected", "poison"))
"""Where messages lie that nobody takes: ours with the reason, the host's after five failures."""
_SCRATCH = "pratiqueheard"  # whoever reads it asks for a partition of its own, and so never meets our row
_ROW = "doctor"
_OF_THE_ACCOUNT = {Refusal.CREDENTIAL, Refusal.NETWORK, Refusal.NO_KEYS}
"""What queues would only say again; where there is no answer at all, after a minute of the SDK's retries."""
_PAGE = "docs/operations.md, Messages were set aside"


async def stored(look: Look) -> AsyncIterator[Found]:
    """Make what is missing, as the service does; write one row and remove it; count what was set aside."""
    settings = look.services.settings
    if look.lacks(About.SIGN_IN) and settings.storage_connection is None:
        look.barred.add(About.STORAGE)
        return
    try:
        yield await _tables(look)
    except Unavailable as error:
        yield refused_by_storage(error, Permission.TABLES, look.names)
        if error.status is None or error.code in _OF_THE_ACCOUNT:
            return
    try:
        for name in QUEUES:
            await look.storage.queue(name).make()
        yield Found(Mark.FINE, About.STORAGE, f"{len(QUEUES)} queues are there")
        async for one in _set_aside(look):
            yield one
    except Unavailable as error:
        yield refused_by_storage(error, Permission.QUEUES, look.names, barred=False)  # rows need no queue


async def _tables(look: Look) -> Found:
    for name in TABLES:
        await look.storage.table(name).get(_ROW, _ROW)
    scratch = look.storage.table(_SCRATCH)
    await scratch.put(_ROW, _ROW, {"at": look.services.clock.now()})
    await scratch.delete(_ROW, _ROW)
    return Found(Mark.FINE, About.STORAGE, f"{len(TABLES)} tables are there and can be written")


async def _set_aside(look: Look) -> AsyncIterator[Found]:
    held = {name: await look.storage.queue(name).waiting() for name in SET_ASIDE}
    lying = ", ".join(f"about {count} in {name}" for name, count in held.items() if count)
    if lying:
        yield Found(Mark.LOOK, "Messages", f"Set aside, and nobody takes them: {lying}.", (_PAGE,))
