"""What Graph's test of a credential says: passed, rejected, or could not tell; pure.

The status and body of a rejected `validateCredentials` are not documented. What is known are error codes and families
of wording (Graph docs; Broadcom KB 430118; Microsoft Q&A 4969398), so only a positive sign of rejection counts as one:
503, throttling, an unreachable target or a 404 from the target condemn no credential.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

_TARGET_STATUS = re.compile(r"(?i)status\s*code:?\s*[\"']?(\w+)|\bHTTP/(\d{3})\b")
_REJECTED_STATUS = frozenset({"401", "403", "unauthorized", "forbidden"})
_REJECTED_WORDS = re.compile(
    r"(?i)invalid credentials|credentials (?:are|were|is) (?:invalid|incorrect)|token (?:has )?expired"
)
# Entra blames the credential for these too, so its code alone does not condemn one (see diagnosis/rules.toml).
_OTHER_FAULT = re.compile(
    r"(?i)\b(?:404|408|429|50[0-9])\b|\bnot ?found\b|too ?many ?requests|service ?unavailable|bad ?gateway|"
    r"internal ?server ?error|timed? ?out|could not be resolved|\b(?:ssl|tls)\b"
)


class TestResult(StrEnum):
    """The three answers that a test can give."""

    __test__ = False  # pytest would take the name for a test class

    PASSED = "passed"
    REJECTED = "rejected"
    COULD_NOT_TELL = "could_not_tell"


@dataclass(frozen=True, slots=True)
class CredentialTest:
    """A test's result and what was said with it; `said` must be redacted before it is kept."""

    result: TestResult
    code: str
    said: str


def read_test(status: int, code: str, message: str) -> CredentialTest:
    """Judge the answer to `validateCredentials` from its status, error code and message."""
    return CredentialTest(_judge(status, code, message), code, message)


def _judge(status: int, code: str, message: str) -> TestResult:
    if 200 <= status < 300:
        return TestResult.PASSED
    if status in (404, 408, 429) or status >= 500:
        return TestResult.COULD_NOT_TELL
    told = _target_status(message)
    if told is not None:
        return TestResult.REJECTED if told in _REJECTED_STATUS else TestResult.COULD_NOT_TELL
    if code.endswith("CredentialValidationUnavailable") or _OTHER_FAULT.search(message):
        return TestResult.COULD_NOT_TELL
    if code.endswith(("CredentialValidationFailure", "InvalidCredentials")) or _REJECTED_WORDS.search(message):
        return TestResult.REJECTED
    return TestResult.COULD_NOT_TELL


def _target_status(message: str) -> str | None:
    match = _TARGET_STATUS.search(message)
    return (match[1] or match[2]).casefold() if match else None
