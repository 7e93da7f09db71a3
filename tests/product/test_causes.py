"""Causes that are not the credential: the right notice, once, and no action."""

import pytest

from emulator.story import CONTOSO_INTRANET, DRUVA, LEGACY_HR, MIRO, WORKPLACE
from shared.detection.signal import News, Signal, Source
from shared.incidents.incident import IncidentState
from shared.remediation.reconcile import Handled
from tests.product.conftest import Stage

EXPECTED = {
    CONTOSO_INTRANET: ("scim_noncompliance", "404"),
    WORKPLACE: ("accidental_deletion", "Allow deletes"),
    LEGACY_HR: ("on_demand_quarantine", "Microsoft"),
    MIRO: ("invalid_credentials", "miro-scim-token"),
}


@pytest.mark.parametrize("name", EXPECTED)
async def test_what_cannot_be_handled_ends_in_one_notice_and_no_action(stage: Stage, name: str) -> None:
    """People get one card and one mail with what is known and what to look at, however often the job is looked at."""
    product = stage.product()
    application = stage.tenant.applications[name]
    stage.story.strike()
    await stage.until_quarantined(application)
    cause, words = EXPECTED[name]
    reports = [await stage.look(product, application) for _ in range(3)]
    report = reports[-1]
    assert report.incident is not None
    assert (report.incident.state, report.incident.cause) == (IncidentState.NEEDS_PERSON, cause)
    assert len(stage.cards(name)) == len(stage.mails(name)) == 1
    assert words in stage.cards(name)[0]
    assert stage.tenant.directory.restarts == []
    assert stage.tenant.directory.secret_saves == []


async def test_healthy_jobs_cost_no_signal_and_no_notice(stage: Stage) -> None:
    """A sweep of a healthy tenant puts nothing on the queue and tells nobody."""
    product = stage.product()
    assert await product.ears.sweep() == 0
    assert stage.tenant.inboxes.teams == []
    assert stage.tenant.inboxes.mails == []


async def test_a_job_that_graph_does_not_know_leaves_no_row(stage: Stage) -> None:
    """A person's typing error is answered as unknown and remembered nowhere."""
    product = stage.product()
    now = product.services.clock.now()
    ids = stage.story.druva.service_principal.id, "scim.mistyped"
    report = await product.reconciler.reconcile(Signal(*ids, Source.PERSON, News.ASKED, now))
    assert report.handled is Handled.UNKNOWN
    assert await product.services.incidents.get(*ids) is None


async def test_what_a_person_fixed_is_lifted_without_a_save(stage: Stage) -> None:
    """When the saved credential passes again, only the quarantine is lifted."""
    product = stage.product()
    await stage.strike_druva()
    principal = stage.story.druva.service_principal.id
    secrets = stage.tenant.directory.secrets
    fixed = {**secrets.effective(principal), "SecretToken": stage.tenant.vault.value("druva-scim-token")}
    secrets.preset(principal, fixed)
    await stage.look(product, stage.story.druva)
    await stage.watch(product, stage.story.druva, IncidentState.RECOVERED)
    assert stage.tenant.directory.secret_saves == []


async def test_a_job_that_heals_by_itself_is_told_as_recovered_by_others(eager_stage: Stage) -> None:
    """An incident that waits for people ends when the job proves well, and says that we changed nothing."""
    stage = eager_stage
    product = stage.product()
    stage.story.break_contoso_intranet()
    application = stage.story.contoso_intranet
    await stage.until_quarantined(application)
    await stage.look(product, application)
    application.target.behaviour = stage.story.miro.target.behaviour
    incident = await stage.watch(product, application, IncidentState.RECOVERED)
    assert incident.attempt is None
    assert "changed nothing" in stage.cards(CONTOSO_INTRANET)[-1]
    assert stage.tenant.directory.restarts == []


async def test_the_story_of_druva_is_told_in_three_cards_and_three_mails(stage: Stage) -> None:
    """Needs you, acted, recovered: one each, in that order."""
    product = stage.product()
    stage.story.expire_druva()
    await stage.until_quarantined(stage.story.druva)
    await stage.look(product, stage.story.druva)
    await stage.story.paste_new_druva_token()
    await stage.watch(product, stage.story.druva, IncidentState.RECOVERED)
    subjects = [str(mail.message["subject"]) for mail in stage.tenant.inboxes.mails]
    assert len(stage.cards(DRUVA)) == len(subjects) == 3
    words = ["Needs you", "Acted", "Recovered"]
    assert [word in subject for word, subject in zip(words, subjects, strict=True)] == [True] * 3, subjects
