"""A diagnosis as people read it: a dictionary, one page for a terminal, or Markdown fit for a ticket; pure.

Texts from outside (Entra's messages, codes, names) may say anything. They are redacted and cut; in the terminal they
lose control characters; in Markdown they stand inside code, and what may quote them is escaped.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import wrap
from typing import Any

from shared.diagnosis.condition import WORDS, Condition, condition_remedy, disabled_on
from shared.diagnosis.diagnosis import Diagnosis
from shared.diagnosis.evidence import Evidence, Part, Sight
from shared.diagnosis.remedies import remedy, vendor_named
from shared.diagnosis.remedy import Remedy
from shared.jobs.model import ServicePrincipal, SynchronizationJob
from shared.redaction import redact

_WIDTH = 80
_MOST_GROUPS, _MOST_OTHERS, _MOST_REASONS, _MOST_SAMPLES = 6, 5, 8, 3
_LINE, _SAID = 240, 1200
# `>` is a quotation only where a line begins, and a colon makes a link only in `://`, `mailto:` and the like.
_MARKUP = re.compile(r"([\\`*_{}\[\]<()#+!|~&@]|^>|(?<!\d):(?=\S))")
_PARTS: dict[Part, str] = {
    Part.JOB: "Job",
    Part.SECRET_KEYS: "Saved secret keys",
    Part.AUDIT: "Audit event",
    Part.FAILURES: "Failures",
    Part.CREDENTIAL_TEST: "Test of the saved credential",
    Part.PROBE: "SCIM probe from our network",
}


@dataclass(frozen=True, slots=True)
class Findings:
    """What one look at one job has found, and the link to where most of it is put right."""

    application: ServicePrincipal
    job: SynchronizationJob
    evidence: Evidence
    diagnosis: Diagnosis
    condition: Condition
    link: str = ""

    @property
    def well(self) -> bool:
        """Say whether nobody needs to do anything."""
        return self.condition is Condition.HEALTHY

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """Return what to do: about the condition first, then about the cause, unless all is well."""
        if self.well:
            return ()
        of_condition = condition_remedy(self.condition)
        of_cause = remedy(self.diagnosis.cause, vendor_named(self.application.display_name))
        failing = self.condition in _HAVE_A_CAUSE
        return tuple(([of_condition] if of_condition else []) + ([of_cause] if failing else []))


_HAVE_A_CAUSE = (
    Condition.QUARANTINED,
    Condition.DISABLED_AFTER_FOUR_WEEKS,
    Condition.FAILING_WITHOUT_QUARANTINE,
    Condition.UNKNOWN,
)


def to_dict(findings: Findings) -> dict[str, Any]:
    """Return JSON-ready values; names of keys are stable."""
    diagnosis, evidence, job = findings.diagnosis, findings.evidence, findings.job
    quarantine = job.quarantine
    ends = disabled_on(job)
    return {
        "application": _line(findings.application.display_name),
        "service_principal_id": findings.application.id,
        "job_id": job.id,
        "at": evidence.at.isoformat(),
        "status": _line(job.code_text),
        "condition": str(findings.condition),
        "cause": str(diagnosis.cause),
        "confidence": str(diagnosis.confidence),
        "reasons": [_line(reason) for reason in diagnosis.reasons],
        "may_rotate": diagnosis.may_rotate,
        "others": [
            {"cause": str(other.cause), "count": other.count, "share": round(other.share, 4)}
            for other in diagnosis.others
        ],
        "blind": [str(part) for part in diagnosis.blind or evidence.blind],
        "quarantine_reason": _line(quarantine.reason_text) if quarantine else "",
        "in_quarantine_since": _iso(quarantine.series_began) if quarantine else None,
        "disabled_on": _iso(ends),
        "evidence": [
            {"part": str(part), "sight": str(evidence.sight(part)), "says": _says(findings, part)} for part in Part
        ],
        "failures": [
            {
                "code": _line(group.code),
                "step": _line(group.step),
                "count": group.count,
                "users": group.users,
                "samples": [_line(sample) for sample in group.samples[:_MOST_SAMPLES]],
            }
            for group in evidence.failures[:20]
        ],
        "remedies": [_remedy_dict(one, findings.link) for one in findings.remedies],
        "link": findings.link,
        "said": _said(findings),
    }


def to_text(findings: Findings) -> str:
    """Return one page of plain text, at most 80 columns wide."""
    diagnosis, lines = findings.diagnosis, list[str]()
    lines += _wrapped(_line(findings.application.display_name) or findings.application.id)
    lines += [f"  Job {_line(findings.job.id, 120)}", f"  Condition: {WORDS[findings.condition]}"]
    lines += _wrapped(_countdown(findings), "  ")
    lines += ["", *_wrapped(f"Cause: {diagnosis.cause} ({diagnosis.confidence} confidence)")]
    for reason in diagnosis.reasons[:_MOST_REASONS]:
        lines += _wrapped(f"- {_line(reason)}", "  ", "    ")
    if diagnosis.others:
        lines += ["", "Also present"]
        lines += [f"  {_share(other.share)}  {other.cause} ({other.count:,})" for other in _others(diagnosis)]
    lines += ["", "Evidence"]
    for part in Part:
        lines += _wrapped(f"{_sight(findings, part):<6} {_PARTS[part]}: {_says(findings, part)}", "  ", "         ")
    for group in findings.evidence.failures[:_MOST_GROUPS]:
        lines += _wrapped(f"{group.count:>9,} x {_code(group)}: {_first(group.samples)}", "  ", " " * 14)[:2]
    for one in findings.remedies:
        lines += ["", "What to do"]
        for number, step in enumerate(one.steps, 1):
            lines += _wrapped(f"{number}. {step.what}", "  ", "     ")
            lines += _wrapped(" | ".join(part for part in (step.where, step.who) if part), "     ")
        lines += _wrapped(f"Then: {one.next} Restart: {one.restart.value.replace('_', ' ')}.", "  ", "        ")
        lines += _wrapped(f"Source: {'; '.join(one.source)}.", "  ", "          ")
    if findings.link:
        lines += ["", f"Provisioning page: {findings.link}"]
    if said := _said(findings):
        lines += ["", "What was said (credentials removed)", *_wrapped(_line(said, 480), "  ")]
    return "\n".join(lines) + "\n"


def to_markdown(findings: Findings) -> str:
    """Return Markdown fit to paste into a ticket; nothing that others wrote acts as markup in it."""
    diagnosis = findings.diagnosis
    lines = [f"## Provisioning of {_inline(findings.application.display_name or findings.application.id)}", ""]
    lines += [f"**Cause:** {_inline(diagnosis.cause)}, {diagnosis.confidence} confidence  "]
    lines += [f"**Job:** {_inline(findings.job.id)}, {WORDS[findings.condition]}  "]
    lines += [f"**Looked at:** {_time(findings.evidence.at)}  "]
    if countdown := _countdown(findings):
        lines += [f"**Countdown:** {_escape(countdown)}  "]
    lines += ["", "### Why", "", *(f"- {_escape(_line(reason))}" for reason in diagnosis.reasons[:_MOST_REASONS])]
    if diagnosis.others:
        lines += ["", "### Also present", ""]
        lines += [
            f"- {_share(other.share).strip()} of the failures: {_inline(other.cause)} ({other.count:,})"
            for other in _others(diagnosis)
        ]
    lines += ["", "### Evidence", ""]
    for part in Part:
        lines += [f"- **{_PARTS[part]}** ({_sight(findings, part)}): {_inline(_says(findings, part))}"]
    for group in findings.evidence.failures[:_MOST_GROUPS]:
        lines += [f"    - {group.count:,} times {_inline(_code(group))}: {_inline(_first(group.samples) or '-')}"]
    for one in findings.remedies:
        lines += ["", "### What to do", ""]
        for number, step in enumerate(one.steps, 1):
            where = f" *{_escape(step.where)}*" if step.where else ""
            who = f" ({_escape(step.who)})" if step.who else ""
            lines += [f"{number}. {_escape(step.what)}{where}{who}"]
        lines += ["", f"Then: {_escape(one.next)} Restart: {one.restart.value.replace('_', ' ')}.  "]
        lines += [f"Source: {_escape('; '.join(one.source))}."]
    if findings.link:
        lines += ["", f"[Open the provisioning page]({findings.link})"]
    if said := _said(findings):
        fence = "`" * max(3, _longest_run(said) + 1)
        lines += ["", "### What was said (credentials removed)", "", f"{fence}text", said, fence]
    return "\n".join(lines) + "\n"


def plain(text: str) -> str:
    """Return a text from outside without control and formatting characters, such as a terminal's escape sequences."""
    kept = (" " if char in "\n\r\t" else char for char in text)
    return "".join(char for char in kept if unicodedata.category(char) not in ("Cc", "Cf", "Co", "Cs"))


