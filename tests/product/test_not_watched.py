"""What is no longer watched is left alone, whatever rows, queues or people still say of it."""

import pytest

from emulator.faults import RecordedRequest
from emulator.story import DRUVA, DRUVA_SECRET
from shared.composition import Pratique
from shared.detection.signal import News, Signal, Source
from shared.errors import Refused
from shared.incidents.incident import IncidentState
from shared.remediation.reconcile import Handled, Report
from shared.remediation.rehearsal import rehearse
from tests.product.conftest import Stage, until
from tests.product.test_holding_back import changes

_USER = "9bb0f679-a883-4a6f-8260-35b491b8b8c8"


def narrowed(stage: Stage, **settings: str) -> Pratique:
    """Return the product as it may act on another application than Druva, which alone is watched."""
    other = stage.story.healthy[0].service_principal.id
    return stage.product(**{"PRATIQUE_APPLICATIONS": other, "PRATIQUE_MODE": "act", **settings})


def asked_about_druva(stage: Stage) -> list[str]:
    """Return the calls to Graph that name Druva."""
    druva = stage.story.druva.service_principal.id
    return [
        f"{one.method} {one.path}" for one in stage.tenant.requests if druva in one.path and "$batch" not in one.path
    ]


async def due(stage: Stage, product: Pratique) -> list[Report]:
    """Wait until a look is due, and let the timer and the queue do their part."""
    await until(product.ears.enqueue_due)
    return await stage.drain(product)


async def test_an_open_incident_is_left_where_it_stands_and_picked_up_when_watched_again(stage: Stage) -> None:
    """Nothing is read, done or looked at again; the row keeps its state and says why; the sweep finds it later."""
    product = stage.product(PRATIQUE_MODE="observe")
    await stage.strike_druva()
    await stage.look(product, stage.story.druva)
    before, told = asked_about_druva(stage), len(stage.cards(DRUVA))
    product = narrowed(stage)
    assert [report.handled for report in await due(stage, product)] == [Handled.UNWATCHED]
    left = await stage.incident(product, stage.story.druva)
    assert (left.state, left.next_look_at) == (IncidentState.WAITING, None)
    assert (left.cause, "PRATIQUE_APPLICATIONS" in left.note) == ("invalid_credentials", True)
    await product.ears.sweep()
    assert await product.ears.enqueue_due() == 0
    assert await stage.drain(product) == []
    assert asked_about_druva(stage) == before
    assert changes(stage) == []
    assert len(stage.cards(DRUVA)) == told
    product = stage.product(PRATIQUE_APPLICATIONS="tenant")
    await product.ears.sweep()
    await stage.watch(product, stage.story.druva, IncidentState.RECOVERED)
    assert [one.split()[0] for one in changes(stage)] == ["save", "restart"]


@pytest.mark.parametrize("news", News)
async def test_no_signal_makes_anything_happen_to_what_is_not_watched(stage: Stage, news: News) -> None:
    """From a queue, a parked row or a person: without a row none is made, and Graph is not asked."""
    product = narrowed(stage)
    await stage.strike_druva()
    ids = stage.story.druva.service_principal.id, stage.story.druva.job.id
    before = asked_about_druva(stage)
    report = await product.reconciler.reconcile(Signal(*ids, Source.PERSON, news, product.services.clock.now()))
    assert (report.handled, report.incident) == (Handled.UNWATCHED, None)
    assert await product.services.incidents.get(*ids) is None
    assert asked_about_druva(stage) == before
    assert changes(stage) == []


async def test_an_attempt_under_way_stops_where_it_stands_and_goes_on_when_watched_again(stage: Stage) -> None:
    """Saved and not lifted: the restart waits for the day that the application is watched again; nothing is lost."""
    product = stage.product()
    await stage.strike_druva()

    async def switch_off(request: RecordedRequest) -> None:
        if request.method == "PUT" and request.path.endswith("/synchronization/secrets"):
            stage.environment["PRATIQUE_ACTING"] = "off"

    stage.tenant.faults.after.append(switch_off)
    await stage.look(product, stage.story.druva)
    stage.tenant.faults.after.remove(switch_off)
    product = narrowed(stage, PRATIQUE_ACTING="on")
    assert [report.handled for report in await due(stage, product)] == [Handled.UNWATCHED]
    left = await stage.incident(product, stage.story.druva)
    assert (left.in_attempt, left.next_look_at, left.untold) == (True, None, ())
    assert stage.tenant.directory.restarts == []
    product = stage.product(PRATIQUE_APPLICATIONS="tenant")
    await product.ears.sweep()
    await stage.watch(product, stage.story.druva, IncidentState.RECOVERED)
    assert len(stage.tenant.directory.secret_saves) == len(stage.tenant.directory.restarts) == 1


async def test_what_waited_to_be_told_is_told_all_the_same(stage: Stage) -> None:
    """A notice of what was done is owed, watched or not; it brings no other look."""
    product = stage.product(TEAMS_WEBHOOK_URL="https://127.0.0.1:9/hook")
    await stage.strike_druva()
    await stage.look(product, stage.story.druva)
    assert (await stage.incident(product, stage.story.druva)).untold
    product = narrowed(stage, TEAMS_WEBHOOK_URL=stage.tenant.environment()["TEAMS_WEBHOOK_URL"])
    assert [report.handled for report in await due(stage, product)] == [Handled.UNWATCHED]
    left = await stage.incident(product, stage.story.druva)
    assert (left.untold, left.next_look_at) == ((), None)
    assert len(stage.cards(DRUVA)) == 1


async def test_what_a_person_asks_for_by_hand_is_refused_with_the_setting(stage: Stage) -> None:
    """A try and a rehearsal of a rotation, before anything is read of the application."""
    product = narrowed(stage)
    ids = stage.story.druva.service_principal.id, stage.story.druva.job.id
    before = asked_about_druva(stage)
    with pytest.raises(Refused, match="PRATIQUE_APPLICATIONS"):
        await product.on_demand.try_user(*ids, _USER)
    with pytest.raises(Refused, match="PRATIQUE_APPLICATIONS"):
        await rehearse(product.services, *ids)
    assert asked_about_druva(stage) == before


async def test_the_forecast_begins_nothing_for_what_is_not_watched(stage: Stage) -> None:
    """A newer version than Entra was given waits in the vault; the forecast signals it for what is watched alone."""
    product = stage.product()
    await stage.strike_druva()
    await product.ears.sweep()
    await stage.watch(product, stage.story.druva, IncidentState.RECOVERED)
    await stage.tenant.vault.put(DRUVA_SECRET, stage.story.druva.target.issue_token(), announce=False)
    product = narrowed(stage)
    before = asked_about_druva(stage)
    found = await product.forecaster.run()
    assert (found.told, found.signals, found.retired) == (0, 0, 0)
    assert asked_about_druva(stage) == before
    assert (await stage.product(PRATIQUE_APPLICATIONS="tenant").forecaster.run()).signals == 1


async def test_an_id_in_the_setting_is_the_same_in_any_case(stage: Stage) -> None:
    """Graph writes ids in lower case; people and other tools do not always."""
    product = stage.product(PRATIQUE_APPLICATIONS=stage.story.druva.service_principal.id.upper())
    assert (await stage.look(product, stage.story.druva)).handled is Handled.LOOKED
