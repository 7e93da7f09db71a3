"""Reads the Azure Monitor common alert schema; pure.

Log-search alerts (API 2020-05-01 and later) carry no rows: the service principal comes from a dimension of the rule, or
the alert's window is queried again. Source: Azure Monitor docs, "Alerts payload samples" and "Common alert schema".
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.detection.moment import read_moment
from shared.errors import MalformedNews

_SCHEMA = "azureMonitorCommonAlertSchema"
_DIMENSIONS = frozenset({"serviceprincipalid", "spid"})


@dataclass(frozen=True, slots=True)
class Alert:
    """A fired log-search alert: whom it names, and the window to query when it names nobody."""

    service_principal_ids: tuple[str, ...]
    fired_at: datetime
    window_begin: datetime | None
    window_end: datetime | None


@dataclass(frozen=True, slots=True)
class Ignored:
    """An alert that is answered and ignored, and why."""

    why: str


def read_alert(body: bytes) -> Alert | Ignored:
    """Read an alert.

    Raises:
        MalformedNews: it is not the common alert schema.
    """
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError) as error:
        message = "the body is not JSON"
        raise MalformedNews(message) from error
    if not isinstance(raw, Mapping) or raw.get("schemaId") != _SCHEMA:
        message = f"the body is not of the schema {_SCHEMA}; enable the common alert schema on the action group"
        raise MalformedNews(message)
    data = _part(raw, "data")
    essentials, context = _part(data, "essentials"), _part(data, "alertContext")
    if not essentials:
        message = "the alert has no essentials"
        raise MalformedNews(message)
    if essentials.get("monitorCondition") != "Fired":
        return Ignored(f"condition is {str(essentials.get('monitorCondition'))[:40]!r}, only Fired is news")
    if context.get("conditionType") != "LogQueryCriteria":
        return Ignored("it is not a log-search alert")
    condition = _part(context, "condition")
    begin, end = _time(condition.get("windowStartTime")), _time(condition.get("windowEndTime"))
    if begin and end and begin >= end:
        message = "the alert's window ends before it begins"
        raise MalformedNews(message)
    fired_at = _time(essentials.get("firedDateTime")) or end or _missing_time()
    return Alert(service_principal_ids=_named(condition), fired_at=fired_at, window_begin=begin, window_end=end)


def _named(condition: Mapping[str, Any]) -> tuple[str, ...]:
    found: list[str] = []
    for criterion in _list(condition, "allOf"):
        for dimension in _list(criterion, "dimensions"):
            name, value = str(dimension.get("name", "")).strip().lower(), dimension.get("value")
            if name in _DIMENSIONS and isinstance(value, str) and value.strip():
                found.append(value.strip())
    return tuple(dict.fromkeys(found))


def _part(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    return value if isinstance(value, Mapping) else {}


def _list(raw: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = raw.get(name)
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _time(text: Any) -> datetime | None:
    try:
        return read_moment(text)
    except ValueError:
        return None


def _missing_time() -> datetime:
    message = "the alert says neither when it fired nor which window it is about"
    raise MalformedNews(message)
