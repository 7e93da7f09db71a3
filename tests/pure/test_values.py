"""What can be no credential is refused before it is sent, and the refusal repeats nothing of it."""

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.errors import Refused
from shared.redaction import SecretValue
from shared.tokens.values import require_sendable
from tests.pure.material import UNHURRIED

GOOD = st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), min_size=1, max_size=200)
_LONGEST = 16 * 1024


def _refusal(text: str) -> str:
    with pytest.raises(Refused) as refused:
        require_sendable("SecretToken", SecretValue(text), "druva-scim-token")
    return str(refused.value)


@UNHURRIED
@given(GOOD.filter(lambda text: text != "*"))
@example("x")
@example("Bearer")
@example("bearer-like-token")
@example("Bearers of news")
@example("two words")
@example("a" * _LONGEST)
@example(base64.b64encode(bytes(range(256))).decode())
def test_what_a_vendor_may_give_can_be_sent(text: str) -> None:
    """Printable text of any kind up to the limit; blanks inside belong to some passwords."""
    require_sendable("SecretToken", SecretValue(text), "druva-scim-token")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        (" ", "empty"),
        ("\n", "empty"),
        ("*", "mask"),
        (" * ", "mask"),
        ("a" * (_LONGEST + 1), "longer than"),
        ("a" * 1024 * 1024, "longer than"),
        ("to\nken", "line break"),
        ("token\n", "line break"),
        ("token\r\n", "line break"),
        ("\ttoken", "line break"),
        ("to\x00ken", "cannot be seen"),
        ("token\x7f", "cannot be seen"),
        (" token", "blank"),
        ("token ", "blank"),
        ("token\u00a0", "blank"),
        ("token\u2028", "cannot be seen"),
        ("Bearer token", "Bearer"),
        ("bEaReR token", "Bearer"),
    ],
)
def test_what_a_careless_paste_brings_along_is_refused_by_name(text: str, said: str) -> None:
    """The refusal says what is wrong and names key and secret."""
    refusal = _refusal(text)
    assert said in refusal
    assert "SecretToken" in refusal
    assert "druva-scim-token" in refusal


@UNHURRIED
@given(GOOD.filter(lambda text: len(text) > 12), st.sampled_from(["{}\n", " {}", "Bearer {}", "{}\x00"]))
def test_a_refusal_repeats_nothing_of_the_value(text: str, spoilt: str) -> None:
    """Whatever was pasted, no part of it stands in the text."""
    value = f"Zq9{text}"
    assert value[:12] not in _refusal(spoilt.format(value))


@pytest.mark.parametrize("text", ["token\u200b", "\ufefftoken", "to\u200bken", "to\x85ken", "\u2060token"])
def test_invisible_characters_are_refused(text: str) -> None:
    """What nobody sees in a portal's field, and no header carries, is no part of a credential."""
    _refusal(text)
