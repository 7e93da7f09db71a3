"""Key Vault's events are read in every form that the documents show, and nothing else is.

The samples follow Azure docs, "Azure Key Vault as Event Grid source".
"""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.detection.vault_event import OtherEvent, VaultEvent, VaultEventKind, read_vault_event
from shared.errors import MalformedNews
from tests.pure.material import ANY_JSON, ANY_TIME, UNHURRIED, within

NAME = "druva-scim-token"
AT = "2026-01-31T03:12:07.1234567Z"
DATA: dict[str, Any] = {
    "Id": f"https://kv.vault.azure.net/secrets/{NAME}/ee059b2bb5bc48398a53b168c6cdcb10",
    "VaultName": "kv",
    "ObjectType": "Secret",
    "ObjectName ": NAME,
    "Version": "ee059b2bb5bc48398a53b168c6cdcb10",
}
EVENT_GRID = {"eventType": VaultEventKind.NEW_VERSION, "subject": NAME, "eventTime": AT, "data": DATA}
CLOUD = {"specversion": "1.0", "type": VaultEventKind.NEW_VERSION, "subject": NAME, "time": AT, "data": DATA}
EXPECTED = VaultEvent(VaultEventKind.NEW_VERSION, NAME, datetime(2026, 1, 31, 3, 12, 7, 123456, tzinfo=UTC))

_DATA = within({"Id": st.sampled_from([DATA["Id"], "https://[", "secrets/", ""]), "objectName": st.text(max_size=5)})
_KINDS = st.sampled_from([*VaultEventKind, "Microsoft.KeyVault.KeyExpired", ""])
_EVENTS = within(
    {"eventType": _KINDS, "type": _KINDS, "subject": st.text(max_size=5), "eventTime": ANY_TIME, "data": _DATA}
)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _read(text: str) -> VaultEvent | OtherEvent | None:
    try:
        return read_vault_event(text)
    except MalformedNews:
        return None


@UNHURRIED
@given(st.one_of(st.text(), st.binary().map(lambda raw: base64.b64encode(raw).decode()), st.just("[" * 99_999)))
def test_any_text_is_an_event_or_malformed(text: str) -> None:
    """No message raises anything but `MalformedNews`."""
    _read(text)


@UNHURRIED
@given(st.one_of(_EVENTS, ANY_JSON))
def test_any_json_is_an_event_or_malformed(raw: Any) -> None:
    """An event that is read names a secret that Key Vault could have."""
    event = _read(json.dumps(raw))
    if isinstance(event, VaultEvent):
        assert event.secret_name.replace("-", "a").isalnum()
        assert event.secret_name.isascii()


@pytest.mark.parametrize("schema", [EVENT_GRID, CLOUD])
@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("encoded", [False, True])
def test_every_form_is_the_same_event(schema: dict[str, Any], *, listed: bool, encoded: bool) -> None:
    """Both schemas, alone or in a list of one, plain or base64, say the same."""
    text = json.dumps([schema] if listed else schema)
    assert read_vault_event(_base64(text) + "\n" if encoded else text) == EXPECTED


@pytest.mark.parametrize(
    "data",
    [
        {"ObjectName": NAME},
        {"objectName": NAME},
        {"ObjectName ": f" {NAME} "},
        {"OBJECTNAME": NAME},
        {"id": DATA["Id"], "objectName": "another"},
        {"Id": "https://[", "ObjectName": NAME},
        {},
        None,
        "text",
    ],
)
def test_the_secret_is_found_wherever_it_is_named(data: Any) -> None:
    """Casing and blanks do not matter; the identifier comes first, then the name, then the subject."""
    assert read_vault_event(json.dumps({**EVENT_GRID, "data": data})) == EXPECTED


def test_the_kind_is_known_in_any_case() -> None:
    """Event types are compared without case."""
    assert read_vault_event(json.dumps({**CLOUD, "type": VaultEventKind.NEW_VERSION.lower()})) == EXPECTED


@pytest.mark.parametrize("kind", ["Microsoft.KeyVault.KeyExpired", "Microsoft.EventGrid.SubscriptionValidationEvent"])
def test_other_kinds_are_passed_over(kind: str) -> None:
    """A subscription that is too wide does no harm, even when the event has nothing else."""
    assert read_vault_event(json.dumps({"eventType": kind})) == OtherEvent(kind)


@pytest.mark.parametrize(
    "raw",
    [
        [],
        [EVENT_GRID, EVENT_GRID],
        {**EVENT_GRID, "eventType": 7},
        {**EVENT_GRID, "data": {"ObjectName": "../keys"}, "subject": ""},
        {**EVENT_GRID, "data": {"ObjectName": "x" * 128}},
        {**EVENT_GRID, "data": {"ObjectName": "ключ"}},
        {**EVENT_GRID, "data": {}, "subject": None},
        {**EVENT_GRID, "eventTime": "9999-12-31T23:59:59-14:00"},
        {**EVENT_GRID, "eventTime": None},
    ],
)
def test_what_names_no_secret_or_time_is_malformed(raw: Any) -> None:
    """Lists of several, names that Key Vault cannot have and times off the calendar are refused."""
    with pytest.raises(MalformedNews):
        read_vault_event(json.dumps(raw))
