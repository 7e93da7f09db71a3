"""Every ailment yields the quarantine or the failure records that its cause is known by, and healing takes it away."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from emulator.ailments import Ailment, afflict, heal
from emulator.breakage import Breakage
from emulator.clock import ManualClock
from emulator.engine import users_named
from emulator.jobs import SyncError
from emulator.settings import EmulatorSettings
from emulator.tenant import Application, EmbeddedTenant
from shared.diagnosis.causes import Cause
from tests.emulator.conftest import Caller, calling, cycle

EXCEPTION, PROPORTION = "EncounteredQuarantineException", "EncounteredEscrowProportionThreshold"
_PREFIX = "SystemForCrossDomainIdentityManagement"
QUARANTINES = {
    Ailment.INVALID_CREDENTIALS: (EXCEPTION, "Unauthorized"),
    Ailment.INSUFFICIENT_PERMISSIONS: (EXCEPTION, "Forbidden"),
    Ailment.SCIM_NONCOMPLIANCE: (EXCEPTION, "HTTP/404"),
    Ailment.TARGET_UNREACHABLE: (EXCEPTION, "An error occurred while sending the request"),
    Ailment.RATE_LIMITED: (EXCEPTION, "TooManyRequests"),
    Ailment.DUPLICATE_ROLES: (EXCEPTION, "app roles with duplicate attribute values"),
    Ailment.ACCIDENTAL_DELETION: ("TooManyDeletes", "threshold"),
    Ailment.ON_DEMAND_QUARANTINE: ("QuarantinedOnDemand", "quarantined"),
    Ailment.NOTIFICATION_EMAIL_MISSING: (EXCEPTION, "notification email"),
    Ailment.INBOUND_UNAUTHORIZED: (EXCEPTION, "Access token has expired"),
    Ailment.AGENT_UNAVAILABLE: (EXCEPTION, "active agent"),
    Ailment.TRANSIENT_ENTRA_SIDE: (EXCEPTION, "internal service error"),
}
FAILURES = {
    Ailment.MISSING_REQUIRED_ATTRIBUTE: (f"{_PREFIX}ServiceIncompatible", "Required attribute"),
    Ailment.INVALID_ATTRIBUTE_VALUE: (f"{_PREFIX}ServiceIncompatible", "invalidValue"),
    Ailment.UNIQUENESS_CONFLICT: ("EntryConflict", "uniqueness"),
    Ailment.MATCHING_FAILURE: ("DuplicateTargetEntries", "more than one user"),
    Ailment.INBOUND_INVALID_DATA_FORMAT: ("InvalidDataFormat", "scim+json"),
    Ailment.INVALID_UPN: ("AzureActiveDirectoryInvalidUserPrincipalName", "not valid"),
    Ailment.INVALID_DOMAIN: (f"{_PREFIX}ServiceIncompatible", "PreconditionFailed"),
    Ailment.LICENSE_OR_QUOTA: ("InsufficientRights", "available licenses"),
    Ailment.SCHEMA_OR_MAPPING_ERROR: (f"{_PREFIX}ServiceIncompatible", "invalidPath"),
}


@pytest.fixture
async def tenant(state_dir: Path, clock: ManualClock) -> AsyncIterator[EmbeddedTenant]:
    """Return a tenant that waits briefly, and quarantines from three failing entries on."""
    settings = EmulatorSettings(target_timeout=0.3, failures_before_quarantine=2, escrow_floor=3)
    async with EmbeddedTenant(state_dir, clock=clock, settings=settings) as embedded:
        yield embedded
        assert embedded.unserved == []


@pytest.fixture
async def application(tenant: EmbeddedTenant, clock: ManualClock) -> Application:
    """Return a healthy application with four users, one more than may leave at once."""
    one = await tenant.add_application("Box", users=users_named("Box", 4), deletion_threshold=3)
    await cycle(tenant, clock)
    return one


@pytest.fixture
async def caller(tenant: EmbeddedTenant, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Caller]:
    """Return a caller with every role."""
    async with calling(tenant, monkeypatch) as one:
        yield one


def failures(tenant: EmbeddedTenant) -> list[dict[str, Any]]:
    """Return the failed records."""
    return [one for one in tenant.records.provisioning if one["provisioningStatusInfo"]["status"] == "failure"]


def test_there_is_an_ailment_for_every_cause() -> None:
    """The vocabulary is the product's, and each is tested below."""
    assert {one.value for one in Ailment} == {one.value for one in Cause} - {Cause.UNKNOWN.value}
    others = {Ailment.REFERENCE_UNRESOLVED, Ailment.ESCROW_THRESHOLD, Ailment.OUT_OF_SCOPE_SKIP}
    assert set(QUARANTINES) | set(FAILURES) | others == set(Ailment)


