"""What may be done on our own is nothing but a rotation, and only where everything allows it."""

from itertools import product

import pytest

from shared.diagnosis.causes import Cause, Confidence
from shared.diagnosis.diagnosis import Diagnosis
from shared.remediation.policy import Intent, attempts_left, decide
from shared.settings import Mode

EVERYTHING = list(product(Cause, Confidence, Mode, [True, False]))


@pytest.mark.parametrize(("cause", "confidence", "mode", "acting"), EVERYTHING)
def test_rotating_takes_the_cause_the_mode_and_the_switch(
    cause: Cause, confidence: Confidence, mode: Mode, *, acting: bool
) -> None:
    """Over all causes, confidences, modes and the switch: exactly one combination rotates, and each says why."""
    decision = decide(Diagnosis(cause, confidence, ("because",)), mode, acting=acting)
    allowed = cause is Cause.INVALID_CREDENTIALS and mode is Mode.ACT and acting
    assert (decision.intent is Intent.ROTATE) is allowed
    assert decision.why.endswith(".")


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.INVALID_CREDENTIALS])
def test_every_other_cause_asks_a_person(cause: Cause) -> None:
    """Whatever the settings are, what is not the credential is told with what a person can do."""
    diagnosis = Diagnosis(cause, Confidence.HIGH, ("because",))
    intents = {decide(diagnosis, mode, acting=acting).intent for mode, acting in product(Mode, [True, False])}
    assert intents == {Intent.ASK}


def test_observing_and_holding_are_told_apart() -> None:
    """The mode is named before the switch, for lifting the switch alone would change nothing."""
    diagnosis = Diagnosis(Cause.INVALID_CREDENTIALS, Confidence.HIGH, ("because",))
    assert decide(diagnosis, Mode.OBSERVE, acting=True).intent is Intent.OBSERVE
    assert decide(diagnosis, Mode.OBSERVE, acting=False).intent is Intent.OBSERVE
    assert decide(diagnosis, Mode.ACT, acting=False).intent is Intent.HOLD


@pytest.mark.parametrize(("used", "left"), [(0, True), (1, True), (2, False), (3, False)])
def test_attempts_are_bounded(used: int, *, left: bool) -> None:
    """The last allowed attempt may begin, the one after it may not."""
    assert attempts_left(used, 2) is left
