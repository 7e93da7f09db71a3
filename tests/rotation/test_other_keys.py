"""Credentials of more than one part, and access that an administrator granted."""

from collections.abc import Mapping
from typing import Any

import pytest

from emulator.doors import Door
from emulator.faults import RecordedRequest
from emulator.settings import SecretsPut
from shared.composition import Pratique
from shared.detection.signal import News
from shared.incidents.incident import IncidentState
from shared.tokens.record import TokenRecord
from tests.rotation.conftest import Bound, Scene

KEYS = {Door.BASIC: ("UserName", "Password"), Door.CLIENT_CREDENTIALS: ("ClientIdentifier", "ClientSecret")}


def secret_of(key: str) -> str:
    """Name the secret that serves a key."""
    return f"payroll-{key.lower()}"


async def parted(scene: Scene, door: Door, **options: Any) -> Bound:
    """Register an application with a name and a secret, each in a secret of its own in the vault."""
    one = await scene.application(door=door, bound=False, **options)
    for key in KEYS[door]:
        tags = {**one.tags(), "pratique-key": key}
        await scene.tenant.vault.put(secret_of(key), scene.saved(one)[key], tags=tags, announce=False)
    return one


async def paste(scene: Scene, pairs: Mapping[str, str], *keys: str) -> None:
    """Put new versions of these parts into the vault."""
    for key in keys:
        await scene.tenant.vault.put(secret_of(key), pairs[key])


async def record(product: Pratique, one: Bound, key: str) -> TokenRecord:
    """Read what is known of the secret of a key."""
    return await product.services.tokens.get(one.id, secret_of(key))


async def know(scene: Scene, product: Pratique, one: Bound) -> None:
    """Let the product know that Entra has the first version of each part."""
    now = product.services.clock.now()
    for key in KEYS[one.it.target.door]:
        version = scene.tenant.vault.versions(secret_of(key))[0].version
        await product.services.tokens.change(
            one.id,
            secret_of(key),
            lambda row, v=version: row.with_applied(v, now),  # type: ignore[misc]
        )


@pytest.mark.parametrize(
    ("door", "put", "known"),
    [
        (Door.BASIC, SecretsPut.MERGE, True),
        (Door.BASIC, SecretsPut.REPLACE, False),
        (Door.CLIENT_CREDENTIALS, SecretsPut.MERGE, False),
        (Door.CLIENT_CREDENTIALS, SecretsPut.REPLACE, True),
    ],
)
async def test_both_parts_changed_one_after_the_other_are_saved_together(
    scene: Scene, door: Door, put: SecretsPut, *, known: bool
) -> None:
    """Neither half opens anything alone, so the first waits for the second; then both are tested and saved at once."""
    scene.tenant.directory.secrets.mode = put
    one = await parted(scene, door)
    before, product = scene.saved(one), scene.product(PRATIQUE_LOOK_AGAIN="20", PRATIQUE_RETRY="0.3")
    if known:
        await know(scene, product, one)
    name, secret = KEYS[door]
    pairs = one.it.target.issue_credentials()
    await paste(scene, pairs, name)
    await scene.idle(product, 0.8)
    assert scene.tenant.directory.secret_saves == []
    assert scene.told(one.name) == []
    await paste(scene, pairs, secret)
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert scene.saved(one) == {**before, **{key: pairs[key] for key in KEYS[door]}}
    assert len(scene.tenant.directory.secret_saves) == 1
    (card,) = scene.told(one.name)
    assert secret_of(name) in card
    assert secret_of(secret) in card
    for key in KEYS[door]:
        assert (await record(product, one, key)).proven_at is not None


@pytest.mark.parametrize("door", KEYS)
async def test_one_part_alone_may_change(scene: Scene, door: Door) -> None:
    """A new password for the same user, or a new secret for the same client: the other part goes along unaltered."""
    one = await parted(scene, door)
    before, product = scene.saved(one), scene.product()
    await know(scene, product, one)
    name, secret = KEYS[door]
    pairs = one.it.target.issue_credentials(name=before[name])
    await paste(scene, pairs, secret)
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert scene.saved(one) == {**before, secret: pairs[secret]}
    assert len(scene.tenant.directory.secret_saves) == 1


