"""The table of permissions against the emulator's routes, the product's calls, the templates and the page."""

import re
from collections.abc import Awaitable, Callable

import pytest

from cli.permissions_page import BEGINS, ENDS, PAGE, with_permissions
from emulator.entra import DEFAULT_ROLES, Role
from shared.clients.logs import Logs
from shared.clients.permissions import GRANTS, NEEDS, Need, Permission
from shared.errors import MissingPermission
from shared.redaction import SecretValue
from tests.infra.allowed import ASSIGNED, GRAPH_ROLES, ROLES, SERVICE_IDENTITY
from tests.infra.checks import ROOT, Templates, read_templates
from tests.permissions.conftest import VAULT, Gate

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEVER_CALLED = ("/start", "/pause")
"""What the emulator serves for its own story alone."""
OF_THE_HOST = {
    "Storage Blob Data Owner": "the package, and the locks that let one instance run a timer",
    "Monitoring Metrics Publisher": "telemetry without an instrumentation key",
}
"""Roles that the Functions host needs and our own code does not, each with its reason."""
OF_STORAGE = {
    "Storage Queue Data Contributor": "signals are put and taken; the host puts what fails five times on -poison",
    "Storage Table Data Contributor": "rows: incidents, journal, leases, tokens, sources, what was heard or parked",
}
"""Roles on storage, whose calls are too many to list, each with its reason."""
OF_OTHERS = {"Storage Queue Data Message Sender": "Event Grid's own identity puts the vault's events on a queue"}
"""Roles of others than the service's identity, each with its reason."""
ON_GRAPH = [need for need in NEEDS if need.permission not in {*VAULT, Permission.LOGS}]


@pytest.fixture(scope="module")
def templates() -> Templates:
    """The templates as they ship, deployed to nowhere."""
    return read_templates(ROOT / "infra")


def _shape(call: str) -> str:
    return re.sub(r"\{\w+\}", "{}", call)


async def test_each_route_of_graph_demands_what_the_table_says(gate: Gate) -> None:
    """The same calls, each with the same permission: none is served that the table does not explain."""
    served = {_shape(f"{one.method} {one.template}"): str(one.role) for one in gate.tenant.graph.served}
    called = {call: role for call, role in served.items() if not call.endswith(NEVER_CALLED)}
    assert called == {_shape(need.call): str(need.permission) for need in ON_GRAPH}


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.call)
async def test_each_call_is_refused_without_its_permission_and_not_with_it_alone(gate: Gate, need: Need) -> None:
    """403 with every role but its own; whatever else is wrong with the call, not 401 or 403 with that one alone."""
    role = Role(str(need.permission))
    instead = {Role.OWNED} if need.owned else {Role.VAULT_OFFICER} if role is Role.VAULT else set[Role]()
    others = set(Role) - {role} - instead
    assert await gate.ask(need, gate.other, *others) == 403
    assert await gate.ask(need, gate.other, role) not in {401, 403}


@pytest.mark.parametrize("need", ON_GRAPH, ids=lambda need: need.call)
async def test_ownership_is_enough_where_the_table_says_so(gate: Gate, need: Need) -> None:
    """For the application that the identity owns, and of others for their names alone."""
    own = await gate.ask(need, gate.owned, Role.OWNED)
    other = await gate.ask(need, gate.other, Role.OWNED)
    assert (own != 403) is need.owned
    assert (other == 403) is (need.permission is not Permission.APPLICATIONS)


