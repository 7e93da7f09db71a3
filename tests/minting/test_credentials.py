"""A minting credential that cannot be used is refused in a sentence that names what is wrong, and nothing is sent."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import Refused
from shared.redaction import SecretValue
from shared.tokens.vendors.reading import bearer, members
from tests.minting.conftest import staged

MARK = "marker5ecret0f0urs"


@cache
def _rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _encrypted() -> str:
    encryption = BestAvailableEncryption(b"passphrase")
    return _rsa().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


def _elliptic() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public() -> str:
    text = _rsa().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return text.replace("PRIVATE", "PUBLIC")


@pytest.mark.parametrize("kind", ["databricks", "hcp_terraform"])
@pytest.mark.parametrize("token", ["", " ", f"{MARK}\n", f"{MARK}\r\nX-Other: 1", f"{MARK} {MARK}", f"{MARK}é"])
async def test_a_bearer_token_that_no_header_carries(state_dir: Path, kind: str, token: str) -> None:
    """Empty, with a newline, with a blank, or not ASCII: refused by whichever method."""
    async with staged(kind, state_dir) as scene:
        wrong = SecretValue(token)
        for act in (
            scene.minter.mint(scene.request(), wrong),
            scene.minter.made(scene.request(), wrong),
            scene.minter.revoke(scene.request(), wrong, "id"),
        ):
            with pytest.raises(Refused, match="minting credential") as caught:
                await act
            _shows_nothing(caught.value)
        assert scene.requests == []


@pytest.mark.parametrize("kind", ["snowflake", "auth0"])
@pytest.mark.parametrize("text", ["", MARK, f'"{MARK}"', f'["{MARK}"]', f'{{"x": "{MARK}"', "null", "[" * 100_000])
async def test_a_credential_that_is_no_object(state_dir: Path, kind: str, text: str) -> None:
    """What is not a JSON object is refused, however deep it is nested."""
    await _refused(state_dir, kind, text, "no JSON object")


@pytest.mark.parametrize("kind", ["snowflake", "auth0"])
@pytest.mark.parametrize("wrong", [None, "", "  ", 7, [MARK], {MARK: MARK}])
async def test_a_member_that_is_missing_or_no_text(state_dir: Path, kind: str, wrong: Any) -> None:
    """The member is named; a member that is not needed may be absent, but not be something else."""
    needed = ("account", "user", "private_key") if kind == "snowflake" else ("client_id", "client_secret")
    optional = "role" if kind == "snowflake" else "audience"
    async with staged(kind, state_dir) as scene:
        good = json.loads(scene.api.credential)
    for name in needed:
        without = {member: value for member, value in good.items() if member != name}
        await _refused(state_dir, kind, json.dumps(without), f'"{name}"')
        await _refused(state_dir, kind, json.dumps({**good, name: wrong}), f'"{name}"')
    if not isinstance(wrong, str):
        await _refused(state_dir, kind, json.dumps({**good, optional: wrong}), f'"{optional}"')


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (_encrypted, "is encrypted"),
        (_elliptic, "is no RSA key"),
        (_public, "is no RSA key"),
        (lambda: MARK, "is no RSA key"),
        (lambda: f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----\n", "is no RSA key"),
    ],
)
async def test_a_private_key_that_cannot_sign(state_dir: Path, made: Callable[[], str], why: str) -> None:
    """Encrypted, of another kind, a public one, or none at all: the member is named and the key is not shown."""
    text = json.dumps({"account": "A", "user": "U", "private_key": made()})
    await _refused(state_dir, "snowflake", text, f'"private_key" {why}')


@given(text=st.text(max_size=60))
@settings(max_examples=200)
def test_no_refusal_quotes_a_credential(text: str) -> None:
    """Whatever the credential is, it is either used whole or refused without a word of it."""
    secret = SecretValue(MARK + text)
    try:
        assert bearer(secret, "Vendor") == f"Bearer {MARK}{text}"
    except Refused as refused:
        _shows_nothing(refused)
    with pytest.raises(Refused) as caught:
        members(secret, "Vendor", ("name",), ())
    _shows_nothing(caught.value)


async def _refused(state_dir: Path, kind: str, text: str, why: str) -> None:
    async with staged(kind, state_dir) as scene:
        with pytest.raises(Refused) as caught:
            await scene.minter.mint(scene.request(), SecretValue(text))
        assert why in str(caught.value)
        _shows_nothing(caught.value)
        assert scene.requests == []


def _shows_nothing(error: BaseException | None) -> None:
    while error is not None:
        assert MARK not in f"{error} {error!r} {error.args}"
        assert not hasattr(error, "doc"), "an error of the JSON library holds the whole text"
        error = error.__cause__ or error.__context__
