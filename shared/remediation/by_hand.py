"""A rotation that a person asks for: whether it may begin at all, the signal it is, and whether any is left to do."""

from shared.detection.signal import News, Signal, Source
from shared.errors import Refused
from shared.remediation.services import Services
from shared.settings import Mode
from shared.tokens.bound import bound_secrets, candidate


def require_acting(services: Services, service_principal_id: str) -> None:
    """Make sure that settings allow a rotation now.

    Raises:
        Refused: the mode is observe, or acting is switched off; the sentence says what allows it.
    """
    if not services.acting():
        raise Refused("Acting is switched off (PRATIQUE_ACTING=off); a rotation changes what is saved in Entra.")
    if services.settings.mode_for(service_principal_id) is not Mode.ACT:
        raise Refused(
            "The mode is observe; a rotation changes what is saved in Entra. To allow it: "
            f"PRATIQUE_MODE_BY_APPLICATION={service_principal_id}=act."
        )


def rotation(services: Services, service_principal_id: str, job_id: str) -> Signal:
    """Return the signal of a person who wants a rotation now."""
    return Signal(service_principal_id, job_id, Source.PERSON, News.ROTATE, services.clock.now())


async def up_to_date(services: Services, service_principal_id: str) -> bool:
    """Say whether Entra was given the newest version of every secret that is bound to the application.

    A newer one that is not valid yet, or no more, is what somebody meant to be given: with it there, the answer is no.

    Raises:
        ServiceError: the vault or storage could not be read.
    """
    try:
        secrets = await bound_secrets(services.vault, service_principal_id)
    except Refused:
        return False
    now = services.clock.now()
    for secret in secrets:
        newest = await candidate(services.vault, secret, now)
        record = await services.tokens.get(service_principal_id, secret.binding.secret_name)
        if newest is None or record.applied != newest.version:
            return False
        if any(one.enabled and one.created > newest.created for one in secret.versions):
            return False
    return bool(secrets)
