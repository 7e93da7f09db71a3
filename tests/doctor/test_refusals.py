"""A refusal is told as what it is: a missing role, a closed network, a wrong key, a table that is not sent."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp import web

from emulator.faults import Status
from shared.clients.permissions import Permission
from shared.doctor.found import Found, Mark
from shared.doctor.words import told, told_before
from shared.errors import MissingPermission, ServiceError
from tests.doctor.conftest import about, examined, missing
from tests.tokens.conftest import Desk

pytestmark = pytest.mark.filterwarnings(
    "ignore:Testing an element's truth value:DeprecationWarning"  # the SDK, on every refusal of a queue
)


def closed(code: str, message: str) -> Status:
    """Return Key Vault's 403 with an inner code, or without."""
    error: dict[str, object] = {"code": "Forbidden", "message": message}
    return Status(403, body={"error": error | ({"innererror": {"code": code}} if code else {})})


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ForbiddenByConnection", "Public network access is disabled and request is not from a trusted service."),
        ("ForbiddenByFirewall", "Client address is not authorized and caller is not a trusted service.\r\nVault: x"),
        ("", "Public network access is disabled and request is not from a trusted service."),
        ("", "Client address (192.0.2.1) is not authorized and caller is not a trusted service"),
        ("", "Connection is not an approved private link and caller was ignored"),
    ],
)
async def test_a_vault_behind_a_firewall_is_a_network_and_no_role(desk: Desk, code: str, message: str) -> None:
    """More roles would change nothing, so none is offered."""
    desk.tenant.faults.add("vault", "GET", "/secrets", closed(code, message), times=None)
    found = await examined(desk)
    (one,) = missing(found).values()
    assert one.subject == "Vault"
    assert "The network is closed" in one.text
    assert "Key Vault Secrets User" not in repr(one)
    assert any("ALLOWED_IP_RANGES" in line for line in one.mend)
    assert any("PRATIQUE_NETWORKING" in line or "PRIVATE_NETWORKING" in line for line in one.mend)
    assert about(found, "Bindings").text.startswith("were not looked at")


async def test_a_person_outside_the_network_is_let_in_or_asks_the_service(desk: Desk) -> None:
    """The service's network is nothing that a person's refusal says anything about."""
    desk.tenant.faults.add("vault", "GET", "/secrets", closed("ForbiddenByFirewall", "x"), times=None)
    other = {"PRATIQUE_IDENTITY": "aaaaaaaa-0000-0000-0000-000000000001"}
    mend = missing(await examined(desk, other))["Vault"].mend
    assert [line.split()[0] for line in mend] == ["azd", "curl"]


