"""Graph's two reports: pages, the documented filters and no others, one throttle, one role."""

from datetime import timedelta
from urllib.parse import quote

import pytest

from emulator.clock import ManualClock
from emulator.engine import users_named
from emulator.entra import Role
from emulator.tenant import Application, EmbeddedTenant
from tests.emulator.conftest import START, Caller, cycle

AUDITS, PROVISIONING = "/auditLogs/directoryAudits", "/auditLogs/provisioning"
EARLIER = (START - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
async def application(tenant: EmbeddedTenant, clock: ManualClock) -> Application:
    """Return an application that was provisioned, and then quarantined for its token."""
    one = await tenant.add_application("Box", users=users_named("Box", 3))
    await cycle(tenant, clock)
    one.target.expire_tokens()
    await cycle(tenant, clock)
    return one


def filtered(path: str, text: str) -> str:
    """Return a path with a filter."""
    return f"{path}?$filter={quote(text)}"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("activityDateTime ge EARLIER", 1),
        ("activityDateTime le EARLIER", 0),
        ("activityDateTime eq EARLIER", 0),
        ("activityDisplayName eq 'Quarantine'", 1),
        ("startswith(activityDisplayName, 'Quar')", 1),
        ("loggedByService eq 'Account Provisioning' and activityDisplayName eq 'Export'", 0),
        ("loggedByService eq 'Core Directory and more'", 0),
    ],
)
@pytest.mark.usefixtures("application")
async def test_audits_are_filtered(caller: Caller, text: str, count: int) -> None:
    """Every documented clause keeps what it says, and `and` keeps what both say."""
    response = await caller.graph("GET", filtered(AUDITS, text.replace("EARLIER", EARLIER)))
    assert response.status_code == 200, response.text
    assert len(response.json()["value"]) == count


async def test_audits_are_found_by_target(caller: Caller, application: Application) -> None:
    """The lambda over target resources finds one application's records, and no other's."""
    for identifier, count in ((application.service_principal.id, 1), ("another", 0)):
        text = f"targetResources/any(t: t/id eq '{identifier}') and activityDateTime ge {EARLIER}"
        response = await caller.graph("GET", filtered(AUDITS, text))
        assert len(response.json()["value"]) == count
    (record,) = (await caller.graph("GET", AUDITS)).json()["value"]
    text = f"correlationId eq '{record['correlationId']}'"
    assert len((await caller.graph("GET", filtered(AUDITS, text))).json()["value"]) == 1


async def test_provisioning_is_filtered(caller: Caller, application: Application) -> None:
    """A job's records after a moment are found; another job has none."""
    for text, count in (
        (f"activityDateTime gt {EARLIER} and jobId eq '{application.job.id}'", 3),
        (f"servicePrincipal/id eq '{application.service_principal.id}'", 3),
        (f"activityDateTime lt {EARLIER}", 0),
        ("jobId eq 'another'", 0),
    ):
        response = await caller.graph("GET", filtered(PROVISIONING, text))
        assert len(response.json()["value"]) == count, text


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (PROVISIONING, "activityDateTime ge EARLIER"),
        (PROVISIONING, "provisioningStatusInfo/status eq 'failure'"),
        (AUDITS, "activityDateTime gt EARLIER"),
        (AUDITS, "result eq 'failure'"),
        (AUDITS, "activityDisplayName eq 'a' or activityDisplayName eq 'b'"),
    ],
)
async def test_other_filters_are_refused(caller: Caller, path: str, text: str) -> None:
    """What no page documents answers 400."""
    assert (await caller.graph("GET", filtered(path, text.replace("EARLIER", EARLIER)))).status_code == 400


async def test_pages_link_to_the_next(caller: Caller, application: Application) -> None:
    """`$top` bounds a page, the link keeps the filter, and the pages hold every record once."""
    link, seen = f"{filtered(PROVISIONING, f"jobId eq '{application.job.id}'")}&$top=2&$orderby=activityDateTime", []
    while link:
        body = (await caller.graph("GET", link)).json()
        assert len(body["value"]) <= 2
        seen += [one["id"] for one in body["value"]]
        link = body.get("@odata.nextLink")
    assert len(seen) == len(set(seen)) == 3


async def test_both_reports_share_a_throttle(caller: Caller, clock: ManualClock) -> None:
    """The sixth read within ten seconds answers 429, now with Retry-After, now without; later reads pass."""
    statuses = [
        (await caller.graph("GET", path)).status_code for path in (AUDITS, PROVISIONING, AUDITS, AUDITS, AUDITS)
    ]
    assert statuses == [200] * 5
    refused = [await caller.graph("GET", PROVISIONING) for _ in range(2)]
    assert [one.status_code for one in refused] == [429, 429]
    assert [one.headers.get("Retry-After") for one in refused] == ["10", None]
    await clock.advance(timedelta(seconds=10))
    assert (await caller.graph("GET", PROVISIONING)).status_code == 200


@pytest.mark.parametrize("path", [AUDITS, PROVISIONING])
async def test_the_role_is_demanded(caller: Caller, tenant: EmbeddedTenant, path: str) -> None:
    """Without AuditLog.Read.All the reports answer 403."""
    tenant.entra.roles.discard(Role.AUDIT_LOG)
    assert (await caller.graph("GET", path)).status_code == 403
