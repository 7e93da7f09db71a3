"""Every cause is made to happen, seen in Entra's own records, and named, with the notice that people get."""

import pytest

from emulator.ailments import Ailment, afflict
from emulator.story import DRUVA, MIRO, WORKPLACE
from emulator.tenant import Application
from shared.composition import Pratique
from shared.diagnosis.causes import Cause, Confidence
from shared.diagnosis.condition import Condition
from shared.diagnosis.evidence import Part
from shared.diagnosis.report import Findings, to_markdown, to_text
from shared.incidents.incident import IncidentState
from shared.notices.advice import HEADLINES
from tests.product.conftest import Stage, until

WHOLE_JOB = (
    Ailment.INVALID_CREDENTIALS,
    Ailment.INSUFFICIENT_PERMISSIONS,
    Ailment.SCIM_NONCOMPLIANCE,
    Ailment.TARGET_UNREACHABLE,
    Ailment.RATE_LIMITED,
    Ailment.DUPLICATE_ROLES,
    Ailment.ACCIDENTAL_DELETION,
    Ailment.ON_DEMAND_QUARANTINE,
    Ailment.NOTIFICATION_EMAIL_MISSING,
    Ailment.INBOUND_UNAUTHORIZED,
    Ailment.AGENT_UNAVAILABLE,
    Ailment.TRANSIENT_ENTRA_SIDE,
)
ENTRIES = (
    Ailment.MISSING_REQUIRED_ATTRIBUTE,
    Ailment.INVALID_ATTRIBUTE_VALUE,
    Ailment.UNIQUENESS_CONFLICT,
    Ailment.MATCHING_FAILURE,
    Ailment.INBOUND_INVALID_DATA_FORMAT,
    Ailment.INVALID_UPN,
    Ailment.INVALID_DOMAIN,
    Ailment.LICENSE_OR_QUOTA,
    Ailment.SCHEMA_OR_MAPPING_ERROR,
)
NEVER_QUARANTINED = (Ailment.REFERENCE_UNRESOLVED, Ailment.OUT_OF_SCOPE_SKIP)
_MIXED = 10


def test_no_ailment_is_left_out() -> None:
    """Each is produced below, as a quarantine, as failing entries, or as neither."""
    assert {*WHOLE_JOB, *ENTRIES, *NEVER_QUARANTINED, Ailment.ESCROW_THRESHOLD} == set(Ailment)


@pytest.mark.parametrize("ailment", [*WHOLE_JOB, *ENTRIES, Ailment.ESCROW_THRESHOLD])
async def test_a_quarantine_is_recognised_and_told(strict: Stage, ailment: Ailment) -> None:
    """The diagnosis names the cause; one look ends in one card and one mail of that cause, and in no write."""
    application = _sufferer(strict, ailment)
    await _fall_ill(strict, application, ailment)
    await strict.until_quarantined(application)
    product = strict.product()
    findings = await _diagnose(product, application)
    cause = Cause(ailment.value)
    assert findings.condition is Condition.QUARANTINED
    _assert_names(findings, cause)
    assert findings.diagnosis.may_rotate is (cause is Cause.INVALID_CREDENTIALS)
    # A target that turns everybody away turns our probe away too.
    unseen = (Part.PROBE,) if ailment is Ailment.RATE_LIMITED else ()
    assert findings.diagnosis.blind == unseen, findings.evidence.blind_because
    report = await strict.look(product, application)
    assert report.incident is not None
    assert (report.incident.state, report.incident.cause) == (IncidentState.NEEDS_PERSON, cause)
    name = application.service_principal.display_name
    (card,), (mail,) = strict.cards(name), strict.mails(name)
    assert HEADLINES[cause] in card
    assert HEADLINES[cause] in mail
    assert strict.tenant.directory.restarts == []
    assert strict.tenant.directory.secret_saves == []


async def test_the_credential_alone_is_acted_on(strict: Stage) -> None:
    """With a token in the vault that passes, one look at an expired one ends in one save and one restart."""
    await until(lambda: strict.story.druva.job.last_successful)
    await strict.strike_druva()
    product = strict.product()
    await strict.look(product, strict.story.druva)
    await strict.watch(product, strict.story.druva, IncidentState.RECOVERED)
    assert len(strict.tenant.directory.secret_saves) == len(strict.tenant.directory.restarts) == 1
    assert len(strict.cards(DRUVA)) == 2


