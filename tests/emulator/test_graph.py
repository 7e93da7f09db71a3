"""Graph answers the real client as the service does, and strictly where the service is treacherous."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgraph.generated.models.body_type import BodyType
from msgraph.generated.models.email_address import EmailAddress
from msgraph.generated.models.item_body import ItemBody
from msgraph.generated.models.message import Message
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.recipient import Recipient
from msgraph.generated.models.synchronization_job_restart_criteria import SynchronizationJobRestartCriteria
from msgraph.generated.models.synchronization_job_restart_scope import SynchronizationJobRestartScope
from msgraph.generated.service_principals.item.synchronization.jobs.item.restart.restart_post_request_body import (
    RestartPostRequestBody,
)
from msgraph.generated.users.item.send_mail.send_mail_post_request_body import SendMailPostRequestBody
from msgraph.graph_service_client import GraphServiceClient

from emulator.clock import ManualClock
from emulator.engine import users_named
from emulator.entra import Role
from emulator.faults import Status
from emulator.settings import EmulatorSettings
from emulator.tenant import MAIL_SENDER, Application, EmbeddedTenant
from tests.emulator.conftest import Caller, calling, cycle, job_path

QUARANTINE_ONLY = {"criteria": {"resetScope": "QuarantineState"}}
INTEGRATED = "tags/any(t:t eq 'WindowsAzureActiveDirectoryIntegratedApp')"


@pytest.fixture
async def application(tenant: EmbeddedTenant) -> Application:
    """Return an application whose job has not run yet."""
    return await tenant.add_application("Box", users=users_named("Box", 1))


async def quarantined(tenant: EmbeddedTenant, clock: ManualClock, application: Application) -> None:
    """Let the application's token expire and its next cycle find out."""
    application.target.expire_tokens()
    await cycle(tenant, clock)
    assert application.job.code == "Quarantine"


async def test_service_principals_come_in_pages_that_keep_the_query(tenant: EmbeddedTenant, caller: Caller) -> None:
    """Following `@odata.nextLink` yields every match once, selected, however large `$top` is."""
    for number in range(12):
        tenant.directory.add_service_principal(f"App {number}")
    tenant.directory.add_service_principal("Registration only", tags=[])
    url: str | None = f"/servicePrincipals?$filter={INTEGRATED}&$select=id,displayName&$top=999"
    pages: list[list[dict[str, Any]]] = []
    while url:
        body = (await caller.graph("GET", url)).json()
        pages.append(body["value"])
        url = body.get("@odata.nextLink")
    assert [len(page) for page in pages] == [5, 5, 2]
    found = [one for page in pages for one in page]
    assert {one["displayName"] for one in found} == {f"App {number}" for number in range(12)}
    assert all(one.keys() == {"id", "displayName"} for one in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("displayName eq 'App''s'", ["App's"]), ("startswith(displayName,'app')", ["App's", "Apple"])],
)
async def test_filters_by_name(tenant: EmbeddedTenant, caller: Caller, text: str, expected: list[str]) -> None:
    """Names are compared without case, and a doubled quote is a quote."""
    for name in ("App's", "Apple", "Box"):
        tenant.directory.add_service_principal(name)
    body = (await caller.graph("GET", f"/servicePrincipals?$filter={text}")).json()
    assert [one["displayName"] for one in body["value"]] == expected


@pytest.mark.parametrize("query", ["$filter=publisherName eq 'x'", "$orderby=displayName", "$top=0", "$select=nope"])
async def test_what_the_query_cannot_say_is_refused(tenant: EmbeddedTenant, caller: Caller, query: str) -> None:
    """An option, filter or property that is not understood is 400, never ignored."""
    tenant.directory.add_service_principal("Box")
    assert (await caller.graph("GET", f"/servicePrincipals?{query}")).status_code == 400


async def test_job_has_the_shape_of_the_resource(
    caller: Caller, application: Application, tenant: EmbeddedTenant, clock: ManualClock
) -> None:
    """Before its first cycle a job looks failed though nothing failed; after it, it is active and steady."""
    fresh = await caller.job(application)
    assert fresh["schedule"] == {"expiration": None, "interval": "PT2S", "state": "Active"}
    assert (fresh["status"]["code"], fresh["status"]["lastExecution"]["state"]) == ("NotRun", "Failed")
    assert fresh["status"]["lastExecution"]["timeBegan"] == "0001-01-01T00:00:00Z"
    await cycle(tenant, clock)
    status = (await caller.job(application))["status"]
    assert (status["code"], status["quarantine"]) == ("Active", None)
    assert status["lastExecution"]["state"] == "Succeeded"
    assert status["lastExecution"]["countExported"] == 1
    assert status["synchronizedEntryCountByType"] == [{"key": "User to User", "value": 1}]