@pytest.mark.parametrize("ailment", QUARANTINES)
async def test_a_job_is_quarantined_and_heals(
    tenant: EmbeddedTenant, clock: ManualClock, application: Application, ailment: Ailment
) -> None:
    """The quarantine gives the reason and the words of its cause, lasts while it lasts, and ends after it."""
    await afflict(tenant, application, ailment)
    for _ in range(3):
        await cycle(tenant, clock)
    quarantine = application.job.quarantine
    assert quarantine is not None
    assert quarantine.error is not None
    reason, words = QUARANTINES[ailment]
    assert quarantine.reason == reason
    assert words in quarantine.error.message
    await heal(tenant, application, ailment)
    tenant.engine.restart(application.job, frozenset({"QuarantineState"}))
    if ailment is Ailment.ON_DEMAND_QUARANTINE:
        tenant.engine.start(application.job)
    await cycle(tenant, clock)
    assert "Succeeded" in str(application.job.last)
    assert (application.job.code, application.job.resource([])["status"]["quarantine"]) == ("Active", None)


@pytest.mark.parametrize("ailment", FAILURES)
async def test_entries_fail_until_they_heal(
    tenant: EmbeddedTenant, clock: ManualClock, application: Application, ailment: Ailment
) -> None:
    """Each new user's failure has the code and the words, and the job is quarantined for their share, without error."""
    await afflict(tenant, application, ailment)
    await cycle(tenant, clock)
    assert application.job.quarantine is not None
    assert (application.job.quarantine.reason, application.job.quarantine.error) == (PROPORTION, None)
    assert application.job.last is not None
    assert application.job.last.state == "EntryLevelErrors"
    # Every user has a twin at the target then, also those who were provisioned before.
    assert application.job.last.counts.escrowed == (7 if ailment is Ailment.MATCHING_FAILURE else 3)
    code, words = FAILURES[ailment]
    for record in failures(tenant):
        information = record["provisioningStatusInfo"]["errorInformation"]
        assert information["errorCode"] == code
        assert words in information["reason"]
        assert "This operation was retried 0 times. It will be retried again after this date: " in information["reason"]
        assert [step["status"] for step in record["provisioningSteps"]][-1] == "failure"
    await cycle(tenant, clock)
    assert "This operation was retried 1 times." in str(failures(tenant)[-1])
    await heal(tenant, application, ailment)
    await clock.advance(timedelta(seconds=10))
    await tenant.engine.run_due()
    assert (application.job.code, len(application.target.users())) == ("Active", 7)


async def test_few_failures_do_not_quarantine(
    tenant: EmbeddedTenant, clock: ManualClock, application: Application
) -> None:
    """Below the floor the share of failures does not count."""
    await afflict(tenant, application, Ailment.UNIQUENESS_CONFLICT, entries=2)
    await cycle(tenant, clock)
    assert application.job.quarantine is None
    assert len(failures(tenant)) == 2


async def test_mixed_failures_reach_the_threshold(
    tenant: EmbeddedTenant, clock: ManualClock, application: Application
) -> None:
    """An escrow threshold without one leading reason: as many kinds of failure as entries."""
    await afflict(tenant, application, Ailment.ESCROW_THRESHOLD, entries=5)
    await cycle(tenant, clock)
    assert application.job.quarantine is not None
    assert application.job.quarantine.reason == PROPORTION
    assert len({one["provisioningStatusInfo"]["errorInformation"]["reason"][:-90] for one in failures(tenant)}) == 5


