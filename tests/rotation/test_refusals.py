"""What must not be brought into use is not: nothing is saved, nothing is sent elsewhere, and people are told why."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulator.entra import Role
from emulator.faults import Status, Timeout
from shared.detection.signal import News
from shared.incidents.incident import IncidentState
from tests.rotation.conftest import Bound, Scene

_SOON = timedelta(seconds=2)


def jwt(ends: datetime) -> str:
    """Return a token that says of itself when it ends."""
    parts = ({"alg": "RS256"}, {"exp": int(ends.timestamp())})
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*texts, "c2lnbmF0dXJl"])


def unchanged(scene: Scene, one: Bound, before: dict[str, str]) -> None:
    """Require that nothing was saved or restarted, and that the job goes on."""
    assert scene.tenant.directory.secret_saves == []
    assert scene.tenant.directory.restarts == []
    assert scene.saved(one) == before
    assert one.it.job.quarantine is None


def values_read(scene: Scene, one: Bound) -> int:
    """Count the requests that read a value of its secret."""
    return sum(
        f"/secrets/{one.secret}/" in request.path and "/versions" not in request.path
        for request in scene.tenant.requests
    )


BAD = {
    "its own end is past": (jwt(datetime(2026, 3, 1, tzinfo=UTC)), "ended on 2026-03-01", False),
    "a line break inside": ("first half\nsecond half", "line break", False),
    "a line break at its end": ("pasted with more than meant\n", "line break", False),
    "the header's word": ("Bearer pasted-from-a-header", "Bearer", False),
    "empty": ("", "empty", False),
    "the mask": ("*", "mask", False),
    "as long as a book": ("a" * 1024 * 1024, "longer than", False),
    "nobody made it": ("scim_made-up-by-nobody", "rejects the newest version", True),
}


@pytest.mark.parametrize(("value", "said", "tested"), BAD.values(), ids=BAD.keys())
async def test_a_value_that_can_be_no_credential_is_told_once_and_sent_nowhere(
    scene: Scene, value: str, said: str, *, tested: bool
) -> None:
    """Only what could be a token reaches the target, for its test; what is pasted is told of once and not repeated."""
    one = await scene.application()
    before, product = scene.saved(one), scene.product()
    await one.paste(value)
    await scene.until(product, lambda: scene.told(one.name))
    await one.look(product, News.CREDENTIAL)
    (card,) = scene.told(one.name)
    assert said in card
    assert "quarantine its cause" not in card
    assert not value[:40].strip(" *") or value[:40] not in card
    assert scene.tests(saved=False) == (2 if tested else 0)
    sent = {authorization.removeprefix("Bearer ") for authorization in one.it.target.authorizations}
    assert sent == {before["SecretToken"], *([value] if tested else [])}
    unchanged(scene, one, before)


async def test_a_truncated_token_is_rejected_and_the_whole_one_taken(scene: Scene) -> None:
    """Half a paste is tested twice and told; the next version is brought into use."""
    one = await scene.application()
    before, product = scene.saved(one), scene.product()
    token = one.it.target.issue_token()
    await one.paste(token[:-5])
    await scene.until(product, lambda: scene.told(one.name))
    unchanged(scene, one, before)
    await one.paste(token)
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert scene.saved(one)["SecretToken"] == token


async def test_a_token_of_another_application_is_rejected(scene: Scene) -> None:
    """Pasted into the wrong secret it opens nothing there; neither is changed, and the other not bothered."""
    one, other = await scene.application("Payroll"), await scene.application("Travel")
    before, product = scene.saved(one), scene.product()
    await one.paste(other.newest())
    await scene.until(product, lambda: scene.told(one.name))
    unchanged(scene, one, before)
    assert scene.told(other.name) == []
    assert {text.removeprefix("Bearer ") for text in other.it.target.authorizations} == {other.newest()}


async def test_an_arrived_version_whose_date_is_past_is_told(scene: Scene) -> None:
    """A date set wrongly keeps a new version from use; whoever set it learns so, though an older version lives."""
    one = await scene.application()
    before, product = scene.saved(one), scene.product()
    await one.know(product)
    await one.paste(expires=datetime.now(UTC) - timedelta(days=1))
    await scene.until(product, lambda: scene.told(one.name))
    unchanged(scene, one, before)
    assert values_read(scene, one) == 0
    (card,) = scene.told(one.name)
    assert one.secret in card


async def test_a_disabled_newest_version_is_passed_over_in_silence(scene: Scene) -> None:
    """Disabling is a decision: the older version that Entra has is neither tested nor saved again."""
    one = await scene.application()
    before, product = scene.saved(one), scene.product()
    await one.know(product)
    await one.paste(enabled=False)
    await scene.idle(product, 0.4)
    assert (await product.forecaster.run()).signals == 0
    unchanged(scene, one, before)
    assert scene.tests(saved=False) == 0
    assert scene.told() == []


async def test_disabling_the_version_in_use_does_not_bring_back_an_older_one(scene: Scene) -> None:
    """What Entra has works; an older version is no new credential, whatever became of the newer one in the vault."""
    one = await scene.application()
    product = scene.product()
    version = await one.paste()
    await scene.watch(product, one, IncidentState.RECOVERED)
    before = scene.saved(one)
    await scene.tenant.vault.set_enabled(one.secret, version, enabled=False)
    await product.forecaster.run()
    await one.look(product)
    await one.look(product, News.CREDENTIAL)
    await scene.idle(product, 0.3)
    assert scene.saved(one) == before
    assert len(scene.tenant.directory.secret_saves) == 1


async def test_a_secret_that_is_gone_is_no_reason_to_act(scene: Scene) -> None:
    """The event of a deleted secret's version comes to nothing, and a person who asks is told what is missing."""
    one = await scene.application()
    before, product = scene.saved(one), scene.product()
    await one.paste()
    await scene.tenant.vault.delete(one.secret)
    await scene.idle(product, 0.3)
    assert scene.told() == []
    await one.look(product, News.ROTATE)
    (card,) = scene.told(one.name)
    assert "No secret in the vault is bound" in card
    unchanged(scene, one, before)


