"""Where a vendor's API mints, a successor is made in time, kept before it is used, and never made in vain twice."""

import asyncio
from datetime import timedelta

import pytest

from emulator.breakage import Breakage
from emulator.entra import Role
from emulator.faults import RecordedRequest, Reset, Status
from emulator.vendor_apis import Fail
from shared.composition import Pratique
from shared.detection.signal import News
from shared.incidents.incident import IncidentState
from tests.rotation.conftest import CATALOGUE, FIRST, Bound, Scene

ON = {"PRATIQUE_MINT": "on"}


def minted(one: Bound) -> list[str]:
    """Return every token that was made since, whatever became of it."""
    return [each.value for each in one.api.minted if each.token_id != FIRST]


def one_more_version(scene: Scene, one: Bound) -> bool:
    """Say whether the vault holds one version beyond the first, and it is the token that was minted last."""
    versions = scene.tenant.vault.versions(one.secret)
    return len(versions) == 2 and versions[-1].value == minted(one)[-1]


@pytest.mark.parametrize("kind", CATALOGUE)
async def test_a_successor_is_minted_kept_saved_and_proven(scene: Scene, kind: str) -> None:
    """Near its end a healthy job's token is replaced without anybody's doing, and people are told once, when proven."""
    one = await scene.minting(kind)
    product = scene.product(**ON)
    assert (await product.forecaster.run()).signals == 1
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert len(minted(one)) == 1
    assert one_more_version(scene, one)
    assert scene.saved(one)["SecretToken"] == minted(one)[0]
    made = scene.tenant.vault.version(one.secret)
    assert made.tags["pratique-rotation"]
    assert ("pratique-token-id" in made.tags) is (kind != "snowflake")
    assert made.expires is not None
    record = await one.record(product)
    assert record.applied == made.version
    assert record.proven_at is not None
    actions = await one.journal(product)
    assert actions.index("attempt") < actions.index("mint") < actions.index("save") < actions.index("rotated")
    assert scene.tenant.directory.restarts == []
    (card,) = scene.told(one.name)
    assert "renewed before it failed" in card
    after = await product.forecaster.run()
    assert (after.signals, after.retired, after.told) == (0, 0, 0)


async def test_what_is_minted_goes_to_the_vault_before_it_goes_to_entra(scene: Scene) -> None:
    """Requests in order: the right to write is proven, the token made, kept, and only then saved."""
    one = await scene.minting("databricks")
    product = scene.product(**ON)
    seen: list[str] = []

    async def note(request: RecordedRequest) -> None:
        if request.method == "PATCH" and request.service == "vault":
            seen.append("retag")
        elif request.method == "PUT":
            seen.append(f"put at {request.service}")
        elif request.path.endswith("/token/create"):
            seen.append("mint")

    scene.tenant.faults.before.append(note)
    await product.forecaster.run()
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert seen == ["retag", "mint", "put at vault", "put at graph"]
    assert set(one.it.target.api_authorizations) == {f"Bearer {one.api.credential}"}
    assert not any(one.api.credential in text for text in one.it.target.authorizations)


@pytest.mark.parametrize(("kind", "made"), [("databricks", True), ("hcp_terraform", True), ("hcp_terraform", False)])
async def test_a_mint_without_an_answer_is_looked_into_and_its_orphan_revoked(
    scene: Scene, kind: str, *, made: bool
) -> None:
    """Where tokens carry our label, a lost one is found and ended, and another is made: one new token lives."""
    one = await scene.minting(kind)
    product = scene.product(**ON)
    one.api.fail = Fail(status=503, handled=made, mints_only=True)
    await product.forecaster.run()
    await scene.until(product, lambda: _asked(scene, one))
    one.api.fail = None
    await scene.watch(product, one, IncidentState.RECOVERED)
    living = [each.value for each in one.api.live() if each.token_id != FIRST]
    assert living == [scene.saved(one)["SecretToken"]]
    assert one_more_version(scene, one)
    assert len(await _attempts(product, one)) == 1


