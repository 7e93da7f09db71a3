"""Each part of the evidence is read, empty or blind, and never one of them for another."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from emulator.breakage import Breakage
from emulator.changes import Change
from emulator.entra import Role
from emulator.faults import Status, Timeout
from emulator.jobs import SyncError
from shared.clients.logs import with_values
from shared.clients.scim import ScimProbe
from shared.diagnosis.evidence import Part, ProbeFinding, Sight
from shared.errors import Refused
from shared.tokens.credential_test import TestResult
from tests.evidence.conftest import VAULT_TOKEN, Scene

PROBE = ScimProbe(private_allowed=True, deadline=timedelta(seconds=3))
CONFLICT = (
    "StatusCode: Conflict Message: Processing of the HTTP request resulted in an exception. Please see the HTTP "
    "response returned by the 'Response' property of this exception for details. Web Response: "
    '{{"detail":"User \'{0}@contoso.example\' already exists","scimType":"uniqueness"}}. '
    "This operation was retried 3 times. It will be retried again later."
)


async def test_a_healthy_job_is_read_and_has_nothing_to_show(scene: Scene) -> None:
    """What was looked at and not found is empty, not blind."""
    evidence = await scene.gather(prober=PROBE)
    assert evidence.blind == (), evidence.blind_because
    assert evidence.sights == {
        Part.JOB: Sight.READ,
        Part.SECRET_KEYS: Sight.READ,
        Part.AUDIT: Sight.EMPTY,
        Part.FAILURES: Sight.EMPTY,
        Part.CREDENTIAL_TEST: Sight.READ,
        Part.PROBE: Sight.READ,
    }
    assert evidence.secret_keys == ("BaseAddress", "SecretToken", "SyncAll", "SyncNotificationSettings")
    assert evidence.credential_test is not None
    assert evidence.credential_test.result is TestResult.PASSED
    assert evidence.probe is ProbeFinding.OK


async def test_a_shallow_look_asks_nobody(scene: Scene) -> None:
    """Only the job that was just read is there; the rest was not asked, which is not blind."""
    before = len(scene.tenant.requests)
    evidence = await scene.gather(deep=False)
    assert evidence.sights == {Part.JOB: Sight.READ}
    assert evidence.blind == ()
    assert [request.path for request in scene.tenant.requests[before:] if "/msi/" not in request.path][1:] == []


async def test_a_shallow_look_reads_the_audit_text_where_the_job_is_silent(scene: Scene) -> None:
    """A quarantine without an error is explained by the audit log alone; one with an error needs no query."""
    scene.tenant.engine.quarantine_on_demand(scene.application.job.id)
    job = await scene.job()
    assert job.quarantine is not None
    assert job.quarantine.error is not None
    assert (await scene.gather(deep=False, job=job)).sight(Part.AUDIT) is Sight.NOT_ASKED
    silent = replace(job, quarantine=replace(job.quarantine, error=None))
    evidence = await scene.gather(deep=False, job=silent)
    assert evidence.sight(Part.AUDIT) is Sight.READ
    assert "QuarantinedOnDemand" in evidence.audit[0]


@pytest.mark.parametrize(
    ("breakage", "expected"),
    [
        (Breakage.UNAUTHORIZED, ProbeFinding.REJECTED),
        (Breakage.FORBIDDEN, ProbeFinding.FORBIDDEN),
        (Breakage.NOT_FOUND_FOR_EMPTY, ProbeFinding.NOT_FOUND_FOR_EMPTY),
        (Breakage.SERVER_ERROR, ProbeFinding.SERVER_ERROR),
        (Breakage.TOO_MANY_REQUESTS, None),
        (Breakage.UNTRUSTED_CERTIFICATE, ProbeFinding.TLS_FAULT),
        (Breakage.REFUSED, ProbeFinding.UNREACHABLE),
        (Breakage.WRONG_CONTENT_TYPE, ProbeFinding.WRONG_CONTENT_TYPE),
        (Breakage.HTML_PAGE, ProbeFinding.NOT_SCIM),
        (Breakage.FILTER_REJECTED, ProbeFinding.FILTER_REJECTED),
        (Breakage.PATCH_MISSING, ProbeFinding.PATCH_MISSING),
    ],
)
async def test_a_broken_target_is_found_out(scene: Scene, breakage: Breakage, expected: ProbeFinding | None) -> None:
    """A real SCIM server, broken in one way, has its finding; one that asks for patience leaves the probe blind."""
    await scene.tenant.break_target(scene.application, breakage)
    evidence = await scene.gather(prober=PROBE)
    assert evidence.probe is expected, evidence.blind_because
    assert evidence.sight(Part.PROBE) is (Sight.READ if expected else Sight.BLIND)


async def test_the_audit_text_is_read_from_the_workspace(scene: Scene) -> None:
    """The newest texts of this service principal alone, each once."""
    principal = scene.application.service_principal
    other = (await scene.tenant.add_application("Other")).service_principal
    scene.tenant.records.quarantined(principal, "EncounteredQuarantineException", None)
    scene.tenant.records.quarantined(principal, "EncounteredQuarantineException", None)
    scene.tenant.records.quarantined(other, "TooManyDeletes", None)
    evidence = await scene.gather()
    assert evidence.sight(Part.AUDIT) is Sight.READ
    assert evidence.audit == ("This run profile is being quarantined because of: EncounteredQuarantineException",)


async def test_the_audit_text_is_read_from_graph_without_a_workspace(scene: Scene) -> None:
    """Graph's directoryAudits says the same."""
    scene.tenant.records.quarantined(scene.application.service_principal, "TooManyDeletes", None)
    evidence = await scene.gather(workspace=False)
    assert evidence.sight(Part.AUDIT) is Sight.READ, evidence.blind_because
    assert evidence.audit == ("This run profile is being quarantined because of: TooManyDeletes",)


