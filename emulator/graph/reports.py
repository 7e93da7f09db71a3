"""`auditLogs/directoryAudits` and `auditLogs/provisioning`: the documented filters only, one throttle for both.

Public sources: Graph docs, "List directoryAudits" and "List provisioningObjectSummary", whose filter tables are served
here word for word; every other filter is refused. `$orderby` is accepted and changes nothing: answers are newest first.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from emulator.entra import Role
from emulator.graph.calls import Answer, Call, GraphError, Route, bad_request
from emulator.graph.odata import page, refuse_other_options
from emulator.graph.throttle import Throttle
from emulator.records import Records

type Resource = dict[str, Any]
type Predicate = Callable[[Resource], bool]

_TEXT = r"'((?:[^']|'')*)'"
_TIME = r"(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,7})?)?(?:Z|[+-]\d\d:\d\d))"
_AND = re.compile(r"\s+and\s+(?=(?:[^']|'[^']*')*$)")
_AUDIT_TIME = re.compile(rf"activityDateTime (eq|ge|le) {_TIME}")
_PROVISIONING_TIME = re.compile(rf"activityDateTime (gt|lt) {_TIME}")
_AUDIT_EQUALS = re.compile(rf"(activityDisplayName|loggedByService|correlationId) eq {_TEXT}")
_PROVISIONING_EQUALS = re.compile(rf"(jobId|servicePrincipal/id) eq {_TEXT}")
_STARTS_WITH = re.compile(rf"startswith\(activityDisplayName,\s*{_TEXT}\)")
_ANY_TARGET = re.compile(rf"targetResources/any\((\w+):\s*\1/(id|displayName) eq {_TEXT}\)")
_COMPARE: Mapping[str, Callable[[datetime, datetime], bool]] = {
    "eq": lambda one, other: one == other,
    "ge": lambda one, other: one >= other,
    "le": lambda one, other: one <= other,
    "gt": lambda one, other: one > other,
    "lt": lambda one, other: one < other,
}


class Reports:
    """Serves the two reports of what the tenant recorded."""

    def __init__(self, records: Records, throttle: Throttle, page_size: int, origin: Callable[[], str]) -> None:
        self._records = records
        self._throttle = throttle
        self._page_size = page_size
        self._origin = origin

    def routes(self) -> list[Route]:
        """Return what it serves."""
        return [
            Route("GET", "/auditLogs/directoryAudits", Role.AUDIT_LOG, self._audits),
            Route("GET", "/auditLogs/provisioning", Role.AUDIT_LOG, self._provisioning),
        ]

    async def _audits(self, call: Call) -> Answer:
        return self._report(call, self._records.audits, _audit_clause)

    async def _provisioning(self, call: Call) -> Answer:
        return self._report(call, self._records.provisioning, _provisioning_clause)

    def _report(self, call: Call, records: Sequence[Resource], clause: Callable[[str], Predicate]) -> Answer:
        self._throttle.admit()
        refuse_other_options(call.query, "$filter", "$top", "$skiptoken", "$orderby")
        text = call.query.get("$filter", "").strip()
        wanted = [clause(part.strip()) for part in _AND.split(text)] if text else []
        found = [record for record in reversed(records) if all(keeps(record) for keeps in wanted)]
        body = page(found, call.query, self._page_size, f"{self._origin()}/v1.0{call.path}")
        name = call.path.removeprefix("/")
        return Answer(200, {"@odata.context": f"{self._origin()}/v1.0/$metadata#{name}", **body})


def _audit_clause(text: str) -> Predicate:
    if found := _AUDIT_TIME.fullmatch(text):
        return _at(found[1], found[2])
    if found := _AUDIT_EQUALS.fullmatch(text):
        name, wanted = found[1], _unquoted(found[2])
        return lambda record: record[name] == wanted
    if found := _STARTS_WITH.fullmatch(text):
        start = _unquoted(found[1])
        return lambda record: record["activityDisplayName"].startswith(start)
    if found := _ANY_TARGET.fullmatch(text):
        member, value = found[2], _unquoted(found[3])
        return lambda record: any(target[member] == value for target in record["targetResources"])
    raise _unsupported(text)


def _provisioning_clause(text: str) -> Predicate:
    if found := _PROVISIONING_TIME.fullmatch(text):
        return _at(found[1], found[2])
    if found := _PROVISIONING_EQUALS.fullmatch(text):
        wanted = _unquoted(found[2])
        if found[1] == "jobId":
            return lambda record: record["jobId"] == wanted
        return lambda record: record["servicePrincipal"]["id"] == wanted
    raise _unsupported(text)


def _at(operator: str, text: str) -> Predicate:
    compare, moment = _COMPARE[operator], _moment(text)
    return lambda record: compare(_moment(record["activityDateTime"]), moment)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        raise bad_request(f"Invalid date/time value: {text}.") from error


def _unquoted(text: str) -> str:
    return text.replace("''", "'")


def _unsupported(text: str) -> GraphError:
    return bad_request(f"Invalid filter clause: {text}.")
