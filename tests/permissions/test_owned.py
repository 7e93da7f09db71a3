"""With ownership alone: what is owned is watched, all else is passed over, and what is missing is named."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cli.errors import UsageError
from cli.reconcile import choose
from emulator.azurite import Storage
from emulator.entra import IDENTITY_ID, Role
from emulator.faults import Status
from emulator.settings import EmulatorSettings
from shared.composition import compose
from shared.detection.signal import News, Signal, Source
from shared.errors import InvalidSetting, NotFound, NotOwned, ServiceError
from shared.incidents.incident import Incident, IncidentState
from shared.jobs.model import ServicePrincipal
from shared.remediation.reconcile import Handled, Report
from shared.remediation.rehearsal import rehearse
from shared.settings import Reach, load
from shared.tokens.findings import FindingKind
from tests.product.conftest import clean_storage, staged
from tests.tokens.conftest import Desk, bound, opened

__all__ = ["clean_storage"]

OWNED = {"PRATIQUE_APPLICATIONS": "owned"}
NARROW = {Role.OWNED, Role.LOGS, Role.VAULT, Role.MAIL}
_WHOLE = {"KEY_VAULT_URL": "https://kv.vault.example", "AzureWebJobsStorage": "x"}


@pytest.fixture
async def desk(state_dir: Path, clean_storage: Storage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Return a tenant of three applications of which the identity owns two; it holds nothing that is wider."""
    async with opened(state_dir, clean_storage, monkeypatch, **OWNED) as one:
        for name in ("Owned", "Other", "Also owned"):
            await one.tenant.add_application(name)
        own(one, "Owned", "Also owned")
        one.tenant.entra.roles = set(NARROW)
        yield one


def own(desk: Desk, *names: str) -> None:
    """Make the identity an owner of these applications."""
    desk.tenant.directory.owned |= {desk.tenant.applications[name].service_principal.id for name in names}


async def test_owned_applications_are_found_page_by_page_and_no_others(desk: Desk) -> None:
    """Through owned objects of the identity itself, asked as an advanced query; the tenant is not listed."""
    for number in range(desk.tenant.settings.page_size):
        await desk.tenant.add_application(f"Many {number}")
        own(desk, f"Many {number}")
    found = {view.application.display_name for view in await desk.product.overview.jobs()}
    assert found == set(desk.tenant.applications) - {"Other"}
    lists = [one for one in desk.tenant.requests if "/ownedObjects/microsoft.graph.servicePrincipal" in one.path]
    assert len(lists) == 2
    assert all(f"/servicePrincipals/{IDENTITY_ID}/" in one.path for one in lists)
    assert all(one.headers.get("consistencylevel") == "eventual" for one in lists[:1])
    assert "%24count=true" in lists[0].path or "$count=true" in lists[0].path
    assert not [one for one in desk.tenant.requests if one.path.startswith("/v1.0/servicePrincipals?")]


async def test_named_applications_are_read_one_by_one_and_an_unknown_id_blinds_nothing(desk: Desk) -> None:
    """Ids in any case; one that names nothing is passed over."""
    owned = desk.tenant.applications["Owned"].service_principal.id
    product = compose({**desk.environment, "PRATIQUE_APPLICATIONS": f"{owned.upper()}, {IDENTITY_ID}"})
    try:
        assert [view.application.display_name for view in await product.overview.jobs()] == ["Owned"]
        assert await product.services.graph.watched() == frozenset({owned, IDENTITY_ID})
    finally:
        await product.close()


async def test_an_application_that_is_named_and_not_owned_blinds_the_sweep_with_what_is_missing(desk: Desk) -> None:
    """A part is not an answer; the notice says to grant the permission and to make the identity an owner."""
    other = desk.tenant.applications["Other"].service_principal.id
    product = compose({**desk.environment, "PRATIQUE_APPLICATIONS": other})
    try:
        with pytest.raises(NotOwned, match=r"Application\.ReadWrite\.OwnedBy") as refused:
            await product.ears.sweep()
    finally:
        await product.close()
    assert other in str(refused.value)
    assert "make it an owner of the application" in refused.value.remedy
    assert other in str(desk.tenant.inboxes.teams[-1].body)
    assert "make it an owner of the application" in str(desk.tenant.inboxes.teams[-1].body)


