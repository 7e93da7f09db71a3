"""Saving: only our own key changes, whatever PUT means, and a token goes only where it is allowed to go."""

import asyncio
import json

import pytest

from emulator.faults import Status
from emulator.settings import SecretsPut
from emulator.story import DRUVA, DRUVA_SECRET
from shared.incidents.incident import IncidentState
from tests.product.conftest import Stage, until

MARKED_HOST = "https://collector.example/scim"


@pytest.mark.parametrize("semantics", list(SecretsPut))
async def test_every_other_setting_survives_a_rotation(stage: Stage, semantics: SecretsPut) -> None:
    """Merging or replacing, what was there before is there after; only the secret token is another."""
    stage.tenant.directory.secrets.mode = semantics
    secrets, principal = stage.tenant.directory.secrets, stage.story.druva.service_principal.id
    before = secrets.effective(principal)
    product = stage.product()
    await stage.strike_druva()
    await stage.look(product, stage.story.druva)
    await stage.watch(product, stage.story.druva, IncidentState.RECOVERED)
    after = secrets.effective(principal)
    assert {key: value for key, value in after.items() if key != "SecretToken"} == {
        key: value for key, value in before.items() if key != "SecretToken"
    }
    assert after["SecretToken"] == stage.tenant.vault.value(DRUVA_SECRET) != before["SecretToken"]


@pytest.mark.parametrize("semantics", list(SecretsPut))
async def test_a_second_masked_key_is_refused_and_told(stage: Stage, semantics: SecretsPut) -> None:
    """A credential that cannot be read back is not put at risk: nothing is saved, and people are told why."""
    principal = stage.story.druva.service_principal.id
    stage.tenant.directory.secrets.mode = semantics
    stage.tenant.directory.secrets.preset(
        principal, {**stage.tenant.directory.secrets.effective(principal), "ClientSecret": "other"}
    )
    product = stage.product()
    await stage.strike_druva()
    report = await stage.look(product, stage.story.druva)
    assert report.incident is not None
    assert report.incident.state is IncidentState.NEEDS_PERSON
    assert stage.tenant.directory.secret_saves == []
    assert "ClientSecret" in stage.cards(DRUVA)[-1]
    assert "PRATIQUE_MERGE_ACCEPTED" in stage.mails(DRUVA)[-1]


async def test_a_second_masked_key_is_left_to_merging_once_accepted(stage: Stage) -> None:
    """When an operator has accepted merging for the application, the mask is still never sent."""
    principal = stage.story.druva.service_principal.id
    secrets = stage.tenant.directory.secrets
    secrets.preset(principal, {**secrets.effective(principal), "ClientSecret": "other"})
    product = stage.product(PRATIQUE_MERGE_ACCEPTED=principal)
    await stage.strike_druva()
    await stage.look(product, stage.story.druva)
    await stage.watch(product, stage.story.druva, IncidentState.RECOVERED)
    assert secrets.effective(principal)["ClientSecret"] == "other"
    puts = [request for request in stage.tenant.requests if request.method == "PUT"]
    assert all(pair["value"] != "*" for put in puts for pair in json.loads(put.body)["value"])


async def test_settings_lost_by_a_save_are_told_loudly(stage: Stage) -> None:
    """When merging was accepted and PUT replaces after all, reading back shows the loss and nothing is restarted."""
    principal = stage.story.druva.service_principal.id
    secrets = stage.tenant.directory.secrets
    secrets.preset(principal, {**secrets.effective(principal), "ClientSecret": "other"})
    secrets.mode = SecretsPut.REPLACE
    product = stage.product(PRATIQUE_MERGE_ACCEPTED=principal)
    await stage.strike_druva()
    report = await stage.look(product, stage.story.druva)
    assert report.incident is not None
    assert report.incident.state is IncidentState.GAVE_UP
    assert "ClientSecret is gone" in stage.cards(DRUVA)[-1]
    looked_at = report.incident.looked_at

    async def looked_again() -> bool:
        await product.ears.enqueue_due()
        await stage.drain(product)
        return (await stage.incident(product, stage.story.druva)).looked_at != looked_at

    await until(looked_again)
    assert stage.tenant.directory.restarts == []


async def test_a_candidate_for_another_host_is_refused_before_anything_is_sent(stage: Stage) -> None:
    """The job's address is on a host that neither vendor nor pin allows: the token's value is not even read."""
    principal = stage.story.druva.service_principal.id
    secrets = stage.tenant.directory.secrets
    await stage.strike_druva()
    secrets.preset(principal, {**secrets.effective(principal), "BaseAddress": MARKED_HOST})
    seen = len(stage.tenant.requests)
    product = stage.product()
    # The changed address is what Entra cannot reach; the credential itself is still what Graph says is rejected.
    stage.tenant.faults.add(
        "graph",
        "POST",
        "validateCredentials",
        Status(400, body={"error": {"code": "SystemForCrossDomainIdentityManagementCredentialValidationFailure"}}),
    )
    report = await stage.look(product, stage.story.druva)
    assert report.incident is not None
    assert report.incident.state is IncidentState.NEEDS_PERSON
    asked = stage.tenant.requests[seen:]
    token = stage.tenant.vault.value(DRUVA_SECRET)
    assert not any(token.encode() in request.body for request in asked)
    assert not any(f"/secrets/{DRUVA_SECRET}/" in r.path and "/versions" not in r.path for r in asked)
    assert "collector.example" in stage.cards(DRUVA)[-1]


async def test_two_secrets_for_one_application_are_refused(stage: Stage) -> None:
    """When two secrets claim the application, neither is used."""
    tags = {"pratique-service-principal": stage.story.druva.service_principal.id, "pratique-vendor": "druva"}
    await stage.tenant.vault.put("another-druva-token", "made-up", tags=tags)
    product = stage.product()
    await stage.strike_druva()
    report = await stage.look(product, stage.story.druva)
    assert report.incident is not None
    assert report.incident.state is IncidentState.NEEDS_PERSON
    assert "another-druva-token" in stage.cards(DRUVA)[-1]
    assert stage.tenant.directory.secret_saves == []


async def test_a_disabled_newest_version_is_passed_over(stage: Stage) -> None:
    """The newest *enabled* version is taken."""
    product = stage.product()
    await asyncio.sleep(1.1)
    await stage.strike_druva()
    good = stage.tenant.vault.value(DRUVA_SECRET)
    await asyncio.sleep(1.1)  # Key Vault dates versions by whole seconds
    await stage.tenant.vault.put(DRUVA_SECRET, "mistyped", enabled=False)
    await stage.look(product, stage.story.druva)
    await stage.watch(product, stage.story.druva, IncidentState.RECOVERED)
    assert stage.tenant.directory.secrets.effective(stage.story.druva.service_principal.id)["SecretToken"] == good


async def test_a_rejected_candidate_is_told_and_a_better_one_is_taken(stage: Stage) -> None:
    """A mistyped token is tested, never saved; the next version leads to the recovery."""
    product = stage.product()
    await stage.strike_druva()
    good = stage.tenant.vault.value(DRUVA_SECRET)
    await stage.tenant.vault.put(DRUVA_SECRET, "mistyped")
    report = await stage.look(product, stage.story.druva)
    assert report.incident is not None
    assert report.incident.state is IncidentState.NEEDS_PERSON
    assert stage.tenant.directory.secret_saves == []
    await stage.tenant.vault.put(DRUVA_SECRET, good)
    await stage.watch(product, stage.story.druva, IncidentState.RECOVERED)
    assert len(stage.tenant.directory.secret_saves) == 1
