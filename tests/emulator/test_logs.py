"""The workspace executes the KQL that the real Logs client sends, and shows rows only when the service would."""

import functools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.monitor.query import LogsQueryPartialResult, LogsQueryResult, LogsTable
from azure.monitor.query.aio import LogsQueryClient

from emulator.clock import ManualClock
from emulator.entra import Entra, Role
from emulator.kql import Analysis, analyse
from emulator.logs import Logs
from tests.emulator.serving import Site, serving

NOW = datetime(2024, 3, 1, 12, 0, 0, 123456, UTC)
DELAY = 300.0
QUERIES = {path.name: path.read_text("utf-8") for path in (Path(__file__).parents[2] / "queries").glob("*.kql")}
QUARANTINE = QUERIES["quarantine_events.kql"]
TEXT = (
    "This run profile is being quarantined because of: EncounteredQuarantineException; Error: The token has\n"
    'expired. Web Response: {"detail":"because of: age"}'
)


@functools.cache
def inferred() -> dict[str, Analysis]:
    """Return what the analyser says of the shipped queries; starting it takes a second."""
    return analyse(QUERIES)


@dataclass
class Bench:
    """A served workspace and its client."""

    logs: Logs
    entra: Entra
    clock: ManualClock
    site: Site
    client: LogsQueryClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = LogsQueryClient(
            self.site.credential, endpoint=f"{self.logs.origin}/v1", connection_verify=self.site.ca
        )

    async def table(self, query: str, timespan: Any = None) -> LogsTable:
        """Return the only table of a whole answer."""
        result = await self.client.query_workspace(self.logs.workspace_id, query, timespan=timespan)
        assert isinstance(result, LogsQueryResult)
        (table,) = result.tables
        return table

    async def ids(self, timespan: Any = None) -> list[str]:
        """Return which audit records a query over this timespan sees."""
        table = await self.table("AuditLogs | order by Id asc | project Id", timespan)
        return [row["Id"] for row in table.rows]


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """Serve a workspace."""
    clock = ManualClock(NOW)
    entra = Entra(clock)
    logs = Logs(entra, clock, ingestion_delay=DELAY)
    async with serving(tmp_path, monkeypatch, entra, logs) as site:
        made = Bench(logs, entra, clock, site)
        async with made.client:
            yield made


def audit(identifier: str, **columns: Any) -> dict[str, Any]:
    """Return an audit record of the provisioning service's quarantine."""
    return {
        "Id": identifier,
        "CorrelationId": f"correlation-of-{identifier}",
        "TimeGenerated": NOW,
        "LoggedByService": "Account Provisioning",
        "OperationName": "Quarantine",
        "ActivityDisplayName": "Quarantine",
        "ResultDescription": TEXT,
        "TargetResources": [{"id": "principal-1", "displayName": "Druva", "type": "ServicePrincipal"}],
        **columns,
    }


async def test_the_quarantine_query_runs_unedited_and_returns_what_the_analyser_infers(bench: Bench) -> None:
    """Names and types of the executed query equal the analyser's; the row carries principal, reason and whole text."""
    bench.logs.write("AuditLogs", audit("a"), delay=0)
    table = await bench.table(QUARANTINE)
    expected = [(column.name, column.type) for column in inferred()["quarantine_events.kql"].columns]
    assert list(zip(table.columns, table.columns_types, strict=True)) == expected
    (row,) = table.rows
    assert dict(zip(table.columns, row, strict=True)) == {
        "TimeGenerated": NOW,
        "Id": "a",
        "CorrelationId": "correlation-of-a",
        "ServicePrincipalId": "principal-1",
        "ApplicationName": "Druva",
        "Reason": "EncounteredQuarantineException",
        "Text": TEXT,
    }