@pytest.mark.parametrize("door", KEYS)
async def test_a_mistyped_part_is_told_and_the_corrected_one_taken(scene: Scene, door: Door) -> None:
    """The rejection is the new part's, not that of the part in use: the next version of it is tried and saved."""
    one = await parted(scene, door)
    before, product = scene.saved(one), scene.product()
    await know(scene, product, one)
    name, secret = KEYS[door]
    pairs = one.it.target.issue_credentials(name=before[name])
    await paste(scene, {secret: "mistyped"}, secret)
    await scene.until(product, lambda: scene.told(one.name))
    assert scene.saved(one) == before
    assert (await record(product, one, name)).revoked_at is None
    await paste(scene, pairs, secret)
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert scene.saved(one) == {**before, secret: pairs[secret]}


async def test_parts_that_never_fit_are_told_in_the_end(scene: Scene) -> None:
    """A while after the last part came, the rejection is no longer put down to another part still on its way."""
    one = await parted(scene, Door.BASIC)
    before, product = scene.saved(one), scene.product(PRATIQUE_LOOK_AGAIN="1.2")
    await know(scene, product, one)
    await paste(scene, {"UserName": "somebody", "Password": "mistyped"}, "UserName", "Password")
    await scene.until(product, lambda: scene.told(one.name))
    assert scene.saved(one) == before
    await scene.idle(product, 0.5)
    assert len(scene.told(one.name)) == 1


async def test_a_name_that_cannot_be_read_back_as_saved_is_a_loss(scene: Scene) -> None:
    """A user name is readable: reading back compares its value, and the notice repeats neither."""
    one = await parted(scene, Door.BASIC)
    product = scene.product()
    pairs = one.it.target.issue_credentials()
    store = scene.tenant.directory.secrets

    async def spoil(request: Any) -> None:
        if request.method == "PUT" and request.path.endswith("/synchronization/secrets"):
            store.preset(one.id, {**scene.saved(one), "UserName": "somebody-else", "Password": pairs["Password"]})

    scene.tenant.faults.after.append(spoil)
    await paste(scene, pairs, "UserName", "Password")
    await scene.until(product, lambda: scene.told(one.name))
    card = scene.told(one.name)[0]
    assert "UserName is not set" in card
    assert "somebody-else" not in card
    assert pairs["Password"] not in card


async def test_in_quarantine_both_parts_are_repaired(scene: Scene) -> None:
    """Expired, the pair is replaced by the vault's newest and the quarantine lifted."""
    one = await parted(scene, Door.BASIC)
    product = scene.product()
    one.it.target.expire_tokens()
    await scene.until(product, lambda: one.it.job.quarantine)
    pairs = one.it.target.issue_credentials()
    await paste(scene, pairs, "UserName", "Password")
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert {key: scene.saved(one)[key] for key in pairs} == pairs
    assert len(scene.tenant.directory.restarts) == 1


async def test_a_part_without_a_secret_in_the_vault_is_not_put_at_risk(scene: Scene) -> None:
    """Only the password is bound: the readable name goes along, and nothing masked would be lost."""
    one = await scene.application(door=Door.BASIC, bound=False)
    before, product = scene.saved(one), scene.product()
    tags = {**one.tags(), "pratique-key": "Password"}
    await scene.tenant.vault.put(secret_of("Password"), before["Password"], tags=tags, announce=False)
    pairs = one.it.target.issue_credentials(name=before["UserName"])
    await paste(scene, pairs, "Password")
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert scene.saved(one) == {**before, "Password": pairs["Password"]}


async def test_only_the_name_in_the_vault_is_refused(scene: Scene) -> None:
    """The masked password has no secret of its own: saving a name beside it would put it at risk."""
    one = await scene.application(door=Door.BASIC, bound=False)
    before, product = scene.saved(one), scene.product()
    tags = {**one.tags(), "pratique-key": "UserName"}
    await scene.tenant.vault.put(secret_of("UserName"), "somebody", tags=tags)
    await scene.until(product, lambda: scene.told(one.name))
    assert "Password" in scene.told(one.name)[0]
    assert scene.saved(one) == before
    assert scene.tenant.directory.secret_saves == []


