"""The daily forecast: each tier is told once, to whoever owns the credential, with what stands in the way."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulator.faults import Status
from emulator.targets import Behaviour
from shared.detection.signal import News
from shared.incidents.incident import IncidentState
from tests.rotation.conftest import OWNER, Bound, Scene
from tests.rotation.test_refusals import jwt

DAY = timedelta(days=1)
TEAM = "identity-team@contoso.example"


def addresses(mail: dict[str, Any], line: str) -> list[str]:
    """Return to whom a mail went on one of its lines."""
    return [entry["emailAddress"]["address"] for entry in mail.get(line, [])]


async def ending(scene: Scene, days: float, **options: Any) -> Bound:
    """Register an application whose credential ends in so many days, by the date of its version."""
    return await scene.application(expires=datetime.now(UTC) + days * DAY, **options)


async def test_each_tier_is_told_once_and_only_the_newest(scene: Scene) -> None:
    """Woken daily, the owner hears at 60, 30, 14, 7, 3 and 1 days and at the end; after a long sleep, once."""
    await ending(scene, 45)
    product = scene.product()
    told = []
    for day in (0, 0, 10, 16, 17, 32, 33, 44.5, 44.6, 46, 80):
        scene.clock.ahead = day * DAY
        told.append((await product.forecaster.run()).told)
    assert told == [1, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0]
    cards = scene.told("Payroll")
    assert len(cards) == len(scene.mails()) == 5
    assert "ends in 44 days" in cards[0] or "ends in 45 days" in cards[0]
    assert "ends within a day" in cards[3]
    assert "has ended" in cards[4]
    assert scene.tenant.directory.secret_saves == []


async def test_a_new_version_begins_its_tiers_anew(scene: Scene) -> None:
    """What was told of the old version says nothing of its successor, and the old one's end is nobody's business."""
    one = await ending(scene, 6)
    product = scene.product()
    assert (await product.forecaster.run()).told == 1
    await one.paste(expires=datetime.now(UTC) + 85 * DAY, announce=False)
    assert (await product.forecaster.run()).told == 1
    assert (await product.forecaster.run()).told == 0
    assert "ends in 84 days" in scene.told("Payroll")[-1]


async def test_the_owner_is_written_to_and_the_team_gets_a_copy(scene: Scene) -> None:
    """The tag names who owns the credential; where none is named, the team is written to."""
    await ending(scene, 6, tags={"pratique-owner": OWNER})
    await scene.application("Travel", expires=datetime.now(UTC) + 6 * DAY)
    product = scene.product()
    assert (await product.forecaster.run()).told == 2
    owned, other = sorted(scene.mails(), key=lambda mail: str(mail["subject"]))
    assert (addresses(owned, "toRecipients"), addresses(owned, "ccRecipients")) == ([OWNER], [TEAM])
    assert (addresses(other, "toRecipients"), addresses(other, "ccRecipients")) == ([TEAM], [])
    assert OWNER in json.dumps(owned)


async def test_an_owner_who_is_of_the_team_gets_one_mail(scene: Scene) -> None:
    """Nobody is written to twice in one mail, however the address is capitalised."""
    await ending(scene, 6, tags={"pratique-owner": TEAM.upper()})
    await scene.product().forecaster.run()
    (mail,) = scene.mails()
    assert [text.lower() for text in addresses(mail, "toRecipients") + addresses(mail, "ccRecipients")] == [TEAM]


async def test_an_end_that_nobody_knows_is_counted_and_named(scene: Scene) -> None:
    """No date is no promise: nothing is told as ending, and the inventory says that the end is not known."""
    await scene.application()
    product = scene.product()
    did = await product.forecaster.run()
    assert (did.unknown, did.told) == (1, 0)
    (held,) = (await product.inventory.read()).to_dict()["credentials"]
    assert held["ends_at"] is None
    assert "expiry_unknown" in [finding["kind"] for finding in held["findings"]]


@pytest.mark.parametrize(
    ("settings", "options", "said"),
    [
        ({"PRATIQUE_MODE": "observe"}, {}, "The mode is observe"),
        ({"PRATIQUE_ACTING": "off"}, {}, "PRATIQUE_ACTING=off"),
        ({}, {"other_secrets": {"AppKey": "x"}}, "PRATIQUE_MERGE_ACCEPTED"),
        ({}, {"tags": {"pratique-tenant-url": "https://scim.other.example"}}, "scim.other.example"),
        ({}, {"tags": {"pratique-key": "BaseAddress"}}, "BaseAddress"),
    ],
    ids=["observe", "off", "masked", "host", "key"],
)
async def test_what_stands_in_the_way_is_named_before_a_token_is_made(
    scene: Scene, settings: dict[str, str], options: dict[str, Any], said: str
) -> None:
    """Where a new token ends the old one at once, each obstacle is told first, and that it must be put right before."""
    await ending(scene, 6, vendor="druva", behaviour=Behaviour.DRUVA, **options)
    await scene.product(**settings).forecaster.run()
    (card,) = scene.told("Payroll")
    assert said in card
    assert "put this right, for the old one dies as soon as you do" in card
    assert "All that can be checked beforehand is in order" not in card


async def test_without_obstacles_the_way_is_said_to_be_clear(scene: Scene) -> None:
    """All checks passed: the notice says that a new token is saved within a minute, and then it is."""
    one = await ending(scene, 6, vendor="druva", behaviour=Behaviour.DRUVA)
    product = scene.product()
    await product.forecaster.run()
    (card,) = scene.told("Payroll")
    assert "All that can be checked beforehand is in order" in card
    await one.paste()
    await scene.until(product, lambda: scene.saved(one)["SecretToken"] == one.newest())
    await scene.watch(product, one, IncidentState.RECOVERED)


@pytest.mark.parametrize("one_only", [True, False])
async def test_a_tier_counts_as_told_when_a_channel_took_it(scene: Scene, *, one_only: bool) -> None:
    """With every channel down it is told another day; one channel is enough, and nobody hears it twice."""
    await ending(scene, 6)
    product = scene.product()
    scene.tenant.faults.add("inboxes", "POST", "/teams/", Status(500), times=1)
    if not one_only:
        scene.tenant.faults.add("graph", "POST", "/sendMail", Status(403), times=1)
    assert (await product.forecaster.run()).told == int(one_only)
    assert (await product.forecaster.run()).told == int(not one_only)
    assert (await product.forecaster.run()).told == 0


async def test_a_minted_credential_is_nobodys_business_until_its_successor_is_overdue(scene: Scene) -> None:
    """Minting is under way at its time; only what fails to come is told, and named as that."""
    one = await scene.minting("databricks", left=40 * DAY)
    scene.tenant.faults.add("target:databricks", "POST", "/token/create", Status(400), times=None)
    product = scene.product(PRATIQUE_MINT="on")
    told = []
    for day in (0, 12, 20, 27, 41):
        scene.clock.ahead = day * DAY
        told.append((await product.forecaster.run()).told)
    assert told == [0, 0, 0, 1, 1]
    assert "mints its successor, which has not come yet" in scene.told(one.name)[0]


async def test_a_credential_that_was_refused_before_its_date_is_said_to_be_revoked(scene: Scene) -> None:
    """Entra's own version is rejected long before its end: the notice says so, and the inventory remembers it."""
    one = await ending(scene, 200)
    product = scene.product()
    await one.know(product)
    one.it.target.revoke_tokens()
    await scene.until(product, lambda: one.it.job.quarantine)
    await one.look(product)
    card = scene.told("Payroll")[-1]
    assert "so it was revoked, or replaced at the vendor" in card
    assert (await one.record(product)).revoked_at is not None
    (held,) = (await product.inventory.read()).to_dict()["credentials"]
    assert "revoked" in [finding["kind"] for finding in held["findings"]]
    await one.paste()
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert (await one.record(product)).revoked_at is None


