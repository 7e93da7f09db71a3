"""A new version for a job that is well is brought into use before the old one fails, once, and proven."""

from datetime import UTC, datetime, timedelta

import pytest

from emulator.faults import RecordedRequest, Status
from emulator.settings import SecretsPut
from shared.detection.signal import News
from shared.incidents.incident import IncidentState
from tests.rotation.conftest import Bound, Scene


async def rotated(scene: Scene, one: Bound, version: str) -> None:
    """Require that this version, and nothing else, was brought into use without a restart."""
    directory = scene.tenant.directory
    assert scene.saved(one)["SecretToken"] == scene.tenant.vault.value(one.secret, version)
    assert len(directory.secret_saves) == 1
    assert directory.restarts == []
    assert one.it.job.quarantine is None


@pytest.mark.parametrize("put", SecretsPut)
async def test_a_bare_new_version_is_brought_into_use_and_proven(scene: Scene, put: SecretsPut) -> None:
    """Tested, saved, read back, tested, and proven by a cycle that began after the save had settled; told once."""
    scene.tenant.directory.secrets.mode = put
    one = await scene.application()
    before, product = scene.saved(one), scene.product()
    version = await one.paste()
    incident = await scene.watch(product, one, IncidentState.RECOVERED)
    await rotated(scene, one, version)
    assert {**scene.saved(one), "SecretToken": ""} == {**before, "SecretToken": ""}
    save = scene.tenant.directory.secret_saves[0]
    cycle = one.it.job.last_successful
    assert cycle is not None
    assert cycle.began > save.at + timedelta(seconds=scene.tenant.settings.secrets_settle)
    record = await one.record(product)
    assert record.applied == version
    assert record.proven_at is not None
    assert await one.journal(product) == ["attempt", "save", "rotated"]
    (card,) = scene.told(one.name)
    assert len(scene.mails()) == 1
    assert "renewed before it failed" in card
    assert "arrival in the vault to the saved credential" in card
    assert "quarantine" not in card.lower()
    assert incident.cause == ""


async def test_the_proof_must_begin_after_the_save_has_settled(scene: Scene) -> None:
    """A good cycle that may have used what was saved before proves nothing of the new credential."""
    one = await scene.application()
    product = scene.product()
    await one.paste()
    incident = await scene.watch(product, one, IncidentState.WATCHING)
    attempt = incident.attempt
    assert attempt is not None
    assert attempt.saved_at is not None
    assert attempt.acted_at == attempt.saved_at + product.settings.settle
    assert (await one.record(product)).proven_at is None
    assert scene.told(one.name) == []


async def test_the_same_version_again_is_nothing(scene: Scene) -> None:
    """Doubled and late events of a version that is in use test nothing and save nothing."""
    one = await scene.application()
    product = scene.product()
    version = await one.paste()
    await scene.watch(product, one, IncidentState.RECOVERED)
    tested, told = scene.tests(saved=False), len(scene.told())
    for _ in range(2):
        await one.look(product, News.CREDENTIAL)
    await scene.tenant.vault.announce_near_expiry(one.secret)
    await scene.idle(product, 0.4)
    await rotated(scene, one, version)
    assert scene.tests(saved=False) == tested
    assert len(scene.told()) == told


async def test_a_token_pasted_again_under_a_new_version_is_harmless(scene: Scene) -> None:
    """The same value as a newer version is a newer version: tested and saved once, then known."""
    one = await scene.application()
    product = scene.product()
    value = one.newest()
    version = await one.paste(value)
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert (await one.record(product)).applied == version
    await rotated(scene, one, version)


async def test_an_ordinary_look_saves_nothing_while_the_past_is_unknown(scene: Scene) -> None:
    """A person may have typed a newer token into the portal: without news of a version, none is forced on Entra."""
    one = await scene.application()
    product = scene.product()
    await one.paste(announce=False)
    for news in (News.ASKED, News.RELEASED, News.EXPIRING):
        await one.look(product, news)
    await product.forecaster.run()
    await scene.idle(product, 0.4)
    assert scene.tenant.directory.secret_saves == []
    assert scene.tests(saved=False) == 0


@pytest.mark.parametrize("event", ["near", "expired"])
async def test_an_event_that_brings_no_version_saves_nothing_while_the_past_is_unknown(
    scene: Scene, event: str
) -> None:
    """That a version nears its end is no news of a newer one: what was typed into the portal is not replaced by it."""
    one = await scene.application(expires=datetime.now(UTC) + timedelta(days=3))
    typed = one.it.target.issue_token()
    scene.tenant.directory.secrets.preset(one.id, {**scene.saved(one), "SecretToken": typed})
    product = scene.product()
    vault = scene.tenant.vault
    await (vault.announce_near_expiry(one.secret) if event == "near" else vault.announce_expired(one.secret))
    await scene.idle(product, 0.6)
    assert scene.tenant.directory.secret_saves == []
    assert scene.saved(one)["SecretToken"] == typed