@pytest.mark.parametrize(("kind", "made"), [("snowflake", False), ("auth0", True)])
async def test_a_mint_that_nobody_can_look_into_is_not_repeated_on_our_own(
    scene: Scene, kind: str, *, made: bool
) -> None:
    """Where tokens carry no label, an unknown outcome is told to a person, and no look asks for another token."""
    one = await scene.minting(kind)
    before, product = scene.saved(one), scene.product(**ON)
    one.api.fail = Fail(status=503, handled=made, mints_only=True)
    await product.forecaster.run()
    await scene.until(product, lambda: scene.told(one.name))
    one.api.fail = None
    asked = _asked(scene, one)
    await scene.idle(product, 1.2)
    await product.forecaster.run()
    await scene.idle(product, 0.5)
    assert _asked(scene, one) == asked == 1
    assert len(minted(one)) == int(made)
    assert scene.saved(one) == before
    (card,) = scene.told(one.name)
    assert "not known whether it made one" in card
    for lost in minted(one):
        one.it.target.revoke_token(lost)  # as the notice asks
    await one.look(product, News.ROTATE)
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert scene.saved(one)["SecretToken"] == minted(one)[-1]


async def test_what_fails_before_a_mint_is_sent_is_simply_tried_again(scene: Scene) -> None:
    """Auth0's sign-in answers 503: no token was asked for, so nothing is unknown and nobody is bothered."""
    one = await scene.minting("auth0")
    product = scene.product(**ON)
    scene.tenant.faults.add("target:auth0", "POST", "/oauth/token", Status(503), times=2)
    await product.forecaster.run()
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert len(minted(one)) == 1
    (card,) = scene.told(one.name)
    assert "renewed before it failed" in card


async def test_a_vendor_that_cannot_be_reached_was_asked_for_nothing(scene: Scene) -> None:
    """A refused connection carries no request: Snowflake is asked again when it answers, and one token is made."""
    one = await scene.minting("snowflake")
    product = scene.product(**ON)
    await product.forecaster.run()

    async def unreachable(request: RecordedRequest) -> None:
        if request.method == "PATCH":
            await scene.tenant.break_target(one.it, Breakage.REFUSED)

    one.it.job.interval *= 1000
    scene.tenant.faults.after.append(unreachable)
    await scene.until(product, lambda: scene.requests("PATCH", scene.tenant.vault.version(one.secret).version))
    await scene.idle(product, 0.4)
    scene.tenant.faults.after.remove(unreachable)
    await scene.tenant.break_target(one.it, None)
    one.it.job.interval /= 1000
    one.it.job.next_cycle = scene.tenant.clock.now()
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert len(minted(one)) == 1


@pytest.mark.parametrize("kind", ["databricks", "snowflake"])
async def test_a_put_that_was_applied_without_an_answer_is_found(scene: Scene, kind: str) -> None:
    """The version is recognised by its rotation's tag: one mint, one version."""
    one = await scene.minting(kind)
    product = scene.product(**ON)
    scene.tenant.faults.add("vault", "PUT", f"/secrets/{one.secret}", Reset(handled=True))
    await product.forecaster.run()
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert len(minted(one)) == 1
    assert one_more_version(scene, one)


async def test_a_put_that_is_refused_leaves_no_token_alive(scene: Scene) -> None:
    """What could not be kept is revoked while its id is known; the attempt ends loudly, with nothing saved."""
    one = await scene.minting("databricks")
    before, product = scene.saved(one), scene.product(**ON)
    scene.tenant.faults.add("vault", "PUT", f"/secrets/{one.secret}", Status(400), times=None)
    await product.forecaster.run()
    await scene.until(product, lambda: scene.told(one.name))
    assert [each.token_id for each in one.api.live()] == [FIRST]
    assert len(minted(one)) == 1
    assert scene.saved(one) == before
    assert "could not be brought into use" in scene.told(one.name)[0]
    assert minted(one)[0] not in scene.told(one.name)[0]


