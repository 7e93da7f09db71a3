"""The alerts' and the workbook's KQL passes Microsoft's analyser, and each alert's query finds its trouble alone."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb_kql
import pytest

from emulator.kql import TABLES, analyse, check
from functions.timers import forecast_tokens, sweep_jobs
from shared.detection import sources
from tests.infra.checks import ROOT

APP = "func-pratique-x"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FOLDER = ROOT / "infra" / "queries"
QUERIES = {
    path.stem: path.read_text("utf-8").replace('let App = "";', f'let App = "{APP}";') for path in FOLDER.glob("*.kql")
}
# Azure Monitor table reference: "AppRequests", "AppTraces", "AppExceptions"; the columns that are used here.
TELEMETRY = {
    "AppRequests": {
        "TimeGenerated": "datetime", "AppRoleName": "string", "Name": "string", "Success": "bool", "DurationMs": "real",
    },
    "AppTraces": {
        "TimeGenerated": "datetime", "AppRoleName": "string", "Message": "string", "SeverityLevel": "int",
        "OperationName": "string",
    },
    "AppExceptions": {
        "TimeGenerated": "datetime", "AppRoleName": "string", "OuterMessage": "string", "SeverityLevel": "int",
        "OperationName": "string",
    },
}  # fmt: skip
_DUCKDB = {"datetime": "TIMESTAMP", "string": "VARCHAR", "bool": "BOOLEAN", "real": "DOUBLE", "int": "INTEGER"}


def found(query: str, table: str, rows: list[dict[str, Any]]) -> dict[str, int]:
    """Run one query over made rows; return how much it found of what."""
    with duckdb_kql.connect(config={"threads": 1}) as connection:
        for name, columns in TELEMETRY.items():
            shape = ", ".join(f'"{column}" {_DUCKDB[kind]}' for column, kind in columns.items())
            connection.execute(f'CREATE TABLE "{name}" ({shape})')
        for row in rows:
            whole = {"TimeGenerated": NOW - timedelta(minutes=1), "AppRoleName": APP, **row}
            whole["TimeGenerated"] = whole["TimeGenerated"].replace(tzinfo=None)
            names = ", ".join(f'"{name}"' for name in whole)
            marks = ", ".join("?" for _ in whole)
            connection.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', list(whole.values()))  # noqa: S608
        relation = duckdb_kql.query(connection, query, allow_write=False, query_now=NOW)
        answers = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
    return {answer["What"]: answer["Found"] for answer in answers}


def test_the_analyser_passes_every_query_and_names_the_columns() -> None:
    """Each returns What (text) and Found (a number): the rules' dimension and measure."""
    assert QUERIES.keys() == {"no_sweep", "failures", "forecast", "set_aside", "blind"}
    for name, analysis in analyse(QUERIES, TELEMETRY).items():
        assert (name, analysis.diagnostics) == (name, ())
        assert {(one.name, one.type) for one in analysis.columns} == {("What", "string"), ("Found", "long")}


def test_the_analyser_passes_every_query_of_the_workbook() -> None:
    """No query of the page that people open is broken, and a broken one would be found."""
    items = json.loads((ROOT / "infra" / "workbook.json").read_text("utf-8"))["items"]
    queries = {item["name"]: item["content"]["query"] for item in items if item["type"] == 3}
    assert len(queries) >= 8
    analyses = analyse({**queries, "broken": "AppTraces | where Massage has 'x'"}, {**TABLES, **TELEMETRY})
    assert {name for name, analysis in analyses.items() if analysis.diagnostics} == {"broken"}
    assert check({"table": "AppTraces"})["table"]  # the analyser knows no table that it was not told of


def test_the_analyser_passes_every_query_of_the_runbook() -> None:
    """What somebody pastes at three in the morning is a query."""
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    queries = {query: query for query in re.findall(r"`((?:union )?App\w+[^`]* \|[^`]+)`", page)}
    assert len(queries) >= 2
    for analysis in analyse(queries, TELEMETRY).values():
        assert analysis.diagnostics == ()


