"""Holding back: mode, the switch, attempts, and what another actor holds."""

import asyncio

import pytest

from emulator.faults import RecordedRequest
from emulator.story import DRUVA
from shared.errors import Unavailable
from shared.incidents.incident import IncidentState
from shared.remediation.reconcile import Handled
from tests.product.conftest import Stage


def changes(stage: Stage) -> list[str]:
    """Return what has changed outside: saves and restarts."""
    directory = stage.tenant.directory
    return [
        *(f"save {save.keys}" for save in directory.secret_saves),
        *(f"restart {r.body}" for r in directory.restarts),
    ]


async def test_observe_tells_and_changes_nothing(stage: Stage) -> None:
    """The default mode tests no candidate, saves nothing, restarts nothing, and says so once."""
    product = stage.product(PRATIQUE_MODE="")
    await stage.strike_druva()
    report = await stage.look(product, stage.story.druva)
    again = await stage.look(product, stage.story.druva)
    assert report.incident is not None
    assert again.incident is not None
    assert (report.incident.state, report.incident.cause) == (IncidentState.WAITING, "invalid_credentials")
    assert changes(stage) == []
    assert not any("validateCredentials" in request.path for request in stage.tenant.requests)
    assert len(stage.cards(DRUVA)) == len(stage.mails(DRUVA)) == 1
    assert "observe" in stage.cards(DRUVA)[0]


async def test_an_application_may_differ_from_the_tenant(stage: Stage) -> None:
    """An exception for one service principal lets only that one be acted on."""
    product = stage.product(
        PRATIQUE_MODE="observe", PRATIQUE_MODE_BY_APPLICATION=f"{stage.story.druva.service_principal.id}=act"
    )
    await stage.strike_druva()
    stage.story.expire_miro()
    await stage.until_quarantined(stage.story.miro)
    miro = await stage.look(product, stage.story.miro)
    druva = await stage.look(product, stage.story.druva)
    assert miro.incident is not None
    assert druva.incident is not None
    assert miro.incident.state is IncidentState.WAITING
    assert druva.incident.state is IncidentState.LIFTED


async def test_the_switch_stops_acting_at_the_next_step(stage: Stage) -> None:
    """Switched off while the credential is being saved, nothing is restarted; switched on again, it goes on."""
    product = stage.product()
    await stage.strike_druva()

    async def switch_off(request: RecordedRequest) -> None:
        if request.method == "PUT" and request.path.endswith("/synchronization/secrets"):
            stage.environment["PRATIQUE_ACTING"] = "off"

    stage.tenant.faults.after.append(switch_off)
    report = await stage.look(product, stage.story.druva)
    assert report.incident is not None
    assert report.incident.state is IncidentState.ACTING
    assert len(stage.tenant.directory.secret_saves) == 1
    assert stage.tenant.directory.restarts == []
    assert "PRATIQUE_ACTING" in stage.cards(DRUVA)[-1]
    stage.environment["PRATIQUE_ACTING"] = "on"
    stage.tenant.faults.after.remove(switch_off)
    await stage.watch(product, stage.story.druva, IncidentState.RECOVERED)
    assert len(stage.tenant.directory.secret_saves) == 1


async def test_a_switch_that_cannot_be_read_stops_acting(stage: Stage) -> None:
    """A value other than on or off is no permission to act."""
    product = stage.product()
    await stage.strike_druva()
    stage.environment["PRATIQUE_ACTING"] = "perhaps"
    with pytest.raises(Exception, match="PRATIQUE_ACTING must be on or off"):
        await stage.look(product, stage.story.druva)
    assert changes(stage) == []


async def test_a_third_attempt_in_a_day_is_left_to_people(stage: Stage) -> None:
    """After two attempts that did not last, the job is given up loudly and nothing more is tried."""
    product = stage.product()
    for _ in range(2):
        await stage.strike_druva()
        await stage.look(product, stage.story.druva)
        await stage.watch(product, stage.story.druva, IncidentState.RECOVERED)
    await stage.strike_druva()
    before = changes(stage)
    report = await stage.look(product, stage.story.druva)
    assert report.incident is not None
    assert report.incident.state is IncidentState.GAVE_UP
    assert "2 attempts" in stage.cards(DRUVA)[-1]
    assert changes(stage) == before


async def test_what_cannot_be_counted_is_not_acted_on(stage: Stage) -> None:
    """With storage out of reach nothing outside is changed, and the message stays on its queue."""
    await stage.strike_druva()
    text = stage.storage.connection_string.replace(stage.storage.table_url, "http://127.0.0.1:9/devstoreaccount1")
    product = stage.product(AzureWebJobsStorage=text)
    with pytest.raises(Unavailable):
        await asyncio.wait_for(stage.look(product, stage.story.druva), 120)
    assert changes(stage) == []


async def test_news_that_meets_a_held_lease_is_parked_and_heard_later(stage: Stage) -> None:
    """The loser changes nothing and forgets nothing: the due timer brings the news back."""
    product = stage.product()
    await stage.strike_druva()
    lease = await product.services.leases.acquire(stage.story.druva.service_principal.id)
    assert lease is not None
    await product.ears.sweep()
    reports = await stage.drain(product)
    assert [report.handled for report in reports] == [Handled.BUSY]
    assert changes(stage) == []
    await product.services.leases.release(lease)
    assert (await product.services.incidents.get(*_ids(stage))) is None
    await stage.watch(product, stage.story.druva, IncidentState.RECOVERED)


def _ids(stage: Stage) -> tuple[str, str]:
    return stage.story.druva.service_principal.id, stage.story.druva.job.id
