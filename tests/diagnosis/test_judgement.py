"""Judgement over all the evidence of a look: whom it believes, what blindness does, and that order never matters."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.diagnosis.causes import Cause, Confidence
from shared.diagnosis.evidence import Evidence, FailureGroup, Part, ProbeFinding, Sight
from shared.diagnosis.judgement import judge
from shared.jobs.reading import read_job
from shared.tokens.credential_test import CredentialTest, TestResult

AT = datetime(2026, 1, 1, tzinfo=UTC)
LEVEL = {Confidence.LOW: 0, Confidence.MEDIUM: 1, Confidence.HIGH: 2}
FAILURE = "SystemForCrossDomainIdentityManagementCredentialValidationFailure"
REFUSED = "We received this unexpected response: Response Status Code: Unauthorized"
REJECTED = CredentialTest(TestResult.REJECTED, FAILURE, REFUSED)
PASSED = CredentialTest(TestResult.PASSED, "", "")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def quarantined(
    message: str = "", code: str = "", reason: str = "EncounteredQuarantineException", **more: Any
) -> Evidence:
    """Return evidence of a quarantined job and whatever else was read."""
    error = {"code": code, "message": message, "tenantActionable": True} if message or code else None
    status = {"code": "Quarantine", "quarantine": {"reason": reason, "error": error}}
    sights = {Part.JOB: Sight.READ, **more.pop("sights", {})}
    return Evidence(at=AT, sights=sights, job=read_job("sp", {"id": "scim.1", "status": status}), **more)


def group(code: str, count: int, sample: str = "") -> FailureGroup:
    """Return a group of failures."""
    return FailureGroup(code, "EntryExportAdd", count, count, (sample,) if sample else ())


FULL = quarantined(
    REFUSED,
    FAILURE,
    audit=(f"This run profile is being quarantined because of: EncounteredQuarantineException; Error: {REFUSED}",),
    credential_test=REJECTED,
    probe=ProbeFinding.REJECTED,
    sights=dict.fromkeys(Part, Sight.READ),
)


def blinded(evidence: Evidence, *parts: Part) -> Evidence:
    """Return the evidence with parts that could not be read."""
    empty: dict[Part, dict[str, Any]] = {
        Part.JOB: {"job": None},
        Part.SECRET_KEYS: {"secret_keys": ()},
        Part.AUDIT: {"audit": ()},
        Part.FAILURES: {"failures": ()},
        Part.CREDENTIAL_TEST: {"credential_test": None},
        Part.PROBE: {"probe": None},
    }
    changes: dict[str, Any] = {}
    for part in parts:
        changes |= empty[part]
    sights = {**evidence.sights, **dict.fromkeys(parts, Sight.BLIND)}
    return replace(evidence, sights=sights, blind_because=dict.fromkeys(parts, "HTTP 403"), **changes)


def test_an_expired_token_seen_from_all_sides_is_sure() -> None:
    """Job, audit, test and probe agree."""
    diagnosis = judge(FULL)
    assert (diagnosis.cause, diagnosis.confidence) == (Cause.INVALID_CREDENTIALS, Confidence.HIGH)
    assert diagnosis.may_rotate


@pytest.mark.parametrize("parts", [*combinations(Part, 1), *combinations(Part, 2)])
def test_blindness_is_said_invents_nothing_and_never_makes_surer(parts: tuple[Part, ...]) -> None:
    """Missing parts are named, the cause is the same or unknown, confidence does not rise."""
    diagnosis = judge(blinded(FULL, *parts))
    assert set(diagnosis.blind) == set(parts)
    assert all(any(part.value.replace("_", " ") in reason for reason in diagnosis.reasons) for part in parts)
    assert diagnosis.cause in (Cause.INVALID_CREDENTIALS, Cause.UNKNOWN)
    assert LEVEL[diagnosis.confidence] <= LEVEL[judge(FULL).confidence]


def test_confidence_falls_when_only_the_message_is_left() -> None:
    """With half of the evidence blind, one message alone is no longer sure."""
    parts = (Part.AUDIT, Part.CREDENTIAL_TEST, Part.FAILURES)
    assert judge(blinded(replace(FULL, probe=None), *parts)).confidence is not Confidence.HIGH


def test_nothing_is_rotated_when_nothing_is_seen() -> None:
    """All parts blind: unknown, low, no rotation."""
    diagnosis = judge(blinded(FULL, *Part))
    assert (diagnosis.cause, diagnosis.confidence, diagnosis.may_rotate) == (Cause.UNKNOWN, Confidence.LOW, False)


def test_a_passing_test_beats_a_message_that_blames_the_credential() -> None:
    """What Entra said then is no longer true, and that is said."""
    diagnosis = judge(replace(FULL, credential_test=PASSED))
    assert diagnosis.cause is not Cause.INVALID_CREDENTIALS
    assert not diagnosis.may_rotate
    assert any("passes its test" in reason for reason in diagnosis.reasons)


def test_a_404_is_not_the_credential_though_the_code_blames_it() -> None:
    """The same code covers a wrong tenant URL; the target's own answer decides."""
    diagnosis = judge(
        quarantined("An HTTP/404 Not Found response was returned rather than the expected HTTP/200 OK.", FAILURE)
    )
    assert diagnosis.cause is Cause.SCIM_NONCOMPLIANCE
    assert not diagnosis.may_rotate


