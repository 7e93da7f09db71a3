"""Every shipped query passes Microsoft's analyser against the tables' schemas, and the analyser does find mistakes."""

from pathlib import Path

import pytest

from emulator.kql import TABLES, AnalyserError, Column, analyse, check

QUERIES = {path.name: path.read_text("utf-8") for path in (Path(__file__).parents[2] / "queries").glob("*.kql")}


def test_every_shipped_query_passes() -> None:
    """Zero diagnostics for every file in queries/, and there are files."""
    assert "quarantine_events.kql" in QUERIES
    assert check(QUERIES) == {name: [] for name in QUERIES}


def test_planted_errors_are_flagged() -> None:
    """Syntax, unknown names, wrong case and wrong types are each found."""
    planted = {
        "syntax": "AuditLogs | wherex",
        "column": "AuditLogs | where Nonesuch == 1",
        "table": "auditlogs | take 1",
        "type": "AuditLogs | extend Twice = strlen(DurationMs)",
        "dynamic": "AuditLogs | summarize count() by TargetResources",
    }
    found = check(planted)
    assert [name for name in planted if not found[name]] == []
    assert found["column"][0].severity == "Error"
    assert "Nonesuch" in found["column"][0].message
    assert found["column"][0].start == planted["column"].index("Nonesuch")


def test_a_query_of_a_time_of_its_own_is_not_shipped() -> None:
    """The caller passes the timespan and the alert its window, so no query filters by time."""
    filtering = [name for name, text in QUERIES.items() if "ago(" in text or "now(" in text]
    assert filtering == []


def test_the_quarantine_query_bears_columns_that_are_missing_but_no_missing_table() -> None:
    """AuditLogs without any column that is read will do; a workspace without the table says so to the service.

    The alert rule asks by `isfuzzy`, which makes a missing table a warning: Azure switches failing rules off.
    """
    shipped = QUERIES["quarantine_events.kql"]
    queries = {"shipped": shipped, "alert": shipped.replace("union (datatable", "union isfuzzy=true (datatable")}
    lacking = {"AuditLogs": {"Category": TABLES["AuditLogs"]["Category"]}}  # a table has a column at least
    assert [one.diagnostics for one in analyse(queries, lacking).values()] == [(), ()]
    without = analyse(queries, {"AADProvisioningLogs": TABLES["AADProvisioningLogs"]})
    assert [one.severity for one in without["shipped"].diagnostics] == ["Error"]
    assert [one.severity for one in without["alert"].diagnostics] == ["Warning"]


def test_the_columns_that_come_out_are_inferred() -> None:
    """The quarantine query returns exactly what detection reads."""
    analysis = analyse(QUERIES)["quarantine_events.kql"]
    assert analysis.columns == (
        Column("TimeGenerated", "datetime"),
        Column("Id", "string"),
        Column("CorrelationId", "string"),
        Column("ServicePrincipalId", "string"),
        Column("ApplicationName", "string"),
        Column("Reason", "string"),
        Column("Text", "string"),
    )


def test_a_schema_with_an_unknown_type_is_an_error_not_a_pass() -> None:
    """An analyser that cannot run says so."""
    with pytest.raises(AnalyserError, match="nonesuch"):
        analyse({"query": "T"}, {"T": {"A": "nonesuch"}})
