"""The common alert schema is read or refused, whatever arrives.

The sample follows Azure Monitor docs, "Common alert schema", log search alert V2.
"""

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.detection.alert import Alert, Ignored, read_alert
from shared.errors import MalformedNews
from tests.pure.material import ANY_JSON, ANY_TIME, SP, UNHURRIED, within

SAMPLE: dict[str, Any] = {
    "schemaId": "azureMonitorCommonAlertSchema",
    "data": {
        "essentials": {"monitorCondition": "Fired", "firedDateTime": "2026-01-31T03:12:07.1234567Z"},
        "alertContext": {
            "conditionType": "LogQueryCriteria",
            "condition": {
                "windowStartTime": "2026-01-31T03:00:00Z",
                "windowEndTime": "2026-01-31T03:10:00Z",
                "allOf": [{"dimensions": [{"name": "ServicePrincipalId", "value": SP}]}],
            },
        },
    },
}
_DIMENSION = within({"name": st.sampled_from(["ServicePrincipalId", "spId", " SPID "]), "value": st.text(max_size=8)})
_CONDITION = within(
    {
        "windowStartTime": ANY_TIME,
        "windowEndTime": ANY_TIME,
        "allOf": st.lists(within({"dimensions": st.lists(_DIMENSION, max_size=2)}), max_size=2),
    }
)
_ALERTS = st.fixed_dictionaries(
    {
        "schemaId": st.just(SAMPLE["schemaId"]),
        "data": within(
            {
                "essentials": within({"monitorCondition": st.just("Fired"), "firedDateTime": ANY_TIME}),
                "alertContext": within({"conditionType": st.just("LogQueryCriteria"), "condition": _CONDITION}),
            }
        ),
    }
)


def _read(body: bytes) -> Alert | Ignored | None:
    try:
        return read_alert(body)
    except MalformedNews:
        return None


@UNHURRIED
@given(
    st.one_of(st.binary(), st.text().map(lambda text: text.encode("utf-8", "surrogatepass")), st.just(b"[" * 99_999))
)
def test_any_bytes_are_an_alert_or_malformed(body: bytes) -> None:
    """No body raises anything but `MalformedNews`."""
    _read(body)


@UNHURRIED
@given(st.one_of(_ALERTS, ANY_JSON))
def test_any_json_is_an_alert_or_malformed(raw: Any) -> None:
    """An alert that is read names only non-empty identifiers, each once."""
    alert = _read(json.dumps(raw).encode())
    if isinstance(alert, Alert):
        assert all(name.strip() == name != "" for name in alert.service_principal_ids)
        assert len(set(alert.service_principal_ids)) == len(alert.service_principal_ids)


def _changed(*path: str, value: Any) -> bytes:
    raw = copy.deepcopy(SAMPLE)
    part = raw
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    return json.dumps(raw).encode()


def test_the_sample_names_the_service_principal_and_the_window() -> None:
    """Dimension, firing time and window are read."""
    assert read_alert(json.dumps(SAMPLE).encode()) == Alert(
        (SP,),
        datetime(2026, 1, 31, 3, 12, 7, 123456, tzinfo=UTC),
        datetime(2026, 1, 31, 3, 0, tzinfo=UTC),
        datetime(2026, 1, 31, 3, 10, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "body",
    [
        _changed("data", "essentials", "monitorCondition", value="Resolved"),
        _changed("data", "essentials", "monitorCondition", value=None),
        _changed("data", "alertContext", "conditionType", value="SingleResourceMultipleMetricCriteria"),
        _changed("data", "alertContext", value=None),
    ],
)
def test_other_alerts_are_ignored(body: bytes) -> None:
    """Resolved alerts and other kinds are no news and no failure."""
    assert isinstance(read_alert(body), Ignored)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{}",
        b"\xff\xfe",
        _changed("schemaId", value="AzureMonitorMetricAlert"),
        _changed("data", value=[]),
    ],
)
def test_other_schemas_are_malformed(body: bytes) -> None:
    """The sender is told, so that an action group without the common schema is noticed."""
    with pytest.raises(MalformedNews):
        read_alert(body)


@pytest.mark.parametrize("name", ["ServicePrincipalId", "serviceprincipalid", " spId "])
def test_the_dimension_is_known_in_any_case(name: str) -> None:
    """Case and blanks of the dimension's name do not matter; a name twice is one name."""
    dimensions = [{"dimensions": [{"name": name, "value": f" {SP} "}, {"name": name, "value": SP}]}]
    alert = read_alert(_changed("data", "alertContext", "condition", "allOf", value=dimensions))
    assert isinstance(alert, Alert)
    assert alert.service_principal_ids == (SP,)


def test_an_alert_without_a_firing_time_takes_the_windows_end() -> None:
    """One of both times must be there."""
    alert = read_alert(_changed("data", "essentials", "firedDateTime", value="9999-12-31T23:59:59-14:00"))
    assert isinstance(alert, Alert)
    assert alert.fired_at == alert.window_end
    raw = copy.deepcopy(SAMPLE)
    del raw["data"]["essentials"]["firedDateTime"], raw["data"]["alertContext"]["condition"]["windowEndTime"]
    with pytest.raises(MalformedNews):
        read_alert(json.dumps(raw).encode())