async def test_a_vault_that_may_not_be_read_is_told_with_the_role_to_grant(scene: Scene) -> None:
    """403 makes us blind, not the job ill: nothing is saved, and granting the role is enough to go on."""
    one = await scene.application()
    before, product = scene.saved(one), scene.product()
    await one.know(product)
    version = await one.paste()
    event = (await scene.take("pratique-vault-events"))[0]
    await product.inventory.read()  # the identity's token still names the role, so that giving it back counts at once
    scene.tenant.entra.roles -= {Role.VAULT, Role.VAULT_OFFICER}
    await one.look(product, News.CREDENTIAL)
    unchanged(scene, one, before)
    assert any("Key Vault Secrets User" in card for card in scene.told())
    scene.tenant.entra.roles.add(Role.VAULT)
    await product.ears.vault_event(event)
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert scene.saved(one)["SecretToken"] == scene.tenant.vault.value(one.secret, version)


async def test_a_silent_vault_holds_up_a_look_no_longer_than_a_step(scene: Scene) -> None:
    """A vault that never answers costs the time of a step and not the lease; the job is looked at again."""
    one = await scene.application()
    before, product = scene.saved(one), scene.product(PRATIQUE_STEP="0.8")
    scene.tenant.faults.add("vault", "GET", "/secrets", Timeout(), times=None)
    async with asyncio.timeout(5):
        report = await one.look(product, News.CREDENTIAL)
    assert report.incident is not None
    assert report.incident.next_look_at is not None
    unchanged(scene, one, before)


@pytest.mark.parametrize("known", [True, False])
async def test_a_version_that_begins_later_is_saved_then(scene: Scene, *, known: bool) -> None:
    """Before its time it is not even read; at its time it is brought into use without another event."""
    one = await scene.application()
    before, product = scene.saved(one), scene.product()
    if known:
        await one.know(product)
    else:
        await scene.tenant.vault.set_enabled(one.secret, scene.tenant.vault.version(one.secret).version, enabled=False)
    await one.paste(not_before=datetime.now(UTC) + _SOON)
    await scene.idle(product, 0.4)
    unchanged(scene, one, before)
    assert values_read(scene, one) == 0
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert scene.saved(one)["SecretToken"] == one.newest()


async def test_a_date_that_nobody_checks_does_not_keep_a_good_token_from_use(scene: Scene) -> None:
    """Clocks differ: a version that the vault dates a minute ahead of ours, or long ago, is the newest all the same."""
    one, other = await scene.application("Payroll"), await scene.application("Travel")
    product = scene.product()
    await one.paste(created=datetime.now(UTC) + timedelta(minutes=1))
    await other.paste(created=datetime.now(UTC) - timedelta(days=9))
    await scene.watch(product, one, IncidentState.RECOVERED)
    await scene.watch(product, other, IncidentState.RECOVERED)
    for each in (one, other):
        assert scene.saved(each)["SecretToken"] == each.newest()
    incident = await one.incident(product)
    assert incident.attempt is not None
    assert "credential: 0 s" in scene.told(one.name)[-1], "no negative time is measured"


