"""What every adapter promises, against its vendor's emulated API, through the product's own client."""

from datetime import timedelta
from pathlib import Path

import pytest

from emulator.faults import Reset, Status, Timeout
from emulator.vendor_apis import Fail
from shared.clients.vendor_api import VendorApi
from shared.errors import NotFound, Refused, RefusedByVendor, ServiceError, Throttled, Unavailable
from shared.redaction import SecretValue
from shared.tokens.vendors.minting import minter
from tests.minting.conftest import KINDS, LABEL, RECOGNISING, REVOKING, Scene, staged


async def test_a_minted_token_opens_the_door(scene: Scene) -> None:
    """The vendor accepts the value for SCIM until the time that is told, and a second one lives beside it."""
    first = await scene.minter.mint(scene.request(), scene.credential)
    second = await scene.minter.mint(scene.request(), scene.credential)
    for one in (first, second):
        assert await scene.opens(one.value.reveal())
    assert first.value != second.value
    assert [one.value for one in scene.api.minted] == [first.value.reveal(), second.value.reveal()]
    assert (first.token_id, second.token_id) == tuple(one.token_id for one in scene.api.minted)
    assert first.expires is not None
    await scene.clock.advance(first.expires - scene.clock.now() - timedelta(seconds=1))
    assert await scene.opens(first.value.reveal())


async def test_scim_and_api_are_counted_apart(scene: Scene) -> None:
    """The credential shows at the API and never at the SCIM door; minted tokens never at the API."""
    minted = await scene.minter.mint(scene.request(), scene.credential)
    assert scene.target.authorizations == []
    assert scene.target.api_authorizations
    await scene.opens(minted.value.reveal())
    assert scene.target.authorizations == [f"Bearer {minted.value.reveal()}"]
    assert minted.value.reveal() not in " ".join(scene.target.api_authorizations)


async def test_the_label_is_found_again(recognising: Scene) -> None:
    """Only live tokens with exactly our label are ours, wherever in the list they stand."""
    assert recognising.minter.recognises
    assert await recognising.minter.made(recognising.request(), recognising.credential) == ()
    ours = await recognising.minter.mint(recognising.request(), recognising.credential)
    for number in range(60):
        recognising.api.issue(f"other-{number}", f"value-{number}", f"{LABEL}{number}", None)
    recognising.api.issue("without", "value", "", None)
    last = await recognising.minter.mint(recognising.request(), recognising.credential)
    made = await recognising.minter.made(recognising.request(), recognising.credential)
    assert made == (ours.token_id, last.token_id)
    await recognising.minter.revoke(recognising.request(), recognising.credential, ours.token_id)
    made = await recognising.minter.made(recognising.request(), recognising.credential)
    assert made == (last.token_id,)
    await recognising.clock.advance(timedelta(days=61))
    assert await recognising.minter.made(recognising.request(), recognising.credential) == ()


async def test_a_lost_mint_is_found_and_revoked(recognising: Scene) -> None:
    """The answer was lost after the token was made: its label tells, and revoking it leaves no token behind."""
    recognising.api.fail = Fail(handled=True, mints_only=True)
    with pytest.raises(Unavailable):
        await recognising.minter.mint(recognising.request(), recognising.credential)
    (lost,) = await recognising.minter.made(recognising.request(), recognising.credential)
    assert lost == recognising.api.minted[0].token_id
    await recognising.minter.revoke(recognising.request(), recognising.credential, lost)
    assert recognising.api.live() == []


@pytest.mark.parametrize("kind", sorted(set(KINDS) - set(RECOGNISING)))
async def test_what_cannot_be_recognised_is_not_said_to_be_absent(state_dir: Path, kind: str) -> None:
    """An adapter without labels refuses to look; nothing is asked."""
    async with staged(kind, state_dir) as scene:
        assert not scene.minter.recognises
        with pytest.raises(Refused):
            await scene.minter.made(scene.request(), scene.credential)
        assert scene.requests == []


async def test_revoking_closes_the_door(revoking: Scene) -> None:
    """One token is refused from now on and the other is not; revoking it again is fine."""
    kept = await revoking.minter.mint(revoking.request(), revoking.credential)
    gone = await revoking.minter.mint(revoking.request(), revoking.credential)
    for _ in range(2):
        await revoking.minter.revoke(revoking.request(), revoking.credential, gone.token_id)
        assert not await revoking.opens(gone.value.reveal())
        assert await revoking.opens(kept.value.reveal())


async def test_an_id_that_leads_elsewhere_is_not_sent(scene: Scene) -> None:
    """Ids with slashes, of dots alone, or empty are refused before anything is sent; so is revoking where none can."""
    assert scene.minter.revokes is (scene.kind in REVOKING)
    for bad in ("", ".", "..", "a/b", "a?b", "a b", "é", "x" * 129, "../connections"):
        with pytest.raises(Refused):
            await scene.minter.revoke(scene.request(), scene.credential, bad)
    assert scene.requests == []