async def test_news_of_what_is_not_watched_is_passed_over(desk: Desk) -> None:
    """The audit log and the vault tell of the whole tenant; neither becomes blind by it, nor asks about it."""
    other = desk.tenant.applications["Other"]
    target = {"id": other.service_principal.id, "displayName": "Other", "type": "ServicePrincipal"}
    row = {"LoggedByService": "Account Provisioning", "OperationName": "Quarantine", "Id": "1"}
    now = desk.tenant.clock.now()
    desk.tenant.logs.write("AuditLogs", {**row, "TimeGenerated": now, "TargetResources": [target]}, delay=0)
    assert await desk.product.ears.query_audit_log() == 0
    assert not [one for one in desk.tenant.requests if f"{other.service_principal.id}/sync" in one.path]
    await desk.put("other-token", bound(other))
    (held,) = [one for one in (await desk.product.inventory.read()).held if one.secret is not None]
    assert held.findings[0].kind is FindingKind.NO_APPLICATION
    assert "is not watched" in held.findings[0].text
    assert not [one for one in await desk.product.overview.sources() if one.blind]


async def test_the_refusal_of_one_application_says_of_which(desk: Desk) -> None:
    """Its own reads and its part of a batch; the permission alone would send people through all of them."""
    owned, other = (desk.tenant.applications[name] for name in ("Owned", "Other"))
    graph, ids = desk.product.services.graph, (other.service_principal.id, other.job.id)

    async def batch() -> None:
        [_ async for _ in graph.jobs_of_many([owned.service_principal.id, ids[0]])]

    for call in (batch, lambda: graph.jobs(ids[0]), lambda: graph.job(*ids), lambda: graph.credentials(ids[0])):
        with pytest.raises(NotOwned, match=ids[0]):
            await call()
    with pytest.raises(NotOwned, match=ids[0]):
        await graph.save_credentials(ids[0], (), secrets=())
    with pytest.raises(NotOwned, match=ids[0]):
        await graph.test_saved_credentials(*ids)
    with pytest.raises(NotOwned, match=ids[0]):
        await graph.lift_quarantine(*ids)


async def look(desk: Desk, name: str) -> Report:
    """Look at an application's job as a person would ask for it."""
    job = desk.tenant.applications[name].job
    now = desk.product.services.clock.now()
    return await desk.product.reconciler.reconcile(
        Signal(job.service_principal_id, job.id, Source.PERSON, News.ASKED, now)
    )


async def test_an_application_that_is_owned_no_more_is_left_alone(desk: Desk) -> None:
    """It is asked for once a look, and nothing else is; what is owned is looked at as ever."""
    assert (await look(desk, "Owned")).handled is Handled.LOOKED
    desk.tenant.directory.owned.clear()
    own(desk, "Also owned")
    before = len(desk.tenant.requests)
    assert (await look(desk, "Owned")).handled is Handled.UNWATCHED
    asked = [one.path.partition("?")[0] for one in desk.tenant.requests[before:]]
    assert asked == [f"/v1.0/servicePrincipals/{IDENTITY_ID}/ownedObjects/microsoft.graph.servicePrincipal"]
    assert not [one for one in await desk.product.overview.sources() if one.blind]


async def test_what_could_not_be_read_blinds_no_longer_than_it_is_watched(desk: Desk) -> None:
    """Nobody will look at that job again, so no look at it could end the blindness."""
    desk.tenant.faults.add("graph", "GET", "/synchronization/jobs/", Status(403))
    assert (await look(desk, "Owned")).handled is Handled.UNSEEN
    assert [one.name for one in await desk.product.overview.sources() if one.blind] == ["reconcile"]
    desk.tenant.directory.owned.clear()
    assert (await look(desk, "Owned")).handled is Handled.UNWATCHED
    assert not [one for one in await desk.product.overview.sources() if one.blind]


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_a_list_of_what_is_owned_that_cannot_be_read_is_blindness(desk: Desk, status: int) -> None:
    """Neither "not watched" nor "no such job": the incident stays open and is looked at again, the source is blind."""
    row = Incident(
        desk.tenant.applications["Owned"].service_principal.id,
        desk.tenant.applications["Owned"].job.id,
        id="one",
        state=IncidentState.WAITING,
        looked_at=desk.product.services.clock.now(),
    )
    await desk.product.services.incidents.write(row, None)
    desk.tenant.faults.add("graph", "GET", "/ownedObjects/", Status(status), times=None)
    report = await look(desk, "Owned")
    assert (report.handled, report.incident and report.incident.state) == (Handled.UNSEEN, IncidentState.WAITING)
    assert report.incident is not None
    assert report.incident.next_look_at is not None
    (blind,) = [one for one in await desk.product.overview.sources() if one.blind]
    assert "owns" in blind.why
    with pytest.raises(ServiceError) as raised:
        await rehearse(desk.product.services, row.service_principal_id, row.job_id)
    assert not isinstance(raised.value, NotFound)
    with pytest.raises(ServiceError) as raised:
        await desk.product.ears.sweep()
    assert not isinstance(raised.value, NotFound)