def test_what_is_counted_is_never_sampled() -> None:
    """Application Insights keeps every record of the tables that the alerts read."""
    host = json.loads((ROOT / "host.json").read_text("utf-8"))
    kept = host["logging"]["applicationInsights"]["samplingSettings"]["excludedTypes"].split(";")
    read = {name for query in QUERIES.values() for name in TELEMETRY if re.search(rf"^{name}$", query, re.MULTILINE)}
    assert read == {"AppRequests", "AppTraces"}
    assert {f"App{kind}s" for kind in kept} >= read


@pytest.mark.parametrize(
    ("row", "sweeps"),
    [
        ({}, 1),
        ({"TimeGenerated": NOW - timedelta(minutes=19)}, 1),
        ({"TimeGenerated": NOW - timedelta(minutes=21)}, 0),
        ({"Success": False}, 0),
        ({"Name": "enqueue_due"}, 0),
        ({"AppRoleName": "another"}, 0),
        ({"AppRoleName": APP.upper()}, 1),
    ],
)
def test_silence_is_found(row: dict[str, Any], sweeps: int) -> None:
    """Only this app's own sweep, done in the last twenty minutes, counts; nothing at all is a row that says zero."""
    name = sweep_jobs._function._func.__name__  # the function's name is the request's
    rows = [{"Name": name, "Success": True, **row}]
    assert found(QUERIES["no_sweep"], "AppRequests", rows) == {"sweeps in 20 minutes": sweeps}
    assert found(QUERIES["no_sweep"], "AppRequests", []) == {"sweeps in 20 minutes": 0}


def test_failures_are_counted_by_function() -> None:
    """Only what failed, only this app."""
    rows = [{"Name": "sweep_jobs", "Success": False}] * 4 + [{"Name": "reconcile_job", "Success": True}]
    others = [{"Name": "sweep_jobs", "Success": False, "AppRoleName": "another"}]
    assert found(QUERIES["failures"], "AppRequests", rows + others) == {"sweep_jobs": 4}


def test_a_failed_forecast_is_found() -> None:
    """One that failed is counted; those that succeeded and other functions are not."""
    name = forecast_tokens._function._func.__name__
    rows = [{"Name": name, "Success": False}, {"Name": name, "Success": True}, {"Name": "sweep_jobs", "Success": False}]
    assert found(QUERIES["forecast"], "AppRequests", rows) == {"forecast_tokens": 1}
    assert found(QUERIES["forecast"], "AppRequests", rows[1:]) == {}


def test_what_is_set_aside_is_counted_by_queue() -> None:
    """Our own words for what could not be read, and the host's for what it gave up."""
    texts = (ROOT / "functions" / "signals.py").read_text("utf-8")
    assert '"rejected a signal: %s"' in texts
    assert '"rejected a vault event: %s"' in texts
    messages = [
        "rejected a signal: the message is not JSON",
        "rejected a vault event: no kind",
        "Message has reached MaxDequeueCount of 5. Moving message to queue 'pratique-signals-poison'.",
        "sweep: 3 signals",
    ]
    rows = [{"Message": message} for message in messages]
    assert found(QUERIES["set_aside"], "AppTraces", rows) == {
        "pratique-signals-rejected": 1,
        "pratique-vault-events-rejected": 1,
        "pratique-signals-poison": 1,
    }


def test_blind_sources_are_counted_by_source() -> None:
    """The words are those that the service logs when a source cannot be read."""
    assert '_log.error("source %s is blind: %s"' in (ROOT / sources.__file__).read_text("utf-8")
    rows = [{"Message": "source sweep is blind: 403"}] * 2 + [{"Message": "the source of all is blind luck"}]
    assert found(QUERIES["blind"], "AppTraces", rows) == {"sweep": 2}