async def test_every_call_of_the_product_names_the_permission_of_the_table(gate: Gate) -> None:
    """Refused, each call says what the table says of it; and no row of the table is without a call."""
    services, reports, logs = gate.product.services, gate.product.doctor.reports, gate.product.doctor.logs
    ids = gate.other.service_principal.id, gate.other.job.id
    graph, vault, writer, now = services.graph, services.vault, services.vault_writer, services.clock.now()

    async def applications() -> None:
        [_ async for _ in graph.service_principals()]

    async def provisioning() -> None:
        [_ async for _ in reports.provisioning(ids[1], now)]

    assert isinstance(logs, Logs)
    calls: list[Callable[[], Awaitable[object]]] = [
        applications,
        provisioning,
        lambda: graph.service_principal(ids[0]),
        lambda: graph.jobs(ids[0]),
        lambda: graph.job(*ids),
        lambda: graph.test_saved_credentials(*ids),
        lambda: graph.credentials(ids[0]),
        lambda: graph.save_credentials(ids[0], (), secrets=()),
        lambda: graph.lift_quarantine(*ids),
        lambda: graph.schema_rules(*ids),
        lambda: graph.provision_on_demand(*ids, "rule", "user"),
        lambda: graph.user_id("somebody"),
        lambda: graph.send_mail("somebody", {}),
        lambda: reports.quarantine_events(ids[0], now),
        lambda: logs.rows("audit_records", now, now),
        vault.newest_versions,
        lambda: vault.versions("secret"),
        lambda: vault.value("secret", "version"),
        lambda: writer.put("secret", SecretValue("value"), tags={}, expires=None),
        lambda: writer.retag("secret", "version", {}),
    ]
    gate.tenant.entra.roles = set()
    named: dict[str, str] = {}
    for call in calls:
        with pytest.raises(MissingPermission) as refused:
            await call()
        sent = gate.tenant.requests[-1]
        path = sent.path.partition("?")[0].removeprefix("/v1.0").rstrip("/")
        need = min((one for one in NEEDS if _matches(one, sent.method, path)), key=lambda one: one.call.count("{"))
        named[need.call] = refused.value.permission
        assert refused.value.permission in refused.value.remedy
    asked_for_owned = {need.call for need in NEEDS if "ownedObjects" in need.call}  # tests/permissions/test_owned.py
    assert named == {need.call: need.permission for need in NEEDS if need.call not in asked_for_owned}


def _matches(need: Need, method: str, path: str) -> bool:
    pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(need.call))
    return re.fullmatch(pattern, f"{method} {path}") is not None


def _graph(templates: Templates, mode: str) -> set[str]:
    grants = templates.entra[mode].of("Microsoft.Graph/appRoleAssignedTo")
    return {GRAPH_ROLES[one.body["appRoleId"]] for one in grants}


def _azure(templates: Templates, *, minting: bool) -> set[str]:
    """Return the Azure roles of the service's identity."""
    deployment = templates.full if minting else templates.plain
    assigned = [one.body["properties"] for one in deployment.of("Microsoft.Authorization/roleAssignments")]
    mine = [one for one in assigned if one["principalId"] == SERVICE_IDENTITY]
    return {ROLES[one["roleDefinitionId"].rpartition("/")[2]] for one in mine}


async def test_the_emulators_tokens_carry_what_the_templates_grant(templates: Templates) -> None:
    """Both options of Graph's template, Azure's roles, and the one that Exchange grants; narrow and minting apart."""
    beside = OF_THE_HOST.keys() | OF_STORAGE.keys()
    granted = _graph(templates, "everything") | (_azure(templates, minting=False) - beside) | {Permission.MAIL.value}
    assert {str(role) for role in DEFAULT_ROLES} == granted
    assert _graph(templates, "owned") == {str(Role.OWNED)}
    minting = _azure(templates, minting=True) - _azure(templates, minting=False)
    assert minting == {str(Role.VAULT_OFFICER)}
    assert _azure(templates, minting=False) - _azure(templates, minting=True) == {str(Role.VAULT)}


async def test_host_and_storage_roles_are_those_that_have_a_reason(templates: Templates) -> None:
    """Exactly these are assigned, no broader ones, each with its reason; nobody else gets anything but Event Grid."""
    mine = _azure(templates, minting=False) | _azure(templates, minting=True)
    called = {str(need.permission) for need in NEEDS}
    assert mine - called == OF_THE_HOST.keys() | OF_STORAGE.keys()
    assert {role for whom, role, _ in ASSIGNED if whom != SERVICE_IDENTITY} == OF_OTHERS.keys()


async def test_every_permission_says_where_it_is_granted_and_the_page_says_so() -> None:
    """The page holds the table in force; a place that it names exists."""
    assert GRANTS.keys() == set(Permission)
    page = PAGE.read_text("utf-8")
    assert page == with_permissions(page)
    assert with_permissions(page.replace(BEGINS, f"{BEGINS}\nstale")) == page
    assert page.index(BEGINS) < page.index(ENDS)
    places = [place for grant in GRANTS.values() for place in re.findall(r"`(infra/[^`]+)`", grant.where)]
    assert [place for place in places if not (ROOT / place).exists()] == []
