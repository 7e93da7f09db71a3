"""The provisioning service quarantines, slows down and recovers as its public page says, through real SCIM requests."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from emulator.clock import ManualClock
from emulator.engine import users_named
from emulator.faults import RecordedRequest, Reset, Status
from emulator.settings import EmulatorSettings
from emulator.targets import Behaviour
from emulator.tenant import Application, EmbeddedTenant
from tests.emulator.conftest import Caller, cycle, job_path, secrets_path

REJECTED = "SystemForCrossDomainIdentityManagementCredentialValidationFailure"


@pytest.fixture
async def application(tenant: EmbeddedTenant) -> Application:
    """Return an application with three users."""
    return await tenant.add_application("Box", users=users_named("Box", 3))


@pytest.fixture
async def eager(state_dir: Path) -> AsyncIterator[EmbeddedTenant]:
    """Return a tenant in real time with very short intervals, its engine running."""
    settings = EmulatorSettings(cycle_interval=0.05)
    async with EmbeddedTenant(state_dir, settings=settings) as tenant:
        tenant.start_engine()
        yield tenant


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so; fail if it does not become so."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110  # the engine tells nobody when it has run a cycle
            await asyncio.sleep(0.01)


async def save(tenant: EmbeddedTenant, clock: ManualClock, application: Application, token: str) -> None:
    """Save a token and let it settle."""
    tenant.directory.secrets.put(application.service_principal.id, {"SecretToken": token})
    await clock.advance(timedelta(seconds=tenant.settings.secrets_settle))


async def test_users_are_created_once_and_leavers_disabled(
    tenant: EmbeddedTenant, clock: ManualClock, application: Application
) -> None:
    """The first cycle creates, the second finds; a leaver is set inactive at the target."""
    await cycle(tenant, clock)
    await cycle(tenant, clock)
    assert len(application.target.users()) == 3
    leaver = application.job.users.pop()
    application.job.leavers.append(leaver)
    await cycle(tenant, clock)
    active = {user["userName"]: user["active"] for user in application.target.users()}
    assert active[leaver.user_name] is False
    assert list(active.values()).count(True) == 2
    assert application.job.leavers == []
    actions = [
        (one["provisioningAction"], one["provisioningStatusInfo"]["status"]) for one in tenant.records.provisioning
    ]
    assert actions == [("create", "success")] * 3 + [("disable", "success")]


async def test_a_refused_token_quarantines_and_a_new_one_heals(
    tenant: EmbeddedTenant, clock: ManualClock, application: Application, caller: Caller
) -> None:
    """401 gives the documented reason, code and message; a saved good token lets the next attempt lift it."""
    await cycle(tenant, clock)
    application.target.expire_tokens()
    await cycle(tenant, clock)
    status = (await caller.job(application))["status"]
    quarantine = status["quarantine"]
    assert (status["code"], status["lastExecution"]["state"]) == ("Quarantine", "Failed")
    assert quarantine["reason"] == "EncounteredQuarantineException"
    assert quarantine["error"]["code"] == status["lastExecution"]["error"]["code"] == REJECTED
    assert "Response Status Code: Unauthorized" in quarantine["error"]["message"]
    assert (quarantine["seriesCount"], quarantine["seriesBegan"]) == (1, quarantine["currentBegan"])
    assert status["countSuccessiveCompleteFailures"] == 1
    await save(tenant, clock, application, application.target.issue_token())
    await cycle(tenant, clock)
    status = (await caller.job(application))["status"]
    assert (status["code"], status["quarantine"], status["lastExecution"]["state"]) == ("Active", None, "Succeeded")
    assert status["countSuccessiveCompleteFailures"] == 0


async def test_a_cycle_before_the_save_settled_uses_the_old_token(
    tenant: EmbeddedTenant, application: Application, caller: Caller
) -> None:
    """A PUT that has not settled does not help the cycle that begins meanwhile."""
    application.target.expire_tokens()
    token = application.target.issue_token()
    body = {"value": [{"key": "SecretToken", "value": token}]}
    assert (await caller.graph("PUT", secrets_path(application), body)).status_code == 204
    await tenant.engine.run_due()
    assert application.job.code == "Quarantine"
    assert f"Bearer {token}" not in application.target.authorizations


async def test_attempts_slow_down_and_end_in_a_disabled_job(
    tenant: EmbeddedTenant, clock: ManualClock, application: Application, caller: Caller
) -> None:
    """Attempts follow after 1, 2, 4, 4 intervals; each raises the count; after 28 days the job is disabled."""
    application.target.expire_tokens()
    await tenant.engine.run_due()
    interval, waits = tenant.settings.cycle_interval, []
    for _ in range(4):
        before = application.target.request_count
        waited = 0.0
        while application.target.request_count == before:
            await clock.advance(timedelta(seconds=interval))
            waited += interval
            await tenant.engine.run_due()
        waits.append(waited / interval)
    assert waits == [1, 2, 4, 4]
    quarantine = application.job.quarantine
    assert quarantine is not None
    assert quarantine.series_count == 5
    assert quarantine.current_began > quarantine.series_began
    await clock.advance(timedelta(days=28))
    await tenant.engine.run_due()
    job = await caller.job(application)
    assert (job["schedule"]["state"], job["status"]["code"]) == ("Disabled", "Quarantine")
    assert job["status"]["quarantine"]["nextAttempt"] == "0001-01-01T00:00:00Z"
    await clock.advance(timedelta(days=28))
    assert await tenant.engine.run_due() == 0


async def test_404_quarantines_with_the_code_of_a_bad_credential(tenant: EmbeddedTenant) -> None:
    """Only the message tells a wrong answer from a wrong token."""
    application = await tenant.add_application("Intranet", behaviour=Behaviour.NOT_FOUND_FOR_EMPTY)
    await tenant.engine.run_due()
    quarantine = application.job.quarantine
    assert quarantine is not None
    assert quarantine.error is not None
    assert (quarantine.reason, quarantine.error.code) == ("EncounteredQuarantineException", REJECTED)
    assert quarantine.error.message.startswith("An HTTP/404 Not Found response was returned")


async def test_missing_credentials_are_invalid_ones(tenant: EmbeddedTenant, application: Application) -> None:
    """Without a tenant URL nothing is sent and the job says so."""
    tenant.directory.secrets.preset(application.service_principal.id, {"SecretToken": "x"})
    await tenant.engine.run_due()
    assert application.job.quarantine is not None
    assert application.job.quarantine.error is not None
    assert application.job.quarantine.error.code == "SystemForCrossDomainIdentityManagementInvalidCredentials"
    assert application.target.request_count == 0


@pytest.mark.parametrize("fault", [Status(503), Reset()])
async def test_an_absent_target_is_given_three_cycles(
    tenant: EmbeddedTenant, clock: ManualClock, application: Application, fault: Status | Reset
) -> None:
    """Two failed cycles leave the job active, the third quarantines it as unavailable; the target's return heals it."""
    tenant.faults.add("target:Box", "GET", "/Users", fault, times=None)
    codes = []
    for _ in range(3):
        await cycle(tenant, clock)
        assert application.job.last is not None
        assert application.job.last.state == "Failed"
        codes.append(application.job.code)
    assert codes == ["Active", "Active", "Quarantine"]
    assert application.job.quarantine is not None
    assert application.job.quarantine.error is not None
    assert application.job.quarantine.error.code == "CredentialValidationUnavailable"
    tenant.faults.clear()
    await cycle(tenant, clock)
    assert (application.job.code, application.job.complete_failures) == ("Active", 0)


