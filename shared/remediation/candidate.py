"""Tries a candidate: the versions that would be saved, without saving them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.errors import NotFound, Refused
from shared.jobs.credentials import Credential
from shared.redaction import SecretValue, redact
from shared.remediation.outcome import Ask, Later, Trail, sentence
from shared.remediation.services import Services
from shared.tokens.bindings import SecretRef
from shared.tokens.bound import BoundSecret
from shared.tokens.credential_test import CredentialTest, TestResult
from shared.tokens.expiry import claimed_end
from shared.tokens.record import TokenRecord
from shared.tokens.saving import to_save, to_test
from shared.tokens.values import require_sendable


@dataclass(frozen=True, slots=True)
class Passed:
    """The candidate passed its test."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The candidate was rejected twice, with a settling time between."""

    said: str


async def try_candidate(
    services: Services,
    ids: tuple[str, str],
    current: Sequence[Credential],
    refs: Sequence[SecretRef],
    trail: Trail,
) -> Passed | Rejected | Ask | Later:
    """Read a candidate's values, refuse what can be no credential, and have Entra test them against the target.

    Raises:
        ServiceError: Graph or the vault could not be read.
    """
    try:
        values = await values_of(services, refs)
    except NotFound as error:
        return Later(f"A version that was to be tested is gone: {error}")
    if (unfit := await _unfit(services, ids, current, refs, values, trail)) is not None:
        return unfit
    trail.note("candidate", f"{_named(refs)} can be sent, and saving it would lose no other setting")
    test = await test_settled(services, ids, current, values)
    said = redact(test.code or test.said, list(values.values()))
    if test.result is TestResult.COULD_NOT_TELL:
        return Later(f"The test of the vault's token could not tell: {said}")
    if test.result is TestResult.REJECTED:
        return Rejected(said)
    trail.note("test", f"{_named(refs)} passed Entra's test against the target")
    return Passed()


async def _unfit(
    services: Services,
    ids: tuple[str, str],
    current: Sequence[Credential],
    refs: Sequence[SecretRef],
    values: Mapping[str, SecretValue],
    trail: Trail,
) -> Ask | None:
    """Say why the values must not even be tested; None when they may be."""
    newest = ",".join(ref.version for ref in refs)
    try:
        for ref in refs:
            require_sendable(ref.credential_key, values[ref.credential_key], ref.secret_name)
    except Refused as refusal:
        return Ask(f"malformed:{newest}", sentence(refusal), ("Store the credential again, without it.",))
    for ref in refs:
        end = claimed_end(values[ref.credential_key])
        if end is not None and trail.learns:
            await services.tokens.change(ids[0], ref.secret_name, _claims(ref.version, end))
        if end is not None and end <= services.clock.now():
            why = f"The newest version of secret {ref.secret_name} says of itself that it ended on {end:%Y-%m-%d}."
            return Ask(f"ended:{newest}", why, ("Make a new token and store it as a new version.",))
    try:
        to_save(current, values, merge_accepted=services.settings.accepts_merge(ids[0]))
    except Refused as refusal:
        steps = ("Accept merging for this application, or save the token by hand.",)
        return Ask(f"masked:{newest}", sentence(refusal), steps)
    return None


async def test_settled(
    services: Services, ids: tuple[str, str], current: Sequence[Credential], values: Mapping[str, SecretValue]
) -> CredentialTest:
    """Test a candidate; a rejection is repeated after a settling time before it counts."""
    credentials, secrets = to_test(current, values), tuple(values.values())
    test = await services.graph.test_credentials(*ids, credentials, secrets=secrets)
    if test.result is TestResult.REJECTED:
        await services.clock.sleep(services.settings.settle.total_seconds())
        test = await services.graph.test_credentials(*ids, credentials, secrets=secrets)
    return test


async def values_of(services: Services, refs: Sequence[SecretRef]) -> dict[str, SecretValue]:
    """Read the values of the versions, by credential key.

    Raises:
        NotFound: a version is gone.
    """
    return {ref.credential_key: await services.vault.value(ref.secret_name, ref.version) for ref in refs}


def newest_refs(secrets: Sequence[BoundSecret], versions: Mapping[str, str]) -> tuple[SecretRef, ...]:
    """Name the version of each secret, by secret name."""
    return tuple(secret.ref(versions[secret.binding.secret_name]) for secret in secrets)


def _claims(version: str, end: datetime) -> Callable[[TokenRecord], TokenRecord]:
    return lambda row: row.with_claim(version, end)


def _named(refs: Sequence[SecretRef]) -> str:
    return ", ".join(f"secret {ref.secret_name} version {ref.version[:8]}" for ref in refs)