@pytest.mark.parametrize("ailment", [*ENTRIES, Ailment.REFERENCE_UNRESOLVED])
async def test_entries_that_fail_without_quarantine_are_recognised_on_demand(lenient: Stage, ailment: Ailment) -> None:
    """A small company's failures quarantine nothing; asked, the product names their cause and what to do."""
    application = _sufferer(lenient, ailment)
    await _fall_ill(lenient, application, ailment)
    await until(lambda: _failed(lenient, application))
    product = lenient.product()
    findings = await _diagnose(product, application)
    assert application.job.quarantine is None
    assert findings.condition is Condition.FAILING_WITHOUT_QUARANTINE
    _assert_names(findings, Cause(ailment.value))
    assert not findings.diagnosis.may_rotate
    await lenient.look(product, application)
    assert lenient.tenant.inboxes.teams == []
    assert lenient.tenant.directory.secret_saves == []
    assert lenient.tenant.directory.restarts == []


async def test_a_skip_is_no_failure(lenient: Stage) -> None:
    """Users out of scope leave the job healthy: nothing blames the target, nothing is to be done."""
    application = _sufferer(lenient, Ailment.OUT_OF_SCOPE_SKIP)
    await _fall_ill(lenient, application, Ailment.OUT_OF_SCOPE_SKIP)
    await until(lambda: application.job.skips_told)
    findings = await _diagnose(lenient.product(), application)
    assert findings.well
    assert findings.evidence.failures == ()
    assert findings.diagnosis.cause in (Cause.UNKNOWN, Cause.OUT_OF_SCOPE_SKIP)
    assert findings.remedies == ()


async def test_a_mixture_names_what_is_in_it(strict: Stage) -> None:
    """Where no pattern leads, the threshold is the cause, and the patterns stand beside it with their shares."""
    application = _sufferer(strict, Ailment.ESCROW_THRESHOLD)
    await until(lambda: application.job.last_successful)
    await afflict(strict.tenant, application, Ailment.ESCROW_THRESHOLD, entries=_MIXED)
    await strict.until_quarantined(application)
    diagnosis = (await _diagnose(strict.product(), application)).diagnosis
    assert diagnosis.cause is Cause.ESCROW_THRESHOLD
    assert {other.cause for other in diagnosis.others} == {
        Cause.MISSING_REQUIRED_ATTRIBUTE,
        Cause.UNIQUENESS_CONFLICT,
        Cause.SCHEMA_OR_MAPPING_ERROR,
        Cause.INVALID_DOMAIN,
        Cause.LICENSE_OR_QUOTA,
    }
    assert all(other.share == pytest.approx(0.2) for other in diagnosis.others)


def _sufferer(stage: Stage, ailment: Ailment) -> Application:
    """Return the application that is to suffer; Miro has a secret in the vault, so that the target is probed."""
    return stage.tenant.applications[WORKPLACE if ailment is Ailment.ACCIDENTAL_DELETION else MIRO]


async def _fall_ill(stage: Stage, application: Application, ailment: Ailment) -> None:
    await until(lambda: application.job.last_successful)
    entries = _MIXED if ailment is Ailment.ESCROW_THRESHOLD else 3
    await afflict(stage.tenant, application, ailment, entries=entries)


async def _diagnose(product: Pratique, application: Application) -> Findings:
    return await product.diagnostician.diagnose(application.service_principal.id, application.job.id)


def _failed(stage: Stage, application: Application) -> bool:
    records = [one for one in stage.tenant.records.provisioning if one["jobId"] == application.job.id]
    return any(one["provisioningStatusInfo"]["status"] == "failure" for one in records)


def _assert_names(findings: Findings, cause: Cause) -> None:
    diagnosis = findings.diagnosis
    assert diagnosis.cause is cause, diagnosis
    assert diagnosis.confidence is not Confidence.LOW, diagnosis
    assert findings.remedies
    assert all(one.steps for one in findings.remedies)
    assert f"Cause: {cause} " in to_text(findings)
    assert f"`{cause}`" in to_markdown(findings)
