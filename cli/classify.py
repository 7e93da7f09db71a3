"""`pratique classify`: names the cause of messages, one JSON line each; `--score` compares with labels.

Reads standard input and nothing else: no service is asked, so it loads no client.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TextIO

from cli.errors import ExitCode
from shared.diagnosis.causes import Cause, Confidence
from shared.diagnosis.diagnosis import Diagnosis
from shared.diagnosis.features import Said
from shared.diagnosis.judgement import judge_said

_TEXTS = ("message", "error_code", "quarantine_reason", "app")
_Z = 1.959964  # two-sided 95 %
_MOST_CONFUSIONS = 40


class BadLine(ValueError):
    """A line is not what the command reads."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One labelled line and what became of it."""

    id: str
    label: str
    sure: str
    diagnosis: Diagnosis


def classify(lines: Iterable[str], out: TextIO) -> int:
    """Write one answer for each line; a line that cannot be read gets an error and changes no other."""
    code = ExitCode.FINE
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        answer: dict[str, Any]
        identity: Any = None
        try:
            raw = read_line(line)
            identity = raw.get("id")
            diagnosis = judge_said(read_said(raw))
            answer = {
                "id": identity,
                "cause": str(diagnosis.cause),
                "confidence": str(diagnosis.confidence),
                "why": diagnosis.why,
                "may_rotate": diagnosis.may_rotate,
            }
        except BadLine as error:
            answer = {"id": identity, "error": f"line {number}: {error}"}
            code = ExitCode.NEEDS_YOU
        out.write(json.dumps(answer, ensure_ascii=True) + "\n")
    out.flush()
    return code


def score(lines: Iterable[str], out: TextIO) -> int:
    """Compare with the labels and print accuracy, a table per cause, and the confusions."""
    scored: list[Scored] = []
    bad: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            raw = read_line(line)
            label = raw.get("label")
            if not isinstance(label, str) or label not in set(Cause):
                raise BadLine("`label` is no cause")  # noqa: TRY301 -- one way out for whatever is wrong with a line
            diagnosis = judge_said(read_said(raw))
            scored.append(Scored(str(raw.get("id", number)), label, str(raw.get("confidence") or ""), diagnosis))
        except BadLine as error:
            bad.append(f"line {number}: {error}")
    out.write("\n".join([*_summary(scored), "", *_table(scored), "", *_confusions(scored), *_bad(bad)]) + "\n")
    return ExitCode.NEEDS_YOU if bad or not scored else ExitCode.FINE


def wilson(right: int, of: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a proportion."""
    if of == 0:
        return 0.0, 1.0
    share, square = right / of, _Z * _Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = _Z / (1 + square / of) * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def read_line(line: str) -> Mapping[str, Any]:
    """Read one JSON object.

    Raises:
        BadLine: it is none.
    """
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadLine(f"is no JSON ({type(error).__name__})") from error
    if not isinstance(raw, dict):
        raise BadLine("is no JSON object")
    return raw


def read_said(raw: Mapping[str, Any]) -> Said:
    """Read what a line says; null counts as absent.

    Raises:
        BadLine: a field has a type that it cannot have.
    """
    texts = {name: raw.get(name) for name in _TEXTS}
    if wrong := [name for name, value in texts.items() if value is not None and not isinstance(value, str)]:
        raise BadLine(f"`{wrong[0]}` is no text")
    return Said(
        message=texts["message"] or "",
        code=texts["error_code"] or "",
        reason=texts["quarantine_reason"] or "",
        status=_status(raw.get("http_status")),
        application=texts["app"] or "",
    )


def _status(value: Any) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) == 3:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadLine("`http_status` is no number")
    return value


def _right(scored: Iterable[Scored]) -> int:
    return sum(1 for one in scored if one.diagnosis.cause == one.label)


def _summary(scored: list[Scored]) -> list[str]:
    lines = [_accuracy("all lines", scored)]
    for sure in Confidence:
        part = [one for one in scored if one.sure == sure]
        if part:
            lines.append(_accuracy(f"labels of {sure} confidence", part))
    both = [one for one in scored if one.sure in (Confidence.HIGH, Confidence.MEDIUM)]
    if both:
        lines.append(_accuracy("labels of high or medium confidence", both))
    rotates = [one for one in scored if one.diagnosis.may_rotate]
    wrong = [one.id for one in rotates if one.label != Cause.INVALID_CREDENTIALS]
    credentials = sum(1 for one in scored if one.label == Cause.INVALID_CREDENTIALS)
    named = f": {', '.join(wrong[:10])}" if wrong else ""
    lines.append(
        f"may_rotate: {len(rotates) - len(wrong)} of {credentials} credential lines; {len(wrong)} wrongly{named}"
    )
    return lines


def _accuracy(name: str, scored: list[Scored]) -> str:
    right, of = _right(scored), len(scored)
    low, high = wilson(right, of)
    share = right / of if of else 0.0
    return f"accuracy, {name}: {right}/{of} = {share:.1%} (95 % Wilson interval {low:.1%} to {high:.1%})"


def _table(scored: list[Scored]) -> list[str]:
    lines = [f"{'cause':<30}{'labelled':>9}{'named':>7}{'right':>7}{'recall':>8}{'precision':>11}"]
    for cause in Cause:
        labelled = [one for one in scored if one.label == cause]
        named = [one for one in scored if one.diagnosis.cause is cause]
        if labelled or named:
            right = _right(labelled)
            recall = f"{right / len(labelled):.0%}" if labelled else "-"
            precision = f"{right / len(named):.0%}" if named else "-"
            lines.append(f"{cause:<30}{len(labelled):>9}{len(named):>7}{right:>7}{recall:>8}{precision:>11}")
    return lines


def _confusions(scored: list[Scored]) -> list[str]:
    wrong = [one for one in scored if one.diagnosis.cause != one.label]
    pairs = Counter((one.label, str(one.diagnosis.cause)) for one in wrong)
    lines = [f"confusions: {len(wrong)}"]
    for (label, named), count in sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_CONFUSIONS]:
        ids = [one.id for one in wrong if (one.label, str(one.diagnosis.cause)) == (label, named)]
        shown = ", ".join(json.dumps(identity)[1:-1] for identity in ids[:8])
        lines.append(f"  {count:>3}  {label} named {named}: {shown}{', …' if len(ids) > 8 else ''}")
    return lines


def _bad(bad: list[str]) -> list[str]:
    return ["", f"lines left out: {len(bad)}", *(f"  {line}" for line in bad[:20])] if bad else []
