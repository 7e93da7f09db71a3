"""Judges evidence: which cause leads, how sure we are, and why; pure.

Every part of the evidence makes findings, each with a weight; the weightiest cause leads. The weights say whom to
believe: Entra's explicit reason, then a test of the saved credential, then Entra's own words, then the target's
answers to single entries, then our probe, which leaves from another network than Entra's. Agreement of parts makes
surer, blindness less sure. Order never matters.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from shared.diagnosis.causes import Cause, Confidence
from shared.diagnosis.diagnosis import Diagnosis, OtherCause
from shared.diagnosis.evidence import Evidence, FailureGroup, Part, ProbeFinding
from shared.diagnosis.features import Said, features
from shared.diagnosis.rules import Rule, rules
from shared.redaction import redact
from shared.tokens.credential_test import TestResult

_DECISIVE, _TEST, _FAULT_SHOWN, _PROBE_REJECTED, _PROBE_FAILED = 100, 90, 60, 35, 25
_ESCROW_DOMINANT, _ESCROW_PRESENT = 85, 40
_BY_CONFIDENCE = {Confidence.HIGH: 80, Confidence.MEDIUM: 55, Confidence.LOW: 30}
_AGREES, _MOST_AGREEMENT, _BLIND = 10, 20, 10
_DOMINANT = 0.5
_NEVER_LEAD = frozenset({Cause.REFERENCE_UNRESOLVED, Cause.OUT_OF_SCOPE_SKIP})
_DECISIVE_CAUSES = frozenset({Cause.ACCIDENTAL_DELETION, Cause.ON_DEMAND_QUARANTINE})
_GENERIC_CAUSES = frozenset({Cause.ESCROW_THRESHOLD})
_ORDER = {cause: index for index, cause in enumerate(Cause)}
_AUDIT = re.compile(r"(?is)because of:\s*(?P<reason>\w+)\s*;?\s*(?:Error:\s*(?P<error>.*))?$")

_PROBE: dict[ProbeFinding, tuple[Cause, int, str]] = {
    ProbeFinding.NOT_FOUND_FOR_EMPTY: (
        Cause.SCIM_NONCOMPLIANCE,
        _FAULT_SHOWN,
        "Our probe got 404 where an empty list is due.",
    ),
    ProbeFinding.WRONG_CONTENT_TYPE: (
        Cause.SCIM_NONCOMPLIANCE,
        _FAULT_SHOWN,
        "Our probe got an answer that is not of a SCIM content type.",
    ),
    ProbeFinding.NOT_SCIM: (Cause.SCIM_NONCOMPLIANCE, _FAULT_SHOWN, "Our probe got an answer that is not SCIM."),
    ProbeFinding.FILTER_REJECTED: (
        Cause.SCIM_NONCOMPLIANCE,
        _FAULT_SHOWN,
        "Our probe's filter by userName was rejected.",
    ),
    ProbeFinding.FILTER_IGNORED: (
        Cause.SCIM_NONCOMPLIANCE,
        _FAULT_SHOWN,
        "The target ignores filters: a name that cannot exist found somebody.",
    ),
    ProbeFinding.PATCH_MISSING: (Cause.SCIM_NONCOMPLIANCE, _FAULT_SHOWN, "The target says that it has no PATCH."),
    ProbeFinding.REJECTED: (
        Cause.INVALID_CREDENTIALS,
        _PROBE_REJECTED,
        "The target refuses the vault's newest token too.",
    ),
    ProbeFinding.FORBIDDEN: (
        Cause.INSUFFICIENT_PERMISSIONS,
        _PROBE_REJECTED,
        "The target answers 403 to the vault's newest token.",
    ),
    ProbeFinding.SERVER_ERROR: (Cause.TARGET_UNREACHABLE, _FAULT_SHOWN, "The target answered our probe with 5xx."),
    ProbeFinding.NAME_NOT_RESOLVED: (
        Cause.TARGET_UNREACHABLE,
        _PROBE_FAILED,
        "From our network the target's name does not resolve.",
    ),
    ProbeFinding.TLS_FAULT: (Cause.TARGET_UNREACHABLE, _PROBE_FAILED, "From our network the target's TLS is at fault."),
    ProbeFinding.TIMEOUT: (
        Cause.TARGET_UNREACHABLE,
        _PROBE_FAILED,
        "From our network the target does not answer in time.",
    ),
    ProbeFinding.UNREACHABLE: (Cause.TARGET_UNREACHABLE, _PROBE_FAILED, "From our network the target is not reached."),
    ProbeFinding.REDIRECTED: (Cause.SCIM_NONCOMPLIANCE, _PROBE_FAILED, "The target sends our probe to another host."),
}


@dataclass(frozen=True, slots=True)
class _Finding:
    """What one part says about one cause."""

    cause: Cause
    weight: int
    why: str
    part: Part
    rejected: bool = False


def judge_said(said: Said) -> Diagnosis:
    """Judge one message by the table of rules."""
    rule = _rule_for(said)
    text = redact(said.message)
    if rule is None:
        return Diagnosis(Cause.UNKNOWN, Confidence.LOW, ("No rule knows this code, status or wording.",), said=text)
    return Diagnosis(rule.cause, rule.confidence, (rule.why,), may_rotate=rule.credential_rejected, said=text)


def judge(evidence: Evidence) -> Diagnosis:
    """Judge everything that one look has read; never raises, whatever the evidence says."""
    failures = _failures_by_cause(evidence.failures)
    findings = [
        *_from_job(evidence),
        *_from_audit(evidence),
        *_from_failures(evidence, failures),
        *_from_test(evidence),
        *_from_probe(evidence),
    ]
    notes: list[str] = []
    if evidence.credential_test is not None and evidence.credential_test.result is TestResult.PASSED:
        blamed = any(finding.cause is Cause.INVALID_CREDENTIALS for finding in findings)
        findings = [finding for finding in findings if finding.cause is not Cause.INVALID_CREDENTIALS]
        if blamed:
            notes.append("The saved credential passes its test now, which outweighs a message that blames it.")
    said = redact(_said(evidence))
    if not findings:
        reasons = (*notes, *_blind_reasons(evidence)) or ("Nothing that was read decides on a cause.",)
        return Diagnosis(Cause.UNKNOWN, Confidence.LOW, reasons, blind=evidence.blind, said=said)
    lead = _lead(findings)
    agreeing = {finding.part for finding in findings if finding.cause is lead.cause} - {lead.part}
    certainty = lead.weight + min(_AGREES * len(agreeing), _MOST_AGREEMENT) - _BLIND * len(evidence.blind)
    confidence = _confidence(certainty)
    rejected = any(finding.rejected and finding.cause is lead.cause for finding in findings)
    return Diagnosis(
        cause=lead.cause,
        confidence=confidence,
        reasons=(*_reasons(lead, findings), *notes, *_blind_reasons(evidence)),
        may_rotate=lead.cause is Cause.INVALID_CREDENTIALS and rejected and confidence is not Confidence.LOW,
        others=_others(lead.cause, failures),
        blind=evidence.blind,
        said=said,
    )


def _rule_for(said: Said) -> Rule | None:
    seen = features(said)
    return next((rule for rule in rules() if rule.fits(seen)), None)


def _from_said(said: Said, part: Part) -> list[_Finding]:
    rule = _rule_for(said)
    if rule is None:
        return []
    if rule.cause in _DECISIVE_CAUSES and rule.reason is not None:
        weight = _DECISIVE
    else:
        weight = _BY_CONFIDENCE[rule.confidence] - (_AGREES if rule.cause in _GENERIC_CAUSES else 0)
    return [_Finding(rule.cause, weight, rule.why, part, rule.credential_rejected)]


def _from_job(evidence: Evidence) -> list[_Finding]:
    job = evidence.job
    if job is None:
        return []
    said: list[Said] = []
    if job.quarantine is not None:
        error = job.quarantine.error
        said.append(Said(error.message if error else "", error.code if error else "", job.quarantine.reason_text))
    elif job.last_execution is not None and job.last_execution.error is not None:
        said.append(Said(job.last_execution.error.message, job.last_execution.error.code))
    return [finding for one in said for finding in _from_said(one, Part.JOB)]


def _from_audit(evidence: Evidence) -> list[_Finding]:
    findings: list[_Finding] = []
    for text in evidence.audit:
        match = _AUDIT.search(text)
        said = Said(match["error"] or "", reason=match["reason"]) if match else Said(text)
        findings.extend(_from_said(said, Part.AUDIT))
    return [min(findings, key=_rank)] if findings else []


def _from_failures(evidence: Evidence, failures: dict[Cause, int]) -> list[_Finding]:
    leading = {cause: count for cause, count in failures.items() if cause not in _NEVER_LEAD | {Cause.UNKNOWN}}
    total = sum(failures.values())
    if not leading and (evidence.job is None or evidence.job.quarantine is None):
        leading = {cause: count for cause, count in failures.items() if cause in _NEVER_LEAD}
    if not leading:
        return []
    cause = min(leading, key=lambda one: (-leading[one], _ORDER[one]))
    share = leading[cause] / total
    escrow = (
        evidence.job is not None
        and evidence.job.quarantine is not None
        and "Escrow" in evidence.job.quarantine.reason_text
    )
    counts = escrow or evidence.job is None or evidence.job.quarantine is None
    weight = (
        _ESCROW_DOMINANT
        if counts and share >= _DOMINANT
        else _BY_CONFIDENCE[Confidence.MEDIUM]
        if counts
        else _ESCROW_PRESENT
    )
    why = f"{leading[cause]:,} of {total:,} failures since the last good cycle are of this kind ({share:.0%})."
    return [_Finding(cause, weight, why, Part.FAILURES)]


def _from_test(evidence: Evidence) -> list[_Finding]:
    test = evidence.credential_test
    if test is None or test.result is TestResult.PASSED:
        return []
    said = _from_said(Said(test.said, test.code), Part.CREDENTIAL_TEST)
    if test.result is TestResult.REJECTED:
        forbidden = [finding for finding in said if finding.cause is Cause.INSUFFICIENT_PERMISSIONS]
        if forbidden:
            return [replace(finding, weight=_TEST, rejected=False) for finding in forbidden]
        why = "The saved credential is rejected when Entra tests it now."
        return [_Finding(Cause.INVALID_CREDENTIALS, _TEST, why, Part.CREDENTIAL_TEST, rejected=True)]
    return [
        replace(finding, weight=min(finding.weight, _FAULT_SHOWN), rejected=False)
        for finding in said
        if finding.cause is not Cause.INVALID_CREDENTIALS
    ]


def _from_probe(evidence: Evidence) -> list[_Finding]:
    if evidence.probe is None or evidence.probe not in _PROBE:
        return []
    cause, weight, why = _PROBE[evidence.probe]
    return [_Finding(cause, weight, why, Part.PROBE)]


def _failures_by_cause(groups: Iterable[FailureGroup]) -> dict[Cause, int]:
    counts: dict[Cause, int] = {}
    for group in groups:
        rules = [_rule_for(Said(sample, group.code)) for sample in (*group.samples, "")]
        rule = next((rule for rule in rules if rule is not None), None)
        cause = rule.cause if rule else Cause.UNKNOWN
        counts[cause] = counts.get(cause, 0) + max(group.count, 0)
    return {cause: count for cause, count in counts.items() if count}


def _rank(finding: _Finding) -> tuple[int, int, str]:
    return -finding.weight, _ORDER[finding.cause], finding.why


def _lead(findings: Sequence[_Finding]) -> _Finding:
    allowed = [finding for finding in findings if finding.cause not in _NEVER_LEAD]
    return min(allowed or findings, key=_rank)


def _reasons(lead: _Finding, findings: Sequence[_Finding]) -> tuple[str, ...]:
    ordered = sorted(findings, key=_rank)
    agreeing = [finding.why for finding in ordered if finding.cause is lead.cause and finding is not lead]
    against = [
        f"Speaks for {finding.cause} instead, but weighs less: {finding.why}"
        for finding in ordered
        if finding.cause is not lead.cause
    ]
    return tuple(dict.fromkeys((lead.why, *agreeing, *against)))


def _blind_reasons(evidence: Evidence) -> tuple[str, ...]:
    return tuple(
        f"Could not be read: {part.value.replace('_', ' ')}"
        + (f" ({evidence.blind_because[part]})" if evidence.blind_because.get(part) else "")
        for part in evidence.blind
    )


def _others(lead: Cause, failures: dict[Cause, int]) -> tuple[OtherCause, ...]:
    total = sum(failures.values())
    others = [OtherCause(cause, count, count / total) for cause, count in failures.items() if cause is not lead]
    return tuple(sorted(others, key=lambda other: (-other.count, _ORDER[other.cause])))


def _confidence(certainty: int) -> Confidence:
    if certainty >= 75:
        return Confidence.HIGH
    return Confidence.MEDIUM if certainty >= 50 else Confidence.LOW


def _said(evidence: Evidence) -> str:
    job = evidence.job
    if job is not None and job.quarantine is not None and job.quarantine.error is not None:
        return job.quarantine.error.message
    return evidence.audit[0] if evidence.audit else ""
