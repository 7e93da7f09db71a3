"""No credential and no minted token shows in an error, a log line or a representation, though vendors repeat them."""

import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from emulator.vendor_apis import Fail
from shared.errors import PratiqueError
from tests.minting.conftest import KINDS, REVOKING, Scene, staged

_PART = 10
type Act = Callable[[Scene], Awaitable[object]]


def secrets_of(scene: Scene) -> set[str]:
    """Return everything secret that has passed between the product and the vendor so far."""
    secrets = {header.removeprefix("Bearer ") for header in scene.target.api_authorizations if header}
    if scene.kind in ("snowflake", "auth0"):
        read = json.loads(scene.api.credential)
        secrets.add(read.get("client_secret") or read["private_key"].splitlines()[1])
    else:
        secrets.add(scene.api.credential)
    return secrets | {one.value.removeprefix("ver:1-hint:") for one in scene.api.minted}


def shown(error: BaseException | None) -> str:
    """Return every text of an error, of its causes and of what they were raised from."""
    texts = []
    while error is not None:
        texts += [str(error), repr(error), repr(error.args), repr(getattr(error, "__notes__", ""))]
        error = error.__cause__ or error.__context__
    return " ".join(texts)


def assert_nothing_shown(scene: Scene, text: str) -> None:
    """See that no secret is in the text, whole, nor its beginning or end."""
    for secret in secrets_of(scene):
        for part in (secret, secret[:_PART], secret[-_PART:]):
            assert part not in text


async def mint(scene: Scene) -> object:
    """Ask for a token."""
    return await scene.minter.mint(scene.request(), scene.credential)


async def revoke(scene: Scene) -> None:
    """Revoke a token that there may be."""
    await scene.minter.revoke(scene.request(), scene.credential, "some-id")


async def look(scene: Scene) -> object:
    """Look for our label."""
    return await scene.minter.made(scene.request(), scene.credential)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("act", [mint, revoke, look])
async def test_an_api_that_echoes(state_dir: Path, kind: str, act: Act, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the status, before or after the work was done, the vendor's words come through without secrets."""
    caplog.set_level(logging.DEBUG)
    told = 0
    async with staged(kind, state_dir) as scene:
        await mint(scene)
        scene.api.echo = True
        for status in (403, 404, 409, 503):
            for handled in (False, True):
                for only in (False, True):
                    scene.api.fail = Fail(status=status, handled=handled, mints_only=only)
                    try:
                        await act(scene)
                    except PratiqueError as error:
                        told += 1
                        assert_nothing_shown(scene, shown(error))
        assert_nothing_shown(scene, caplog.text)
    if act is mint or (act is revoke and kind in REVOKING):
        assert told >= 4


@pytest.mark.parametrize("kind", KINDS)
async def test_an_echo_is_told_all_the_same(state_dir: Path, kind: str) -> None:
    """What is not secret of the vendor's words stays, so that the test above is not passed by saying nothing."""
    async with staged(kind, state_dir) as scene:
        scene.api.echo = True
        scene.api.fail = Fail(status=400)
        with pytest.raises(PratiqueError, match=r"\*\*\*.*Try again later\."):
            await mint(scene)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_returned_shows_nothing(state_dir: Path, kind: str) -> None:
    """A minted token prints stars, as does the credential."""
    async with staged(kind, state_dir) as scene:
        minted = await scene.minter.mint(scene.request(), scene.credential)
        text = f"{minted} {minted!r} {scene.credential} {scene.request()!r} {scene.minter!r} {scene.api.minted!r}"
        assert_nothing_shown(scene, text.replace(minted.token_id, "") if minted.token_id else text)
