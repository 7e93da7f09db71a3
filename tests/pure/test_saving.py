"""Saving changes our own keys and nothing else, whichever way Graph reads a PUT."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Refused
from shared.jobs.credentials import Credential
from shared.redaction import SecretValue
from shared.tokens.saving import base_address, differences, digest, to_save, to_test
from tests.pure.material import UNHURRIED

OWN = "SecretToken"
NEW = {OWN: SecretValue("new")}
_KEYS = st.sampled_from([OWN, "BaseAddress", "SyncAll", "SyncNotificationSettings", "Password", "UserName", "Übrig"])
_TRUE = st.dictionaries(_KEYS, st.text(max_size=12).filter(lambda value: value != "*"), max_size=6)
_VALUES = st.one_of(st.text(max_size=12), st.sampled_from(["*", "", " ", " * "]))


def _shown(true: dict[str, str], masked: frozenset[str]) -> tuple[Credential, ...]:
    return tuple(Credential(key, SecretValue("*" if key in masked else value)) for key, value in true.items())


def _merged(true: dict[str, str], body: dict[str, str]) -> dict[str, str]:
    return {**true, **body}


def _replaced(true: dict[str, str], body: dict[str, str]) -> dict[str, str]:
    del true
    return body


def _body(
    true: dict[str, str], masked: frozenset[str], candidate: str, *, merge_accepted: bool
) -> dict[str, str] | None:
    """Return what would be saved, or None when it is refused."""
    try:
        pairs = to_save(_shown(true, masked), {OWN: SecretValue(candidate)}, merge_accepted=merge_accepted)
    except Refused:
        return None
    assert len({pair.key for pair in pairs}) == len(pairs)
    return {pair.key: pair.value.reveal() for pair in pairs}


@UNHURRIED
@given(_TRUE, st.frozensets(_KEYS), _VALUES)
def test_only_our_own_key_changes_under_either_reading_of_put(
    true: dict[str, str], masked: frozenset[str], candidate: str
) -> None:
    """For any settings: every other key is as before whether PUT merges or replaces, or saving is refused."""
    body = _body(true, masked, candidate, merge_accepted=False)
    refused = bool(masked & (true.keys() - {OWN})) or candidate.strip() in ("", "*")
    assert (body is None) is refused
    if body is None:
        return
    for put in (_merged, _replaced):
        after = put(dict(true), body)
        assert after == {**true, OWN: candidate}
    assert "*" not in body.values()


@UNHURRIED
@given(_TRUE, st.frozensets(_KEYS), _VALUES)
def test_accepted_merging_keeps_masked_keys_where_put_merges(
    true: dict[str, str], masked: frozenset[str], candidate: str
) -> None:
    """With the operator's word a masked key is left out, never sent as the mask; where PUT replaces, its loss shows."""
    body = _body(true, masked, candidate, merge_accepted=True)
    if body is None:
        assert candidate.strip() in ("", "*")
        return
    assert "*" not in body.values()
    before, hidden = digest(_shown(true, masked)), masked | {OWN}
    merged = _merged(dict(true), body)
    assert merged == {**true, OWN: candidate}
    assert differences(before, _shown(merged, hidden), NEW) == ()
    lost = {key for key in true if key in masked and key != OWN}
    shown = differences(before, _shown(_replaced(dict(true), body), hidden), NEW)
    assert {line.removesuffix(" is gone") for line in shown} == lost


@UNHURRIED
@given(_TRUE, _TRUE)
def test_differences_are_found_exactly_where_they_are(before: dict[str, str], after: dict[str, str]) -> None:
    """Reading back tells every key that is gone or changed, ours when it is not set, and no value."""
    lines = differences(digest(_shown(before, frozenset({OWN}))), _shown(after, frozenset({OWN})), NEW)
    others = before.keys() - {OWN}
    gone = {f"{key} is gone" for key in others - after.keys()}
    changed = {f"{key} changed" for key in others & after.keys() if before[key] != after[key]}
    missing = set() if OWN in after else {f"{OWN} is not set"}
    assert set(lines) == gone | changed | missing


def test_a_token_that_reads_back_in_the_clear_is_a_difference() -> None:
    """Our own key must come back masked: anything else means that it was not stored as a secret."""
    shown = (Credential(OWN, SecretValue("visible")),)
    assert differences({}, shown, NEW) == (f"{OWN} is not set",)


def test_a_refusal_names_the_masked_keys_and_the_setting() -> None:
    """The operator reads which keys are at stake and how to accept, and no value."""
    current = _shown(
        {OWN: "old", "Password": "hidden", "BaseAddress": "https://a.example"}, frozenset({OWN, "Password"})
    )
    with pytest.raises(Refused, match=r"Password .*PRATIQUE_MERGE_ACCEPTED"):
        to_save(current, {OWN: SecretValue("new-value")}, merge_accepted=False)


def test_digests_hold_no_value() -> None:
    """What is kept of the settings compares and tells nothing."""
    kept = digest(_shown({"BaseAddress": "https://a.example", OWN: "old"}, frozenset({OWN})))
    assert "a.example" not in str(kept)
    assert kept[OWN] == "*"


def test_a_test_of_the_candidate_carries_the_readable_settings() -> None:
    """Everything that can be read goes along unaltered, the candidate in its place, no mask."""
    current = _shown({"BaseAddress": "https://a.example", OWN: "old", "Password": "x"}, frozenset({OWN, "Password"}))
    sent = {pair.key: pair.value.reveal() for pair in to_test(current, {OWN: SecretValue("new")})}
    assert sent == {"BaseAddress": "https://a.example", OWN: "new"}


def test_a_masked_tenant_url_is_no_tenant_url() -> None:
    """Absent and masked read alike, so the host check refuses both."""
    assert base_address(_shown({"BaseAddress": "x"}, frozenset({"BaseAddress"}))) == ""
    assert base_address(()) == ""
    assert base_address(_shown({"BaseAddress": "https://a.example"}, frozenset())) == "https://a.example"


def test_a_name_must_read_back_as_it_was_saved() -> None:
    """A user name is readable: masked it passes, with another value or gone it does not; the password stays hidden."""
    saved = {"UserName": SecretValue("new-name"), "Password": SecretValue("new-word")}
    before = digest(_shown({"UserName": "old-name", "Password": "x"}, frozenset({"Password"})))
    good = _shown({"UserName": "new-name", "Password": "x"}, frozenset({"Password"}))
    assert differences(before, good, saved) == ()
    assert differences(before, _shown({"UserName": "x", "Password": "x"}, frozenset(saved)), saved) == ()
    stale = _shown({"UserName": "old-name", "Password": "x"}, frozenset({"Password"}))
    assert differences(before, stale, saved) == ("UserName is not set",)
    assert differences(before, (), saved) == ("Password is not set", "UserName is not set")


def test_two_keys_of_ours_are_saved_together() -> None:
    """Both of our masked keys are ours to send: neither is another masked key that could be lost."""
    current = _shown(
        {"UserName": "old", "Password": "x", "BaseAddress": "https://a.example"}, frozenset({"UserName", "Password"})
    )
    values = {"UserName": SecretValue("new-name"), "Password": SecretValue("new-word")}
    sent = {pair.key: pair.value.reveal() for pair in to_save(current, values, merge_accepted=False)}
    assert sent == {"BaseAddress": "https://a.example", "UserName": "new-name", "Password": "new-word"}
    with pytest.raises(Refused, match="Password"):
        to_save(current, {"UserName": SecretValue("new-name")}, merge_accepted=False)
