"""What stands in the way of saving a new credential, found out before a person is asked to make one."""

from shared.errors import MissingPermission, Refused, ServiceError
from shared.remediation.services import Services
from shared.settings import Mode
from shared.tokens.bindings import require_rotated_key, require_trusted_host
from shared.tokens.bound import BoundSecret
from shared.tokens.credential_test import TestResult
from shared.tokens.saving import base_address, require_mergeable


async def obstacles(services: Services, job_id: str, secret: BoundSecret) -> tuple[str, ...]:
    """Return one sentence for each obstacle; none means that a new version would be tested and saved at once."""
    binding, settings = secret.binding, services.settings
    sp, found = binding.service_principal_id, []
    if settings.mode_for(sp) is not Mode.ACT:
        found.append(f"The mode is observe; to allow saving: PRATIQUE_MODE_BY_APPLICATION={sp}=act.")
    if not services.acting():
        found.append("Acting is switched off (PRATIQUE_ACTING=off).")
    try:
        current = await services.graph.credentials(sp)
        require_rotated_key(binding)
        require_trusted_host(binding, base_address(current))
        accepted = settings.accepts_merge(sp)
        require_mergeable(current, [binding.credential_key], merge_accepted=accepted)
        test = await services.graph.test_saved_credentials(sp, job_id)
        if test.result is TestResult.COULD_NOT_TELL:
            found.append(
                "Entra's test of the saved credential could not tell, so a new one could not be tested either."
            )
    except Refused as refusal:
        text = str(refusal)
        found.append(f"{text[0].upper()}{text[1:]}.")
    except MissingPermission as error:
        found.append(error.remedy)
    except ServiceError as error:
        found.append(f"Graph could not be asked: {error}")
    return tuple(found)