@pytest.mark.parametrize(
    ("role", "method", "path"),
    [
        (Role.APPLICATIONS, "GET", "/servicePrincipals"),
        (Role.SYNCHRONIZATION, "GET", "/servicePrincipals/x/synchronization/jobs"),
        (Role.SYNCHRONIZATION, "POST", "/servicePrincipals/x/synchronization/jobs/y/restart"),
        (Role.SYNCHRONIZATION, "PUT", "/servicePrincipals/x/synchronization/secrets"),
        (Role.MAIL, "POST", f"/users/{MAIL_SENDER}/sendMail"),
    ],
)
async def test_each_route_demands_its_role(
    tenant: EmbeddedTenant, caller: Caller, role: Role, method: str, path: str
) -> None:
    """Without the role the answer is Graph's 403, whatever else the caller may do."""
    tenant.entra.roles.discard(role)
    response = await caller.graph(method, path, {})
    assert response.status_code == 403
    error = response.json()["error"]
    assert error["code"] == "Authorization_RequestDenied"
    assert error["message"] == "Insufficient privileges to complete the operation."
    assert error["innerError"]["request-id"]


async def test_a_token_for_another_service_is_not_accepted(tenant: EmbeddedTenant, caller: Caller) -> None:
    """Audiences really differ: a token for Log Analytics is 401 at Graph, alone and around a batch."""
    for method, path in (("GET", "/servicePrincipals"), ("POST", "/$batch")):
        response = await caller.graph(method, path, {}, audience=tenant.logs.origin)
        assert (response.status_code, response.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")


async def test_the_sdk_restarts_with_the_quarantine_scope(
    tenant: EmbeddedTenant, clock: ManualClock, application: Application, sdk: GraphServiceClient
) -> None:
    """The typed body lifts the quarantine, is not counted as widened, and has a cycle run soon."""
    await quarantined(tenant, clock, application)
    criteria = SynchronizationJobRestartCriteria(reset_scope=SynchronizationJobRestartScope.QuarantineState)
    jobs = sdk.service_principals.by_service_principal_id(application.service_principal.id).synchronization.jobs
    await jobs.by_synchronization_job_id(application.job.id).restart.post(RestartPostRequestBody(criteria=criteria))
    (restart,) = tenant.directory.restarts
    assert (restart.body, restart.widened, restart.status) == (QUARANTINE_ONLY, False, 204)
    assert (application.job.code, application.job.quarantine) == ("Active", None)
    await clock.advance(timedelta(seconds=tenant.settings.restart_delay))
    assert await tenant.engine.run_due() == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"criteria": {}}, 204),
        ({}, 204),
        ({"criteria": {"resetScope": ""}}, 204),
        ({"criteria": {"resetScope": "Watermark, Escrows, QuarantineState"}}, 204),
        ({"criteria": {"resetScope": "Full"}}, 204),
        ({"criteria": {"resetScope": "Quarantine"}}, 500),
        ({"criteria": {"resetScope": "quarantineState"}}, 500),
        ({"criteria": {"resetScope": ["QuarantineState"]}}, 400),
        ({"criteria": {"resetScope": "QuarantineState"}, "force": True}, 400),
    ],
)
async def test_every_other_restart_is_recorded_as_widened(
    tenant: EmbeddedTenant, caller: Caller, application: Application, body: dict[str, Any], status: int
) -> None:
    """What is not exactly the quarantine scope is answered as documented, and kept as widened."""
    response = await caller.graph("POST", job_path(application, "/restart"), body)
    assert response.status_code == status
    (restart,) = tenant.directory.restarts
    assert (restart.job_id, restart.body, restart.widened, restart.status) == (application.job.id, body, True, status)
    if status == 500:
        scope = body["criteria"]["resetScope"]
        assert response.json()["error"]["message"] == f"Requested value '{scope}' was not found."