async def test_a_vault_that_is_down_for_a_moment_costs_no_second_token(scene: Scene) -> None:
    """Two puts fail with 503 and the third is taken."""
    one = await scene.minting("snowflake")
    product = scene.product(**ON)
    scene.tenant.faults.add("vault", "PUT", f"/secrets/{one.secret}", Status(503), times=2)
    await product.forecaster.run()
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert len(minted(one)) == 1


async def test_without_the_right_to_write_nothing_is_minted(scene: Scene) -> None:
    """The role to grant is named before a token is made; once it is granted, the attempt goes on by itself."""
    one = await scene.minting("snowflake")
    product = scene.product(**ON)
    await product.inventory.read()  # the identity's token still names the role, so that giving it back counts at once
    scene.tenant.entra.roles.discard(Role.VAULT_OFFICER)
    await product.forecaster.run()
    await scene.until(product, lambda: scene.told(one.name))
    (card,) = scene.told(one.name)
    assert "Key Vault Secrets Officer" in card
    assert minted(one) == []
    assert _asked(scene, one) == 0
    scene.tenant.entra.roles.add(Role.VAULT_OFFICER)
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert len(minted(one)) == 1


@pytest.mark.parametrize("kind", CATALOGUE)
async def test_a_minting_credential_that_is_refused_is_told_as_what_it_is(scene: Scene, kind: str) -> None:
    """The notice names the vendor's credential, asks for no grant to our own identity, and repeats no value."""
    one = await scene.minting(kind)
    before, product = scene.saved(one), scene.product(**ON)
    wrong = one.api.credential.replace('"account": "CONTOSO', '"account": "OTHERS').replace(
        '"client_secret": "', '"client_secret": "x'
    )
    wrong = f"dapi{'0' * 32}" if wrong == one.api.credential else wrong
    await scene.tenant.vault.put(one.more["pratique-mint"], wrong, announce=False)
    await product.forecaster.run()
    await scene.until(product, lambda: scene.told(one.name))
    (card,) = scene.told(one.name)
    assert "for minting" in card or "that mints" in card
    assert "managed identity" not in card
    assert wrong not in card
    assert minted(one) == []
    assert scene.saved(one) == before


async def test_a_minting_credential_that_is_gone_is_told(scene: Scene) -> None:
    """Without it nothing is asked of the vendor; the secret is named."""
    one = await scene.minting("databricks")
    product = scene.product(**ON)
    await scene.tenant.vault.delete(one.more["pratique-mint"])
    await product.forecaster.run()
    await scene.until(product, lambda: scene.told(one.name))
    assert one.more["pratique-mint"] in scene.told(one.name)[0]
    assert _asked(scene, one) == 0


async def test_minting_switched_off_mints_nothing(scene: Scene) -> None:
    """Off is the default: tags alone are no permission; the owner is told of the end as of any other."""
    one = await scene.minting("databricks")
    product = scene.product()
    did = await product.forecaster.run()
    await scene.idle(product, 0.4)
    assert (did.signals, did.told) == (0, 1)
    assert _asked(scene, one) == 0


@pytest.mark.parametrize("tags", [{"pratique-tenant-url": ""}, {"pratique-vendor": "druva"}, {"pratique-mint": ""}])
async def test_without_pin_adapter_or_credential_nothing_is_minted(scene: Scene, tags: dict[str, str]) -> None:
    """The minting credential goes nowhere unpinned, and only where there is an adapter for it."""
    one = await scene.minting("databricks")
    one.more |= tags
    await scene.tenant.vault.put(one.secret, one.newest(), tags=one.tags(), announce=False)
    product = scene.product(**ON)
    await product.forecaster.run()
    await one.look(product, News.ROTATE)
    await scene.idle(product, 0.3)
    assert _asked(scene, one) == 0


