"""Log Analytics' query API over rows written in process: it executes the KQL that it is sent.

Sources: "Azure Monitor Log Analytics API errors" and "request format" (Azure Monitor docs); a workspace that does not
exist answers PathNotFoundError (azure-sdk-for-python issue 45580). Identifiers are compared without regard to case,
which the service does not forgive: the analyser in `emulator.kql` is the check for that.
"""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

import duckdb
import duckdb_kql
from aiohttp import web

from emulator.clock import Clock
from emulator.entra import Access, Entra, Role
from emulator.kql import TABLES
from emulator.web import NotServed

WORKSPACE_ID = "22222222-2222-2222-2222-222222222222"
_DUCKDB_TYPES = {
    "string": "VARCHAR",
    "long": "BIGINT",
    "real": "DOUBLE",
    "bool": "BOOLEAN",
    "datetime": "TIMESTAMP",
    "dynamic": "JSON",
}
_KQL_TYPES = {
    "VARCHAR": "string",
    "BIGINT": "long",
    "HUGEINT": "long",
    "INTEGER": "int",
    "DOUBLE": "real",
    "BOOLEAN": "bool",
    "TIMESTAMP": "datetime",
    "TIMESTAMP WITH TIME ZONE": "datetime",
    "JSON": "dynamic",
    "INTERVAL": "timespan",
    "UUID": "guid",
}
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {"string": (str,), "long": (int,), "real": (int, float), "bool": (bool,)}
_LOADED_AT_ONCE = 2000
"""Rows in one statement: all of them as one JSON text would need gigabytes for a large table."""
_CLOCK = re.compile(r"\b(?:now|ago)\s*\(")
_DURATION = re.compile(
    r"P(?!$)(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)


class ErrorKind(StrEnum):
    """Why a query is refused, as the inner error code of a 400."""

    SYNTAX = "SyntaxError"
    SEMANTIC = "SemanticError"
    TIMESPAN = "InvalidTimespanError"  # this name is ours: no page gives the service's


class QueryError(Exception):
    """The query cannot be answered; the caller must change it."""

    def __init__(self, kind: ErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class _Row:
    time_generated: datetime
    visible_at: datetime
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Span:
    start: datetime
    end: datetime

    def contains(self, moment: datetime) -> bool:
        return self.start <= moment <= self.end


class Logs:
    """A workspace with the tables of `tables.json`; rows become visible when their ingestion delay has passed.

    Set `partial_next` to let that many of the next queries answer a part of their rows beside an error.
    """

    name = "logs"

    def __init__(self, entra: Entra, clock: Clock, ingestion_delay: float) -> None:
        self.origin = ""
        self.workspace_id = WORKSPACE_ID
        self.partial_next = 0
        self._entra = entra
        self._clock = clock
        self._ingestion_delay = ingestion_delay
        self._rows: dict[str, list[_Row]] = {table: [] for table in TABLES}

    def write(self, table: str, row: Mapping[str, Any], delay: float | None = None) -> None:
        """Keep a row, visible after the delay (the usual one unless given); what is missing becomes empty or null."""
        columns = TABLES.get(table)
        if columns is None:
            raise ValueError(f"{table} is not a table of this workspace")
        unknown = sorted(set(row) - set(columns))
        if unknown:
            raise ValueError(f"{table} has no column {', '.join(unknown)}")
        now = self._clock.now()
        complete = {
            "TimeGenerated": now,
            "Type": table,
            **{column: value for column, value in row.items() if value is not None},
        }
        values = {column: _stored(column, kind, complete.get(column)) for column, kind in columns.items()}
        visible_at = now + timedelta(seconds=self._ingestion_delay if delay is None else delay)
        self._rows[table].append(_Row(_moment(values["TimeGenerated"]), visible_at, values))

    def routes(self) -> list[web.AbstractRouteDef]:
        """Serve POST query; the batch and the GET form are not served."""
        return [web.post("/v1/workspaces/{workspace}/query", self._query)]

    async def _query(self, request: web.Request) -> web.Response:
        access = self._entra.check(request, self.origin, Role.LOGS)
        if access is not Access.GRANTED:
            return _refusal(access)
        if request.match_info["workspace"] != self.workspace_id:
            return _error(404, "PathNotFoundError", "The requested path does not exist")
        try:
            body = json.loads(await request.read())
            query, timespan, others = body["query"].strip(), body.get("timespan"), body.get("workspaces")
        except (ValueError, KeyError, TypeError, AttributeError):
            return _error(400, "BadArgumentError", "The request had some invalid properties")
        if others:
            raise NotServed("a query over additional workspaces")
        now = self._clock.now()
        try:
            span = _span(timespan, now)
            rows = {table: self._visible(table, span, now) for table in TABLES if table in query}
            answer = await asyncio.to_thread(_execute, query, rows, now)
        except QueryError as error:
            return _bad_query(error)
        except duckdb_kql.KqlUnsupportedError as error:
            raise NotServed(f"KQL ({error})") from error
        return web.json_response(self._perhaps_partial(answer))

    def _visible(self, table: str, span: _Span | None, now: datetime) -> list[dict[str, Any]]:
        return [
            row.values
            for row in self._rows[table]
            if row.visible_at <= now and (span is None or span.contains(row.time_generated))
        ]

    def _perhaps_partial(self, table: dict[str, Any]) -> dict[str, Any]:
        if self.partial_next <= 0:
            return {"tables": [table]}
        self.partial_next -= 1
        half = {**table, "rows": table["rows"][: len(table["rows"]) // 2]}
        error = {
            "code": "PartialError",
            "message": "There were some errors when processing your query.",
            "details": [
                {"code": "EngineError", "message": "Something went wrong processing your query on the server."}
            ],
        }
        return {"tables": [half], "error": error}


def _execute(query: str, rows: Mapping[str, Sequence[dict[str, Any]]], now: datetime) -> dict[str, Any]:
    """Run KQL over a database that lives for this query only; tables that it does not name stay empty."""
    with duckdb_kql.connect(config={"threads": 1, "enable_external_access": False}) as connection:
        for table, columns in TABLES.items():
            definition = ", ".join(f'"{column}" {_DUCKDB_TYPES[kind]}' for column, kind in columns.items())
            connection.execute(f'CREATE TABLE "{table}" ({definition})')
            if rows.get(table):
                held = rows[table]
                shape = {
                    column: "VARCHAR" if kind == "dynamic" else _DUCKDB_TYPES[kind] for column, kind in columns.items()
                }
                statement = (
                    f'INSERT INTO "{table}" BY NAME SELECT unnest(row, recursive := true)'  # noqa: S608  # our names
                    " FROM (SELECT unnest(from_json_strict(?, ?)) AS row)"
                )
                for start in range(0, len(held), _LOADED_AT_ONCE):
                    some = json.dumps(held[start : start + _LOADED_AT_ONCE])
                    connection.execute(statement, [some, json.dumps([shape])])
        try:
            sql = _translated(query, now if _CLOCK.search(query) else None)
            found = connection.execute(str(sql), dict(sql.parameters)).fetchall()
            columns_out = [(name, _kql_type(str(kind))) for name, kind, *_ in connection.description or []]
        except duckdb_kql.KqlUnsupportedError:
            raise
        except duckdb_kql.KqlSyntaxError as error:
            raise QueryError(ErrorKind.SYNTAX, str(error)) from error
        except (duckdb_kql.KqlError, duckdb.Error) as error:
            raise QueryError(ErrorKind.SEMANTIC, str(error)) from error
    return {
        "name": "PrimaryResult",
        "columns": [{"name": name, "type": kind} for name, kind in columns_out],
        "rows": [[_on_the_wire(value) for value in row] for row in found],
    }


@lru_cache(maxsize=64)
def _translated(query: str, now: datetime | None) -> duckdb_kql.TranslationResult:
    """Translate KQL to SQL: half of what a query costs, and always the same where it does not ask for the time."""
    schema = {table: list(columns) for table, columns in TABLES.items()}
    return duckdb_kql.to_sql(query, schema=schema, allow_write=False, query_now=now)


def _kql_type(duckdb_type: str) -> str:
    if duckdb_type.endswith("[]") or duckdb_type.startswith(("STRUCT", "MAP")):
        return "dynamic"
    if duckdb_type.startswith("DECIMAL"):
        return "decimal"
    return _KQL_TYPES[duckdb_type]


def _stored(column: str, kind: str, value: Any) -> Any:
    """Return the value as DuckDB reads it from JSON: dynamic as text, times in UTC without a zone."""
    if value is None:
        return "" if kind == "string" else None  # the service has no null for strings
    if kind == "dynamic":
        return json.dumps(value)
    if kind == "datetime":
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            raise ValueError(f"{column} must be an aware time, not {value!r}")
        return moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    if not isinstance(value, _PYTHON_TYPES[kind]):
        raise TypeError(f"{column} must be {kind}, not {type(value).__name__}")
    return value


def _on_the_wire(value: Any) -> Any:
    if isinstance(value, datetime):
        naive = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return naive.isoformat() + ("0Z" if naive.microsecond else "Z")  # the service writes seven digits
    if isinstance(value, timedelta):
        return _timespan_text(value)
    if isinstance(value, list | dict):
        return json.dumps(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _timespan_text(value: timedelta) -> str:
    sign, size = ("-", -value) if value < timedelta() else ("", value)
    hours, rest = divmod(size.seconds, 3600)
    days = f"{size.days}." if size.days else ""
    fraction = f".{size.microseconds:06}0" if size.microseconds else ""
    return f"{sign}{days}{hours:02}:{rest // 60:02}:{rest % 60:02}{fraction}"


def _span(text: str | None, now: datetime) -> _Span | None:
    """Read an ISO 8601 interval, as `start/end`, `start/duration`, `duration/end` or a duration that ends now."""
    if text is None:
        return None
    try:
        first, slash, second = text.partition("/")
        if not slash:
            return _Span(now - _duration(first), now)
        if first.startswith("P"):
            end = _moment(second)
            return _Span(end - _duration(first), end)
        start = _moment(first)
        return _Span(start, start + _duration(second) if second.startswith("P") else _moment(second))
    except (ValueError, AttributeError, OverflowError) as error:
        raise QueryError(ErrorKind.TIMESPAN, f"the timespan {text!r} is not an ISO 8601 interval") from error


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _duration(text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return timedelta(**{unit: float(amount) for unit, amount in match.groupdict().items() if amount})


def _refusal(access: Access) -> web.Response:
    match access:
        case Access.NO_TOKEN:
            return _error(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        case Access.MISSING_ROLE:
            return _error(
                403,
                "InsufficientAccessError",
                "The provided credentials have insufficient access to perform the requested operation",
            )
        case _:
            return _error(401, "InvalidTokenError", "The provided authentication is not valid for this resource")


def _bad_query(error: QueryError) -> web.Response:
    inner = {"code": error.kind, "message": str(error)}
    return _error(400, "BadArgumentError", "The request had some invalid properties", inner)


def _error(status: int, code: str, message: str, inner: dict[str, str] | None = None) -> web.Response:
    body: dict[str, Any] = {"code": code, "message": message}
    if inner:
        body["innererror"] = inner
    return web.json_response({"error": body}, status=status)