async def test_a_restart_that_ownership_does_not_allow_names_the_wider_permission(
    state_dir: Path, clean_storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole loop with ownership alone, up to the 401 that was reported: saved, told, and lifted once granted."""
    quick = EmulatorSettings(cycle_interval=0.6, secrets_settle=0.2, quarantine_intervals=(1000.0,))
    async with staged(state_dir, clean_storage, monkeypatch, quick) as stage:
        druva = stage.story.druva
        stage.tenant.directory.owned.add(druva.service_principal.id)
        stage.tenant.entra.roles = set(NARROW)
        product = stage.product(**OWNED)
        await stage.strike_druva()
        body = {"error": {"code": "UnknownError", "message": "", "innerError": {}}}
        stage.tenant.faults.add("graph", "POST", r"/restart$", Status(401, body=body))
        await stage.look(product, druva)
        told = stage.cards("Druva")[-1]
        assert str(Role.SYNCHRONIZATION) in told
        await stage.watch(product, druva, IncidentState.RECOVERED)
        assert len(stage.tenant.directory.secret_saves) == 1
        assert [one.widened for one in stage.tenant.directory.restarts] == [False]


@pytest.mark.parametrize(
    ("text", "reach", "named"),
    [
        ("", Reach.TENANT, ()),
        ("Tenant", Reach.TENANT, ()),
        (" owned ", Reach.OWNED, ()),
        (f"{IDENTITY_ID.upper()},{IDENTITY_ID}", Reach.NAMED, (IDENTITY_ID,)),
    ],
)
def test_the_setting_says_which(text: str, reach: Reach, named: tuple[str, ...]) -> None:
    """Words in any case, ids once each."""
    read = load({**_WHOLE, "PRATIQUE_APPLICATIONS": text, "PRATIQUE_IDENTITY": IDENTITY_ID})
    assert (read.reach, read.applications) == (reach, named)


@pytest.mark.parametrize("text", ["all", "Druva", f"{IDENTITY_ID},owned", ",", IDENTITY_ID[:-1], f"{IDENTITY_ID}/x"])
def test_words_that_are_neither_are_refused(text: str) -> None:
    """A word that is not understood never widens what is watched."""
    with pytest.raises(InvalidSetting, match="PRATIQUE_APPLICATIONS"):
        load({**_WHOLE, "PRATIQUE_APPLICATIONS": text, "PRATIQUE_IDENTITY": IDENTITY_ID})


@pytest.mark.parametrize("reach", [Reach.OWNED, Reach.NAMED])
def test_a_command_says_that_it_knows_what_is_watched_and_nothing_else(reach: Reach) -> None:
    """A name that the tenant has and the setting leaves out is not said to be nowhere."""
    watched = [ServicePrincipal(IDENTITY_ID, "", "Owned")]
    with pytest.raises(UsageError, match=r"that is watched .*'Other'.*PRATIQUE_APPLICATIONS\): Owned\."):
        choose("Other", watched, reach)
    assert choose("owned", watched, reach) is watched[0]


def test_owned_needs_to_know_whose() -> None:
    """Without the identity's object id nothing could be found, so the setting that is missing is named."""
    with pytest.raises(InvalidSetting, match="PRATIQUE_IDENTITY is required"):
        load({**_WHOLE, **OWNED})