async def test_restart_may_answer_as_for_an_owner_only(
    state_dir: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting makes restart 401 UnknownError and nothing else; the quarantine stays."""
    settings = EmulatorSettings(restart_unauthorized=True)
    async with (
        EmbeddedTenant(state_dir, settings=settings, clock=clock) as tenant,
        calling(tenant, monkeypatch) as caller,
    ):
        application = await tenant.add_application("Box")
        await quarantined(tenant, clock, application)
        response = await caller.graph("POST", job_path(application, "/restart"), QUARANTINE_ONLY)
        assert (response.status_code, response.json()["error"]["code"]) == (401, "UnknownError")
        assert application.job.code == "Quarantine"


async def test_start_and_pause(
    caller: Caller, tenant: EmbeddedTenant, clock: ManualClock, application: Application
) -> None:
    """Pausing stops cycles, starting resumes them, and starting a running job is noted."""
    await cycle(tenant, clock)
    assert (await caller.graph("POST", job_path(application, "/pause"))).status_code == 204
    assert (await caller.job(application))["status"]["code"] == "Paused"
    await clock.advance(timedelta(minutes=1))
    assert await tenant.engine.run_due() == 0
    for repeated in ([], [application.job.id]):
        assert (await caller.graph("POST", job_path(application, "/start"))).status_code == 204
        assert tenant.directory.repeated_starts == repeated
    await cycle(tenant, clock)
    assert (await caller.job(application))["status"]["code"] == "Active"


async def test_a_job_of_another_application_is_not_found(
    caller: Caller, tenant: EmbeddedTenant, application: Application
) -> None:
    """A job is found only below its own service principal."""
    other = tenant.directory.add_service_principal("Other")
    path = f"/servicePrincipals/{other.id}/synchronization/jobs"
    assert (await caller.graph("GET", path)).json()["value"] == []
    assert (await caller.graph("GET", f"{path}/{application.job.id}")).status_code == 404


async def test_a_batch_has_twenty_parts_at_most(caller: Caller) -> None:
    """The twenty-first part fails the whole batch; so does a repeated id, or an absolute url."""
    parts = [{"id": str(number), "method": "GET", "url": "/servicePrincipals"} for number in range(21)]
    bad = [parts, [parts[0], parts[0]], [{"id": "1", "method": "GET", "url": "https://127.0.0.1/v1.0/me"}], []]
    for requests in bad:
        assert (await caller.graph("POST", "/$batch", {"requests": requests})).status_code == 400
    response = await caller.graph("POST", "/$batch", {"requests": parts[:20]})
    assert {one["status"] for one in response.json()["responses"]} == {200}


async def test_parts_of_a_batch_are_judged_one_by_one(
    caller: Caller, tenant: EmbeddedTenant, application: Application
) -> None:
    """One part is throttled with its own Retry-After, one lacks a role, one lacks its content type, one is served."""
    tenant.entra.roles.discard(Role.APPLICATIONS)
    jobs = job_path(application).rpartition("/")[0]
    tenant.faults.add("graph", "GET", r"\$select=id$", Status(429, retry_after=7))
    parts: list[dict[str, Any]] = [
        {"id": "throttled", "method": "GET", "url": f"{jobs}?$select=id"},
        {"id": "forbidden", "method": "GET", "url": "/servicePrincipals"},
        {"id": "no-type", "method": "POST", "url": job_path(application, "/restart"), "body": QUARANTINE_ONLY},
        {"id": "served", "method": "GET", "url": jobs},
    ]
    response = await caller.graph("POST", "/$batch", {"requests": parts})
    answers = {one["id"]: one for one in response.json()["responses"]}
    assert {name: one["status"] for name, one in answers.items()} == {
        "throttled": 429,
        "forbidden": 403,
        "no-type": 400,
        "served": 200,
    }
    assert answers["throttled"]["headers"]["Retry-After"] == "7"
    assert answers["served"]["body"]["value"][0]["id"] == application.job.id
    assert tenant.directory.restarts == []


async def test_mail_is_kept_when_it_is_well_formed(
    sdk: GraphServiceClient, tenant: EmbeddedTenant, caller: Caller
) -> None:
    """The SDK's mail and the documented spelling both arrive; a mail to nobody, or from nobody, does not."""
    message = Message(
        subject="Hello",
        body=ItemBody(content_type=BodyType.Html, content="<p>Hi</p>"),
        to_recipients=[Recipient(email_address=EmailAddress(address="a@contoso.example"))],
    )
    await sdk.users.by_user_id(MAIL_SENDER).send_mail.post(SendMailPostRequestBody(message=message))
    plain: dict[str, Any] = {"subject": "Plain", "body": {"contentType": "Text", "content": "Hi"}, "toRecipients": []}
    path = f"/users/{MAIL_SENDER}/sendMail"
    assert (await caller.graph("POST", path, {"message": plain})).status_code == 400
    plain["toRecipients"] = [{"emailAddress": {"address": "a@contoso.example"}}]
    assert (await caller.graph("POST", "/users/nobody@contoso.example/sendMail", {"message": plain})).status_code == 404
    assert (await caller.graph("POST", path, {"message": plain})).status_code == 202
    assert [mail.message["subject"] for mail in tenant.inboxes.mails] == ["Hello", "Plain"]


async def test_what_is_not_served_is_501_and_remembered(caller: Caller, tenant: EmbeddedTenant) -> None:
    """A route nobody serves never looks like an answer of the real service, alone or in a batch."""
    response = await caller.graph("GET", "/groups")
    assert response.status_code == 501
    assert response.json()["error"]["message"] == "GET /v1.0/groups is not served by the embedded tenant"
    part = {"id": "1", "method": "GET", "url": "/groups"}
    batch = await caller.graph("POST", "/$batch", {"requests": [part]})
    assert batch.json()["responses"][0]["status"] == 501
    outside = await caller.http.get(f"{tenant.graph.origin}/beta/groups")
    assert outside.status_code == 501
    expected = ["graph: GET /v1.0/groups", "graph: GET /v1.0/groups", "graph: GET /beta/groups"]
    assert tenant.unserved == expected
    tenant.unserved.clear()


async def test_an_error_reaches_the_sdk_as_its_own(sdk: GraphServiceClient, tenant: EmbeddedTenant) -> None:
    """The SDK parses the error object: code, message and status."""
    tenant.entra.roles.discard(Role.APPLICATIONS)
    with pytest.raises(ODataError) as caught:
        await sdk.service_principals.get()
    assert caught.value.response_status_code == 403
    assert caught.value.error is not None
    assert caught.value.error.code == "Authorization_RequestDenied"
