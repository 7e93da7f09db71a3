"""When a credential ends: the nearest known date counts, and nothing that is no date passes for one."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.redaction import SecretValue
from shared.tokens.bindings import SecretVersion
from shared.tokens.expiry import UNKNOWN, ExpirySource, claimed_end, expiry_of, life_of, tagged_date
from shared.tokens.vendors import Lifetime, Vendor, vendor_for
from tests.pure.material import ANY_JSON, MOMENTS, T0, TIMES, UNHURRIED

DAY = timedelta(days=1)
_TIMES = st.none() | MOMENTS
_WHOLE_SECONDS = MOMENTS.map(lambda moment: moment.replace(microsecond=0))


def _version(tag: str = "", expires: datetime | None = None, created: datetime = T0) -> SecretVersion:
    return SecretVersion("token", "1", True, created, expires, None, {"pratique-expires": tag})


def _vendor(lifetime: timedelta | None, kind: Lifetime) -> Vendor:
    druva = vendor_for("druva")
    assert druva is not None
    return replace(druva, lifetime=lifetime, lifetime_kind=kind)


def _jwt(payload: Any) -> SecretValue:
    text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return SecretValue(f"eyJ.{base64.urlsafe_b64encode(text).decode().rstrip('=')}.sig")


@UNHURRIED
@given(_TIMES, st.none() | st.dates(datetime(2025, 1, 1).date()), _TIMES, st.none() | st.integers(1, 800), MOMENTS)  # noqa: DTZ001 -- a bound
def test_the_end_is_never_later_than_any_known_date(
    expires: datetime | None, tag: Any, claim: datetime | None, days: int | None, created: datetime
) -> None:
    """Of all dates that are known the nearest is taken, and named after where it stands; without any it is unknown."""
    version = _version(tag.isoformat() if tag else "", expires, created)
    vendor = _vendor(timedelta(days=days), Lifetime.FIXED) if days else None
    known = {
        ExpirySource.VERSION: expires,
        ExpirySource.TAG: datetime(tag.year, tag.month, tag.day, tzinfo=UTC) if tag else None,
        ExpirySource.CLAIM: claim,
        ExpirySource.LIFETIME: created + timedelta(days=days) if days else None,
    }
    found = expiry_of(version, vendor, claim)
    dates = [moment for moment in known.values() if moment is not None]
    assert found.at == min(dates, default=None)
    assert found == UNKNOWN if not dates else known[found.source] == found.at


@pytest.mark.parametrize("kind", [Lifetime.CHOSEN, Lifetime.ENDLESS, Lifetime.UNKNOWN])
def test_a_lifetime_that_an_administrator_chooses_proves_no_end(kind: Lifetime) -> None:
    """Only where every token of the vendor lives equally long does the arrival tell the end."""
    assert expiry_of(_version(), _vendor(365 * DAY, kind)) == UNKNOWN
    assert expiry_of(_version(), _vendor(365 * DAY, Lifetime.FIXED)).at == T0 + 365 * DAY


def test_a_lifetime_beyond_the_calendar_is_no_date() -> None:
    """A catalogue may say anything; the forecast goes on."""
    assert expiry_of(_version(), _vendor(timedelta(days=999_999_999), Lifetime.FIXED)) == UNKNOWN


@UNHURRIED
@given(st.one_of(st.sampled_from(TIMES), st.text(max_size=40), MOMENTS.map(lambda moment: moment.isoformat())))
@example("2027-W10-1")
@example("0001-01-01T00:00:00+14:00")
@example("9999-12-31T23:59:59-14:00")
@example("99999-12-31")
@example(" 2027-03-01 ")
def test_any_tag_is_a_date_or_none(text: str) -> None:
    """No text raises, what is read is aware UTC: a time without a zone is none, for nobody knows which was meant."""
    read = tagged_date(_version(text))
    assert read is None or read.utcoffset() == timedelta(0)


@UNHURRIED
@given(_WHOLE_SECONDS, st.integers(-14 * 60, 14 * 60))
def test_a_tag_with_a_zone_is_the_same_moment_in_utc(moment: datetime, minutes: int) -> None:
    """Written in any zone, it is that moment; written as a day, it is the day's beginning; without a zone, nothing."""
    from datetime import timezone  # noqa: PLC0415 -- the only place that needs a zone other than UTC

    local = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert tagged_date(_version(local.isoformat())) == moment
    day = tagged_date(_version(moment.date().isoformat()))
    assert day == moment.replace(hour=0, minute=0, second=0)
    assert tagged_date(_version(moment.replace(tzinfo=None).isoformat())) is None


@UNHURRIED
@given(st.text(st.characters()))
@example("a.b.c")
@example("..")
@example("." * 20_000)
@example("\ud800.\ud800.\ud800")
@example("ä.ä.ä")
def test_any_text_is_a_claim_or_none(text: str) -> None:
    """Whatever is pasted, reading its end raises nothing."""
    claimed_end(SecretValue(text))


@UNHURRIED
@given(st.one_of(ANY_JSON, st.fixed_dictionaries({"exp": ANY_JSON}), st.binary(max_size=60)))
@example(b'{"exp": 1e999}')
@example(b'{"exp": NaN}')
@example(b'{"exp": -1e18}')
@example(b'{"exp": ' + b"9" * 5_000 + b"}")
@example(b"[" * 5_000)
@example({"exp": True})
def test_any_payload_is_a_claim_or_none(payload: Any) -> None:
    """Three parts with anything in the middle: an aware time in UTC, or none."""
    read = claimed_end(_jwt(payload))
    assert read is None or read.utcoffset() == timedelta(0)


@UNHURRIED
@given(seconds=st.integers(0, 4_000_000_000), blanks=st.booleans())
def test_a_jwts_own_end_is_read(seconds: int, *, blanks: bool) -> None:
    """`exp` counts seconds since 1970 (RFC 7519); blanks around a pasted token do not hide it."""
    value = _jwt({"exp": seconds}).reveal()
    read = claimed_end(SecretValue(f" {value}\n" if blanks else value))
    assert read is not None
    assert read.timestamp() == seconds


@pytest.mark.parametrize("value", ["a.b", "opaque", "a.b.c.d", _jwt([1]).reveal(), _jwt({"exp": "soon"}).reveal()])
def test_what_is_no_jwt_claims_nothing(value: str) -> None:
    """Two parts, four, none, a list, an `exp` that is no number."""
    assert claimed_end(SecretValue(value)) is None


def test_a_life_is_counted_from_the_arrival() -> None:
    """From the version's arrival to its end; negative for one that came too late; unknown without an end."""
    version = _version(expires=T0 + 30 * DAY)
    assert life_of(version, expiry_of(version, None)) == 30 * DAY
    late = _version(expires=T0 - DAY)
    assert life_of(late, expiry_of(late, None)) == -DAY
    assert life_of(_version(), UNKNOWN) is None