@pytest.mark.parametrize(
    ("base", "total", "reason"), [(2, 60, "EncounteredBaseEscrowThreshold"), (60, 2, "EncounteredTotalEscrowThreshold")]
)
async def test_absolute_thresholds(state_dir: Path, clock: ManualClock, base: int, total: int, reason: str) -> None:
    """More failures than either absolute threshold quarantine the job with that threshold's reason."""
    settings = EmulatorSettings(escrow_base=base, escrow_total=total, escrow_error=True)
    async with EmbeddedTenant(state_dir, clock=clock, settings=settings) as tenant:
        application = await tenant.add_application("Box")
        await afflict(tenant, application, Ailment.UNIQUENESS_CONFLICT)
        await cycle(tenant, clock)
        assert application.job.quarantine is not None
        assert application.job.quarantine.reason == reason
        assert application.job.quarantine.error is not None


async def test_references_heal_by_themselves(
    tenant: EmbeddedTenant, clock: ManualClock, application: Application
) -> None:
    """An absent manager fails only the reference, never quarantines, and is set once the manager is there."""
    await afflict(tenant, application, Ailment.REFERENCE_UNRESOLVED)
    await cycle(tenant, clock)
    assert application.job.quarantine is None
    assert {one["provisioningSteps"][-1]["provisioningStepType"] for one in failures(tenant)} == {"referenceResolution"}
    before = len(failures(tenant))
    assert before == 3
    await heal(tenant, application, Ailment.REFERENCE_UNRESOLVED)
    await cycle(tenant, clock)
    assert len(failures(tenant)) == before
    assert str(application.target.users()).count("'manager'") >= 3


async def test_skipped_users_are_told_once(
    tenant: EmbeddedTenant, clock: ManualClock, application: Application
) -> None:
    """Who is not entitled is recorded as skipped with the reason, and counts as no failure."""
    await afflict(tenant, application, Ailment.OUT_OF_SCOPE_SKIP)
    await cycle(tenant, clock)
    await cycle(tenant, clock)
    skipped = [one for one in tenant.records.provisioning if one["provisioningStatusInfo"]["status"] == "skipped"]
    assert len(skipped) == 3
    assert skipped[0]["provisioningSteps"][-1]["details"]["SkipReason"] == "NotEffectivelyEntitled"
    assert application.job.last is not None
    assert application.job.last.state == "Succeeded"
    await heal(tenant, application, Ailment.OUT_OF_SCOPE_SKIP)
    await cycle(tenant, clock)
    assert len(application.target.users()) == 7


async def test_a_flood_is_cheap_and_can_be_summarised(
    tenant: EmbeddedTenant, clock: ManualClock, application: Application, caller: Caller
) -> None:
    """Rows of one job are written to Log Analytics alone, with as many users as asked for."""
    errors = [SyncError("EntryConflict", "one"), SyncError("NotImplemented", "two")]
    tenant.records.flood(application, 3000, errors, users=500)
    await clock.advance(timedelta(seconds=tenant.settings.ingestion_delay))
    query = (
        "AADProvisioningLogs | where ResultType == 'Failure' | summarize n = count(), "
        "u = dcount(tostring(parse_json(SourceIdentity).id)) by JobId, ResultSignature | order by ResultSignature asc"
    )
    url = f"{tenant.logs.origin}/v1/workspaces/{tenant.logs.workspace_id}/query"
    headers = {"Authorization": f"Bearer {await caller.token(tenant.logs.origin)}"}
    response = await caller.http.post(url, json={"query": query}, headers=headers)
    rows = response.json()["tables"][0]["rows"]
    assert [row[:2] for row in rows] == [[application.job.id, "EntryConflict"], [application.job.id, "NotImplemented"]]
    assert [row[2] for row in rows] == [1500, 1500]
    assert failures(tenant) == []