async def test_a_subject_that_leads_elsewhere_is_not_sent(scene: Scene) -> None:
    """The subject stands in a path or in SQL: what could leave its place is refused before anything is sent."""
    if scene.kind == "databricks":
        await scene.minter.mint(scene.request(subject="../anything"), scene.credential)
        assert len(scene.requests) == 1
        return
    for bad in ("", "..", "A/B", "A') or ('1", "A'", "A B", "É", "A\nB"):
        with pytest.raises(Refused):
            await scene.minter.mint(scene.request(subject=bad), scene.credential)
    assert scene.requests == []


async def test_a_subject_that_does_not_exist(scene: Scene) -> None:
    """A configuration, connection or integration that the vendor does not know is an error of the right kind."""
    if scene.kind == "databricks":
        return
    kind = ServiceError if scene.kind == "snowflake" else NotFound
    with pytest.raises(kind, match=r"(?i)not"):
        await scene.minter.mint(scene.request(subject="UNKNOWN"), scene.credential)
    assert scene.api.minted == []


async def test_only_the_origin_of_the_tenant_url_is_asked(scene: Scene) -> None:
    """Path, query and flags of the tenant URL play no part."""
    for url in (f"{scene.target.origin}/", f"{scene.target.tenant_url}?aadOptscim062020", f"  {scene.target.origin} "):
        minted = await scene.minter.mint(scene.request(tenant_url=url), scene.credential)
        assert await scene.opens(minted.value.reveal())
        await _make_room(scene, minted.token_id)


async def test_a_tenant_url_that_is_none(scene: Scene) -> None:
    """Anything but a plain https address is refused, and nothing is sent."""
    authority = scene.target.origin.removeprefix("https://")
    for url in ("", "http://" + authority, "ftp://x", f"https://user@{authority}", "https://", f"//{authority}",
                "https://a\\.b", "https://x:99999", "https://[::1", "https://a b"):  # fmt: skip
        with pytest.raises(Refused):
            await scene.minter.mint(scene.request(tenant_url=url), scene.credential)
    assert scene.requests == []


async def test_trouble_is_told_by_its_kind(scene: Scene) -> None:
    """What the vendor answers instead of a token becomes the error that fits; each request is sent once."""
    for fault, kind in (
        (Status(401), RefusedByVendor),
        (Status(403), RefusedByVendor),
        (Status(404), NotFound),
        (Status(409), ServiceError),
        (Status(302), ServiceError),
        (Status(429, retry_after=17), Throttled),
        (Status(503), Unavailable),
        (Reset(), Unavailable),
    ):
        before = len(scene.requests)
        scene.faults.add(scene.target.name, "*", ".", fault)
        with pytest.raises(ServiceError) as caught:
            await scene.minter.mint(scene.request(), scene.credential)
        assert type(caught.value) is kind
        assert len(scene.requests) == before + 1
        if isinstance(caught.value, Throttled):
            assert caught.value.retry_after == timedelta(seconds=17)
    assert scene.api.minted == []


@pytest.mark.parametrize("kind", KINDS)
async def test_no_answer_in_time(state_dir: Path, kind: str) -> None:
    """A vendor that answers too late is unavailable, whether it never answers or only slowly."""
    async with staged(kind, state_dir, deadline=0.15) as hasty:
        hasty.faults.add(hasty.target.name, "*", ".", Timeout())
        with pytest.raises(Unavailable, match="Timeout"):
            await hasty.minter.mint(hasty.request(), hasty.credential)
        hasty.api.slow = 0.25
        with pytest.raises(Unavailable, match="Timeout"):
            await hasty.minter.mint(hasty.request(), hasty.credential)


async def test_every_second_request_fails(scene: Scene) -> None:
    """A vendor that fails now and then leaves no token behind when it fails before the work is done."""
    scene.api.fail = Fail(every=2, mints_only=True)
    outcomes = []
    for _ in range(4):
        try:
            minted = await scene.minter.mint(scene.request(), scene.credential)
        except Unavailable:
            outcomes.append(False)
        else:
            outcomes.append(True)
            await _make_room(scene, minted.token_id)
    assert outcomes == [True, False, True, False]
    assert len(scene.api.minted) == 2


async def test_a_credential_that_is_refused(scene: Scene) -> None:
    """A credential of the right form that the vendor does not accept: what lacks is named in plain words."""
    other = type(scene.api)(scene.target, scene.clock)
    wrong = other.credential
    if scene.kind == "snowflake":
        wrong = wrong.replace("pratique", "somebody")
    with pytest.raises(RefusedByVendor, match="for minting") as caught:
        await scene.minter.mint(scene.request(), SecretValue(wrong))
    assert caught.value.status in (401, 403)
    assert scene.api.minted == []


def test_an_unknown_adapter_is_refused() -> None:
    """A name that no adapter has is refused, and so is one that would be a module."""
    for name in ("", "minting", "Databricks", "os"):
        with pytest.raises(Refused, match="no adapter"):
            minter(name, VendorApi(timedelta(seconds=1)))


async def _make_room(scene: Scene, token_id: str) -> None:
    """Revoke a token where only two may live."""
    if scene.kind == "auth0":
        await scene.minter.revoke(scene.request(), scene.credential, token_id)