async def test_a_credential_that_works_again_is_no_longer_said_to_be_revoked(scene: Scene) -> None:
    """The vendor refused it for a while and takes it again: once a good cycle proves that, nothing is wrong with it."""
    one = await ending(scene, 200)
    product = scene.product()
    await one.know(product)
    one.it.target.revoke_tokens()
    await scene.until(product, lambda: one.it.job.quarantine)
    await one.look(product)
    assert (await one.record(product)).revoked_at is not None
    one.it.target.issue_token(value=one.newest())
    await one.look(product)
    await scene.watch(product, one, IncidentState.RECOVERED)
    (held,) = (await product.inventory.read()).to_dict()["credentials"]
    assert not {"revoked", "rejected"} & {finding["kind"] for finding in held["findings"]}
    assert scene.tenant.directory.secret_saves == []


async def test_a_mistyped_successor_says_nothing_of_what_is_in_use(scene: Scene) -> None:
    """A rejected newcomer is no sign that the version in use was revoked."""
    one = await ending(scene, 200)
    product = scene.product()
    await one.know(product)
    await one.paste("nobody made this one")
    await scene.until(product, lambda: scene.told(one.name))
    assert (await one.record(product)).revoked_at is None
    assert "revoked" not in scene.told(one.name)[0]


async def test_an_end_that_a_token_claims_for_itself_is_forecast(scene: Scene) -> None:
    """Read once when the token was tested, the date in a JWT is known from then on without reading its value."""
    one = await scene.application()
    product = scene.product()
    token = jwt(datetime.now(UTC) + 6 * DAY)
    one.it.target.issue_token(value=token)
    await one.paste(token)
    await scene.watch(product, one, IncidentState.RECOVERED)
    read = len([request for request in scene.tenant.requests if f"/secrets/{one.secret}/" in request.path])
    assert (await product.forecaster.run()).told == 1
    assert "the token itself" in scene.told("Payroll")[-1]
    values = [request for request in scene.tenant.requests if f"/secrets/{one.secret}/" in request.path][read:]
    assert all("/versions" in request.path for request in values)