async def test_too_many_deletes_send_nothing(tenant: EmbeddedTenant, clock: ManualClock, caller: Caller) -> None:
    """Above the threshold nobody is disabled; a quarantine-only restart changes nothing, ForceDeletes lets them go."""
    application = await tenant.add_application("Workplace", users=users_named("Workplace", 4), deletion_threshold=3)
    await cycle(tenant, clock)
    job = application.job
    job.leavers, job.users = job.users, []
    for scope, reason in ((None, "TooManyDeletes"), ("QuarantineState", "TooManyDeletes"), ("ForceDeletes", None)):
        if scope:
            body = {"criteria": {"resetScope": scope}}
            assert (await caller.graph("POST", job_path(application, "/restart"), body)).status_code == 204
        await cycle(tenant, clock)
        assert (job.quarantine.reason if job.quarantine else None) == reason
        active = [user["active"] for user in application.target.users()]
        assert active == [reason is not None] * 4
    settings = (await caller.job(application))["synchronizationJobSettings"]
    assert {"name": "QuarantineTooManyDeletesThreshold", "value": "3"} in settings


async def test_leavers_of_a_running_cycle_wait_for_the_next_ones_threshold(
    tenant: EmbeddedTenant, clock: ManualClock
) -> None:
    """Everybody leaves while a cycle is under way: it disables nobody unchecked, and the next cycle is stopped."""
    application = await tenant.add_application("Workplace", users=users_named("Workplace", 4), deletion_threshold=3)
    await cycle(tenant, clock)
    job, tested = application.job, application.target.request_count + 1

    async def everybody_leaves(request: RecordedRequest) -> None:
        # The first request only tests the credentials; after it the threshold is looked at, and entries follow.
        if request.service == "target:Workplace" and application.target.request_count >= tested and job.users:
            job.leavers, job.users = [*job.leavers, *job.users], []

    tenant.faults.before.append(everybody_leaves)
    await cycle(tenant, clock)
    tenant.faults.before.remove(everybody_leaves)
    await cycle(tenant, clock)
    assert [user["active"] for user in application.target.users()] == [True] * 4
    assert job.quarantine is not None
    assert job.quarantine.reason == "TooManyDeletes"