JOB_BREAKS = {
    Breakage.UNAUTHORIZED: "Unauthorized",
    Breakage.SERVER_ERROR: "ServiceUnavailable",
    Breakage.SLOW: "timed out",
    Breakage.UNTRUSTED_CERTIFICATE: "sending the request",
    Breakage.WRONG_CONTENT_TYPE: "text/html",
    Breakage.HTML_PAGE: "<!DOCTYPE html>",
    Breakage.FILTER_REJECTED: "invalidFilter",
}
ENTRY_BREAKS = {
    Breakage.FILTER_IGNORED: "MultipleEntriesInResponse",
    Breakage.READ_ONLY_ACCOUNT: "InsufficientRights",
    Breakage.INVALID_DOMAIN: "is not verified",
    Breakage.PAYMENT_REQUIRED: "PaymentRequired",
    Breakage.WRITE_HTML_PAGE: "<!DOCTYPE html>",
}


@pytest.mark.parametrize("breakage", JOB_BREAKS)
async def test_a_broken_target_quarantines(
    tenant: EmbeddedTenant, clock: ManualClock, application: Application, breakage: Breakage
) -> None:
    """What concerns every request quarantines the job, and mending it lifts the quarantine."""
    await tenant.break_target(application, breakage)
    await cycle(tenant, clock)
    await cycle(tenant, clock)
    assert application.job.quarantine is not None
    assert application.job.quarantine.error is not None
    assert JOB_BREAKS[breakage] in application.job.quarantine.error.message
    await tenant.break_target(application, None)
    await clock.advance(timedelta(seconds=10))
    await tenant.engine.run_due()
    assert application.job.quarantine is None


@pytest.mark.parametrize("breakage", ENTRY_BREAKS)
async def test_a_broken_write_fails_entries(
    tenant: EmbeddedTenant, clock: ManualClock, application: Application, breakage: Breakage
) -> None:
    """What concerns an entry is told in its record."""
    application.job.users.extend(users_named("New", 2))
    await tenant.break_target(application, breakage)
    await cycle(tenant, clock)
    assert failures(tenant)
    for record in failures(tenant):
        assert ENTRY_BREAKS[breakage] in str(record["provisioningStatusInfo"])


@pytest.mark.parametrize("breakage", [Breakage.PATCH_MISSING, Breakage.IMMUTABLE, Breakage.MEMBER_UNRESOLVED])
async def test_a_broken_patch_fails_updates(
    tenant: EmbeddedTenant, clock: ManualClock, application: Application, breakage: Breakage
) -> None:
    """A change of an existing user meets what is wrong with PATCH; the announcement says so where it can."""
    first, second, *others = application.job.users
    changed = type(first)(first.id, first.user_name, first.display_name, manager_id=second.id)
    if breakage is not Breakage.MEMBER_UNRESOLVED:
        changed = type(first)(first.id, first.user_name, "Another Name")
    application.job.users[:] = [changed, second, *others]
    await tenant.break_target(application, breakage)
    await cycle(tenant, clock)
    (record,) = failures(tenant)
    assert record["provisioningAction"] == "update"
    await tenant.break_target(application, None)
    await cycle(tenant, clock)
    assert len(failures(tenant)) == 1
    assert application.job.last is not None
    assert application.job.last.state == "Succeeded"


async def test_missing_patch_is_announced(tenant: EmbeddedTenant, application: Application, caller: Caller) -> None:
    """ServiceProviderConfig says that PATCH is not supported while it is not."""
    token = application.target.issue_token()
    url = f"{application.target.tenant_url}/ServiceProviderConfig"
    announced = []
    for breakage in (None, Breakage.PATCH_MISSING):
        await tenant.break_target(application, breakage)
        response = await caller.http.get(url, headers={"Authorization": f"Bearer {token}"})
        announced.append(response.json()["patch"]["supported"])
    assert announced == [True, False]