async def test_every_shipped_query_runs_over_empty_tables(bench: Bench) -> None:
    """Each file in queries/ is executed as it is and returns its columns without a row; what counts, counts none."""
    for name, text in QUERIES.items():
        table = await bench.table(text)
        assert table.columns == [column.name for column in inferred()[name].columns]
        assert [list(row) for row in table.rows] == ([[0, None]] if name.endswith("_records.kql") else [])


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"ResultDescription": "", "ResultReason": TEXT}, ("principal-1", "Druva", "EncounteredQuarantineException")),
        ({"ResultDescription": None, "ResultReason": "No reason."}, ("principal-1", "Druva", "")),
        (
            {"ResultDescription": TEXT, "ResultReason": "Other"},
            ("principal-1", "Druva", "EncounteredQuarantineException"),
        ),
        ({"OperationName": ""}, ("principal-1", "Druva", "EncounteredQuarantineException")),
        ({"ActivityDisplayName": ""}, ("principal-1", "Druva", "EncounteredQuarantineException")),
        ({"TargetResources": [{"displayName": "ServiceNow"}]}, ("", "ServiceNow", "EncounteredQuarantineException")),
        ({"TargetResources": None}, ("", "", "EncounteredQuarantineException")),
        ({"TargetResources": []}, ("", "", "EncounteredQuarantineException")),
        (
            {
                "TargetResources": [
                    {"id": "sp", "displayName": "Box"},
                    {"id": "user", "displayName": "Ada", "type": "User"},
                ]
            },
            ("sp", "Box", "EncounteredQuarantineException"),
        ),
        (
            {
                "TargetResources": [
                    {"id": "user", "displayName": "Ada", "type": "User"},
                    {"id": "sp", "displayName": "Box", "type": "ServicePrincipal"},
                ]
            },
            ("sp", "Box", "EncounteredQuarantineException"),
        ),
    ],
)
async def test_the_quarantine_query_reads_every_known_shape(
    bench: Bench, columns: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    """Text in either column, name in either column, the principal first or not, without identifier, or no target."""
    bench.logs.write("AuditLogs", audit("a", **columns), delay=0)
    (row,) = (await bench.table(QUARANTINE)).rows
    assert (row["ServicePrincipalId"], row["ApplicationName"], row["Reason"]) == expected
    assert row["Text"] == (columns.get("ResultDescription", TEXT) or columns["ResultReason"])


@pytest.mark.parametrize(
    "columns",
    [{"LoggedByService": "Core Directory"}, {"OperationName": "Import", "ActivityDisplayName": "Import"}],
)
async def test_the_quarantine_query_leaves_other_records_out(bench: Bench, columns: dict[str, Any]) -> None:
    """Another service's record and another activity are no quarantine."""
    bench.logs.write("AuditLogs", audit("a", **columns), delay=0)
    assert (await bench.table(QUARANTINE)).rows == []


async def test_a_row_is_invisible_until_it_is_ingested(bench: Bench) -> None:
    """Not a second before the ingestion delay has passed; the time in the row stays that of the event."""
    bench.logs.write("AuditLogs", audit("a"))
    assert await bench.ids() == []
    await bench.clock.advance(timedelta(seconds=DELAY - 1))
    assert await bench.ids() == []
    await bench.clock.advance(timedelta(seconds=1))
    assert await bench.ids() == ["a"]
    assert await bench.ids((NOW, NOW)) == ["a"]


async def test_a_late_row_is_missed_by_adjoining_windows_and_found_by_overlapping_ones(bench: Bench) -> None:
    """A row that arrives after its window was read appears only in a later window that reaches back to it."""
    bench.logs.write("AuditLogs", audit("late"), delay=DELAY)
    await bench.clock.advance(timedelta(seconds=60))
    first_end = bench.clock.now()
    assert await bench.ids((NOW - timedelta(minutes=5), first_end)) == []
    await bench.clock.advance(timedelta(seconds=DELAY))
    assert await bench.ids((first_end, bench.clock.now())) == []
    assert await bench.ids((first_end - timedelta(minutes=5), bench.clock.now())) == ["late"]


@pytest.mark.parametrize(
    ("timespan", "seen"),
    [
        (None, ["day", "hour", "now"]),
        (timedelta(minutes=30), ["now"]),
        (timedelta(hours=1), ["hour", "now"]),
        (timedelta(days=2), ["day", "hour", "now"]),
        ((NOW - timedelta(days=1), NOW - timedelta(hours=1)), ["day", "hour"]),
        ((NOW - timedelta(hours=2), timedelta(hours=1, minutes=30)), ["hour"]),
        ((NOW + timedelta(hours=1), NOW + timedelta(hours=2)), []),
    ],
)
async def test_the_timespan_bounds_every_table(bench: Bench, timespan: Any, seen: list[str]) -> None:
    """A duration back from now, a start with an end, a start with a duration; both ends belong to it."""
    for name, age in (("now", timedelta()), ("hour", timedelta(hours=1)), ("day", timedelta(days=1))):
        bench.logs.write("AuditLogs", audit(name, TimeGenerated=NOW - age), delay=0)
    assert await bench.ids(timespan) == seen


@pytest.mark.parametrize(
    ("timespan", "status"),
    [
        ("PT1H", 200),
        ("P1DT2H3M4.5S", 200),
        ("P1W/2026-01-01T00:00:00Z", 200),
        ("P", 400),
        ("PT", 400),
        ("1h", 400),
        ("x/y", 400),
    ],
)
async def test_a_timespan_is_an_iso_interval(bench: Bench, timespan: str, status: int) -> None:
    """Other text is refused, not ignored."""
    url = f"{bench.logs.origin}/v1/workspaces/{bench.logs.workspace_id}/query"
    headers = await bench.site.headers(bench.logs.origin)
    async with bench.site.session.post(
        url, json={"query": "AuditLogs | count", "timespan": timespan}, headers=headers
    ) as answer:
        assert answer.status == status


async def test_time_in_a_query_is_the_tenants_time(bench: Bench) -> None:
    """A year may pass in a test: now() and ago() follow the clock."""
    bench.logs.write("AuditLogs", audit("a"), delay=0)
    await bench.clock.advance(timedelta(days=365))
    table = await bench.table("AuditLogs | where TimeGenerated < ago(364d) | project Age = now() - TimeGenerated")
    assert [(row["Age"], table.columns_types) for row in table.rows] == [("365.00:00:00", ["timespan"])]


async def test_values_travel_as_the_service_writes_them(bench: Bench) -> None:
    """Each type arrives under its name; dynamic as JSON text, times in UTC, what was not written empty or null."""
    bench.logs.write(
        "AuditLogs",
        {
            "Id": "a",
            "TimeGenerated": "2026-01-02T05:00:00.1234567+02:00",
            "DurationMs": 7,
            "_BilledSize": 1.5,
            "TargetResources": [{"id": "é"}],
        },
        delay=0,
    )
    table = await bench.table(
        "AuditLogs | project Id, TimeGenerated, ActivityDateTime, DurationMs, _BilledSize, TargetResources, "
        "AdditionalDetails, Identity, Type, Yes = Id == 'a'"
    )
    assert table.columns_types == [
        *("string", "datetime", "datetime", "long", "real", "dynamic", "dynamic", "string", "string", "bool")
    ]
    (row,) = table.rows
    assert list(row)[:5] == ["a", datetime(2026, 1, 2, 3, 0, 0, 123456, UTC), None, 7, 1.5]
    assert json.loads(row["TargetResources"]) == [{"id": "é"}]
    assert list(row)[6:] == [None, "", "AuditLogs", True]


@pytest.mark.parametrize(
    ("table", "row", "error"),
    [
        ("SigninLogs", {}, ValueError),
        ("AuditLogs", {"Nonesuch": "x"}, ValueError),
        ("AuditLogs", {"TimeGenerated": datetime(2026, 1, 1)}, ValueError),  # noqa: DTZ001  # the naive time is the point
        ("AuditLogs", {"Id": 5}, TypeError),
        ("AADProvisioningLogs", {"ServicePrincipal": {"id": "x"}}, TypeError),
    ],
)
def test_a_row_that_the_table_cannot_hold_is_refused(table: str, row: dict[str, Any], error: type[Exception]) -> None:
    """Unknown tables and columns, naive times and wrong types are mistakes of the writer."""
    clock = ManualClock(NOW)
    with pytest.raises(error):
        Logs(Entra(clock), clock, 0).write(table, row)


async def test_provisioning_logs_hold_json_in_text(bench: Bench) -> None:
    """Object columns of AADProvisioningLogs are strings that a query parses."""
    row = {"JobId": "job", "ResultType": "Failure", "ServicePrincipal": '{"Id":"sp","Name":"Druva"}'}
    bench.logs.write("AADProvisioningLogs", row, delay=0)
    table = await bench.table(
        "AADProvisioningLogs | project Sp = tostring(parse_json(ServicePrincipal).Id), ResultType"
    )
    assert [list(row) for row in table.rows] == [["sp", "Failure"]]


async def test_a_partial_result_is_not_a_result(bench: Bench) -> None:
    """The next query misses rows and says so; the one after it is whole again."""
    for name in ("a", "b", "c"):
        bench.logs.write("AuditLogs", audit(name), delay=0)
    bench.logs.partial_next = 1
    partial = await bench.client.query_workspace(bench.logs.workspace_id, QUARANTINE, timespan=None)
    assert isinstance(partial, LogsQueryPartialResult)
    assert partial.partial_error is not None
    assert partial.partial_error.code == "PartialError"
    assert len(partial.partial_data[0].rows) == 1
    assert await bench.ids() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("query", "inner"),
    [
        ("AuditLogs | wherex", "SyntaxError"),
        ("AuditLogs | where Nonesuch == 1", "SemanticError"),
        ("SigninLogs | take 1", "SemanticError"),
    ],
)
async def test_bad_kql_is_a_bad_argument(bench: Bench, query: str, inner: str) -> None:
    """Syntax and names that do not exist are 400 with the kind inside."""
    with pytest.raises(HttpResponseError) as refused:
        await bench.client.query_workspace(bench.logs.workspace_id, query, timespan=None)
    assert refused.value.status_code == 400
    assert refused.value.response is not None
    error = json.loads(refused.value.response.text())["error"]
    assert (error["code"], error["innererror"]["code"]) == ("BadArgumentError", inner)