@dataclass(slots=True)
class Account:
    """A storage account that refuses everything, on loopback; what it says can be set."""

    port: int = 0
    status: int = 403
    code: str = ""
    message: str = "This request is not authorized to perform this operation."

    def connection(self) -> str:
        """Return a connection string for it."""
        address = f"http://127.0.0.1:{self.port}/account"
        key = "bm90IGEga2V5IG9mIGFueWJvZHk="
        return f"AccountName=account;AccountKey={key};TableEndpoint={address};QueueEndpoint={address}"

    async def answer(self, request: web.Request) -> web.Response:
        """Refuse as the service does: tables in JSON, queues in XML, both with the code in a header."""
        headers = {"x-ms-error-code": self.code} if self.code else {}
        message = f"{self.message}\nRequestId:x\nTime:2026-11-22T03:00:00Z"
        if "json" in request.headers.get("Accept", ""):
            body = {"odata.error": {"code": self.code, "message": {"lang": "en-US", "value": message}}}
            return web.Response(
                status=self.status, text=json.dumps(body), headers=headers, content_type="application/json"
            )
        text = f"<?xml version='1.0'?><Error><Code>{self.code}</Code><Message>{message}</Message></Error>"
        return web.Response(status=self.status, text=text, headers=headers, content_type="application/xml")


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    """Serve an account that refuses."""
    one, app = Account(), web.Application()
    app.router.add_route("*", "/{any:.*}", one.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.port = runner.addresses[0][1]
    yield one
    await runner.cleanup()


def of_storage(found: list[Found]) -> list[Found]:
    """Return what is missing of storage, and see that nothing else is."""
    lacks = [one for one in found if one.mark is Mark.MISSING]
    assert {one.subject for one in lacks} == {"Storage"}
    return lacks


async def test_storage_that_lacks_a_role_names_each(desk: Desk, account: Account) -> None:
    """Tables and queues apart, each with the command."""
    account.code = "AuthorizationPermissionMismatch"
    found = of_storage(await examined(desk, {"AzureWebJobsStorage": account.connection()}))
    assert len(found) == 2
    for one, role in zip(found, (Permission.TABLES, Permission.QUEUES), strict=True):
        assert f"The missing role is {role}." in one.text
        assert f'--role "{role}"' in one.mend[0]


async def test_storage_behind_a_firewall_is_a_network_and_no_role(desk: Desk, account: Account) -> None:
    """As for the vault; what rests on storage says nothing of its own."""
    account.code = "AuthorizationFailure"
    found = await examined(desk, {"AzureWebJobsStorage": account.connection()})
    for one in of_storage(found):
        assert "The network is closed" in one.text
        assert "Contributor" not in repr(one)
        assert any("ALLOWED_IP_RANGES" in line for line in one.mend)
    assert about(found, "Bindings").text.startswith("were not looked at")
    assert not {"Sweep", "Forecast"} & {one.subject for one in found}


async def test_a_refusal_that_no_page_explains_names_what_it_may_be(desk: Desk, account: Account) -> None:
    """Both remedies, and the code as it came."""
    account.code = "SomethingNew"
    for one in of_storage(await examined(desk, {"AzureWebJobsStorage": account.connection()})):
        assert "SomethingNew" in one.text
        assert "It may be the role" in one.text
        assert len(one.mend) > 1


async def test_an_account_without_keys_says_so(desk: Desk, account: Account) -> None:
    """The deployment's own account is one: a connection string from somewhere is of no use."""
    account.code, account.message = "KeyBasedAuthenticationNotPermitted", "Key based authentication is not permitted."
    for one in of_storage(await examined(desk, {"AzureWebJobsStorage": account.connection()})):
        assert "takes no keys" in one.text


async def test_a_failure_of_storage_that_is_no_refusal_names_no_role(desk: Desk, account: Account) -> None:
    """A wrong request is told as it is."""
    account.status, account.code = 400, "InvalidHeaderValue"
    for one in of_storage(await examined(desk, {"AzureWebJobsStorage": account.connection()})):
        assert "HTTP 400; InvalidHeaderValue" in one.text
        assert ("Contributor" in one.text, one.mend) == (False, ())


async def test_a_wrong_key_is_a_wrong_key(desk: Desk) -> None:
    """No role and no network: the key is wrong or the clock is, in the words of a real storage emulator."""
    wrong = "d3JvbmcgYnV0IGFzIGxvbmcgYXMgYSBrZXk="
    connection = re.sub(r"AccountKey=[^;]+", f"AccountKey={wrong}", desk.environment["AzureWebJobsStorage"])
    for one in of_storage(await examined(desk, {"AzureWebJobsStorage": connection})):
        assert "The account key is wrong" in one.text
        assert "Contributor" not in repr(one)
        assert wrong not in repr(one)


def query(inner: dict[str, object] | None) -> Status:
    """Return Log Analytics' 400, whose reason stands in the inner error."""
    error: dict[str, object] = {"code": "BadArgumentError", "message": "The request had some invalid properties"}
    return Status(400, body={"error": error | ({"innererror": inner} if inner else {})})


async def test_a_table_that_the_workspace_does_not_know_means_that_entra_does_not_send_it(desk: Desk) -> None:
    """Log Analytics refuses the query; the command makes the diagnostic setting in this workspace."""
    words = "'summarize' operator: Failed to resolve table or column expression named 'AuditLogs'"
    deep: dict[str, object] = {"code": "SEM0100", "message": words}
    inner: dict[str, object] = {"code": "SemanticError", "message": "A semantic error occurred.", "innererror": deep}
    desk.tenant.faults.add("logs", "POST", "query", query(inner))
    found = missing(await examined(desk))
    assert found.keys() == {"AuditLogs"}
    (command,) = found["AuditLogs"].mend
    assert command.startswith("az deployment sub create --location westeurope -f infra/entra/diagnostics/main.bicep")
    assert " -p workspaceId=/subscriptions/x/workspace   # " in command


@pytest.mark.parametrize(
    "fault",
    [
        query(None),
        query({"code": "SyntaxError", "message": "Query could not be parsed at 'AuditLogs'"}),
        query({"code": "SemanticError", "message": "Failed to resolve scalar expression named 'TimeGenerated'"}),
        Status(404, body={"error": {"code": "PathNotFoundError", "message": "The requested path does not exist"}}),
    ],
)
async def test_another_refusal_of_the_query_is_told_as_it_is(desk: Desk, fault: Status) -> None:
    """To send somebody to the diagnostic settings for it would lead astray."""
    desk.tenant.faults.add("logs", "POST", "query", fault, times=None)
    found = missing(await examined(desk))
    assert found.keys() == {"Logs"}
    assert f"HTTP {fault.status}" in found["Logs"].text
    assert "Entra does not send it" not in found["Logs"].text
    assert found["Logs"].mend == ()


def test_what_a_service_said_is_short_and_ends_well() -> None:
    """One sentence of it, whatever the length; the permission that is missing is never cut away."""
    error = ServiceError("Graph", "read a job", 400, "BadRequest", "It was bad.\r\nRequest id: x")
    assert told(error) == "Graph could not read a job (HTTP 400; BadRequest: It was bad)."
    refusal = MissingPermission("Graph", "read a job", 403, "Forbidden", "No. " * 300, "A.Permission")
    assert told(refusal).endswith("…). The missing permission is A.Permission.")
    assert len(told(refusal)) < 260
    kept = told_before(str(refusal), "A.Permission")
    assert kept.endswith("…). The missing permission is A.Permission.")
    assert (
        told_before(str(error).replace(": It was bad", ""), "") == "Graph could not read a job (HTTP 400; BadRequest)."
    )
    silent = MissingPermission("Graph", "read a job", 403, "", "", "A.Permission")
    assert told(silent) == "Graph could not read a job (HTTP 403). The missing permission is A.Permission."
