"""Whether the vault can be read and, where tokens are minted, written."""

from collections.abc import AsyncIterator

from shared.doctor.found import Found, Mark
from shared.doctor.part import About, Look
from shared.doctor.refusal import refused
from shared.errors import NotFound, ServiceError

_NOWHERE = "pratique-doctor-asks-for-a-secret-that-is-not-there"


async def vault(look: Look) -> AsyncIterator[Found]:
    """List the secrets; where tokens are minted, ask to write one that is not there."""
    if look.lacks(About.SIGN_IN):
        return
    try:
        secrets = await look.services.vault.newest_versions()
    except ServiceError as error:
        yield refused(About.VAULT, error, look.names)
        return
    yield Found(Mark.FINE, About.VAULT, f"{len(secrets)} secret{'' if len(secrets) == 1 else 's'} listed")
    if not look.services.settings.mint:
        return
    try:
        await look.services.vault_writer.retag(_NOWHERE, "", {})
    except NotFound:
        yield Found(Mark.FINE, About.VAULT, "minted versions can be written")
    except ServiceError as error:
        yield refused(About.VAULT, error, look.names, barred=False)
