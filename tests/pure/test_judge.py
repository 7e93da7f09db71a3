"""Evidence leads to the cause that a careful reader would name, and to `unknown` when it names none.

The messages are ours, in the families that Entra uses: Entra's provisioning and quarantine pages name the families.
"""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.diagnosis.causes import Cause, Confidence
from shared.diagnosis.diagnosis import Diagnosis
from shared.diagnosis.evidence import Evidence
from shared.diagnosis.judgement import judge as judge_evidence
from shared.jobs.model import JobError, Quarantine, QuarantineReason
from shared.jobs.reading import read_job
from tests.pure.material import SP, UNHURRIED

SCIM = "SystemForCrossDomainIdentityManagement"
FAILURE, UNAVAILABLE = f"{SCIM}CredentialValidationFailure", f"{SCIM}CredentialValidationUnavailable"
SAYS = "You appear to have entered invalid credentials. Please confirm your details."


def judge(quarantine: Quarantine | None) -> Diagnosis:
    """Judge a job of which nothing but its quarantine is known."""
    job = replace(read_job(SP, {}), quarantine=quarantine)
    return judge_evidence(Evidence(at=datetime(2026, 1, 1, tzinfo=UTC), job=job))


def _quarantine(
    message: str, code: str = "", reason: QuarantineReason = QuarantineReason.QUARANTINE_EXCEPTION
) -> Quarantine:
    error = JobError(code, message) if code or message else None
    return Quarantine(reason, reason.value, error, None, 1, None, None)


@pytest.mark.parametrize(
    ("code", "message", "cause"),
    [
        (FAILURE, f"{SAYS} The target said: HTTP 401 Unauthorized.", Cause.INVALID_CREDENTIALS),
        (FAILURE, "StatusCode: Unauthorized Message: the request failed.", Cause.INVALID_CREDENTIALS),
        (UNAVAILABLE, f"Response status code: 401. {SAYS}", Cause.INVALID_CREDENTIALS),
        (FAILURE, "", Cause.INVALID_CREDENTIALS),
        (f"{SCIM}InvalidCredentials", "No token was given.", Cause.INVALID_CREDENTIALS),
        ("", SAYS, Cause.INVALID_CREDENTIALS),
        ("", "The credentials are incorrect.", Cause.INVALID_CREDENTIALS),
        (FAILURE, f"{SAYS} Response status code: NotFound.", Cause.SCIM_NONCOMPLIANCE),
        (FAILURE, f"HTTP 404 for the filter userName eq x. {SAYS}", Cause.SCIM_NONCOMPLIANCE),
        (FAILURE, f"HTTP 403 Forbidden. {SAYS}", Cause.INSUFFICIENT_PERMISSIONS),
        (FAILURE, "Response status code: TooManyRequests", Cause.RATE_LIMITED),
        (UNAVAILABLE, "HTTP 429", Cause.RATE_LIMITED),
        (FAILURE, "The target answered 503 Service Unavailable.", Cause.TARGET_UNREACHABLE),
        (UNAVAILABLE, "The remote name could not be resolved: 'scim.example'", Cause.TARGET_UNREACHABLE),
        (UNAVAILABLE, "The request timed out.", Cause.TARGET_UNREACHABLE),
        (UNAVAILABLE, "", Cause.TARGET_UNREACHABLE),
        ("", "Two app roles with duplicate attribute values were found.", Cause.DUPLICATE_ROLES),
        (
            FAILURE,
            "Resource: https://scim.example:404/ Status Code: Unauthorized content-length: 404",
            Cause.INVALID_CREDENTIALS,
        ),
        ("", "The target at port 503 sent 404 bytes.", Cause.UNKNOWN),
        ("Strange", "Something happened in sector 4010.", Cause.UNKNOWN),
        ("", "", Cause.UNKNOWN),
    ],
)
def test_families_of_messages(code: str, message: str, cause: Cause) -> None:
    """A status in the message outweighs the error code, which Entra gives to several faults alike."""
    assert judge(_quarantine(message, code)).cause is cause


@pytest.mark.parametrize("message", ["", SAYS, "HTTP 401 Unauthorized", "HTTP 503"])
@pytest.mark.parametrize("code", ["", FAILURE, UNAVAILABLE])
@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        (QuarantineReason.TOO_MANY_DELETES, Cause.ACCIDENTAL_DELETION),
        (QuarantineReason.QUARANTINED_ON_DEMAND, Cause.ON_DEMAND_QUARANTINE),
    ],
)
def test_what_a_person_must_decide_is_never_taken_for_a_credential(
    reason: QuarantineReason, cause: Cause, code: str, message: str
) -> None:
    """Deletions and quarantines by hand outrank whatever the error says."""
    assert judge(_quarantine(message, code, reason)).cause is cause


@pytest.mark.parametrize("spelling", ["QuarantineOnDemand", "QuarantinedOnDemand"])
def test_both_spellings_of_on_demand(spelling: str) -> None:
    """The same diagnosis for what the two pages of the documentation write."""
    job = read_job(SP, {"status": {"code": "Quarantine", "quarantine": {"reason": spelling}}})
    assert judge(job.quarantine).cause is Cause.ON_DEMAND_QUARANTINE


@pytest.mark.parametrize(
    "reason",
    [
        QuarantineReason.BASE_ESCROW_THRESHOLD,
        QuarantineReason.TOTAL_ESCROW_THRESHOLD,
        QuarantineReason.ESCROW_PROPORTION_THRESHOLD,
    ],
)
def test_escrow_thresholds(reason: QuarantineReason) -> None:
    """Without a message of its own an escrow threshold is the cause; with one the message is."""
    assert judge(_quarantine("", "", reason)).cause is Cause.ESCROW_THRESHOLD
    assert judge(_quarantine("HTTP 401", FAILURE, reason)).cause is Cause.INVALID_CREDENTIALS


@UNHURRIED
@given(st.text(), st.text(), st.sampled_from(QuarantineReason))
def test_any_words_are_judged(code: str, message: str, reason: QuarantineReason) -> None:
    """No text raises, every diagnosis has a sentence, and unknown is never said with confidence."""
    diagnosis = judge(_quarantine(message, code, reason))
    assert diagnosis.why.endswith(".")
    assert (diagnosis.cause is Cause.UNKNOWN) <= (diagnosis.confidence is Confidence.LOW)


def test_no_evidence_is_unknown() -> None:
    """A job without a quarantine resource has no cause."""
    assert judge(None).cause is Cause.UNKNOWN
