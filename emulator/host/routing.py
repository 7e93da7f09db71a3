"""Route templates of HTTP triggers, after ASP.NET Core's attribute routing.

Served are parameters (`{name}`), optional ones at the end (`{name?}`), a catch-all at the end (`{*name}`), parts of a
segment (`report-{year}.csv`), and the constraints listed in `_CONSTRAINTS`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Self
from urllib.parse import unquote

from emulator.host.errors import HostError

_CONSTRAINTS = {
    "int": r"-?\d{1,10}",
    "long": r"-?\d{1,19}",
    "bool": r"(?i:true|false)",
    "guid": r"\{?[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}\}?",
    "alpha": r"[A-Za-z]*",
    "double": r"-?\d+(?:\.\d+)?",
    "decimal": r"-?\d+(?:\.\d+)?",
}
_PART = re.compile(r"(\{[^{}]*\})")
_PARAMETER = re.compile(r"\{(?P<all>\*)?(?P<name>\w+)(?::(?P<constraint>[^?]+))?(?P<optional>\?)?\}")
_ENCODED_SLASH = re.compile("(%2f)", re.IGNORECASE)


class _Rank(IntEnum):
    """Which segment wins where several templates match: the more exact one."""

    LITERAL = 0
    MIXED = 1
    CONSTRAINED = 2
    PARAMETER = 3
    CATCH_ALL = 4


@dataclass(frozen=True, slots=True)
class RouteTemplate:
    """A template that a request's path can be held against."""

    text: str
    rank: tuple[_Rank, ...]
    _pattern: re.Pattern[str]
    _constraints: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a template, refusing what is not served rather than matching something else."""
        pattern = ""
        ranks: list[_Rank] = []
        constraints: dict[str, str] = {}
        for segment in filter(None, text.split("/")):
            matched, rank, constrained = _segment(segment, text)
            pattern += matched
            ranks.append(rank)
            constraints |= constrained
        try:
            return cls(text, tuple(ranks), re.compile(pattern + "/?", re.IGNORECASE), constraints)
        except re.error as error:
            raise HostError(f"route {text!r}: {error}") from error

    def match(self, raw_path: str) -> dict[str, str] | None:
        """Return the decoded parameters of a path as it was sent, or None where the template does not match."""
        match = self._pattern.fullmatch(raw_path)
        if match is None:
            return None
        parameters = {name: _decoded(value) for name, value in match.groupdict().items() if value is not None}
        for name, constraint in self._constraints.items():
            if name in parameters and not re.fullmatch(_CONSTRAINTS[constraint], parameters[name]):
                return None
        return parameters


def most_exact[T: tuple[RouteTemplate, object]](routes: Iterable[T]) -> Sequence[T]:
    """Order routes so that the first match is the one ASP.NET Core would choose."""
    return sorted(routes, key=lambda route: route[0].rank)


def _segment(segment: str, route: str) -> tuple[str, _Rank, dict[str, str]]:
    parts = [part for part in _PART.split(segment) if part]
    if len(parts) > 1:
        read = [_parameter(part, route) if part.startswith("{") else None for part in parts]
        if any(found and (found["all"] or found["optional"]) for found in read):
            raise HostError(f"route {route!r}: {segment!r} mixes text with an optional or catch-all parameter")
        pattern = "".join(
            f"(?P<{found['name']}>[^/]+?)" if found else re.escape(part)
            for part, found in zip(parts, read, strict=True)
        )
        return "/" + pattern, _Rank.MIXED, _constraint(read)
    if not segment.startswith("{"):
        if "{" in segment or "}" in segment:
            raise HostError(f"route {route!r}: {segment!r} has a brace without its counterpart")
        return "/" + re.escape(segment), _Rank.LITERAL, {}
    found = _parameter(segment, route)
    constraints = _constraint([found])
    if found["all"]:
        return f"(?:/(?P<{found['name']}>.*))?", _Rank.CATCH_ALL, constraints
    pattern = f"/(?P<{found['name']}>[^/]+)"
    rank = _Rank.CONSTRAINED if found["constraint"] else _Rank.PARAMETER
    return (f"(?:{pattern})?" if found["optional"] else pattern), rank, constraints


def _parameter(part: str, route: str) -> re.Match[str]:
    found = _PARAMETER.fullmatch(part)
    if found is None:
        raise HostError(f"route {route!r}: {part!r} is not a route parameter that is served here")
    if found["constraint"] and found["constraint"] not in _CONSTRAINTS:
        served = ", ".join(_CONSTRAINTS)
        raise HostError(f"route {route!r}: the constraint {found['constraint']!r} is not served here (only {served})")
    return found


def _constraint(found: Iterable[re.Match[str] | None]) -> dict[str, str]:
    return {parameter["name"]: parameter["constraint"] for parameter in found if parameter and parameter["constraint"]}


def _decoded(value: str) -> str:
    """Decode a parameter as ASP.NET Core does: an encoded slash stays encoded, for it separates nothing."""
    return "".join(part if _ENCODED_SLASH.fullmatch(part) else unquote(part) for part in _ENCODED_SLASH.split(value))
