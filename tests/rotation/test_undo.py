"""A credential that is refused once it is saved is taken back where the one before it lives; people are told which."""

from datetime import timedelta

import pytest

from emulator.faults import RecordedRequest
from emulator.settings import SecretsPut
from emulator.targets import Behaviour
from shared.composition import Pratique
from shared.detection.signal import News
from shared.incidents.incident import IncidentState
from tests.rotation.conftest import Bound, Scene

_HOURS = timedelta(hours=3)


def refused_once_saved(scene: Scene, one: Bound, token: str, *, between_cycles: bool = True) -> None:
    """Let the target refuse the token as soon as Entra has been given it, as a vendor does that has second thoughts.

    Between cycles, no cycle begins from then until something else is saved: in reality hours may lie between two.
    """

    async def revoke(request: RecordedRequest) -> None:
        if request.method != "PUT" or not request.path.endswith("/synchronization/secrets"):
            return
        bad = token.encode() in request.body
        if bad:
            one.it.target.revoke_token(token)
        if between_cycles:
            one.it.job.interval = _HOURS if bad else interval
            one.it.job.next_cycle = scene.tenant.clock.now() + one.it.job.interval

    interval = one.it.job.interval
    scene.tenant.faults.after.append(revoke)


async def cycles_go_on(scene: Scene, one: Bound, product: Pratique) -> None:
    """Wait for two more good cycles of a job that is not in quarantine."""
    for _ in range(2):
        last = one.it.job.last_successful

        def newer(last: object = last) -> bool:
            return one.it.job.last_successful is not last

        await scene.until(product, newer)
    assert one.it.job.quarantine is None


@pytest.mark.parametrize(("put", "vendor"), [(SecretsPut.MERGE, ""), (SecretsPut.REPLACE, "snowflake")])
async def test_what_was_in_use_is_put_back(scene: Scene, put: SecretsPut, vendor: str) -> None:
    """The one before still lives, so it is tested and saved again; the job's cycles go on and people are told once."""
    scene.tenant.directory.secrets.mode = put
    one = await scene.application(vendor=vendor)
    before, product = scene.saved(one), scene.product()
    await one.know(product)
    refused_once_saved(scene, one, token := one.it.target.issue_token())
    version = await one.paste(token)
    await scene.until(product, lambda: scene.told(one.name))
    await scene.idle(product, 0.9)
    assert scene.saved(one) == before
    await cycles_go_on(scene, one, product)
    record = await one.record(product)
    assert record.applied == scene.tenant.vault.versions(one.secret)[0].version
    assert record.rejected == version
    assert [action for action in await one.journal(product) if action in ("save", "undo", "put back")] == [
        "save",
        "undo",
        "put back",
    ]
    assert scene.tenant.directory.restarts == []
    (card,) = scene.told(one.name)
    assert "the one before it is in use again" in card
    assert "renewed before it failed" not in card


async def test_a_quarantine_in_between_is_lifted_when_the_old_one_is_back(scene: Scene) -> None:
    """A cycle that met the refused credential quarantines the job; the same attempt lifts that, and it is proven."""
    one = await scene.application()
    before, product = scene.saved(one), scene.product()
    await one.know(product)
    refused_once_saved(scene, one, token := one.it.target.issue_token(), between_cycles=False)
    await one.paste(token)
    incident = await scene.watch(product, one, IncidentState.RECOVERED)
    assert scene.saved(one) == before
    assert one.it.job.quarantine is None
    assert incident.attempt is not None
    assert incident.attempt.undoing
    assert (await one.journal(product)).count("attempt") == 1
    told = scene.told(one.name)
    assert "the one before it is in use again" in told[0]
    assert not any("renewed before it failed" in card for card in told)


async def test_a_version_that_was_taken_back_is_not_tried_again(scene: Scene) -> None:
    """Neither the next forecast nor any look saves it anew; the next better version is taken."""
    one = await scene.application()
    product = scene.product()
    await one.know(product)
    refused_once_saved(scene, one, token := one.it.target.issue_token())
    await one.paste(token)
    await scene.watch(product, one, IncidentState.RECOVERED)
    saves = len(scene.tenant.directory.secret_saves)
    assert (await product.forecaster.run()).signals == 0
    await one.look(product)
    await one.look(product, News.CREDENTIAL)
    await scene.idle(product, 0.3)
    assert len(scene.tenant.directory.secret_saves) == saves
    scene.tenant.faults.after.clear()
    await one.paste()
    await scene.until(product, lambda: len(scene.told(one.name)) == 2)
    assert scene.saved(one)["SecretToken"] == one.newest()
    assert "renewed before it failed" in scene.told(one.name)[-1]


async def test_where_a_new_token_ends_the_old_one_nothing_is_put_back(scene: Scene) -> None:
    """The old one died when the new one was made: trying it would be in vain, so a person is asked, loudly."""
    one = await scene.application(vendor="druva", behaviour=Behaviour.DRUVA)
    product = scene.product()
    await one.know(product)
    refused_once_saved(scene, one, token := one.it.target.issue_token())
    await one.paste(token)
    await scene.until(product, lambda: scene.told(one.name))
    assert len(scene.tenant.directory.secret_saves) == 1
    assert "put back" not in await one.journal(product)
    assert "still rejected" in scene.told(one.name)[0]
    saved = len(scene.tenant.directory.secret_saves)
    assert (await product.forecaster.run()).signals == 0
    await scene.idle(product, 0.3)
    assert len(scene.tenant.directory.secret_saves) == saved


