"""What a minted token has replaced is disabled and revoked: after its proof and the days of grace, never before."""

from datetime import timedelta

import pytest

from emulator.faults import Status
from shared.composition import Pratique
from shared.detection.signal import News
from shared.incidents.incident import IncidentState
from tests.rotation.conftest import CATALOGUE, Bound, Scene

REVOKED = ("databricks", "hcp_terraform", "auth0")
WEEK = timedelta(days=7, minutes=1)


def first(scene: Scene, one: Bound) -> tuple[bool, bool]:
    """Say of the first version whether it is enabled in the vault, and whether its token opens the target."""
    version = scene.tenant.vault.versions(one.secret)[0]
    return version.enabled, one.it.target.accepts(version.value)


async def replaced(scene: Scene, kind: str = "databricks") -> tuple[Bound, Pratique]:
    """Let a minted token replace the first one, and prove it."""
    one = await scene.minting(kind)
    product = scene.product(PRATIQUE_MINT="on")
    await product.forecaster.run()
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert first(scene, one) == (True, True)
    return one, product


@pytest.mark.parametrize("kind", CATALOGUE)
async def test_the_predecessor_retires_after_the_grace(scene: Scene, kind: str) -> None:
    """Not a day early; then disabled in the vault, and revoked at the vendor where its API can; the job goes on."""
    one, product = await replaced(scene, kind)
    scene.clock.ahead = timedelta(days=6)
    assert (await product.forecaster.run()).retired == 0
    assert first(scene, one) == (True, True)
    scene.clock.ahead = WEEK
    assert (await product.forecaster.run()).retired == 1
    assert first(scene, one) == (False, kind not in REVOKED)
    assert (await product.forecaster.run()).retired == 0
    record = await one.record(product)
    assert record.retiring == ()
    assert scene.tenant.vault.version(one.secret, record.applied).enabled
    assert scene.saved(one)["SecretToken"] == one.newest()
    assert one.it.target.accepts(one.newest())


async def test_without_a_good_cycle_nothing_retires(scene: Scene) -> None:
    """The new token is saved and passes its test, but no cycle has proven it: the old one stays, for years."""
    one = await scene.minting("databricks")
    product = scene.product(PRATIQUE_MINT="on")
    await product.forecaster.run()
    one.it.job.interval = timedelta(hours=3)
    await scene.watch(product, one, IncidentState.WATCHING)
    scene.clock.ahead = timedelta(days=700)
    assert (await product.forecaster.run()).retired == 0
    assert first(scene, one) == (True, True)


async def test_a_hand_made_predecessor_is_left_alone(scene: Scene) -> None:
    """Where a person brings tokens, nothing is ever disabled or revoked by us."""
    one = await scene.application()
    product = scene.product(PRATIQUE_MINT="on")
    await one.know(product)
    await one.paste()
    await scene.watch(product, one, IncidentState.RECOVERED)
    scene.clock.ahead = timedelta(days=300)
    assert (await product.forecaster.run()).retired == 0
    assert all(version.enabled for version in scene.tenant.vault.versions(one.secret))
    assert scene.requests("PATCH", "") == []


@pytest.mark.parametrize(
    "settings",
    [
        {"PRATIQUE_MODE": "observe"},
        {"PRATIQUE_MINT": "off"},
        {"PRATIQUE_ACTING": "off"},
        {"PRATIQUE_APPLICATIONS": "9bb0f679-a883-4a6f-8260-35b491b8b8c8"},
    ],
)
async def test_nothing_retires_where_we_may_not_act(scene: Scene, settings: dict[str, str]) -> None:
    """Mode, switch, minting and what is watched count on the day of retiring, whatever they were before."""
    one, _ = await replaced(scene)
    product = scene.product(**settings)
    scene.clock.ahead = WEEK
    assert (await product.forecaster.run()).retired == 0
    assert first(scene, one) == (True, True)