async def test_a_lost_event_is_made_good_by_the_forecast(scene: Scene) -> None:
    """A version that nobody told of is found within a day, once it is known which one Entra has."""
    one = await scene.application()
    product = scene.product()
    await one.know(product)
    version = await one.paste(announce=False)
    assert (await product.forecaster.run()).signals == 1
    await scene.watch(product, one, IncidentState.RECOVERED)
    await rotated(scene, one, version)
    assert (await product.forecaster.run()).signals == 0


async def test_observe_tells_once_and_touches_nothing(scene: Scene) -> None:
    """Where the mode is observe the new version is neither tested nor saved, and the notice says so once."""
    one = await scene.application()
    product = scene.product(PRATIQUE_MODE="observe")
    await one.paste()
    await scene.until(product, lambda: scene.told(one.name))
    await one.look(product, News.CREDENTIAL)
    await scene.idle(product, 0.2)
    assert scene.tenant.directory.secret_saves == []
    assert scene.tests(saved=False) == scene.tests(saved=True) == 0
    (card,) = scene.told(one.name)
    assert "observe" in card
    assert one.id in card


async def test_what_entra_has_already_does_not_wait(scene: Scene) -> None:
    """An event of the version in use is no new credential, whatever the mode is now."""
    one = await scene.application()
    product = scene.product(PRATIQUE_MODE="observe")
    await one.know(product)
    await one.look(product, News.CREDENTIAL)
    await scene.tenant.vault.announce_near_expiry(one.secret)
    await scene.idle(product, 0.3)
    assert scene.told(one.name) == []


async def test_with_acting_switched_off_a_new_version_waits_and_is_told(scene: Scene) -> None:
    """Off, nothing is tested; the notice names the switch."""
    one = await scene.application()
    product = scene.product(PRATIQUE_ACTING="off")
    await one.paste()
    await scene.until(product, lambda: scene.told(one.name))
    await scene.idle(product, 0.2)
    assert scene.tenant.directory.secret_saves == []
    assert scene.tests(saved=False) == 0
    (card,) = scene.told(one.name)
    assert "PRATIQUE_ACTING" in card


async def test_acting_switched_off_in_between_halts_the_attempt_where_it_stands(scene: Scene) -> None:
    """Off after the candidate's test and before the save: nothing is saved until it is on again, then it goes on."""
    one = await scene.application()
    product = scene.product()

    async def switch_off(request: RecordedRequest) -> None:
        if request.path.endswith("/validateCredentials"):
            scene.environment["PRATIQUE_ACTING"] = "off"

    scene.tenant.faults.after.append(switch_off)
    version = await one.paste()
    incident = await scene.watch(product, one, IncidentState.ACTING)
    assert scene.tenant.directory.secret_saves == []
    (card,) = scene.told(one.name)
    assert "PRATIQUE_ACTING" in card
    assert "is in quarantine" not in card, "the job is well"
    assert incident.attempt is not None
    scene.tenant.faults.after.remove(switch_off)
    scene.environment["PRATIQUE_ACTING"] = "on"
    await scene.watch(product, one, IncidentState.RECOVERED)
    await rotated(scene, one, version)
    assert (await one.journal(product)).count("attempt") == 1


@pytest.mark.parametrize("service", ["vault", "graph"])
async def test_an_arrival_outlives_a_look_that_could_not_be_finished(scene: Scene, service: str) -> None:
    """A failure in the look that an event caused delays the rotation and does not lose it, also with no known past."""
    one = await scene.application()
    product = scene.product()
    path = "/secrets$" if service == "graph" else f"/secrets/{one.secret}/versions"
    version = await one.paste()
    await product.ears.vault_event((await scene.take("pratique-vault-events"))[0])
    scene.tenant.faults.add(service, "GET", path, Status(400))
    await scene.watch(product, one, IncidentState.RECOVERED)
    await rotated(scene, one, version)


async def test_an_arrival_outlives_a_test_that_could_not_tell(scene: Scene) -> None:
    """A target that is down for a moment condemns nothing and is asked again."""
    one = await scene.application()
    product = scene.product()
    scene.tenant.faults.add("graph", "POST", "/validateCredentials", Status(503), times=1)
    version = await one.paste()
    await scene.watch(product, one, IncidentState.RECOVERED)
    await rotated(scene, one, version)