async def test_failures_are_summarised_by_code_step_and_wording(scene: Scene) -> None:
    """Names and numbers make no group of their own; users are counted once; addresses keep their domain only."""
    for number in range(12):
        scene.fail(number % 4, "EntryConflict", CONFLICT.format(f"user{number}"))
    scene.fail(1, "MandatoryFieldsMissing", "The required field 'email' is missing.", ResultType="failure")
    scene.fail(2, "None", "Fine", ResultType="Success")
    scene.fail(3, "EntryConflict", "Another job's", JobId="other")
    evidence = await scene.gather()
    first, second = evidence.failures
    assert (first.code, first.step, first.count, first.users) == ("EntryConflict", "EntryExportAdd", 12, 4)
    assert 1 <= len(first.samples) <= 3
    assert all("_@contoso.example" in sample and "uniqueness" in sample for sample in first.samples)
    assert all("user" not in sample and len(sample) <= 300 for sample in first.samples)
    assert (second.code, second.count) == ("MandatoryFieldsMissing", 1)


async def test_streamed_casing_and_missing_columns_are_read(scene: Scene) -> None:
    """What only the JSON columns say, in either casing, and a step's status as a number."""
    empty = {"ResultType": "", "ResultSignature": "", "ResultDescription": "", "ProvisioningAction": ""}
    information = '"errorInformation":{"errorCode":"BoxEntryConflict","reason":"already exists"}'
    scene.fail(
        1,
        "",
        "",
        **empty
        | {
            "ProvisioningStatusInfo": f'{{"Status":"failure",{information}}}',
            "ProvisioningSteps": '[{"name":"EntryImportAdd","provisioningStepType":0,"status":0,"details":{}},'
            '{"name":"EntryExportAdd","provisioningStepType":2,"status":1,"details":{}}]',
            "SourceIdentity": '{"Id":"a","Name":"A"}',
        },
    )
    scene.fail(2, "", "", **empty | {"ProvisioningStatusInfo": f'{{"status":"failure",{information}}}'})
    (group,) = (await scene.gather()).failures
    assert (group.code, group.step, group.count, group.users) == ("BoxEntryConflict", "EntryExportAdd", 2, 2)
    assert group.samples == ("already exists",)