async def test_what_entra_has_is_never_retired(scene: Scene) -> None:
    """The first token was put back by hand after all: its day comes, and it stays as it is."""
    one, product = await replaced(scene)
    version = scene.tenant.vault.versions(one.secret)[0].version
    now = product.services.clock.now()
    await product.services.tokens.change(one.id, one.secret, lambda row: row.with_applied(version, now))
    scene.clock.ahead = WEEK
    assert (await product.forecaster.run()).retired == 0
    assert first(scene, one) == (True, True)


async def test_a_vendor_that_is_down_is_asked_again_another_day(scene: Scene) -> None:
    """Nothing is disabled before it is revoked; what failed stays due, is told as blind if it lasts, and then done."""
    one, product = await replaced(scene)
    scene.clock.ahead = WEEK
    scene.tenant.faults.add("target:databricks", "POST", "/token/delete", Status(503), times=1)
    assert (await product.forecaster.run()).retired == 0
    assert first(scene, one) == (True, True)
    assert (await product.forecaster.run()).retired == 1
    assert first(scene, one) == (False, False)


async def test_a_version_that_somebody_disabled_or_revoked_is_retired_already(scene: Scene) -> None:
    """Done by hand before: both acts may be repeated, and the row is cleared."""
    one, product = await replaced(scene)
    version = scene.tenant.vault.versions(one.secret)[0]
    await scene.tenant.vault.set_enabled(one.secret, version.version, enabled=False)
    one.it.target.revoke_token(version.value)
    scene.clock.ahead = WEEK
    assert (await product.forecaster.run()).retired == 1
    assert (await one.record(product)).retiring == ()
    assert first(scene, one) == (False, False)


async def test_one_that_cannot_retire_holds_up_no_other(scene: Scene) -> None:
    """One vendor is down; the other application's predecessor retires all the same."""
    down, product = await replaced(scene)
    fine = await scene.minting("auth0")
    await product.forecaster.run()
    await scene.watch(product, fine, IncidentState.RECOVERED)
    scene.clock.ahead = WEEK
    scene.tenant.faults.add("target:databricks", "POST", "/token/delete", Status(503), times=None)
    assert (await product.forecaster.run()).retired == 1
    assert first(scene, fine) == (False, False)
    assert first(scene, down) == (True, True)


async def test_while_somebody_else_acts_nothing_retires(scene: Scene) -> None:
    """The lease of the service principal is held: the predecessor waits for another day."""
    one, product = await replaced(scene)
    scene.clock.ahead = WEEK
    lease = await product.services.leases.acquire(one.id)
    assert lease is not None
    assert (await product.forecaster.run()).retired == 0
    await product.services.leases.release(lease)
    assert (await product.forecaster.run()).retired == 1


async def test_two_predecessors_retire_and_the_one_in_use_does_not(scene: Scene) -> None:
    """Rotated twice within the days of grace: both old tokens are ended in their time, the third goes on."""
    one, product = await replaced(scene)
    await one.look(product, News.ROTATE)
    await scene.until(product, lambda: len(scene.tenant.vault.versions(one.secret)) == 3)
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert len((await one.record(product)).retiring) == 2
    scene.clock.ahead = WEEK
    assert (await product.forecaster.run()).retired == 2
    assert [version.enabled for version in scene.tenant.vault.versions(one.secret)] == [False, False, True]
    assert [one.it.target.accepts(version.value) for version in scene.tenant.vault.versions(one.secret)] == [
        False,
        False,
        True,
    ]


async def test_a_failed_successor_keeps_what_would_retire(scene: Scene) -> None:
    """While a further rotation is not proven, nothing retires: the older one may yet be needed."""
    one, product = await replaced(scene)
    one.it.job.interval = timedelta(hours=3)
    await one.look(product, News.ROTATE)
    await scene.watch(product, one, IncidentState.WATCHING)
    scene.clock.ahead = WEEK
    assert (await product.forecaster.run()).retired == 0
    assert first(scene, one) == (True, True)
