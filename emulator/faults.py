"""Trouble on demand: what any route of any service may be told to do, and hooks around every request."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class RecordedRequest:
    """One request as a service received it, whole, so that tests can look for what must not be there."""

    service: str
    method: str
    path: str
    """The raw path with its query."""
    headers: dict[str, str]
    body: bytes
    status: int | None = None
    """The answer's status; none while it is handled, or when no answer was sent."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Answers as usual, that many real seconds later."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Status:
    """Answers with this status instead of handling the request; with `handled` it was carried out all the same."""

    status: int
    retry_after: int | None = None
    body: dict[str, Any] | None = None
    handled: bool = False


@dataclass(frozen=True, slots=True)
class Timeout:
    """Never answers; with `handled` the request was carried out first and only its answer is missing."""

    handled: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """Aborts the connection; with `handled` the request was carried out first and only its answer is lost."""

    handled: bool = False


type Fault = Latency | Status | Timeout | Reset
type Hook = Callable[[RecordedRequest], Awaitable[None]]


class DropRequest(Exception):
    """Raised by a `before` hook: the request is not handled and its connection is aborted."""


@dataclass(slots=True)
class _Rule:
    service: str
    method: str
    path: re.Pattern[str]
    fault: Fault
    left: int | None


@dataclass(slots=True)
class Faults:
    """The faults in force, first added first used, and the hooks around every request."""

    before: list[Hook] = field(default_factory=list)
    """Called before the service handles the request."""
    after: list[Hook] = field(default_factory=list)
    """Called when it is handled and the state changed, with the answer not yet sent."""
    _rules: list[_Rule] = field(default_factory=list)

    def add(self, service: str, method: str, path: str, fault: Fault, times: int | None = 1) -> None:
        """Apply the fault to requests whose raw path and query hold the regex; `times=None` means until cleared."""
        self._rules.append(_Rule(service, method, re.compile(path), fault, times))

    def clear(self) -> None:
        """Forget every fault; hooks stay."""
        self._rules.clear()

    def take(self, service: str, method: str, path: str) -> Fault | None:
        """Return the first fault for this request, using up one of its times."""
        for rule in self._rules:
            if rule.service == service and rule.method in (method, "*") and rule.path.search(path):
                if rule.left is not None:
                    rule.left -= 1
                    if rule.left == 0:
                        self._rules.remove(rule)
                return rule.fault
        return None