HOSTS = {
    "another host than the pin's": ("", {"pratique-tenant-url": "https://scim.other.example/v2"}, "scim.other.example"),
    "another port than the pin's": (
        "",
        {"pratique-tenant-url": "https://127.0.0.1/v2"},
        "meant for https://127.0.0.1/v2",
    ),
    "no pin at a shared host": ("databricks-workspace", {"pratique-tenant-url": ""}, "pratique-tenant-url"),
    "neither pin nor vendor": ("", {"pratique-tenant-url": ""}, "cannot be checked"),
    "a vendor's other host": ("druva", {"pratique-tenant-url": ""}, "apis.druva.com"),
    "an address as the key": ("", {"pratique-key": "BaseAddress"}, "BaseAddress"),
    "a setting as the key": ("", {"pratique-key": "SyncAll"}, "SyncAll"),
}


@pytest.mark.parametrize(("vendor", "tags", "said"), HOSTS.values(), ids=HOSTS.keys())
async def test_a_token_goes_to_no_host_that_is_not_its_own(
    scene: Scene, vendor: str, tags: dict[str, str], said: str
) -> None:
    """When pin, vendor and job disagree, or nothing says where a token belongs, its value is not even read."""
    options: dict[str, Any] = (
        {"tenant_url": "https://adb-1.azuredatabricks.net/scim"} if vendor == "databricks-workspace" else {}
    )
    one = await scene.application(vendor=vendor, tags=tags, **options)
    before, product = scene.saved(one), scene.product()
    await one.paste()
    await scene.until(product, lambda: scene.told(one.name))
    (card,) = scene.told(one.name)
    assert said in card
    assert values_read(scene, one) == scene.tests(saved=False) == 0
    assert scene.tenant.directory.secret_saves == []
    assert scene.saved(one) == before


async def test_two_secrets_for_one_key_are_both_refused(scene: Scene) -> None:
    """Nobody knows which is meant, so neither is tested; both are named."""
    one = await scene.application()
    before, product = scene.saved(one), scene.product()
    await scene.tenant.vault.put("payroll-other", "another", tags=one.tags())
    await one.paste()
    await scene.until(product, lambda: scene.told(one.name))
    (card,) = scene.told(one.name)
    assert "payroll-other" in card
    assert one.secret in card
    assert scene.tests(saved=False) == 0
    unchanged(scene, one, before)


async def test_another_masked_credential_is_not_put_at_risk(scene: Scene) -> None:
    """Nothing is saved beside a credential that cannot be read back, until an operator accepts it; then it is."""
    one = await scene.application(other_secrets={"AppKey": "another one"})
    before, product = scene.saved(one), scene.product()
    await one.paste()
    await scene.until(product, lambda: scene.told(one.name))
    (card,) = scene.told(one.name)
    assert "AppKey" in card
    assert "PRATIQUE_MERGE_ACCEPTED" in card
    unchanged(scene, one, before)
    accepting = scene.product(PRATIQUE_MERGE_ACCEPTED=one.id)
    await one.look(accepting, News.CREDENTIAL)
    await scene.watch(accepting, one, IncidentState.RECOVERED)
    assert scene.saved(one) == {**before, "SecretToken": one.newest()}


async def test_the_same_refusal_of_a_later_version_is_told_again(scene: Scene) -> None:
    """A year later another version meets the same obstacle: whoever pasted it hears so too."""
    one = await scene.application(tags={"pratique-tenant-url": "https://scim.other.example/v2"})
    product = scene.product()
    await one.paste()
    await scene.until(product, lambda: scene.told(one.name))
    await one.paste()
    await scene.until(product, lambda: len(scene.told(one.name)) == 2)


async def test_a_rejected_version_is_not_tried_again_on_our_own(scene: Scene) -> None:
    """The next forecasts and looks leave a rejected version alone; a person who asks has it tested again."""
    one = await scene.application()
    product = scene.product()
    await one.know(product)
    await one.paste("scim_made-up-by-nobody")
    await scene.until(product, lambda: scene.told(one.name))
    tested = scene.tests(saved=False)
    assert (await product.forecaster.run()).signals == 0
    await one.look(product)
    await scene.idle(product, 0.3)
    assert scene.tests(saved=False) == tested
    one.it.target.issue_token(value=one.newest())
    await one.look(product, News.ROTATE)
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert scene.saved(one)["SecretToken"] == one.newest()


async def test_a_503_at_the_target_condemns_no_candidate(scene: Scene) -> None:
    """While the target is down nothing is learnt of the candidate and nobody is asked for another."""
    one = await scene.application()
    product = scene.product()
    await one.know(product)
    scene.tenant.faults.add("graph", "POST", "/validateCredentials", Status(503), times=3)
    await one.paste()
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert (await one.record(product)).rejected == ""
    (card,) = scene.told(one.name)
    assert "renewed" in card
