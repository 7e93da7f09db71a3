"""Permissions: taking any one role away from the identity blinds something, and the notice names what is missing."""

import pytest

from emulator.entra import Role
from emulator.faults import Status
from emulator.story import DRUVA
from shared.clients.permissions import Permission
from shared.errors import MissingPermission, PratiqueError
from shared.incidents.incident import IncidentState
from tests.product.conftest import Stage

# What the loop needs. AuditLog.Read.All is for tenants without a workspace and stands in the claims about evidence.
LOOP = [Role.SYNCHRONIZATION, Role.APPLICATIONS, Role.MAIL, Role.LOGS, Role.VAULT]


def told(stage: Stage) -> str:
    """Return everything that people were told by either channel."""
    return " ".join(
        [*(str(post.body) for post in stage.tenant.inboxes.teams), *(str(m) for m in stage.tenant.inboxes.mails)]
    )


@pytest.mark.parametrize("role", LOOP)
async def test_without_one_role_the_loop_does_not_close_and_the_notice_names_it(stage: Stage, role: Role) -> None:
    """Without it the recovery fails or a source is blind, and people read the role's name."""
    stage.tenant.entra.roles.discard(role)
    product = stage.product()
    await stage.strike_druva()
    failures: list[PratiqueError] = []
    for use_case in (product.ears.sweep, product.ears.query_audit_log):
        try:
            await use_case()
        except MissingPermission as error:
            failures.append(error)
    await stage.drain(product)
    await stage.look(product, stage.story.druva)
    blind = [source for source in await product.overview.sources() if source.blind]
    assert blind
    assert all(str(role) in source.why for source in blind)
    assert all(str(role) in str(error) for error in failures)
    assert str(role) in told(stage)


async def test_with_every_role_nothing_is_blind(stage: Stage) -> None:
    """The five roles of the loop are enough for all of it."""
    stage.tenant.entra.roles.intersection_update(LOOP)
    product = stage.product()
    await stage.strike_druva()
    await product.ears.sweep()
    await product.ears.query_audit_log()
    await stage.watch(product, stage.story.druva, IncidentState.RECOVERED)
    assert [source.name for source in await product.overview.sources() if source.blind] == []
    assert {str(role) for role in LOOP} <= {str(permission) for permission in Permission}


async def test_a_missing_permission_is_told_once_however_often_it_is_met(stage: Stage) -> None:
    """Without the vault's role every look fails alike: one card, and no false all-clear between the looks."""
    stage.tenant.entra.roles.discard(Role.VAULT)
    product = stage.product()
    await stage.strike_druva()
    for _ in range(3):
        await stage.look(product, stage.story.druva)
        await stage.look(product, stage.story.healthy[0])
    assert len(stage.cards(str(Role.VAULT))) == 1
    assert stage.cards("Pratique sees again") == []


async def test_a_source_that_sees_again_is_told(stage: Stage) -> None:
    """Once the role is granted, the sweep works and says so."""
    product = stage.product()
    stage.tenant.entra.roles.discard(Role.APPLICATIONS)
    with pytest.raises(MissingPermission):
        await product.ears.sweep()
    stage.tenant.entra.roles.add(Role.APPLICATIONS)
    # The roles are in the token, and a managed identity's token is cached for hours: only a new worker has a new one.
    await stage.product().ears.sweep()
    assert "Pratique sees again" in stage.cards("sweep")[-1]


async def test_a_restart_refused_with_401_names_the_permission_and_goes_on_once_granted(stage: Stage) -> None:
    """The 401 UnknownError of a too small permission is told as a missing permission; the attempt waits for it."""
    product = stage.product()
    await stage.strike_druva()
    body = {"error": {"code": "UnknownError", "message": "", "innerError": {}}}
    stage.tenant.faults.add("graph", "POST", r"/restart$", Status(401, body=body))
    report = await stage.look(product, stage.story.druva)
    assert report.incident is not None
    assert report.incident.state is IncidentState.ACTING
    assert str(Permission.SYNCHRONIZATION) in stage.cards(DRUVA)[-1]
    await stage.watch(product, stage.story.druva, IncidentState.RECOVERED)
    assert len(stage.tenant.directory.secret_saves) == 1
    assert len(stage.tenant.directory.restarts) == 1