def test_a_probe_that_fails_never_outweighs_entras_own_words() -> None:
    """Our network is not Entra's: a name that does not resolve from here explains nothing."""
    diagnosis = judge(quarantined(REFUSED, FAILURE, probe=ProbeFinding.NAME_NOT_RESOLVED))
    assert diagnosis.cause is Cause.INVALID_CREDENTIALS
    assert any("weighs less" in reason for reason in diagnosis.reasons)


def test_a_probe_that_shows_a_fault_explains_a_bare_code() -> None:
    """A bare failure of the validation is explained by a target that answers 404 to an empty search."""
    assert judge(quarantined("", FAILURE, probe=ProbeFinding.NOT_FOUND_FOR_EMPTY)).cause is Cause.SCIM_NONCOMPLIANCE


def test_the_dominant_pattern_leads_behind_an_escrow_threshold() -> None:
    """Too many failures: the failures say of what, with the shares of the others beside it."""
    failures = (
        group("MandatoryFieldsMissing", 700),
        group("ContosoEntryConflict", 250),
        group("UnableToResolveReferenceAttributeValue", 50),
    )
    diagnosis = judge(quarantined(reason="EncounteredEscrowProportionThreshold", failures=failures))
    assert (diagnosis.cause, diagnosis.confidence) == (Cause.MISSING_REQUIRED_ATTRIBUTE, Confidence.HIGH)
    assert [(other.cause, other.count) for other in diagnosis.others] == [
        (Cause.UNIQUENESS_CONFLICT, 250),
        (Cause.REFERENCE_UNRESOLVED, 50),
    ]


def test_unresolved_references_never_lead() -> None:
    """They heal by themselves, however many there are."""
    failures = (group("UnableToResolveReferenceAttributeValue", 9000), group("MandatoryFieldsMissing", 10))
    diagnosis = judge(quarantined(reason="EncounteredTotalEscrowThreshold", failures=failures))
    assert diagnosis.cause is not Cause.REFERENCE_UNRESOLVED


def test_a_threshold_without_readable_failures_stays_a_threshold() -> None:
    """What stands behind it is not invented."""
    evidence = quarantined(reason="EncounteredBaseEscrowThreshold", sights={Part.FAILURES: Sight.BLIND})
    diagnosis = judge(evidence)
    assert diagnosis.cause is Cause.ESCROW_THRESHOLD
    assert diagnosis.confidence is not Confidence.HIGH


@pytest.mark.parametrize("reason", ["QuarantinedOnDemand", "QuarantineOnDemand", "TooManyDeletes"])
def test_explicit_reasons_decide_whatever_else_is_said(reason: str) -> None:
    """A stop that a person must decide about is never taken for a credential's fault."""
    diagnosis = judge(quarantined(REFUSED, FAILURE, reason, credential_test=REJECTED))
    assert diagnosis.cause in (Cause.ON_DEMAND_QUARANTINE, Cause.ACCIDENTAL_DELETION)
    assert not diagnosis.may_rotate


@given(
    JSON,
    st.lists(st.text(max_size=80), max_size=3),
    st.lists(st.tuples(st.text(max_size=30), st.integers(-5, 9)), max_size=4),
)
def test_no_evidence_raises(raw: Any, audit: list[str], failures: list[tuple[str, int]]) -> None:
    """Any JSON for the job, any audit text, any groups: a diagnosis comes out."""
    job = read_job("sp", raw if isinstance(raw, dict) else {"status": raw})
    groups = tuple(group(code, count) for code, count in failures)
    assert judge(Evidence(at=AT, job=job, audit=tuple(audit), failures=groups)).cause in Cause


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_evidence_changes_nothing(order: random.Random) -> None:
    """Audit texts and failure groups in any order give the same diagnosis."""
    audit = [
        f"because of: EncounteredQuarantineException; Error: {text}" for text in (REFUSED, "HTTP/404 Not Found", "odd")
    ]
    failures = [
        group("MandatoryFieldsMissing", 5),
        group("ContosoEntryConflict", 5),
        group("Timeout", 2),
        group("Odd", 9),
    ]
    expected = judge(quarantined(REFUSED, FAILURE, audit=tuple(audit), failures=tuple(failures)))
    order.shuffle(audit)
    order.shuffle(failures)
    assert judge(quarantined(REFUSED, FAILURE, audit=tuple(audit), failures=tuple(failures))) == expected


@given(
    st.sets(st.sampled_from([Part.AUDIT, Part.CREDENTIAL_TEST, Part.PROBE])),
    st.sampled_from([Part.AUDIT, Part.CREDENTIAL_TEST, Part.PROBE]),
)
def test_evidence_that_agrees_never_lowers_confidence(present: set[Part], added: Part) -> None:
    """Whatever was read before, one more part that says the same makes it no less sure."""
    absent = {part for part in (Part.AUDIT, Part.CREDENTIAL_TEST, Part.PROBE) if part not in present}
    before = blinded(FULL, *absent)
    after = blinded(FULL, *(absent - {added}))
    assert LEVEL[judge(after).confidence] >= LEVEL[judge(before).confidence]