async def test_a_job_that_was_never_looked_at_is_told_by_its_name(scene: Scene) -> None:
    """The first notice about a job names the application and never says that it is in quarantine."""
    one = await scene.application()
    product = scene.product()
    await one.paste("nobody made this one")
    await scene.until(product, lambda: scene.told(one.name))
    (card,) = scene.told(one.name)
    assert "rejects the newest version" in card
    assert "quarantine" not in card.lower()


async def test_a_still_newer_version_during_the_attempt_is_taken_afterwards(scene: Scene) -> None:
    """Two versions in a row end with the second in use; both saves are proven in turn, or the first is passed over."""
    one = await scene.application()
    product = scene.product()
    await one.paste()
    await scene.watch(product, one, IncidentState.WATCHING)
    last = await one.paste()

    async def settled() -> bool:
        record = await one.record(product)
        return record.applied == last and record.proven_at is not None

    await scene.until(product, settled)
    assert scene.saved(one)["SecretToken"] == scene.tenant.vault.value(one.secret, last)


async def test_the_two_attempts_of_a_day_are_all_there_are(scene: Scene) -> None:
    """A third new version on one day waits until attempts may be made again, and nobody is woken for it."""
    one = await scene.application()
    product = scene.product(PRATIQUE_ATTEMPTS_PER_DAY="1")
    first = await one.paste()
    await scene.watch(product, one, IncidentState.RECOVERED)
    await one.paste()

    async def waits() -> bool:
        return "1 attempt" in (await one.incident(product)).note

    await scene.until(product, waits)
    assert (await one.record(product)).applied == first
    assert len(scene.tenant.directory.secret_saves) == 1
    incident = await one.incident(product)
    assert incident.next_look_at is not None


@pytest.mark.parametrize("news", [News.ASKED, News.RELEASED])
async def test_a_look_before_the_event_is_heard_does_not_swallow_it(scene: Scene, news: News) -> None:
    """Pasted, then looked at, then the event arrives: that look took nothing, so the event still counts."""
    one = await scene.application()
    product = scene.product()
    version = await one.paste()
    events = await scene.take("pratique-vault-events")
    await one.look(product, news)
    for event in events:
        await product.ears.vault_event(event)
    await scene.watch(product, one, IncidentState.RECOVERED)
    await rotated(scene, one, version)


@pytest.mark.parametrize(
    ("held", "free"),
    [
        ({"PRATIQUE_ACTING": "off"}, {"PRATIQUE_ACTING": "on"}),
        ({"PRATIQUE_MODE": "observe"}, {"PRATIQUE_MODE": "act"}),
    ],
    ids=["switch", "mode"],
)
async def test_what_waited_for_permission_is_brought_into_use_once_it_is_given(
    scene: Scene, held: dict[str, str], free: dict[str, str]
) -> None:
    """The notice said that it waits: allowed again, no other event is needed, though nothing was known before."""
    one = await scene.application()
    product = scene.product(**held)
    version = await one.paste()
    await scene.until(product, lambda: scene.told(one.name))
    allowed = scene.product(**free)
    await allowed.forecaster.run()
    await scene.watch(allowed, one, IncidentState.RECOVERED)
    await rotated(scene, one, version)


async def test_the_tenants_hourly_budget_delays_and_loses_nothing(scene: Scene) -> None:
    """Two versions arrive and one attempt an hour is allowed: the second waits, is not told as trouble, and follows."""
    one, other = await scene.application("Payroll"), await scene.application("Travel")
    product = scene.product(PRATIQUE_ATTEMPTS_PER_HOUR="1")
    await one.paste()
    await scene.watch(product, one, IncidentState.RECOVERED)
    await other.paste()

    async def waits() -> bool:
        row = await other.row(product)
        return row is not None and "PRATIQUE_ATTEMPTS_PER_HOUR" in row.note

    await scene.until(product, waits)
    assert len(scene.tenant.directory.secret_saves) == 1
    assert scene.told("Travel") == []
    later = scene.product(PRATIQUE_ATTEMPTS_PER_HOUR="9")
    await scene.watch(later, other, IncidentState.RECOVERED)
    assert scene.saved(other)["SecretToken"] == other.newest()


async def test_a_job_that_never_cycles_again_is_told_and_keeps_the_new_credential(scene: Scene) -> None:
    """Paused by an administrator: the credential is saved and passes, but nothing proves it; that is said once."""
    one = await scene.application()
    product = scene.product(PRATIQUE_PATIENCE_INTERVALS="3")
    one.it.job.next_cycle = None
    version = await one.paste()
    await scene.until(product, lambda: scene.told(one.name))
    await scene.idle(product, 1.0)
    (card,) = scene.told(one.name)
    assert "not proven" in card
    record = await one.record(product)
    assert record.applied == version
    assert record.proven_at is None
    await rotated(scene, one, version)
