"""Identifiers become keys that a table takes, and stay apart.

Source: Azure Storage docs, "Understanding the Table service data model": characters disallowed in key fields.
"""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from shared.clients.storage import table_key
from tests.pure.material import UNHURRIED

_GUID = "0f5d7c2e-92cf-4c0e-8d93-9c8a5f1f7a11"
_TENANT = "7ab1d2a4f0c14f0c8f0a0d4f6a1f2b3c"
_TEMPLATES = ["scim", "customappsso", "BoxOutDelta", "SlackOutDelta", "Aws.Sso", "gsuite-v2", "WorkdayOutDelta"]
REAL = [f"{template}.{_TENANT}.{_GUID[:-1]}{digit}" for template in _TEMPLATES for digit in "0123456789abcdef"]


@UNHURRIED
@given(st.text(st.characters(codec="utf-8")))
def test_no_key_holds_a_forbidden_character(text: str) -> None:
    """Neither slash, backslash, `#`, `?`, `%` nor a control character is left."""
    key = table_key(text)
    assert not set("/\\#?%") & set(key)
    assert not any(unicodedata.category(letter) == "Cc" for letter in key)


def test_job_ids_are_keys_as_they_are() -> None:
    """Real ids are left alone, so no two of them meet."""
    assert [table_key(job_id) for job_id in REAL] == REAL
    assert len({table_key(f"{job_id}~{source}") for job_id in REAL for source in ("sweep", "alert")}) == 2 * len(REAL)


def test_what_is_escaped_stays_apart() -> None:
    """Each forbidden character becomes another key."""
    keys = [table_key(f"a{letter}b") for letter in "/\\#?%\n\té"]
    assert len(set(keys)) == len(keys)
