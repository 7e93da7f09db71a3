"""The table of rules: families of wording, codes and statuses, in our own words; and what no message may do to it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.diagnosis.causes import Cause
from shared.diagnosis.features import Said, features, status_in
from shared.diagnosis.judgement import judge_said
from shared.diagnosis.rules import rules

ECHO = "Response Status Code: {} Response Headers: content-type: application/scim+json; content-length: 160"
FAMILIES = [
    ("uniqueness_conflict", Said("DUPLICATE_USERNAME: Duplicate Username.")),
    ("license_or_quota", Said("LICENSE_LIMIT_EXCEEDED: license limit exceeded")),
    ("invalid_credentials", Said("INVALID_LOGIN: Invalid username, password, security token; or user locked out.")),
    ("invalid_attribute_value", Said("STRING_TOO_LONG")),
    ("insufficient_permissions", Said("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY")),
    ("invalid_credentials", Said("401 Unauthorized")),
    ("insufficient_permissions", Said("403 Forbidden")),
    ("target_unreachable", Said("500 Internal Server Error")),
    ("target_unreachable", Said("A task was canceled.")),
    ("invalid_credentials", Said("Operation returned an invalid status code 'Unauthorized'")),
    ("uniqueness_conflict", Said("username_taken")),
    ("matching_failure", Said("user_not_found")),
    ("invalid_credentials", Said("User Not Authenticated")),
    ("missing_required_attribute", Said("mail is null for this user")),
    ("invalid_attribute_value", Said("1 validation error detected: Value at 'name' failed to satisfy constraint")),
    ("invalid_credentials", Said("Error 401")),
    ("unknown", Said("user 404 in group 500")),
    ("rate_limited", Said("Error code: 429")),
    ("invalid_credentials", Said("The security token included in the request is expired")),
    ("target_unreachable", Said("CERTIFICATE_VERIFY_FAILED")),
    ("invalid_domain", Said("Domain not found.")),
    ("invalid_credentials", Said(ECHO.format("Unauthorized"))),
    ("insufficient_permissions", Said(ECHO.format("Forbidden"))),
    ("rate_limited", Said(ECHO.format("TooManyRequests"))),
    ("invalid_credentials", Said("The remote server returned an error: (401) Unauthorized.", "", "", None)),
    ("invalid_credentials", Said("Token expired", "", "", 401)),
    (
        "invalid_credentials",
        Said(
            '{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"detail":"Invalid API key","status":"401"}',
            "",
            "",
            None,
        ),
    ),
    (
        "invalid_credentials",
        Said("Your Slack credentials are invalid. Please authorize again.", "SlackInvalidCredentials", "", None),
    ),
    (
        "invalid_credentials",
        Said("The access token provided is expired, revoked, malformed, or invalid for other reasons.", "", "", None),
    ),
    ("insufficient_permissions", Said("Insufficient privileges to complete the operation.", "", "", 403)),
    ("insufficient_permissions", Said("The API token does not have the scim:write scope", "", "", 403)),
    ("insufficient_permissions", Said("HTTP 403 Forbidden", "", "", None)),
    ("target_unreachable", Said("The remote name could not be resolved: 'scim.contoso.com'", "", "", None)),
    (
        "target_unreachable",
        Said(
            "Could not establish trust relationship for the SSL/TLS secure channel.",
            "",
            "",
            None,
        ),
    ),
    (
        "target_unreachable",
        Said("Response status code does not indicate success: 503 (Service Unavailable).", "", "", None),
    ),
    ("target_unreachable", Said("StatusCode: BadGateway Message: ...", "", "", None)),
    ("target_unreachable", Said("The operation has timed out", "", "", None)),
    ("rate_limited", Said("StatusCode: 429 Message: rate limit exceeded", "", "", None)),
    ("rate_limited", Said("API rate limit reached, retry later", "", "", None)),
    ("uniqueness_conflict", Said("A user with this email has already been taken", "", "", None)),
    (
        "uniqueness_conflict",
        Said("StatusCode: Conflict Message: userName must be unique", "ContosoEntryConflict", "", None),
    ),
    ("uniqueness_conflict", Said("Duplicate value for attribute userName", "", "", None)),
    ("missing_required_attribute", Said("Missing required field: lastName", "", "", None)),
    ("missing_required_attribute", Said("givenName is required", "", "", 400)),
    ("missing_required_attribute", Said('{"detail":"The attribute email is mandatory","status":"400"}', "", "", None)),
    ("missing_required_attribute", Said("LastName may not be empty", "", "", 400)),
    ("missing_required_attribute", Said("", "MandatoryFieldsMissing", "", None)),
    ("invalid_attribute_value", Said("Phone number is not valid", "", "", 400)),
    ("invalid_attribute_value", Said("The value 'xx' for locale is invalid", "", "", 400)),
    ("invalid_attribute_value", Said("Display name is too long (maximum is 64 characters)", "", "", 400)),
    ("invalid_attribute_value", Said('{"scimType":"invalidValue","detail":"bad","status":"400"}', "", "", None)),
    ("invalid_upn", Said("The specified UserPrincipalName contains invalid characters", "", "", None)),
    ("invalid_upn", Said("Property userPrincipalName is invalid.", "", "", None)),
    (
        "invalid_domain",
        Said(
            "The domain portion of the userPrincipalName property is invalid.",
            "",
            "",
            None,
        ),
    ),
    ("invalid_domain", Said("Email domain example.com is not allowed", "", "", None)),
    ("license_or_quota", Said("No more seats available on your plan", "", "", None)),
    ("license_or_quota", Said("You have reached the maximum number of users for your subscription", "", "", None)),
    ("license_or_quota", Said("License limit exceeded", "", "", None)),
    ("reference_unresolved", Said("Manager reference could not be resolved", "", "", None)),
    (
        "reference_unresolved",
        Said("UnableToResolveReferenceAttributeValue", "UnableToResolveReferenceAttributeValue", "", None),
    ),
    ("out_of_scope_skip", Said("The user was skipped because it is not in scope", "", "", None)),
    ("out_of_scope_skip", Said("", "NotEffectivelyEntitled", "", None)),
    ("matching_failure", Said("More than one user matched the filter userName eq", "", "", None)),
    ("matching_failure", Said("", "DuplicateSourceEntries", "", None)),
    (
        "matching_failure",
        Said("The user could not be matched because the matching attribute employeeId is empty", "", "", None),
    ),
    (
        "scim_noncompliance",
        Said(
            "The SCIM endpoint is not fully compatible with the Azure Active Directory SCIM client.",
            "SystemForCrossDomainIdentityManagementServiceIncompatible",
            "",
            None,
        ),
    ),
    (
        "scim_noncompliance",
        Said("Unexpected character encountered while parsing value: <. Path '', line 0", "", "", None),
    ),
    (
        "scim_noncompliance",
        Said(
            "An HTTP/404 Not Found response was returned rather than the expected HTTP/200 OK response.",
            "SystemForCrossDomainIdentityManagementCredentialValidationFailure",
            "",
            None,
        ),
    ),
    ("scim_noncompliance", Said("StatusCode: MethodNotAllowed Message: PATCH", "", "", None)),
    ("schema_or_mapping_error", Said("The attribute costCenter does not exist in the target schema", "", "", None)),
    ("schema_or_mapping_error", Said("Attribute emails is read-only", "", "", None)),
    ("schema_or_mapping_error", Said("", "SchemaAttributeNotFound", "", None)),
    ("schema_or_mapping_error", Said("Unsupported attribute: department", "", "", 400)),
    ("duplicate_roles", Said("The application has duplicate appRoles with value 'User'", "", "", None)),
    (
        "accidental_deletion",
        Said("The job was stopped since 620 deletions exceed the accidental deletion threshold of 500", "", "", None),
    ),
    ("agent_unavailable", Said("No active provisioning agents were found for this domain", "", "", None)),
    ("agent_unavailable", Said("", "HybridIdentityServiceNoActiveAgents", "", None)),
    ("agent_unavailable", Said("The connector host is not reachable from the provisioning agent", "", "", None)),
    ("transient_entra_side", Said("", "InternalError", "", None)),
    ("transient_entra_side", Said("", "AzureDirectoryServiceServerBusy", "", None)),
    (
        "notification_email_missing",
        Said("Please provide a notification email address before starting provisioning", "", "", None),
    ),
    (
        "inbound_invalid_data_format",
        Said("Invalid Data Format: the request body is not a valid bulk request", "", "", 400),
    ),
    (
        "inbound_unauthorized",
        Said("Access token validation failure. Invalid audience.", "InvalidAuthenticationToken", "", 401),
    ),
    ("on_demand_quarantine", Said("", "", "QuarantineOnDemand", None)),
    ("escrow_threshold", Said("", "", "EncounteredEscrowProportionThreshold", None)),
    ("unknown", Said("Something odd happened", "", "", None)),
]


@pytest.mark.parametrize(("cause", "said"), FAMILIES)
def test_a_family_of_messages_has_its_cause(cause: str, said: Said) -> None:
    """What an engineer would read out of the message is what the table says."""
    diagnosis = judge_said(said)
    assert diagnosis.cause == cause, diagnosis.why


@pytest.mark.parametrize(("cause", "said"), FAMILIES)
def test_only_a_refused_credential_may_be_rotated(cause: str, said: Said) -> None:
    """No other cause ever justifies testing a new credential."""
    assert not judge_said(said).may_rotate or cause == Cause.INVALID_CREDENTIALS


@pytest.mark.parametrize(
    "message",
    [
        "You appear to have entered invalid credentials. Please confirm you are using the correct information.",
        "Provisioning has been quarantined.",
        "InvalidCredentials",
    ],
)
def test_the_phrase_that_entra_uses_for_everything_decides_nothing(message: str) -> None:
    """Entra shows these words for wrong addresses, missing roles and SCIM faults too."""
    assert not judge_said(Said(message)).may_rotate


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("Response Status Code: Unauthorized Response Headers: ...", 401),
        ("StatusCode: Conflict Message: ...", 409),
        ("HTTP/1.1 503 Service Unavailable", 503),
        ("An HTTP/404 Not Found response was returned rather than the expected HTTP/200 OK response.", 404),
        ('{"status": "409", "scimType": "uniqueness"}', 409),
        ('{"status":409}', 409),
        ("The remote server returned an error: (401) Unauthorized.", 401),
        ("https://scim.example:404/Users returned 401 bytes", None),
        ("HTTP/200 OK", None),
        ("user 404 in group 500", None),
        ("status: active", None),
    ],
)
def test_a_status_is_read_only_where_it_is_dressed_as_one(message: str, status: int | None) -> None:
    """Ports, lengths and counts are no statuses."""
    assert status_in(message) == status


@given(st.text(max_size=3000), st.text(max_size=100), st.text(max_size=50), st.none() | st.integers(0, 999))
def test_no_message_raises(message: str, code: str, reason: str, status: int | None) -> None:
    """Any text whatever gets a cause of the vocabulary."""
    assert judge_said(Said(message, code, reason, status)).cause in Cause


@pytest.mark.parametrize(
    "message",
    [
        "a" * 50_000,
        "required " * 5_000,
        "user principal name " * 2_500,
        "(" * 50_000,
        "token is " * 5_000,
        "\\w" * 20_000,
    ],
)
def test_no_message_takes_long(message: str) -> None:
    """Hostile lengths and repetitions are judged in a fraction of a second."""
    began = time.perf_counter()
    judge_said(Said(message, "x" * 50_000))
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize("connector", ["", "Contoso", "Box", "SystemForCrossDomainIdentityManagement"])
def test_a_connectors_name_in_front_of_a_code_changes_nothing(connector: str) -> None:
    """Codes are compared by how they end."""
    assert judge_said(Said(code=f"{connector}EntryConflict")).cause is Cause.UNIQUENESS_CONFLICT


def test_every_cause_but_unknown_has_a_rule_and_every_rule_a_condition_of_its_own() -> None:
    """The vocabulary is covered, and no rule stands twice."""
    table = rules()
    assert {rule.cause for rule in table} >= set(Cause) - {Cause.UNKNOWN}
    assert len({rule.name for rule in table}) == len(table)
    assert all(rule.why.endswith(".") for rule in table)


def test_case_and_white_space_never_count() -> None:
    """Messages are compared without case, line breaks count as blanks."""
    shouted = judge_said(Said("REQUIRED\nATTRIBUTE  'emails' IS\tMISSING"))
    assert shouted.cause is Cause.MISSING_REQUIRED_ATTRIBUTE
    assert features(Said(" a\n b ")).words == "a b"
