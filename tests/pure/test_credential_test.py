"""Only a positive sign of rejection condemns a credential, and only 2xx acquits it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tokens.credential_test import TestResult, read_test
from tests.pure.material import UNHURRIED

SCIM = "SystemForCrossDomainIdentityManagement"
CODES = ["", "UnknownError", f"{SCIM}CredentialValidationFailure", f"{SCIM}CredentialValidationUnavailable"]
BLAME = "You appear to have entered invalid credentials."
OTHERS = [
    "StatusCode: NotFound Message: no such path",
    "Response Status Code: ServiceUnavailable",
    "status code: 429",
    "HTTP/503",
    "HTTP/1.1 503 Service Unavailable",
    "HTTP 404 Not Found",
    "The remote server returned an error: (429) Too Many Requests.",
    "The request timed out.",
    "The remote name could not be resolved: 'scim.example'",
    "Could not establish trust relationship for the SSL/TLS secure channel.",
]


@pytest.mark.parametrize("said", OTHERS)
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("blame", ["", BLAME])
def test_other_faults_condemn_no_credential(said: str, code: str, blame: str) -> None:
    """A target that is away, throttles or answers 404 leaves the question open, though Entra blames the credential."""
    assert read_test(400, code, f"{blame} {said}").result is TestResult.COULD_NOT_TELL


@UNHURRIED
@given(st.sampled_from([404, 408, 429, *range(500, 600)]), st.sampled_from(CODES) | st.text(), st.text())
def test_graphs_own_trouble_condemns_no_credential(status: int, code: str, message: str) -> None:
    """When Graph itself is away, throttles or misses the job, nothing is known about the credential."""
    assert read_test(status, code, f"{message} {BLAME}").result is TestResult.COULD_NOT_TELL


@UNHURRIED
@given(st.integers(100, 599), st.sampled_from(CODES) | st.text(), st.text())
def test_only_2xx_passes(status: int, code: str, message: str) -> None:
    """No code and no words make a pass of another status; code and message are kept as they came."""
    test = read_test(status, code, message)
    assert (test.result is TestResult.PASSED) is (200 <= status < 300)
    assert (test.code, test.said) == (code, message)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, CODES[2], ""),
        (400, f"{SCIM}InvalidCredentials", "No token was given."),
        (400, "", BLAME),
        (400, "UnknownError", "The token has expired."),
        (400, CODES[3], "Response Status Code: Unauthorized"),
        (400, "", 'StatusCode: "Forbidden"'),
        (401, CODES[2], "HTTP/401"),
        (400, "", "The credentials are incorrect."),
    ],
)
def test_signs_of_rejection(status: int, code: str, message: str) -> None:
    """The target's 401 or 403, Entra's code for it, or words that say so."""
    assert read_test(status, code, message).result is TestResult.REJECTED


@pytest.mark.parametrize(("status", "code", "message"), [(400, "", ""), (400, CODES[3], BLAME), (409, "Busy", "later")])
def test_what_says_nothing_leaves_the_question_open(status: int, code: str, message: str) -> None:
    """No sign is no rejection."""
    assert read_test(status, code, message).result is TestResult.COULD_NOT_TELL
