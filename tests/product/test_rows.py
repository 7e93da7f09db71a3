"""Rows: what another release wrote is left alone, and notices that nobody takes do not pile up."""

import pytest
from azure.data.tables.aio import TableServiceClient

from emulator.faults import Status
from emulator.story import DRUVA, DRUVA_SECRET
from shared.composition import compose
from shared.errors import InvalidSetting
from shared.incidents.incident import IncidentState
from shared.remediation.reconcile import Handled
from tests.product.conftest import Stage


@pytest.mark.parametrize("column", ["state", "attempt"])
async def test_a_row_of_another_release_is_neither_acted_on_nor_written_over(stage: Stage, column: str) -> None:
    """After a rollback a row may hold a state or step that this release does not know: it stays as it is."""
    product = stage.product()
    await stage.strike_druva()
    await stage.look(product, stage.story.druva)
    kept = await product.services.incidents.get(stage.story.druva.service_principal.id, stage.story.druva.job.id)
    assert kept is not None
    unknown = {"state": "awaiting_approval", "attempt": kept.incident.to_row()["attempt"].replace("watch", "revoke")}
    async with TableServiceClient.from_connection_string(stage.storage.connection_string) as tables:
        table = tables.get_table_client("pratiqueincidents")
        entity = await table.get_entity(*_key(stage))
        await table.upsert_entity({**entity, column: unknown[column]})
        report = await stage.look(product, stage.story.druva)
        after = await table.get_entity(*_key(stage))
    assert report.handled is Handled.UNSEEN
    assert after[column] == unknown[column]
    assert len(await product.services.incidents.all()) == 1
    assert len(stage.tenant.directory.restarts) == 1


async def test_untold_notices_wait_and_are_sent_when_the_channel_is_back(stage: Stage) -> None:
    """Teams is down while the mail goes out; the card follows once, when Teams takes it."""
    stage.tenant.faults.add("inboxes", "POST", "/teams/", Status(500), times=2)
    product = stage.product()
    stage.story.expire_druva()
    await stage.until_quarantined(stage.story.druva)
    await stage.look(product, stage.story.druva)
    assert (len(stage.cards(DRUVA)), len(stage.mails(DRUVA))) == (0, 1)
    for _ in range(2):
        await stage.look(product, stage.story.druva)
    assert (len(stage.cards(DRUVA)), len(stage.mails(DRUVA))) == (1, 1)


async def test_untold_notices_are_bounded(stage: Stage) -> None:
    """With a channel down for long, a row keeps the newest few notices and stays writable."""
    product = stage.product()
    stage.story.expire_druva()
    await stage.until_quarantined(stage.story.druva)
    stage.tenant.faults.add("inboxes", "POST", "/teams/", Status(500), times=None)
    await stage.look(product, stage.story.druva)
    for number in range(6):
        await stage.tenant.vault.put(DRUVA_SECRET, f"mistyped {number}")
        await stage.look(product, stage.story.druva)
    incident = await stage.incident(product, stage.story.druva)
    assert incident.state is IncidentState.NEEDS_PERSON
    assert len(incident.untold) <= 4
    assert incident.untold[-1].notice.subject == DRUVA


async def test_a_version_that_holds_no_token_is_told_as_such(stage: Stage) -> None:
    """An empty value or a pasted mask is neither tested nor saved."""
    product = stage.product()
    await stage.strike_druva()
    await stage.tenant.vault.put(DRUVA_SECRET, "*")
    report = await stage.look(product, stage.story.druva)
    assert report.incident is not None
    assert report.incident.state is IncidentState.NEEDS_PERSON
    assert "which is no credential" in stage.cards(DRUVA)[-1]
    assert stage.tenant.directory.secret_saves == []


async def test_an_unreadable_connection_string_is_a_setting_error(stage: Stage) -> None:
    """Garbage in AzureWebJobsStorage names the setting and shows nothing of its value."""
    with pytest.raises(InvalidSetting, match="AzureWebJobsStorage") as caught:
        compose({**stage.environment, "AzureWebJobsStorage": "AccountKey=abc;garbage"})
    assert "abc" not in str(caught.value)


def _key(stage: Stage) -> tuple[str, str]:
    return stage.story.druva.service_principal.id, stage.story.druva.job.id
