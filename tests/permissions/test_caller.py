"""Only what App Service documents is read from its header; anything else grants nothing."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.identity import CallerRole, roles_of
from shared.clients.signed_in import Caller, read_caller

MAPPED = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
CLAIM = {"typ": "roles", "val": "Pratique.Operator"}


def header(principal: object) -> str:
    """Return a header as the platform writes it."""
    return base64.b64encode(json.dumps(principal).encode()).decode()


def principal(*claims: object, **changes: object) -> dict[str, Any]:
    """Return a principal as documented, with these claims."""
    return {"auth_typ": "aad", "claims": list(claims), "name_typ": "name", "role_typ": MAPPED, **changes}


def test_roles_are_read_under_both_names_of_their_claim() -> None:
    """And no other claim is taken for one."""
    claims = [CLAIM, {"typ": MAPPED, "val": "ActionGroupsSecureWebhook"}, {"typ": "name", "val": "Admin"}]
    assert roles_of(header(principal(*claims))) == {"Pratique.Operator", "ActionGroupsSecureWebhook"}
    assert set(CallerRole) == roles_of(header(principal(*claims)))


@pytest.mark.parametrize(
    "given_header",
    [
        None,
        "",
        "Pratique.Operator",
        json.dumps(principal(CLAIM)),
        header(principal(CLAIM))[:-3],
        header(principal(CLAIM)) + "!",
        header([principal(CLAIM)]),
        header(principal(CLAIM, auth_typ="facebook")),
        header({"claims": [CLAIM]}),
        header(principal(claims={"typ": "roles", "val": "Pratique.Operator"})),
        header(principal(CLAIM, "roles")),
        header(principal({"typ": "roles", "val": ["Pratique.Operator"]})),
        header(principal({"typ": ["roles"], "val": "Pratique.Operator"})),
        header(principal({"typ": "Roles", "val": "Pratique.Operator"})),
        header(principal(CLAIM, {"typ": "x", "val": "y" * 70_000})),
    ],
)
def test_what_is_not_as_documented_grants_nothing(given_header: str | None) -> None:
    """Not even the part of it that would be in order."""
    assert roles_of(given_header) == frozenset()


_JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["auth_typ", "claims", "typ", "val"]), inner))  # fmt: skip # noqa: E501


@given(st.text() | _JSON.map(header) | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
def test_nothing_that_anybody_sends_raises(text: str) -> None:
    """Whatever it is, the answer is a set of texts."""
    assert all(isinstance(role, str) for role in roles_of(text))


def token(claims: object) -> str:
    """Return a token whose signature nobody looks at."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


def test_a_token_says_who_is_signed_in() -> None:
    """An application's permissions are shown; a person's token shows none, and no JWT says nothing."""
    assert read_caller(token({"oid": "A1", "roles": ["Mail.Send"]})) == Caller("a1", frozenset({"Mail.Send"}))
    assert read_caller(token({"oid": "a1", "roles": ["Admin"], "scp": "User.Read"})) == Caller("a1", None, person=True)
    assert read_caller(token({"oid": "a1"})) == Caller("a1", None)
    for nonsense in ("", "opaque", "a.b.c", token([]), token({"oid": 1, "roles": "x"})):
        assert read_caller(nonsense) == Caller("", None)


@given(st.text())
def test_no_token_is_too_strange_to_read(text: str) -> None:
    """Tokens are opaque to us: one of another shape is none of our business."""
    read_caller(text)
    read_caller(f"a.{text}.b")