async def test_failures_before_the_last_good_cycle_are_left_out(scene: Scene) -> None:
    """What a good cycle has overcome is no evidence."""
    scene.fail(1, "EntryConflict", "old", TimeGenerated=(scene.clock.now() - timedelta(days=8)).isoformat())
    assert (await scene.gather()).failures == ()
    scene.fail(1, "EntryConflict", "new", TimeGenerated=(scene.clock.now() - timedelta(days=1)).isoformat())
    assert [group.samples for group in (await scene.gather()).failures] == [("new",)]


async def test_twenty_thousand_failures_become_twenty_groups(scene: Scene) -> None:
    """However many kinds there are, each failure is in one group, and the most frequent kinds stand alone."""
    for number in range(20_000):
        kind = number % 50
        text = f"The value {number} of field {'abcdefghijklmnopqrstuvwxyz'[kind % 26] * (1 + kind // 26)} is bad"
        scene.fail(number, f"Code{'ABCDE'[kind % 5]}" if number % 2 else "EntryConflict", text)
    evidence = await scene.gather(limit=timedelta(seconds=30))
    assert evidence.sight(Part.FAILURES) is Sight.READ, evidence.blind_because
    assert len(evidence.failures) <= 20
    assert sum(group.count for group in evidence.failures) == 20_000


@pytest.mark.parametrize(
    ("role", "blind", "workspace"),
    [
        (Role.SYNCHRONIZATION, {Part.SECRET_KEYS, Part.CREDENTIAL_TEST, Part.PROBE}, True),
        (Role.VAULT, {Part.PROBE}, True),
        (Role.AUDIT_LOG, {Part.AUDIT, Part.FAILURES}, False),
    ],
)
async def test_a_missing_permission_is_named(scene: Scene, role: Role, blind: set[Part], workspace: bool) -> None:
    """Each part that a role opens is blind without it, with the role's name; the others stand."""
    job = await scene.job()
    scene.tenant.entra.roles.discard(role)
    evidence = await scene.gather(prober=PROBE, workspace=workspace, job=job)
    assert set(evidence.blind) == blind
    assert all(str(role) in evidence.blind_because[part] for part in blind), evidence.blind_because


async def test_a_workspace_that_fails_is_stood_in_for_by_graph(scene: Scene) -> None:
    """The remark says so; without Graph's permission too the part is blind, with both reasons."""
    scene.tenant.records.quarantined(scene.application.service_principal, "TooManyDeletes", None)
    scene.tenant.entra.roles.discard(Role.LOGS)
    evidence = await scene.gather()
    assert evidence.sight(Part.AUDIT) is Sight.READ
    assert str(Role.LOGS) in evidence.blind_because[Part.AUDIT]
    scene.tenant.entra.roles.discard(Role.AUDIT_LOG)
    evidence = await scene.gather()
    assert evidence.sight(Part.AUDIT) is evidence.sight(Part.FAILURES) is Sight.BLIND
    assert str(Role.LOGS) in evidence.blind_because[Part.AUDIT]
    assert str(Role.AUDIT_LOG) in evidence.blind_because[Part.AUDIT]


async def test_a_part_that_hangs_is_blind_and_holds_nothing_up(scene: Scene) -> None:
    """The test of the credential never answers; the rest is there in time."""
    scene.tenant.faults.add("graph", "POST", "validateCredentials", Timeout(), times=None)
    evidence = await scene.gather(prober=PROBE, limit=timedelta(seconds=3))
    assert evidence.blind == (Part.CREDENTIAL_TEST,), evidence.blind_because
    assert "within 3 seconds" in evidence.blind_because[Part.CREDENTIAL_TEST]


