"""Every cause has a remedy that a person can follow: what, where, who, and what happens then."""

import re

import pytest

from shared.diagnosis.causes import Cause
from shared.diagnosis.remedies import provisioning_page, remedies, remedy, vendor_named
from shared.diagnosis.remedy import Restart
from shared.notices.advice import HEADLINES, steps

_ASK_A_PERSON = (Cause.ACCIDENTAL_DELETION, Cause.ON_DEMAND_QUARANTINE)


def test_every_cause_has_a_remedy_and_a_headline() -> None:
    """A new cause cannot be added without saying what to do about it."""
    assert set(remedies()) == set(Cause) == set(HEADLINES)


@pytest.mark.parametrize("cause", list(Cause))
def test_a_remedy_is_short_and_names_places_roles_and_sources(cause: Cause) -> None:
    """At most six steps; most say where and who; the knowledge has a source."""
    found = remedy(cause)
    assert 1 <= len(found.steps) <= 6
    assert any(step.where and step.who for step in found.steps)
    assert found.next.endswith(".")
    assert found.source
    assert all(len(step.what) < 400 for step in found.steps)


@pytest.mark.parametrize("cause", list(Cause))
def test_expressions_are_balanced(cause: Cause) -> None:
    """What is to be pasted has as many opening as closing brackets, and straight quotation marks."""
    text = " ".join(step.what for step in remedy(cause).steps)
    assert text.count("(") == text.count(")")
    assert text.count("[") == text.count("]")
    assert text.count('"') % 2 == 0
    assert not re.search("[“”]", text)


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (Cause.MISSING_REQUIRED_ATTRIBUTE, 'IIF(IsNullOrEmpty([department]), "Unknown", [department])'),
        (Cause.UNIQUENESS_CONFLICT, 'Join("-", [mailNickname], [employeeId])'),
        (Cause.INVALID_UPN, "RandomString(3, 3, 0, 0, 0, )"),
        (Cause.INVALID_DOMAIN, '"contoso.com")'),
        (Cause.MATCHING_FAILURE, "second matching attribute"),
        (Cause.INBOUND_INVALID_DATA_FORMAT, "application/scim+json"),
        (Cause.INBOUND_UNAUTHORIZED, "Application Administrator"),
        (Cause.NOTIFICATION_EMAIL_MISSING, "notification e-mail"),
        (Cause.ACCIDENTAL_DELETION, "EVERY held object"),
        (Cause.DUPLICATE_ROLES, "appRoles"),
        (Cause.AGENT_UNAVAILABLE, "Provisioning Agent"),
        (Cause.OUT_OF_SCOPE_SKIP, "NotEffectivelyEntitled"),
    ],
)
def test_remedies_are_concrete_where_the_sources_are(cause: Cause, words: str) -> None:
    """The expression, header, role or button stands there to be used."""
    assert words in " ".join(step.what for step in remedy(cause).steps)


def test_nothing_that_only_a_person_may_decide_is_restarted_by_us() -> None:
    """A restart by us is promised for no cause that Pratique must never act on."""
    for cause in (*_ASK_A_PERSON, Cause.UNKNOWN):
        assert remedy(cause).restart is Restart.NOT_BEFORE_DECIDED


def test_the_vendor_says_where_a_new_token_is_made() -> None:
    """The console path stands in the step, with the caution that belongs to it."""
    first = remedy(Cause.INVALID_CREDENTIALS, vendor_named("Druva provisioning")).steps[0]
    assert first.where.startswith("Druva: Users > User Provisioning")
    assert "kills the old one" in first.what
    assert vendor_named("Contoso") is None


def test_notices_carry_the_same_steps_and_name_each_role_once_in_a_row() -> None:
    """A notice's lines are the remedy's, and end with what happens then."""
    lines = steps(Cause.ACCIDENTAL_DELETION)
    assert lines[-1] == remedy(Cause.ACCIDENTAL_DELETION).next
    assert sum("Application Administrator" in line for line in lines) == 1


def test_the_deep_link_keeps_ids_inside_their_segments() -> None:
    """An id cannot lead elsewhere."""
    link = provisioning_page("https://entra.microsoft.com", "a/b?c", "d#e")
    assert link.endswith("/Provisioning/objectId/a%2Fb%3Fc/appId/d%23e")
