"""Microsoft's KQL analyser over the two tables the product reads: syntax, names, types, resulting columns."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

_HERE = Path(__file__).parent
_VENV_NODE = _HERE.parent / ".venv" / "bin" / "node"
_TIMEOUT = 60.0

type Tables = Mapping[str, Mapping[str, str]]


def _read_tables() -> Tables:
    parsed: dict[str, dict[str, str]] = json.loads((_HERE / "tables.json").read_text("utf-8"))
    return MappingProxyType({table: MappingProxyType(columns) for table, columns in parsed.items()})


# Azure Monitor table reference: AuditLogs and AADProvisioningLogs, column by column.
TABLES = _read_tables()


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding of the analyser."""

    code: str
    severity: str
    start: int
    message: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column that the analyser says a query returns."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the analyser says of one query."""

    diagnostics: tuple[Diagnostic, ...]
    columns: tuple[Column, ...]


class AnalyserError(Exception):
    """The analyser could not be run, so nothing is known about the queries."""


def analyse(queries: Mapping[str, str], tables: Tables = TABLES) -> dict[str, Analysis]:
    """Return diagnostics and result columns of each query, by its name."""
    question = {"tables": {name: dict(columns) for name, columns in tables.items()}, "queries": dict(queries)}
    try:
        ran = subprocess.run(
            [_node(), str(_HERE / "node" / "kqlcheck.js")],
            input=json.dumps(question),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise AnalyserError(f"the KQL analyser ended with {error.returncode}: {error.stderr.strip()}") from error
    except subprocess.TimeoutExpired as error:
        raise AnalyserError(f"the KQL analyser did not answer within {_TIMEOUT:.0f} s") from error
    return {name: _analysis(found) for name, found in json.loads(ran.stdout).items()}


def check(queries: Mapping[str, str]) -> dict[str, list[Diagnostic]]:
    """Return the diagnostics of each query, by its name; an empty list is a pass."""
    return {name: list(analysis.diagnostics) for name, analysis in analyse(queries).items()}


def _analysis(found: Mapping[str, list[dict[str, object]]]) -> Analysis:
    return Analysis(
        diagnostics=tuple(
            Diagnostic(str(one["code"]), str(one["severity"]), int(str(one["start"])), str(one["message"]))
            for one in found["diagnostics"]
        ),
        columns=tuple(Column(str(one["name"]), str(one["type"])) for one in found["columns"]),
    )


def _node() -> str:
    if _VENV_NODE.exists():
        return str(_VENV_NODE)
    system = shutil.which("node")
    if system is None:
        raise AnalyserError("Node was found neither in .venv/bin nor on PATH; run make setup")
    return system
