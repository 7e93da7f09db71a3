"""Everything that can be checked before anything is changed: what an attempt would do, or why there is none."""

from dataclasses import dataclass

from shared.clock import new_id
from shared.errors import NotFound, Refused
from shared.incidents.incident import Attempt, AttemptStep
from shared.jobs.credentials import Credential
from shared.notices.compose import token_steps
from shared.redaction import SecretValue, redact
from shared.remediation.case import Case
from shared.tokens.bindings import require_trusted_host
from shared.tokens.credential_test import CredentialTest, TestResult
from shared.tokens.inventory import BoundSecret, bound_secret, candidate
from shared.tokens.saving import base_address, digest, to_save, to_test


@dataclass(frozen=True, slots=True)
class Ask:
    """A person is needed: why, what to do, and the topic under which it is told once."""

    topic: str
    why: str
    next_steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing can be said now; look again."""

    why: str


async def prepare(case: Case) -> Attempt | Ask | Later:
    """Find out what an attempt would be; nothing outside is changed and nothing is sent to a host not trusted.

    Raises:
        ServiceError: Graph or the vault could not be read.
    """
    graph = case.services.graph
    saved = await graph.test_saved_credentials(*case.ids)
    if saved.result is TestResult.COULD_NOT_TELL:
        return Later(f"The test of the saved credential could not tell: {redact(saved.code or saved.said)}")
    if saved.result is TestResult.PASSED:
        return Attempt(id=new_id(), began=case.services.clock.now(), step=AttemptStep.LIFT)
    try:
        secret = await bound_secret(case.services.vault, case.incident.service_principal_id)
    except Refused as refusal:
        return Ask("bound_twice", _sentence(refusal), ("Remove the tags from all but one of them.",))
    if secret is None:
        steps = token_steps(None, case.incident.service_principal_id)
        return Ask("no_secret", "The saved credential is rejected, and no secret in the vault is bound to it.", steps)
    return await _prepare_rotation(case, secret)


async def _prepare_rotation(case: Case, secret: BoundSecret) -> Attempt | Ask | Later:
    binding, vault = secret.binding, case.services.vault
    current = await case.services.graph.credentials(case.incident.service_principal_id)
    try:
        require_trusted_host(binding, base_address(current))
    except Refused as refusal:
        steps = ("Check the tenant URL on the provisioning page and the tags of the secret; no token was sent.",)
        return Ask("host", _sentence(refusal), steps)
    version = await candidate(vault, secret, case.services.clock.now())
    if version is None:
        why = f"The saved credential is rejected, and secret {binding.secret_name} has no enabled version."
        return Ask("no_version", why, _new_token(case, secret))
    try:
        value = await vault.value(binding.secret_name, version.version)
    except NotFound:
        return Later(f"Version {version.version} of secret {binding.secret_name} is gone.")
    if not value.reveal().strip() or value.reveal() == "*":
        why = f"The newest version of secret {binding.secret_name} holds no token."
        return Ask(f"empty:{version.version}", why, _new_token(case, secret))
    try:
        to_save(current, binding.credential_key, value, merge_accepted=merge_accepted(case))
    except Refused as refusal:
        return Ask("masked", _sentence(refusal), ("Accept merging for this application, or save the token by hand.",))
    test = await test_settled(case, current, binding.credential_key, value)
    if test.result is TestResult.COULD_NOT_TELL:
        said = redact(test.code or test.said, [value])
        return Later(f"The test of the vault's token could not tell: {said}")
    if test.result is TestResult.REJECTED:
        why = f"The saved credential is rejected, and so is the newest version of secret {binding.secret_name}."
        return Ask(f"rejected:{version.version}", why, _new_token(case, secret))
    return Attempt(
        id=new_id(),
        began=case.services.clock.now(),
        step=AttemptStep.SAVE,
        secret_name=binding.secret_name,
        secret_version=version.version,
        credential_key=binding.credential_key,
        settings_before=digest(current),
    )


async def test_settled(case: Case, current: tuple[Credential, ...], key: str, value: SecretValue) -> CredentialTest:
    """Test a candidate; a rejection is repeated after a settling time before it counts."""
    credentials = to_test(current, key, value)
    test = await case.services.graph.test_credentials(*case.ids, credentials, secret=value)
    if test.result is TestResult.REJECTED:
        await case.services.clock.sleep(case.services.settings.settle.total_seconds())
        test = await case.services.graph.test_credentials(*case.ids, credentials, secret=value)
    return test


def merge_accepted(case: Case) -> bool:
    """Say whether an operator accepted merging for this application."""
    return case.incident.service_principal_id.lower() in case.services.settings.merge_accepted


def _new_token(case: Case, secret: BoundSecret) -> tuple[str, ...]:
    return token_steps(secret.binding, case.incident.service_principal_id)


def _sentence(refusal: Refused) -> str:
    text = str(refusal)
    return f"{text[0].upper()}{text[1:]}."