def _says(findings: Findings, part: Part) -> str:
    evidence = findings.evidence
    match evidence.sight(part):
        case Sight.BLIND:
            return _line(evidence.blind_because.get(part, "")) or "it could not be read"
        case Sight.NOT_ASKED:
            return "not asked"
        case Sight.EMPTY:
            return "nothing was there"
        case _:
            return _line(_read(findings, part))


def _read(findings: Findings, part: Part) -> str:
    evidence, job = findings.evidence, findings.job
    match part:
        case Part.JOB:
            quarantine = job.quarantine
            error = quarantine.error if quarantine else None
            words = (job.code_text, quarantine.reason_text if quarantine else "", error.code if error else "")
            return ", ".join(word for word in words if word) or "it says nothing"
        case Part.SECRET_KEYS:
            return ", ".join(evidence.secret_keys[:12]) or "none is set"
        case Part.AUDIT:
            return evidence.audit[0] if evidence.audit else "nothing was there"
        case Part.FAILURES:
            total = sum(group.count for group in evidence.failures)
            since = f" since {_time(evidence.failures_since)}" if evidence.failures_since else ""
            return f"{total:,} of {len(evidence.failures)} kinds{since}"
        case Part.CREDENTIAL_TEST:
            test = evidence.credential_test
            return str(test.result).replace("_", " ") if test else "no answer"
        case Part.PROBE:
            return str(evidence.probe).replace("_", " ") if evidence.probe else "no answer"