async def test_a_dead_credential_is_tested_before_it_is_put_back_and_then_left_alone(scene: Scene) -> None:
    """Where nobody knows whether old tokens live on, the old one is tested; rejected, it is not saved over the new."""
    one = await scene.application(behaviour=Behaviour.DRUVA)
    product = scene.product()
    await one.know(product)
    refused_once_saved(scene, one, token := one.it.target.issue_token())
    await one.paste(token)
    await scene.until(product, lambda: scene.told(one.name))
    assert len(scene.tenant.directory.secret_saves) == 1
    assert scene.saved(one)["SecretToken"] == token
    assert "so is the credential that was saved before it" in scene.told(one.name)[0]


@pytest.mark.parametrize("put", SecretsPut)
async def test_in_quarantine_an_older_version_that_lives_is_better_than_none(scene: Scene, put: SecretsPut) -> None:
    """The newest version is rejected and the one before it passes: that is saved, and the quarantine lifted."""
    scene.tenant.directory.secrets.mode = put
    one = await scene.application()
    product = scene.product()
    alive = one.newest()
    scene.tenant.directory.secrets.preset(one.id, {**scene.saved(one), "SecretToken": "typed and dead"})
    await scene.until(product, lambda: one.it.job.quarantine)
    await one.paste("nobody made this one")
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert scene.saved(one)["SecretToken"] == alive
    assert len(scene.tenant.directory.secret_saves) == 1
    assert len(scene.tenant.directory.restarts) == 1
    assert "the one before it is in use again" in "".join(scene.told(one.name))


async def test_in_quarantine_with_nothing_that_lives_a_person_is_asked(scene: Scene) -> None:
    """Newest and older versions are rejected alike: nothing is saved, and the notice says so."""
    one = await scene.application()
    product = scene.product()
    one.it.target.expire_tokens()
    await scene.until(product, lambda: one.it.job.quarantine)
    before = scene.saved(one)
    await one.paste("nobody made this one")
    await scene.watch(product, one, IncidentState.NEEDS_PERSON)
    assert scene.tenant.directory.secret_saves == []
    assert scene.saved(one) == before
    assert "so is the newest version" in scene.told(one.name)[-1]


async def test_the_old_token_dying_in_the_middle_ends_with_the_new_one_in_use(scene: Scene) -> None:
    """A job that falls into quarantine while its credential is rotated is lifted by the same attempt, and proven."""
    one = await scene.application()
    old, product = one.newest(), scene.product()

    async def die(request: RecordedRequest) -> None:
        if request.method == "PUT" and request.path.endswith("/synchronization/secrets"):
            one.it.target.revoke_token(old)
            one.it.job.next_cycle = scene.tenant.clock.now()

    scene.tenant.faults.after.append(die)
    await one.paste()
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert scene.saved(one)["SecretToken"] == one.newest()
    bodies = [restart.body for restart in scene.tenant.directory.restarts]
    assert bodies == [{"criteria": {"resetScope": "QuarantineState"}}]
    assert len(scene.tenant.directory.secret_saves) == 1
    assert (await one.journal(product)).count("attempt") == 1


async def test_a_quarantine_of_another_cause_in_between_is_not_lifted(scene: Scene) -> None:
    """Microsoft quarantines the job by hand while its credential is rotated: that is a person's to end, as ever."""
    one = await scene.application()
    product = scene.product()

    async def quarantine(request: RecordedRequest) -> None:
        if request.method == "PUT" and request.path.endswith("/synchronization/secrets"):
            scene.tenant.engine.quarantine_on_demand(one.it.job.id)

    scene.tenant.faults.after.append(quarantine)
    await one.paste()
    await scene.watch(product, one, IncidentState.NEEDS_PERSON, IncidentState.RECOVERED)
    assert scene.tenant.directory.restarts == []
    assert (await one.incident(product)).state is IncidentState.NEEDS_PERSON
    assert one.it.job.quarantine is not None


async def test_a_credential_that_dies_within_its_proof_is_repaired(scene: Scene) -> None:
    """Revoked after its test and before its proof, the new token leads to a quarantine: the old one is put back."""
    one = await scene.application()
    before, product = scene.saved(one), scene.product()
    await one.know(product)
    await one.paste()
    await scene.watch(product, one, IncidentState.WATCHING)
    one.it.target.revoke_token(one.newest())
    await scene.until(product, lambda: one.it.job.quarantine)
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert scene.saved(one) == before
    assert one.it.job.quarantine is None
    record = await one.record(product)
    assert record.rejected
    assert record.applied != record.rejected


async def test_settings_lost_by_a_save_ahead_of_time_are_told_and_not_risked_again(scene: Scene) -> None:
    """Merging was accepted and PUT replaces after all: the loss is named, and the next looks save nothing more."""
    scene.tenant.directory.secrets.mode = SecretsPut.REPLACE
    one = await scene.application(other_secrets={"AppKey": "another one"})
    product = scene.product(PRATIQUE_MERGE_ACCEPTED=one.id)
    await one.know(product)
    await one.paste()
    await scene.until(product, lambda: scene.told(one.name))
    assert "AppKey is gone" in scene.told(one.name)[0]
    await scene.idle(product, 1.5)
    await product.forecaster.run()
    await scene.idle(product, 0.3)
    assert len(scene.tenant.directory.secret_saves) == 1
    assert len(scene.told(one.name)) == 1


async def test_an_undone_rotation_retires_nothing(scene: Scene) -> None:
    """What was put back stays enabled for ever, however long the rejected version has been there."""
    one = await scene.application()
    product = scene.product()
    await one.know(product)
    refused_once_saved(scene, one, token := one.it.target.issue_token())
    await one.paste(token)
    await scene.watch(product, one, IncidentState.RECOVERED)
    scene.clock.ahead = timedelta(days=30)
    assert (await product.forecaster.run()).retired == 0
    assert all(version.enabled for version in scene.tenant.vault.versions(one.secret))
