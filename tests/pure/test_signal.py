"""A signal survives the queue; nothing else passes for one."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.detection.signal import News, Signal, Source
from shared.errors import MalformedNews
from tests.pure.material import ANY_JSON, ANY_TIME, JOB, MOMENTS, SP, T0, UNHURRIED

_IDS = st.text(st.characters(codec="utf-8", exclude_characters="/\\#?%"), min_size=1, max_size=400).filter(
    lambda text: text.isprintable() and bool(text.strip(". "))
)
_SIGNALS = st.builds(Signal, _IDS, _IDS, st.sampled_from(Source), st.sampled_from(News), MOMENTS)
_FIELDS = {
    "service_principal_id": _IDS,
    "job_id": _IDS,
    "source": st.sampled_from(Source),
    "news": st.sampled_from(News),
    "news_at": ANY_TIME,
}
GOOD = Signal(SP, JOB, Source.SWEEP, News.QUARANTINED, T0)


def _read(text: str) -> Signal | None:
    try:
        return Signal.from_message(text)
    except MalformedNews:
        return None


@UNHURRIED
@given(_SIGNALS)
def test_a_signal_survives_the_queue(signal: Signal) -> None:
    """What is written is what is read."""
    assert Signal.from_message(signal.to_message()) == signal


@UNHURRIED
@given(st.text())
def test_any_text_is_a_signal_or_malformed(text: str) -> None:
    """No text raises anything but `MalformedNews`."""
    _read(text)


@UNHURRIED
@given(st.fixed_dictionaries({"v": st.just(1)}, optional={n: st.one_of(v, ANY_JSON) for n, v in _FIELDS.items()}))
def test_any_object_is_a_signal_or_malformed(raw: dict[str, Any]) -> None:
    """Objects that resemble a signal are read whole or refused, and their time is aware UTC."""
    signal = _read(json.dumps(raw))
    if signal is not None:
        assert signal.news_at.utcoffset() == timedelta(0)
        assert signal.service_principal_id == raw["service_principal_id"]
        assert signal.job_id == raw["job_id"]


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", '{"v": 2}', '{"v": "1"}', "[" * 100_000, "9" * 5_000, '{"v":1', "\ufeff{}", "\ud800"],
)
def test_what_is_no_signal_is_malformed(text: str) -> None:
    """Empty, deep, huge, cut and other releases' messages are all refused."""
    with pytest.raises(MalformedNews):
        Signal.from_message(text)


@pytest.mark.parametrize("name", ["service_principal_id", "job_id", "source", "news", "news_at"])
def test_a_missing_field_is_named(name: str) -> None:
    """The reason names what is lacking."""
    raw = json.loads(GOOD.to_message())
    del raw[name]
    with pytest.raises(MalformedNews, match=name):
        Signal.from_message(json.dumps(raw))


@pytest.mark.parametrize(
    "identifier",
    ["", " ", ".", "..", "a/b", "../users", "a\\b", "a#b", "a?b", "a%2Fb", "a\nb", "a\x00b", "a\u202eb", "x" * 401, 7],
)
@pytest.mark.parametrize("name", ["service_principal_id", "job_id"])
def test_an_identifier_cannot_lead_elsewhere(name: str, identifier: object) -> None:
    """What would make another path of a Graph address, or no key of a table, is refused."""
    raw = {**json.loads(GOOD.to_message()), name: identifier}
    with pytest.raises(MalformedNews):
        Signal.from_message(json.dumps(raw))


def test_the_longest_identifier_is_read() -> None:
    """Four hundred characters are within the limit."""
    raw = {**json.loads(GOOD.to_message()), "job_id": "x" * 400}
    assert Signal.from_message(json.dumps(raw)).job_id == "x" * 400


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "soon", 5, None])
def test_a_time_that_is_none_is_malformed(time: object) -> None:
    """Times off the calendar are refused like any other nonsense."""
    with pytest.raises(MalformedNews):
        Signal.from_message(json.dumps({**json.loads(GOOD.to_message()), "news_at": time}))
