"""A notice survives its wait in a table row, whatever release wrote it."""

import json
from datetime import datetime

import pytest

from shared.notices.notice import Notice, NoticeKind
from tests.notices.samples import NOTICES


@pytest.mark.parametrize("notice", NOTICES, ids=lambda notice: notice.kind.value)
def test_a_notice_reads_back_as_it_was_written(notice: Notice) -> None:
    """Every part of every kind survives JSON."""
    assert Notice.from_dict(json.loads(json.dumps(notice.to_dict()))) == notice


@pytest.mark.parametrize("kind", ["postponed", None, 7])
def test_a_kind_that_this_release_does_not_know_asks_for_a_person(kind: object) -> None:
    """An unknown kind is shown loudly instead of being lost."""
    raw = NOTICES[0].to_dict() | {"kind": kind}
    assert Notice.from_dict(raw).kind is NoticeKind.NEEDS_YOU


def test_fields_of_another_release_do_no_harm() -> None:
    """A row without optional parts and with an unknown one is read."""
    raw = NOTICES[0].to_dict() | {"mood": "calm"}
    for part in ("facts", "done", "next_steps", "links", "said", "summary", "reference"):
        del raw[part]
    notice = Notice.from_dict(raw)
    assert (notice.headline, notice.facts, notice.said) == (NOTICES[0].headline, (), "")


def test_a_time_without_a_zone_is_refused() -> None:
    """A naive time would be told as another moment than it was."""
    with pytest.raises(ValueError, match="aware"):
        Notice.from_dict(NOTICES[0].to_dict() | {"at": datetime(2026, 1, 31, 3, 12).isoformat()})  # noqa: DTZ001