def _countdown(findings: Findings) -> str:
    ends = disabled_on(findings.job)
    if ends is None or findings.job.quarantine is None or findings.job.quarantine.series_began is None:
        return ""
    since = f"In quarantine since {_time(findings.job.quarantine.series_began)}"
    left = (ends - findings.evidence.at).days
    if ends <= findings.evidence.at:
        return f"{since}; the four weeks after which Entra disables a job ended on {ends:%Y-%m-%d}."
    return f"{since}; Entra disables the job on {ends:%Y-%m-%d}, in {left} {'day' if left == 1 else 'days'}."


def _remedy_dict(one: Remedy, link: str) -> dict[str, Any]:
    return {
        "steps": [
            {
                "what": step.what,
                "where": step.where,
                "who": step.who,
                "link": link if step.on_provisioning_page else "",
            }
            for step in one.steps
        ],
        "next": one.next,
        "restart": str(one.restart),
        "source": list(one.source),
    }


def _said(findings: Findings) -> str:
    lines = redact(findings.diagnosis.said, limit=_SAID).splitlines()
    return "\n".join(plain(line).rstrip() for line in lines[:12]).strip()


def _sight(findings: Findings, part: Part) -> str:
    sight = findings.evidence.sight(part)
    return "-" if sight is Sight.NOT_ASKED else str(sight)


def _others(diagnosis: Diagnosis) -> Iterable[Any]:
    return diagnosis.others[:_MOST_OTHERS]


def _code(group: Any) -> str:
    return _line(f"{group.code or 'no code'} in {group.step or 'no step'}, {group.users:,} users", 100)


def _first(samples: tuple[str, ...]) -> str:
    return _line(samples[0], 160) if samples else ""


def _share(share: float) -> str:
    return f"{share:>5.0%}"


def _line(text: str, limit: int = _LINE) -> str:
    """Return a text from outside as one line without credentials."""
    text = " ".join(plain(redact(text)).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _wrapped(text: str, first: str = "", then: str | None = None) -> list[str]:
    indent = first if then is None else then
    return wrap(text, _WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False) if text else []


def _inline(text: str) -> str:
    text = _line(str(text))
    fence = "`" * (_longest_run(text) + 1)
    padding = " " if "`" in text else ""
    return f"{fence}{padding}{text}{padding}{fence}" if text else "-"


def _escape(text: str) -> str:
    """Return one line in which nothing is markup, becomes a link, or calls a person by `@name`."""
    text = _MARKUP.sub(r"\\\1", text).replace("@", "@\N{ZERO WIDTH SPACE}")
    return re.sub(r"(?i)\bwww\.", r"www\\.", text)


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
