"""On-demand provisioning runs real requests for one user and tells step by step what became of them."""

import json
from typing import Any

import pytest

from emulator.breakage import Breakage
from emulator.engine import users_named
from emulator.jobs import Skip
from emulator.tenant import Application, EmbeddedTenant
from tests.emulator.conftest import Caller, job_path


@pytest.fixture
async def application(tenant: EmbeddedTenant) -> Application:
    """Return an application whose users are not provisioned yet."""
    return await tenant.add_application("Box", users=users_named("Box", 2))


async def body_for(caller: Caller, application: Application, user_id: str) -> dict[str, Any]:
    """Return the request for one user, with the rule that the schema names."""
    schema = (await caller.graph("GET", job_path(application, "/schema"))).json()
    (rule,) = schema["synchronizationRules"]
    subject = {"objectId": user_id, "objectTypeName": "User"}
    return {"parameters": [{"ruleId": rule["id"], "subjects": [subject]}]}


async def run(caller: Caller, application: Application, user_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Provision one user and return both texts of the answer, read."""
    body = await body_for(caller, application, user_id)
    response = await caller.graph("POST", job_path(application, "/provisionOnDemand"), body)
    assert response.status_code == 200, response.text
    return json.loads(response.json()["key"]), json.loads(response.json()["value"])


async def test_a_user_is_really_created(caller: Caller, application: Application) -> None:
    """The first run creates the user at the target, the second finds nothing to do."""
    user = application.job.users[0]
    key, value = await run(caller, application, user.id)
    assert (key["result"], value["action"], value["statusInfo"]["status"]) == ("Success", "Create", "Success")
    assert [one["userName"] for one in application.target.users()] == [user.user_name]
    assert {"displayName": "userName", "oldValue": None, "newValue": user.user_name} in value["modifiedProperties"]
    assert value["targetIdentity"]["id"] == application.target.users()[0]["id"]
    key, value = await run(caller, application, user.id)
    assert (key["result"], key["details"]["errorCode"]) == ("Skipped", "RedundantExport")
    assert value["provisioningSteps"][-1]["status"] == "Skipped"


async def test_a_failure_names_its_step(caller: Caller, tenant: EmbeddedTenant, application: Application) -> None:
    """A refused write fails at export; a refused token at matching; both with the target's own words."""
    user = application.job.users[0]
    await tenant.break_target(application, Breakage.UNIQUENESS)
    key, value = await run(caller, application, user.id)
    assert key["result"] == "Failure"
    assert (value["provisioningSteps"][-1]["name"], value["provisioningSteps"][-1]["type"]) == (
        "EntryExportAdd",
        "Export",
    )
    assert '"scimType": "uniqueness"' in value["statusInfo"]["reason"]
    await tenant.break_target(application, Breakage.UNAUTHORIZED)
    _, value = await run(caller, application, user.id)
    assert value["provisioningSteps"][-1]["type"] == "Matching"
    assert "Unauthorized" in value["statusInfo"]["reason"]


async def test_who_is_left_out_is_skipped(caller: Caller, application: Application) -> None:
    """A user who is not assigned is skipped with the reasons, and nothing is sent."""
    user = application.job.users.pop()
    application.job.outside[user.id] = (user, Skip())
    key, value = await run(caller, application, user.id)
    assert (key["result"], key["details"]["errorCode"]) == ("Skipped", "NotEffectivelyEntitled")
    assert "not assigned to the application" in value["provisioningSteps"][-1]["description"]
    assert application.target.request_count == 0


async def test_odd_requests_are_refused(caller: Caller, application: Application) -> None:
    """An unknown user is 404, an unknown rule 400, and the sixth within ten seconds 429."""
    path, user = job_path(application, "/provisionOnDemand"), application.job.users[0]
    good = await body_for(caller, application, user.id)
    wrong_rule = {"parameters": [{**good["parameters"][0], "ruleId": "other"}]}
    bodies: list[dict[str, Any]] = [await body_for(caller, application, "nobody"), wrong_rule, {"parameters": []}]
    answers = [await caller.graph("POST", path, body) for body in [*bodies, good, good, good]]
    assert [one.status_code for one in answers] == [404, 400, 400, 200, 200, 429]