@pytest.mark.parametrize(("records", "pages"), [(1200, 12), (2300, 20)])
async def test_graph_is_read_slowly_and_within_bounds(scene: Scene, records: int, pages: int) -> None:
    """Pages come within the allowance, not one 429; past the most pages the evidence says that there is more."""
    application, error = scene.application, SyncError("BoxEntryConflict", CONFLICT.format("somebody"))
    for number in range(records):
        user = application.job.users[number % 3]
        change = Change(user, "create", error=error if number % 2 else None)
        scene.tenant.records.provisioned(application.service_principal, application.job, "cycle", change)
    evidence = await scene.gather(workspace=False)
    reports = [request for request in scene.tenant.requests if "/auditLogs/provisioning" in request.path]
    assert len(reports) == pages
    assert {request.status for request in reports} == {200}
    (group,) = evidence.failures
    assert (group.code, group.count, group.users) == ("BoxEntryConflict", min(records, pages * 100) // 2, 3)
    assert all("somebody" not in sample and "uniqueness" in sample for sample in group.samples)
    assert ("2000 records" in evidence.blind_because.get(Part.FAILURES, "")) is (records > 2000)
    assert evidence.sight(Part.FAILURES) is Sight.READ


async def test_throttling_by_others_is_waited_out(scene: Scene) -> None:
    """A 429 that outlasts the SDK's own patience is tried again after the window."""
    scene.tenant.records.quarantined(scene.application.service_principal, "TooManyDeletes", None)
    scene.tenant.faults.add("graph", "GET", "directoryAudits", Status(429, retry_after=0), times=4)
    evidence = await scene.gather(workspace=False)
    assert evidence.sight(Part.AUDIT) is Sight.READ, evidence.blind_because


async def test_the_probe_is_refused_on_loopback_unless_allowed(scene: Scene) -> None:
    """A refusal is blind and names the setting; no token leaves."""
    asked = scene.application.target.request_count
    scene.tenant.faults.add("graph", "POST", "validateCredentials", Status(503), times=None)
    evidence = await scene.gather(prober=ScimProbe())
    assert evidence.sight(Part.PROBE) is Sight.BLIND
    assert "PRATIQUE_PROBE_PRIVATE" in evidence.blind_because[Part.PROBE]
    assert scene.application.target.request_count == asked


async def test_a_token_goes_to_no_host_but_its_own(scene: Scene) -> None:
    """Where the job's tenant URL is not the pinned one, nothing is asked."""
    scene.application = await scene.tenant.add_application("Elsewhere")
    tags = {"pratique-service-principal": scene.application.service_principal.id}
    await scene.tenant.vault.put("elsewhere", VAULT_TOKEN, tags=tags | {"pratique-tenant-url": "https://a.example"})
    evidence = await scene.gather(prober=PROBE)
    assert evidence.sight(Part.PROBE) is Sight.BLIND
    assert "a.example" in evidence.blind_because[Part.PROBE]
    assert f"Bearer {VAULT_TOKEN}" not in scene.application.target.authorizations


async def test_without_a_bound_secret_the_probe_is_not_asked(scene: Scene) -> None:
    """There is nothing to ask with, which makes nobody blind."""
    scene.application = await scene.tenant.add_application("Unbound")
    evidence = await scene.gather(prober=PROBE)
    assert evidence.sight(Part.PROBE) is Sight.NOT_ASKED
    assert evidence.blind == ()


async def test_nothing_carries_the_token(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """Not the evidence, not a log line, though the target's failures repeat it."""
    caplog.set_level(logging.DEBUG)
    scene.fail(1, "Unauthorized", f"Request Headers: Authorization: Bearer {VAULT_TOKEN} was refused")
    evidence = await scene.gather(prober=PROBE)
    assert evidence.failures
    assert f"Bearer {VAULT_TOKEN}" in scene.application.target.authorizations
    assert VAULT_TOKEN not in repr(evidence)
    assert VAULT_TOKEN not in caplog.text


@pytest.mark.parametrize("value", ['"; AuditLogs | take 1 //', "", "a b", "a" * 201, 'x"', "a\nb"])
def test_a_query_is_given_identifiers_alone(value: str) -> None:
    """What could end the text it stands in never gets there."""
    with pytest.raises(Refused):
        with_values('let Job = "";\nT', {"Job": value})
    assert with_values('let Job = "";\nT', {"Job": "scim.a-1"}) == 'let Job = "scim.a-1";\nT'
