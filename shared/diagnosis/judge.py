"""Names the cause of a quarantine from what Graph says of the job; pure.

The rules are read from the top and the first that fits decides. A word for a status in the message weighs more than
the error code: Entra gives `...CredentialValidationFailure` to an expired token, to a 404 and to a TLS fault alike.
Sources: Entra's quarantine status page; Graph docs, quarantineReason; the error codes in "How to analyze the Microsoft
Entra provisioning logs".
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from shared.diagnosis.causes import Cause, Confidence
from shared.jobs.model import Quarantine, QuarantineReason

_ESCROW_REASONS = (
    QuarantineReason.BASE_ESCROW_THRESHOLD,
    QuarantineReason.TOTAL_ESCROW_THRESHOLD,
    QuarantineReason.ESCROW_PROPORTION_THRESHOLD,
)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The cause, how sure we are, and why in one sentence."""

    cause: Cause
    confidence: Confidence
    why: str


@dataclass(frozen=True, slots=True)
class _Rule:
    fits: Callable[[Quarantine], bool]
    diagnosis: Diagnosis


def _reason(*reasons: QuarantineReason) -> Callable[[Quarantine], bool]:
    return lambda quarantine: quarantine.reason in reasons


def _words(pattern: str) -> Callable[[Quarantine], bool]:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda quarantine: quarantine.error is not None and compiled.search(quarantine.error.message) is not None


def _status(numbers: str, words: str = "") -> Callable[[Quarantine], bool]:
    """Fit an HTTP status in its usual dresses; a bare number may as well be a port or a length."""
    dressed = rf"(?:http(?:/\d\.\d)?[/\s]+|status(?:\s*code)?[\s\"':=]*)(?:{numbers})\b"
    return _words(f"{dressed}|{words}" if words else dressed)


def _code(*endings: str) -> Callable[[Quarantine], bool]:
    return lambda quarantine: quarantine.error is not None and quarantine.error.code.endswith(endings)


def _rule(fits: Callable[[Quarantine], bool], cause: Cause, confidence: Confidence, why: str) -> _Rule:
    return _Rule(fits, Diagnosis(cause, confidence, why))


RULES: tuple[_Rule, ...] = (
    _rule(
        _reason(QuarantineReason.TOO_MANY_DELETES),
        Cause.ACCIDENTAL_DELETION,
        Confidence.HIGH,
        "The cycle would have removed more accounts than the deletion threshold allows.",
    ),
    _rule(
        _reason(QuarantineReason.QUARANTINED_ON_DEMAND),
        Cause.ON_DEMAND_QUARANTINE,
        Confidence.HIGH,
        "Microsoft put this job in quarantine by hand.",
    ),
    _rule(
        _words(r"app roles with duplicate attribute values"),
        Cause.DUPLICATE_ROLES,
        Confidence.HIGH,
        "Two application roles carry the same value, and the job cannot go on until one is changed.",
    ),
    _rule(
        _status("404|not ?found"),
        Cause.SCIM_NONCOMPLIANCE,
        Confidence.HIGH,
        "The target answered 404 where an empty list is due: the tenant URL is wrong or the endpoint breaks SCIM.",
    ),
    _rule(
        _status("429", "too ?many ?requests"),
        Cause.RATE_LIMITED,
        Confidence.HIGH,
        "The target turned requests away because there were too many.",
    ),
    _rule(
        _status(
            "5[0-9]{2}", "internal ?server ?error|service ?unavailable|bad ?gateway|timed? ?out|could not be resolved"
        ),
        Cause.TARGET_UNREACHABLE,
        Confidence.HIGH,
        "The target did not answer, or answered with a fault of its own.",
    ),
    _rule(
        _status("403|forbidden"),
        Cause.INSUFFICIENT_PERMISSIONS,
        Confidence.MEDIUM,
        "The target knows the account behind the token but does not allow it to do this.",
    ),
    _rule(
        _status("401", "unauthori[sz]ed"),
        Cause.INVALID_CREDENTIALS,
        Confidence.HIGH,
        "The target answered 401 to the saved credential.",
    ),
    _rule(
        _code("CredentialValidationUnavailable"),
        Cause.TARGET_UNREACHABLE,
        Confidence.MEDIUM,
        "Entra could not reach the target to test the credentials.",
    ),
    _rule(
        _code("CredentialValidationFailure", "InvalidCredentials"),
        Cause.INVALID_CREDENTIALS,
        Confidence.MEDIUM,
        "Entra reports that it could not sign in to the target, without the target's own answer.",
    ),
    _rule(
        _words(r"credentials (?:are|were|is) (?:invalid|incorrect)|invalid credentials"),
        Cause.INVALID_CREDENTIALS,
        Confidence.LOW,
        "The message blames the credentials; Entra uses the same words for other faults too.",
    ),
    _rule(
        _reason(*_ESCROW_REASONS),
        Cause.ESCROW_THRESHOLD,
        Confidence.HIGH,
        "Too many users or groups failed one by one; the cause is in their provisioning logs.",
    ),
)

_UNKNOWN = Diagnosis(Cause.UNKNOWN, Confidence.LOW, "What Graph says of this quarantine does not decide on a cause.")


def judge(quarantine: Quarantine | None) -> Diagnosis:
    """Return the diagnosis; `unknown` when nothing that Graph says decides."""
    if quarantine is None:
        return _UNKNOWN
    return next((rule.diagnosis for rule in RULES if rule.fits(quarantine)), _UNKNOWN)