async def test_one_failing_entry_does_not_fail_the_cycle(
    tenant: EmbeddedTenant, clock: ManualClock, application: Application
) -> None:
    """A conflict is escrowed, told in the provisioning records, and lifts nothing less than a good cycle."""
    tenant.faults.add("target:Box", "POST", "/Users", Status(409))
    await cycle(tenant, clock)
    last = application.job.last
    assert last is not None
    assert (last.state, last.counts.exported, last.counts.escrowed) == ("EntryLevelErrors", 2, 1)
    assert application.job.code == "Active"
    failed = [one for one in tenant.records.provisioning if one["provisioningStatusInfo"]["status"] == "failure"]
    (information,) = [one["provisioningStatusInfo"]["errorInformation"] for one in failed]
    assert information["errorCode"] == "EntryConflict"
    assert information["reason"].startswith("StatusCode: Conflict Message:")


async def test_a_quarantine_on_demand_stays(
    tenant: EmbeddedTenant, clock: ManualClock, application: Application, caller: Caller
) -> None:
    """No cycle runs, so none lifts it; a person's start does."""
    await cycle(tenant, clock)
    tenant.engine.quarantine_on_demand(application.job.id)
    await clock.advance(timedelta(days=1))
    assert await tenant.engine.run_due() == 0
    assert application.job.quarantine is not None
    assert application.job.quarantine.reason == "QuarantinedOnDemand"
    assert (await caller.graph("POST", job_path(application, "/start"))).status_code == 204
    await cycle(tenant, clock)
    assert application.job.code == "Active"


async def test_records_are_visible_late_in_both_tables(
    tenant: EmbeddedTenant, clock: ManualClock, application: Application, caller: Caller
) -> None:
    """A quarantine and the cycle before it can be queried in Log Analytics, once ingested, with their columns."""
    await cycle(tenant, clock)
    application.target.expire_tokens()
    await cycle(tenant, clock)
    query = "AuditLogs | where OperationName == 'Quarantine' | project Result, ResultDescription, TargetResources"
    assert await rows(caller, query) == []
    await clock.advance(timedelta(seconds=tenant.settings.ingestion_delay))
    ((result, description, targets),) = await rows(caller, query)
    assert result == "failure"
    assert description.startswith(
        "This run profile is being quarantined because of: EncounteredQuarantineException; Error: While attempting"
    )
    assert json.loads(targets)[0]["id"] == application.service_principal.id
    query = "AADProvisioningLogs | project JobId, ResultType, ServicePrincipal"
    (job_id, outcome, principal), *others = await rows(caller, query)
    assert (job_id, outcome, len(others)) == (application.job.id, "Success", 2)
    assert json.loads(principal) == {"id": application.service_principal.id, "displayName": "Box"}
    (audit,) = tenant.records.audits
    assert audit["id"].startswith(f"Sync_{audit['correlationId']}_")
    assert audit["activityDisplayName"] == "Quarantine"
    assert (audit["category"], audit["loggedByService"]) == ("ProvisioningManagement", "Account Provisioning")


async def rows(caller: Caller, query: str) -> list[list[Any]]:
    """Run KQL and return the rows."""
    logs = caller.tenant.logs
    url = f"{logs.origin}/v1/workspaces/{logs.workspace_id}/query"
    headers = {"Authorization": f"Bearer {await caller.token(logs.origin)}"}
    response = await caller.http.post(url, json={"query": query}, headers=headers)
    assert response.status_code == 200, response.text
    return list(response.json()["tables"][0]["rows"])


async def test_a_slow_target_delays_only_its_own_job(eager: EmbeddedTenant) -> None:
    """While one target does not answer, another job's cycles go on; the engine runs by itself."""
    fast = await eager.add_application("Fast")
    slow = await eager.add_application("Slow")
    release = asyncio.Event()

    async def hold(request: Any) -> None:
        if request.service == "target:Slow":
            await release.wait()

    eager.faults.before.append(hold)
    await until(lambda: fast.target.request_count >= 3)
    assert slow.job.last is None
    release.set()
    await until(lambda: slow.job.last is not None)


async def test_what_breaks_in_the_engine_is_raised(eager: EmbeddedTenant) -> None:
    """An engine that fails says so when it is stopped, instead of quietly running no cycles."""
    application = await eager.add_application("Box")
    del eager.directory.service_principals[application.service_principal.id]
    await until(lambda: eager._working is not None and eager._working.done())
    with pytest.raises(ExceptionGroup) as caught:
        await eager.stop_engine()
    assert caught.group_contains(KeyError, depth=2)