async def test_an_unreadable_vault_makes_the_forecast_blind(scene: Scene) -> None:
    """Half an inventory is no forecast: the run fails, nothing is told as healthy, and the source is blind."""
    await ending(scene, 6)
    product = scene.product()
    scene.tenant.faults.add("vault", "GET", "/secrets", Status(400), times=1)
    with pytest.raises(Exception, match="Key Vault could not list secrets"):
        await product.forecaster.run()
    assert [state.name for state in await product.services.sources.all() if state.blind] == ["forecast"]
    assert (await product.forecaster.run()).told == 1
    assert [state.name for state in await product.services.sources.all() if state.blind] == []


async def test_one_credential_that_cannot_be_told_holds_up_no_other(scene: Scene) -> None:
    """Graph refuses to show one application's settings: the owner of the other hears of its end all the same."""
    one = await ending(scene, 6)
    await scene.application("Travel", expires=datetime.now(UTC) + 6 * DAY)
    scene.tenant.faults.add(
        "graph", "GET", f"/servicePrincipals/{one.id}/synchronization/secrets", Status(400), times=None
    )
    product = scene.product()
    await product.forecaster.run()
    assert len(scene.told("Travel")) == 1


async def test_a_secret_of_an_application_without_a_job_is_not_forecast(scene: Scene) -> None:
    """Nothing would fail with it, so nobody is written to; the inventory names it."""
    one = await ending(scene, 6)
    scene.tenant.directory.jobs.clear()
    product = scene.product()
    did = await product.forecaster.run()
    assert (did.told, did.signals) == (0, 0)
    kinds = [finding.kind for held in (await product.inventory.read()).held for finding in held.findings]
    assert "no_job" in kinds
    del one


async def test_looks_at_healthy_jobs_stay_silent(scene: Scene) -> None:
    """A look at a job whose credential ends soon tells nothing by itself: telling is the forecast's."""
    one = await ending(scene, 2)
    product = scene.product()
    await one.look(product, News.ASKED)
    await one.look(product, News.EXPIRING)
    assert scene.told() == []
