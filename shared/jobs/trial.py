"""Provisioning of one user on demand: what Graph answers, step by step; pure.

The answer's `key` and `value` are JSON texts (Graph docs: synchronizationJob provisionOnDemand). Names differ between
the documented sample (`type`, `statusInfo`) and the provisioning log (`provisioningStepType`,
`provisioningStatusInfo`); both are read. What a step's details hold of the user beyond the modified properties is left
out.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.redaction import redact

_TOLD = re.compile(r"(?i)skip|scope|reason|error|code|result|retry")
_SECRET = re.compile(r"(?i)passw|secret|token|credential|\bpin\b|key$")
_LONGEST, _MOST_PROPERTIES, _MOST_STEPS = 200, 60, 20


@dataclass(frozen=True, slots=True)
class SynchronizationRule:
    """A rule of a job's schema; `users` says that it maps users."""

    id: str
    name: str
    users: bool


@dataclass(frozen=True, slots=True)
class TrialStep:
    """One step and how it ended; `details` are the few that say why."""

    name: str
    kind: str
    status: str
    description: str
    details: tuple[tuple[str, str], ...] = ()

    @property
    def went_well(self) -> bool:
        """Say whether the step did what it is for."""
        return self.status.casefold() in ("success", "warning", "0", "")


@dataclass(frozen=True, slots=True)
class ModifiedProperty:
    """One mapped attribute: its value in the target before, and the value that the source maps to."""

    name: str
    target: str
    source: str


@dataclass(frozen=True, slots=True)
class Trial:
    """How the provisioning of one user went."""

    result: str
    action: str
    error_code: str
    message: str
    steps: tuple[TrialStep, ...]
    modified: tuple[ModifiedProperty, ...]

    @property
    def broke_at(self) -> TrialStep | None:
        """Return the first step that did not go well."""
        return next((step for step in self.steps if not step.went_well), None)

    @property
    def went_well(self) -> bool:
        """Say whether the user was provisioned, or needed nothing."""
        skipped = self.error_code.casefold() == "redundantexport"
        return self.result.casefold() == "success" or skipped


def read_rules(body: Mapping[str, Any]) -> tuple[SynchronizationRule, ...]:
    """Read the `synchronizationRules` of a job's schema; one without an id is left out."""
    rules = []
    for raw in _list(body, "synchronizationRules"):
        mappings = [one for one in _list(raw, "objectMappings") if one.get("enabled") is not False]
        names = {str(one.get("sourceObjectName") or "").casefold() for one in mappings}
        if rule_id := _text(raw, "id"):
            rules.append(SynchronizationRule(rule_id, _text(raw, "name"), users=not names or "user" in names))
    return tuple(rules)


def read_trial(body: Mapping[str, Any]) -> Trial:
    """Read the answer to `provisionOnDemand`; what is missing is empty."""
    outcome, change = _json(body.get("key")), _json(body.get("value"))
    details = _part(outcome, "details")
    status = _part(change, "provisioningStatusInfo") or _part(change, "statusInfo")
    error = _part(status, "errorInformation") or status
    return Trial(
        result=_text(outcome, "result") or _text(status, "status"),
        action=_text(change, "provisioningAction") or _text(change, "action"),
        error_code=_text(details, "errorCode") or _text(error, "errorCode"),
        message=redact(_text(details, "errorMessage") or _text(error, "reason")),
        steps=tuple(_step(raw) for raw in _list(change, "provisioningSteps")[:_MOST_STEPS]),
        modified=tuple(_modified(raw) for raw in _list(change, "modifiedProperties")[:_MOST_PROPERTIES]),
    )


def _step(raw: Mapping[str, Any]) -> TrialStep:
    details = _part(raw, "details")
    told = tuple((name, _value(name, details[name])) for name in details if _TOLD.search(name) and details[name])
    return TrialStep(
        name=_text(raw, "name"),
        kind=_text(raw, "provisioningStepType") or _text(raw, "type"),
        status=_text(raw, "status"),
        description=redact(_text(raw, "description")),
        details=told,
    )


def _modified(raw: Mapping[str, Any]) -> ModifiedProperty:
    name = _text(raw, "displayName")
    return ModifiedProperty(name, _value(name, raw.get("oldValue")), _value(name, raw.get("newValue")))


def _value(name: str, value: Any) -> str:
    if value is None or value == "":
        return ""
    if _SECRET.search(name):
        return "***"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return redact(text, limit=_LONGEST)


def _json(text: Any) -> Mapping[str, Any]:
    if isinstance(text, Mapping):
        return text
    try:
        read = json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, Mapping) else {}


def _part(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    return value if isinstance(value, Mapping) else {}


def _list(raw: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = raw.get(name)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _text(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name)
    return value if isinstance(value, str) else ""
