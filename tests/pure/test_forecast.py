"""Which warning a credential deserves, and when a successor is due."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tokens.forecast import EXPIRED, days_left, mint_due, tier_of
from tests.pure.material import MOMENTS, T0, UNHURRIED

TIERS = (90, 60, 30, 14, 7, 3, 1)
DAY = timedelta(days=1)
_TIERS = st.lists(st.integers(1, 999), min_size=1, max_size=8).map(tuple)
_SPANS = st.timedeltas(timedelta(0), timedelta(days=2_000))


@UNHURRIED
@given(_TIERS, MOMENTS, MOMENTS, _SPANS)
def test_tiers_only_sink_as_time_passes(tiers: tuple[int, ...], end: datetime, now: datetime, later: timedelta) -> None:
    """Whoever looks later gets the same tier or a lower one; so telling each new tier tells each at most once."""
    before, after = tier_of(end, now, tiers), tier_of(end, now + later, tiers)
    assert before is None or (after is not None and after <= before)


@UNHURRIED
@given(_TIERS, MOMENTS, MOMENTS)
def test_a_tier_is_the_fewest_days_that_still_hold(tiers: tuple[int, ...], end: datetime, now: datetime) -> None:
    """Whatever the order of the tiers, no smaller one holds, and an ended credential has no tier but the last."""
    tier = tier_of(end, now, tiers)
    if end <= now:
        assert tier == EXPIRED
        return
    holding = [days for days in tiers if end - now <= days * DAY]
    assert tier == (min(holding) if holding else None)
    assert EXPIRED not in holding


@pytest.mark.parametrize(
    ("left", "tier"),
    [
        (91 * DAY, None),
        (90 * DAY + timedelta.resolution, None),
        (90 * DAY, 90),
        (8 * DAY, 14),
        (7 * DAY, 7),
        (DAY, 1),
        (timedelta.resolution, 1),
        (timedelta(0), EXPIRED),
        (-900 * DAY, EXPIRED),
    ],
)
def test_the_tiers_of_the_default(left: timedelta, tier: int | None) -> None:
    """At its very day a tier is reached; who wakes late gets the newest tier and none that has passed."""
    assert tier_of(T0 + left, T0, TIERS) == tier


@UNHURRIED
@given(MOMENTS, MOMENTS)
def test_days_left_never_promise_more_than_there_is(end: datetime, now: datetime) -> None:
    """Whole days, rounded towards the end; negative once it has ended."""
    days = days_left(end, now)
    assert days * DAY <= end - now < (days + 1) * DAY
    assert (days < 0) is (end < now)


@UNHURRIED
@given(MOMENTS, st.timedeltas(timedelta(days=-10), timedelta(days=900)), MOMENTS, _SPANS, _SPANS)
def test_a_successor_once_due_stays_due(
    end: datetime, life: timedelta, now: datetime, ahead: timedelta, later: timedelta
) -> None:
    """It is due at the end at the latest, never before two thirds of the life are over, and never stops being due."""
    if mint_due(end, life, now, ahead):
        assert mint_due(end, life, now + later, ahead)
        assert end - now <= ahead
        assert end - now <= max(life, timedelta(0)) / 3
    assert mint_due(end, life, end, ahead)


def test_a_fresh_short_lived_token_is_not_renewed_at_once() -> None:
    """A token of thirty days, minted now, with thirty days ahead: else each look would mint another."""
    life, end = 30 * DAY, T0 + 30 * DAY
    assert not mint_due(end, life, T0, 30 * DAY)
    assert not mint_due(end, life, T0 + 19 * DAY, 30 * DAY)
    assert mint_due(end, life, T0 + 20 * DAY, 30 * DAY)
