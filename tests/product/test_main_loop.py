"""The main loop: from an expired Druva token to a proven recovery."""

from emulator.story import DRUVA, DRUVA_SECRET
from shared.incidents.incident import IncidentState
from tests.product.conftest import Stage


async def test_a_new_version_in_the_vault_leads_to_a_proven_recovery(stage: Stage) -> None:
    """A bare new version is tested, saved, read back and tested; only the quarantine is lifted; a cycle proves it."""
    product = stage.product()
    stage.story.expire_druva()
    await stage.until_quarantined(stage.story.druva)
    await product.ears.sweep()
    await stage.drain(product)
    assert (await stage.incident(product, stage.story.druva)).state is IncidentState.NEEDS_PERSON
    await stage.story.paste_new_druva_token()
    incident = await stage.watch(product, stage.story.druva, IncidentState.RECOVERED)
    assert incident.application == DRUVA
    restarts = stage.tenant.directory.restarts
    assert [restart.body for restart in restarts] == [{"criteria": {"resetScope": "QuarantineState"}}]
    assert not any(restart.widened for restart in restarts)
    saved = stage.tenant.directory.secrets.effective(stage.story.druva.service_principal.id)
    assert saved["SecretToken"] == stage.tenant.vault.value(DRUVA_SECRET)
