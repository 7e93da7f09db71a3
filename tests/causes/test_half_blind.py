"""With parts of the evidence unreadable, each in turn and each pair: said, less sure, nothing invented or rotated."""

from collections.abc import AsyncIterator
from itertools import combinations
from pathlib import Path

import pytest
import pytest_asyncio

from emulator.ailments import Ailment, afflict
from emulator.azurite import Storage
from emulator.entra import DEFAULT_ROLES, Role
from emulator.faults import Status
from emulator.story import MIRO
from shared.diagnosis.causes import Cause, Confidence
from shared.diagnosis.diagnosis import Diagnosis
from shared.diagnosis.evidence import Part
from shared.diagnosis.report import Findings, to_text
from shared.incidents.incident import IncidentState
from tests.causes.conftest import STRICT
from tests.product.conftest import Stage, staged, until

PARTS = (Part.SECRET_KEYS, Part.AUDIT, Part.FAILURES, Part.CREDENTIAL_TEST, Part.PROBE)
BLINDINGS = [*((part,) for part in PARTS), *combinations(PARTS, 2)]
_ROUTES = {
    Part.SECRET_KEYS: ("GET", "synchronization/secrets"),
    Part.AUDIT: ("GET", "/auditLogs/directoryAudits"),
    Part.FAILURES: ("GET", "/auditLogs/provisioning"),
    Part.CREDENTIAL_TEST: ("POST", "validateCredentials"),
}
_FOLLOWS = {Part.SECRET_KEYS: {Part.SECRET_KEYS, Part.PROBE}}  # the saved address is where the probe would go
_SURENESS = {Confidence.LOW: 0, Confidence.MEDIUM: 1, Confidence.HIGH: 2}
CASES = {
    Ailment.INVALID_CREDENTIALS: {Cause.INVALID_CREDENTIALS, Cause.UNKNOWN},
    # The threshold is the reason that Graph gives: it is what remains where the failures behind it are not seen.
    Ailment.UNIQUENESS_CONFLICT: {Cause.UNIQUENESS_CONFLICT, Cause.ESCROW_THRESHOLD, Cause.UNKNOWN},
}
_NAMES = {
    Part.SECRET_KEYS: "Saved secret keys",
    Part.AUDIT: "Audit event",
    Part.FAILURES: "Failures",
    Part.CREDENTIAL_TEST: "Test of the saved credential",
    Part.PROBE: "SCIM probe",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=CASES)
async def stricken(
    request: pytest.FixtureRequest, state_dir: Path, storage: Storage
) -> AsyncIterator[tuple[Stage, Ailment, Diagnosis]]:
    """Return a tenant in which Miro is quarantined, for its token or its failing entries, and the whole diagnosis."""
    ailment: Ailment = request.param
    with pytest.MonkeyPatch.context() as environment:
        async with staged(state_dir, storage, environment, STRICT) as stage:
            miro = stage.story.miro
            await until(lambda: miro.job.last_successful)
            await afflict(stage.tenant, miro, ailment)
            await stage.until_quarantined(miro)
            whole = (await _diagnose(stage)).diagnosis
            assert whole.cause is Cause(ailment.value)
            assert whole.blind == ()
            yield stage, ailment, whole


def blind(stage: Stage, *parts: Part) -> set[Part]:
    """Make parts unreadable as they become so, and nothing else; return those that cannot be seen then.

    Log Analytics and Graph tell the same, so a part that both tell is blind only when both are.
    """
    tenant = stage.tenant
    tenant.faults.clear()
    tenant.entra.roles = set(DEFAULT_ROLES)
    for part in parts:
        if part in (Part.AUDIT, Part.FAILURES):
            tenant.entra.roles.discard(Role.LOGS)
        if part is Part.PROBE:
            tenant.entra.roles.discard(Role.VAULT)
        else:
            tenant.faults.add("graph", *_ROUTES[part], Status(403), times=None)
    return set[Part]().union(*(_FOLLOWS.get(part, {part}) for part in parts))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("parts", BLINDINGS, ids="+".join)
async def test_what_is_not_seen_is_said_and_nothing_is_invented(
    stricken: tuple[Stage, Ailment, Diagnosis], parts: tuple[Part, ...]
) -> None:
    """Exactly the blind parts are named; confidence does not rise; the cause is the same, or unknown."""
    stage, ailment, whole = stricken
    unseen = blind(stage, *parts)
    half = await _diagnose(stage)
    assert set(half.diagnosis.blind) == unseen, half.evidence.blind_because
    assert all(half.evidence.blind_because[part] for part in unseen)
    assert half.diagnosis.cause in CASES[ailment], half.diagnosis
    assert _SURENESS[half.diagnosis.confidence] <= _SURENESS[whole.confidence]
    assert half.diagnosis.may_rotate <= whole.may_rotate
    assert set(half.diagnosis.others) <= set(whole.others)
    text = " ".join(to_text(half).split())
    assert all(f"blind {name}" in text for name in (_NAMES[part] for part in unseen))


async def test_without_half_of_the_sight_confidence_falls(strict: Stage) -> None:
    """An expired token that is neither tested nor tried by our probe is less sure than one seen whole."""
    miro = strict.story.miro
    await until(lambda: miro.job.last_successful)
    await afflict(strict.tenant, miro, Ailment.INVALID_CREDENTIALS)
    await strict.until_quarantined(miro)
    whole = await _diagnose(strict)
    blind(strict, Part.CREDENTIAL_TEST, Part.PROBE)
    half = await _diagnose(strict)
    assert _SURENESS[half.diagnosis.confidence] < _SURENESS[whole.diagnosis.confidence], half.diagnosis


@pytest.mark.parametrize(
    ("status", "also"),
    [(403, ()), (503, ()), *((503, (part,)) for part in PARTS if part is not Part.CREDENTIAL_TEST)],
    ids=str,
)
async def test_nothing_is_rotated_on_a_guess(strict: Stage, status: int, also: tuple[Part, ...]) -> None:
    """In act mode, with a good token in the vault, nothing is saved until the saved one is seen to be rejected."""
    druva = strict.story.druva
    await until(lambda: druva.job.last_successful)
    await strict.strike_druva()
    blind(strict, *also)
    strict.tenant.faults.add("graph", "POST", "validateCredentials", Status(status), times=None)
    product = strict.product()
    for _ in range(2):
        await strict.look(product, druva)
    assert strict.tenant.directory.secret_saves == []
    assert strict.tenant.directory.restarts == []
    blind(strict)
    await strict.look(strict.product(), druva)
    await strict.watch(product, druva, IncidentState.RECOVERED)
    assert len(strict.tenant.directory.secret_saves) == 1


async def _diagnose(stage: Stage) -> Findings:
    """Diagnose Miro with a product made anew, for tokens once issued are kept."""
    miro = stage.tenant.applications[MIRO]
    return await stage.product().diagnostician.diagnose(miro.service_principal.id, miro.job.id)