async def test_kql_that_cannot_be_executed_is_not_served(bench: Bench) -> None:
    """What the service could run and the tenant cannot is 501 and is remembered, not answered wrongly."""
    with pytest.raises(HttpResponseError) as refused:
        await bench.table("AuditLogs | evaluate bag_unpack(TargetResources)")
    assert refused.value.status_code == 501
    assert len(bench.site.unserved) == 1


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"query": 5}'])
async def test_a_body_without_a_query_is_refused(bench: Bench, body: str) -> None:
    """Broken JSON, no object, no query, a query that is no text: 400."""
    url = f"{bench.logs.origin}/v1/workspaces/{bench.logs.workspace_id}/query"
    headers = {**await bench.site.headers(bench.logs.origin), "Content-Type": "application/json"}
    async with bench.site.session.post(url, data=body, headers=headers) as answer:
        assert answer.status == 400


async def test_another_workspace_is_not_found(bench: Bench) -> None:
    """A workspace that does not exist is 404."""
    with pytest.raises(HttpResponseError, match="PathNotFoundError") as refused:
        await bench.client.query_workspace("00000000-0000-0000-0000-000000000000", QUARANTINE, timespan=None)
    assert refused.value.status_code == 404


async def test_a_missing_role_is_insufficient_access(bench: Bench) -> None:
    """Without Log Analytics Reader a query is 403."""
    bench.entra.roles.discard(Role.LOGS)
    with pytest.raises(HttpResponseError, match="InsufficientAccessError") as refused:
        await bench.ids()
    assert refused.value.status_code == 403


async def test_a_token_for_another_service_is_invalid(bench: Bench) -> None:
    """The audience must be the service's own origin; no token at all is another 401."""
    client = LogsQueryClient(
        bench.site.credential,
        endpoint=f"{bench.logs.origin}/v1",
        audience="https://graph.example",
        connection_verify=bench.site.ca,
    )
    async with client:
        with pytest.raises(HttpResponseError, match="InvalidTokenError"):
            await client.query_workspace(bench.logs.workspace_id, QUARANTINE, timespan=None)
    url = f"{bench.logs.origin}/v1/workspaces/{bench.logs.workspace_id}/query"
    async with bench.site.session.post(url, json={"query": QUARANTINE}) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (401, "AuthenticationFailed")
