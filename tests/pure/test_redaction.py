"""Secrets show as stars, and text from outside is made safe, short, and quickly."""

import copy
import json
import pickle
import time
from collections.abc import Callable
from dataclasses import asdict
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.credentials import Credential
from shared.redaction import SAID_LIMIT, SecretValue, redact
from tests.pure.material import UNHURRIED

VALUE = "pa55+word/with=signs"
_ALPHABET = st.characters(codec="utf-8", exclude_characters="*…", exclude_categories=("Zs", "Zl", "Zp", "Cc"))
_KNOWN = st.lists(st.text(_ALPHABET, min_size=1, max_size=12), min_size=1, max_size=3)


@UNHURRIED
@given(_KNOWN, st.lists(st.text(max_size=8) | st.integers(0, 8), max_size=8), st.integers(1, 60))
def test_known_values_never_survive(known: list[str], pieces: list[str | int], limit: int) -> None:
    """Wherever they stand, plain, in JSON or in an address, also when one is part of another, and within the limit."""
    forms: list[Callable[[str], str]] = [
        str,
        lambda value: json.dumps(value)[1:-1],
        lambda value: quote(value, safe=""),
    ]
    text = "".join(
        piece if isinstance(piece, str) else forms[piece % 3](known[piece // 3 % len(known)]) for piece in pieces
    )
    safe = redact(text, [SecretValue(value) for value in known], limit)
    assert len(safe) <= limit
    for value in known:
        assert value not in safe
        assert all(form(value) not in safe for form in forms)


def test_a_value_that_holds_another_leaves_no_rest() -> None:
    """The longer one is taken out first."""
    known = [SecretValue("token"), SecretValue("token-and-more")]
    assert redact("token-and-more, token", known) == "***, ***"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Request Headers: Authorization: Bearer abc.d-e", "abc.d-e"),
        ("authorization: basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("got eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln from", "eyJ"),
        ("x-eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0", "eyJ"),
        ('{"secret_token": "hunter22"}', "hunter22"),
        ("SecretToken=hunter22&x=1", "hunter22"),
        ("apiKey: hunter22", "hunter22"),
        ("https://prod.logic.example/run?api-version=1&sig=AbC-dEf", "AbC-dEf"),
        ("https://app.example/api/alerts?code=AbC", "code=AbC"),
        (f"value {'a1B2' * 10}== end", "a1B2a1B2"),
    ],
)
def test_what_looks_like_a_credential_is_removed(text: str, secret: str) -> None:
    """Headers, JWTs, pairs, signed addresses and long random strings."""
    assert secret not in redact(text)
    assert "***" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "StatusCode: NotFound Message: Processing of the HTTP request resulted in an exception.",
        "The job scim.7ab1d2a4f0c14f0c8f0a0d4f6a1f2b3c.0f5d7c2e-92cf-4c0e-8d93-9c8a5f1f7a11 failed.",
        "Service principal 4f6cbd2b-5d7c-4b0c-9b3e-5f6f0a2d1c11 of keyJohn.example",
        "You appear to have entered invalid credentials. The token has expired.",
        "",
    ],
)
def test_what_people_need_to_read_stays(text: str) -> None:
    """Statuses, identifiers and sentences are no credentials."""
    assert redact(text) == text


@pytest.mark.parametrize("length", [SAID_LIMIT - 1, SAID_LIMIT, SAID_LIMIT + 1])
def test_the_limit(length: int) -> None:
    """At most that many characters, and a cut is seen."""
    safe = redact("x " * (length // 2) + "x" * (length % 2))
    assert len(safe) == min(length, SAID_LIMIT)
    assert safe.endswith("…") is (length > SAID_LIMIT)


@pytest.mark.parametrize(
    "unit",
    ["a-", "eyJ-", "eyJ.", "eyJa", "a1", "a", "-", "1.", "token", "token  ", "bearer ", "=:", "~+", "&sig=", "'"],
)
def test_no_text_takes_long(unit: str) -> None:
    """A queue message of the greatest size is done at once: anybody may write one, and one loop serves all."""
    text = (unit * 64_000)[:64_000]
    began = time.process_time()
    redact(text)
    assert time.process_time() - began < 2


def test_a_secret_value_never_shows() -> None:
    """Printing, formatting and containers give stars."""
    secret = SecretValue(VALUE)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r:>30}", str([secret]), str({"k": secret})]
    shown += [str(Credential("SecretToken", secret)), json.dumps([secret], default=str), "%s".__mod__(secret)]
    assert not any(VALUE in text for text in shown)
    assert all("***" in text for text in shown)


@pytest.mark.parametrize(
    "serialise",
    [
        pickle.dumps,
        json.dumps,
        copy.copy,
        copy.deepcopy,
        lambda secret: asdict(Credential("SecretToken", secret)),
        vars,
    ],
)
def test_a_secret_value_is_not_serialised(serialise: Callable[[SecretValue], object]) -> None:
    """What would carry it elsewhere fails instead, and says nothing of it."""
    with pytest.raises(TypeError) as raised:
        serialise(SecretValue(VALUE))
    assert VALUE not in str(raised.value)


def test_a_secret_value_is_compared_by_value() -> None:
    """Equal values are equal and hash alike, other kinds never equal one."""
    assert SecretValue(VALUE) == SecretValue(VALUE)
    assert len({SecretValue(VALUE), SecretValue(VALUE)}) == 1
    assert SecretValue(VALUE) != VALUE
    assert SecretValue(VALUE).reveal() == VALUE
