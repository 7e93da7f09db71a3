"""Summarises provisioning failures that Graph hands out one by one, as `provisioning_failures.kql` does in place."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.diagnosis.evidence import FailureGroup
from shared.redaction import redact

MOST_GROUPS = 20
_WORDINGS, _CODES = 15, 4
_KEPT = 500
_SAMPLES, _SAMPLE = 3, 300
_CODE = 120
_TEXT = 2000
_BOILERPLATE = re.compile(
    r"Processing of the HTTP request resulted in an exception\. Please see [^.]*\."
    r"|This operation was retried \d+ times[\s\S]*"
)
_LOCAL_PART = re.compile(r"[\w.%+-]{1,64}@")
_QUOTED = re.compile(r"'[^']*'")
_ADDRESS = re.compile(r"[^\s<>()\[\]{},;:'@\"]{1,64}@[^\s<>()\[\]{},;:'@\"]+")
_NUMBERED = re.compile(r"\b[a-zA-Z_]*\d[\w.-]*")
type _Key = tuple[str, str, str]


@dataclass(slots=True)
class _Group:
    count: int = 0
    users: set[str] = field(default_factory=set)
    samples: list[str] = field(default_factory=list)

    def take(self, other: "_Group") -> None:
        self.count += other.count
        self.users |= other.users
        self.samples += [sample for sample in other.samples if sample not in self.samples]
        del self.samples[_SAMPLES:]


class Summary:
    """Takes records as they come and keeps only what the groups need."""

    def __init__(self) -> None:
        self._groups: dict[_Key, _Group] = {}

    def add(self, record: Mapping[str, Any]) -> None:
        """Count a record if it is a failure; anything unreadable about it is simply absent."""
        status = _part(record, "provisioningStatusInfo")
        if _text(status, "status").casefold() != "failure":
            return
        error = _part(status, "errorInformation")
        code, step, text = _text(error, "errorCode")[:_CODE], _step(record)[:_CODE], _text(error, "reason")
        text = _BOILERPLATE.sub("", text[: 2 * _TEXT])[:_TEXT]
        key = code, step, _wording(text)
        if key not in self._groups and len(self._groups) >= _KEPT:
            key = "", "", ""
        group = self._groups.setdefault(key, _Group())
        group.count += 1
        if user := _text(_part(record, "sourceIdentity"), "id"):
            group.users.add(user)
        if text and len(group.samples) < _SAMPLES:
            sample = _sample(text)
            if sample not in group.samples:
                group.samples.append(sample)

    def groups(self) -> tuple[FailureGroup, ...]:
        """Return the groups, the largest first; what is rare is folded, first by code and step, then altogether."""
        ranked = sorted(self._groups.items(), key=lambda item: (-item[1].count, item[0]))
        named = [(key, group) for key, group in ranked if key != ("", "", "")]
        folded: dict[_Key, _Group] = {}
        for (code, step, _), group in named[_WORDINGS:]:
            folded.setdefault((code, step, ""), _Group()).take(group)
        frequent = sorted(folded.items(), key=lambda item: (-item[1].count, item[0]))
        rest = _Group()
        for group in [*(group for _, group in frequent[_CODES:]), *(g for key, g in ranked if key == ("", "", ""))]:
            rest.take(group)
        chosen = [*named[:_WORDINGS], *frequent[:_CODES], *([(("", "", ""), rest)] if rest.count else [])]
        return ordered(
            FailureGroup(code, step, group.count, len(group.users), tuple(group.samples))
            for (code, step, _), group in chosen
        )


def read_rows(rows: Iterable[Mapping[str, Any]]) -> tuple[FailureGroup, ...]:
    """Read the rows of `provisioning_failures.kql`."""
    return ordered(
        FailureGroup(
            code=str(row["Code"] or "")[:_CODE],
            step=str(row["Step"] or "")[:_CODE],
            count=int(row["Failures"] or 0),
            users=int(row["Users"] or 0),
            samples=tuple(_sample(text) for text in _texts(row["Samples"])[:_SAMPLES]),
        )
        for row in rows
    )


def ordered(groups: Iterable[FailureGroup]) -> tuple[FailureGroup, ...]:
    """Return the groups, the largest first, and no more than there may be."""
    return tuple(sorted(groups, key=lambda group: (-group.count, group.code, group.step))[:MOST_GROUPS])


def _sample(text: str) -> str:
    """Keep enough of a text to judge it by: no credentials, no persons' addresses but their domain."""
    return redact(_LOCAL_PART.sub("_@", text), limit=_SAMPLE)


def _wording(text: str) -> str:
    for pattern, instead in ((_QUOTED, "'_'"), (_ADDRESS, "_"), (_NUMBERED, "_")):
        text = pattern.sub(instead, text)
    return " ".join(text.split())[:200]


def _step(record: Mapping[str, Any]) -> str:
    """Name the step that failed, or else what was to be done."""
    steps = record.get("provisioningSteps")
    for step in steps if isinstance(steps, list) else []:
        if isinstance(step, Mapping) and str(step.get("status")).casefold() in ("failure", "1"):
            return _text(step, "name")
    return _text(record, "provisioningAction") or _text(record, "action")


def _texts(value: Any) -> list[str]:
    """Read a dynamic column, which the service writes as text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _part(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = _either(raw, name)
    return value if isinstance(value, Mapping) else {}


def _text(raw: Mapping[str, Any], name: str) -> str:
    value = _either(raw, name)
    return value if isinstance(value, str) else ""


def _either(raw: Mapping[str, Any], name: str) -> Any:
    """Return a value whose name begins in lower case at Graph and in upper case in streamed records."""
    value = raw.get(name)
    return raw.get(name[:1].upper() + name[1:]) if value is None else value
