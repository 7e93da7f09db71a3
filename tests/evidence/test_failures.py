"""Failures from Graph are summarised in bounded memory, whatever they say, and as the query does in place."""

import random
from typing import Any

import pytest

from shared.evidence.failures import MOST_GROUPS, Summary, read_rows
from tests.evidence.conftest import Scene


def record(code: str, text: str, user: str = "u", status: str = "failure") -> dict[str, Any]:
    """Return a provisioning record as Graph gives it."""
    return {
        "provisioningAction": "create",
        "sourceIdentity": {"id": user},
        "provisioningSteps": [
            {"name": "EntryImport", "status": "success"},
            {"name": "EntryExportAdd", "status": "failure"},
        ],
        "provisioningStatusInfo": {"status": status, "errorInformation": {"errorCode": code, "reason": text}},
    }


def test_every_failure_is_in_one_of_twenty_groups() -> None:
    """However many wordings there are; the most frequent stands alone with its users counted once."""
    summary = Summary()
    for number in range(3000):
        word = "".join(random.Random(number).choices("abcdefghij", k=8))  # noqa: S311 -- no secret
        summary.add(record(f"Code{'ABCDEFGHIJ'[number % 10]}", f"about {word}", f"u{number}"))
        summary.add(record("EntryConflict", f"User '{word}' ({number}) is there", f"u{number % 7}"))
    groups = summary.groups()
    assert len(groups) <= MOST_GROUPS
    assert sum(group.count for group in groups) == 6000
    first = next(group for group in groups if group.code == "EntryConflict")
    assert (first.step, first.count, first.users, len(first.samples)) == ("EntryExportAdd", 3000, 7, 3)
    assert len(summary._groups) <= 501


def test_what_is_no_failure_is_not_counted() -> None:
    """Success, skipped, and records that cannot be read."""
    summary = Summary()
    odd: list[dict[str, Any]] = [{}, {"provisioningStatusInfo": None}, {"provisioningStatusInfo": {"status": 3}}]
    for entry in (record("", "", status="success"), record("", "", status="skipped"), *odd):
        summary.add(entry)
    assert summary.groups() == ()
    summary.add({"provisioningStatusInfo": {"Status": "failure", "errorInformation": []}, "provisioningSteps": "x"})
    (group,) = summary.groups()
    assert (group.code, group.step, group.count, group.users, group.samples) == ("", "", 1, 0, ())


@pytest.mark.parametrize("samples", [None, "no JSON", "{}", [1, "kept"], '["kept", 2]'])
def test_samples_of_a_row_may_be_anything(samples: Any) -> None:
    """A dynamic column comes as text or as a list; what is no text is left out."""
    (group,) = read_rows([{"Code": None, "Step": None, "Failures": 1, "Users": None, "Samples": samples}])
    assert group.samples in ((), ("kept",))


def test_samples_lose_credentials_and_addresses() -> None:
    """A token in a failure's text is not kept, nor is a person's address."""
    summary = Summary()
    summary.add(
        record("X", "for ann.lee@contoso.example sent Authorization: Bearer abc.def-4711 and password=hunter2222")
    )
    (sample,) = summary.groups()[0].samples
    assert "_@contoso.example" in sample
    assert not any(word in sample for word in ("ann", "4711", "hunter"))


async def test_the_query_and_the_summary_agree(scene: Scene) -> None:
    """The same failures give the same groups on both roads."""
    summary = Summary()
    for number in range(300):
        code, text = f"Code{'ABC'[number % 3]}", f"The value '{number}' of u{number}@contoso.example is bad"
        scene.fail(number % 11, code, text)
        summary.add(record(code, text, f"user-{number % 11}"))
    asked, counted = (await scene.gather()).failures, summary.groups()
    assert [(group.code, group.step, group.count, group.users) for group in asked] == [
        (group.code, group.step, group.count, group.users) for group in counted
    ]
    assert len(asked) == 3