async def test_doubled_news_mints_once(scene: Scene) -> None:
    """Three forecasts, and three more looks at the same moment: one attempt, one mint, one version."""
    one = await scene.minting("snowflake")
    product = scene.product(**ON)
    for _ in range(3):
        await product.forecaster.run()
    await asyncio.gather(*(one.look(product, News.EXPIRING) for _ in range(3)))
    await scene.watch(product, one, IncidentState.RECOVERED)
    await scene.idle(product, 0.4)
    assert len(minted(one)) == 1
    assert one_more_version(scene, one)


async def test_a_person_who_asks_gets_a_fresh_token(scene: Scene) -> None:
    """Long before its end, and with nothing known of what Entra has: rotating by hand mints, and saves no old token."""
    one = await scene.minting("databricks", left=timedelta(days=500))
    product = scene.product(**ON)
    assert (await product.forecaster.run()).signals == 0
    await one.look(product, News.ROTATE)
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert scene.saved(one)["SecretToken"] in minted(one)
    assert len(scene.tenant.directory.secret_saves) == 1


async def test_in_quarantine_a_token_is_minted_as_well(scene: Scene) -> None:
    """The token has ended and nobody brought another: one is minted, saved, and the quarantine lifted."""
    one = await scene.minting("databricks")
    product = scene.product(**ON)
    one.it.target.expire_tokens()
    await scene.until(product, lambda: one.it.job.quarantine)
    await one.look(product)
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert len(minted(one)) == 1
    assert scene.saved(one)["SecretToken"] == minted(one)[0]
    assert len(scene.tenant.directory.restarts) == 1


async def test_a_minted_token_that_the_target_refuses_is_never_saved(scene: Scene) -> None:
    """It is tested like any other; rejected, it is told, what was saved stays, and no look mints a row of them."""
    one = await scene.minting("databricks")
    before, product = scene.saved(one), scene.product(**ON)
    await one.know(product)

    async def refuse(request: RecordedRequest) -> None:
        if request.path.endswith("/token/create"):
            one.it.target.revoke_token(one.api.minted[-1].value)

    scene.tenant.faults.after.append(refuse)
    await product.forecaster.run()
    await scene.until(product, lambda: scene.told(one.name))
    await scene.idle(product, 1.0)
    await product.forecaster.run()
    await scene.idle(product, 0.3)
    assert scene.saved(one) == before
    assert scene.tenant.directory.secret_saves == []
    assert len(minted(one)) == 1
    (card,) = scene.told(one.name)
    assert "newly minted credential is rejected" in card


def _asked(scene: Scene, one: Bound) -> int:
    """Count the requests for a token that reached the vendor."""
    path = {
        "databricks": "/token/create",
        "hcp_terraform": "/authentication-tokens",
        "snowflake": "/api/v2/statements",
        "auth0": "/scim-configuration/tokens",
    }[one.it.service_principal.display_name]
    return sum(
        request.method == "POST" and request.path.endswith(path) and request.service == one.it.target.name
        for request in scene.tenant.target_requests
    )


async def _attempts(product: Pratique, one: Bound) -> list[str]:
    return [action for action in await one.journal(product) if action == "attempt"]


async def test_a_minted_token_that_is_refused_once_saved_is_taken_back(scene: Scene) -> None:
    """What was in use is put back and stays enabled; no look mints another, and nothing of it retires."""
    one = await scene.minting("databricks")
    before, product = scene.saved(one), scene.product(**ON)

    async def refuse(request: RecordedRequest) -> None:
        if request.method == "PUT" and request.service == "graph":
            for token in minted(one):
                one.it.target.revoke_token(token)

    scene.tenant.faults.after.append(refuse)
    await product.forecaster.run()
    await scene.watch(product, one, IncidentState.RECOVERED)
    assert scene.saved(one) == before
    await product.forecaster.run()
    await scene.idle(product, 0.8)
    assert len(minted(one)) == 1
    scene.clock.ahead = timedelta(days=8)
    assert (await product.forecaster.run()).retired == 0
    assert scene.tenant.vault.versions(one.secret)[0].enabled