async def test_each_part_is_forecast_by_its_own_date(scene: Scene) -> None:
    """Two secrets are two credentials of one application; a change of either is found by the forecast."""
    one = await parted(scene, Door.BASIC)
    product = scene.product()
    await know(scene, product, one)
    pairs = one.it.target.issue_credentials(name=scene.saved(one)["UserName"])
    await scene.tenant.vault.put(secret_of("Password"), pairs["Password"], announce=False)
    did = await product.forecaster.run()
    assert (did.signals, did.unknown) == (1, 2)
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert scene.saved(one)["Password"] == pairs["Password"]


async def test_a_grant_is_renewed_by_an_administrator_and_never_saved_by_us(scene: Scene) -> None:
    """Access was given by *Authorize*: quarantined or asked by hand, the notice names the button; nothing is saved."""
    one = await scene.application("Zoom", oauth=True, bound=False)
    before, product = scene.saved(one), scene.product()
    await one.look(product, News.ROTATE)
    assert "Authorize" in scene.told("Zoom")[-1]
    one.it.target.expire_tokens()
    await scene.until(product, lambda: one.it.job.quarantine)
    incident = (await one.look(product)).incident
    assert incident is not None
    assert incident.state is IncidentState.NEEDS_PERSON
    assert "Authorize" in scene.told("Zoom")[-1]
    assert scene.tenant.directory.secret_saves == []
    assert scene.saved(one) == before


async def test_a_secret_bound_to_a_grant_saves_nothing(scene: Scene) -> None:
    """Somebody bound a token to an application whose access was granted: saving beside the grant is refused."""
    one = await scene.application("Zoom", oauth=True, bound=False)
    before, product = scene.saved(one), scene.product()
    await scene.tenant.vault.put(one.secret, one.it.target.issue_token(), tags=one.tags())
    await scene.until(product, lambda: scene.told("Zoom"))
    assert scene.tenant.directory.secret_saves == []
    assert scene.saved(one) == before


async def test_the_part_in_use_is_not_called_rejected(scene: Scene) -> None:
    """A mistyped password is the password's fault: the inventory says so of it and nothing of the name."""
    one = await parted(scene, Door.BASIC)
    product = scene.product()
    await know(scene, product, one)
    await paste(scene, {"Password": "mistyped"}, "Password")
    await scene.until(product, lambda: scene.told(one.name))
    found = {
        held["key"]: [finding["kind"] for finding in held["findings"]]
        for held in (await product.inventory.read()).to_dict()["credentials"]
    }
    assert "rejected" in found["Password"]
    assert not {"rejected", "revoked", "not_applied"} & set(found["UserName"])


async def test_a_pair_that_is_refused_once_saved_is_put_back_whole(scene: Scene) -> None:
    """Name and password are both as before, the job goes on, and the pair is not tried again."""
    one = await parted(scene, Door.BASIC)
    before, product = scene.saved(one), scene.product()
    await know(scene, product, one)
    pairs = one.it.target.issue_credentials()

    async def revoke(request: RecordedRequest) -> None:
        if request.method == "PUT" and pairs["Password"].encode() in request.body:
            one.it.target.revoke_token(f"{pairs['UserName']}:{pairs['Password']}")

    scene.tenant.faults.after.append(revoke)
    await paste(scene, pairs, "UserName", "Password")
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert scene.saved(one) == before
    saves = len(scene.tenant.directory.secret_saves)
    assert (await product.forecaster.run()).signals == 0
    await one.look(product, News.CREDENTIAL)
    await scene.idle(product, 0.3)
    assert len(scene.tenant.directory.secret_saves) == saves
    for key in KEYS[Door.BASIC]:
        assert (await record(product, one, key)).applied == scene.tenant.vault.versions(secret_of(key))[0].version
