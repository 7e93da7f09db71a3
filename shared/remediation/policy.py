"""What we may do about an incident; pure. The fuller policy (approval, windows, budgets) belongs in this module.

Everything here only ever says no more than the settings allow: the mode of the tenant, the mode of the application,
the one switch that stops all acting, and the number of attempts.
"""

from dataclasses import dataclass
from enum import StrEnum

from shared.diagnosis.causes import Cause
from shared.diagnosis.diagnosis import Diagnosis
from shared.settings import Mode


class Intent(StrEnum):
    """What is to be done about a quarantined job."""

    ROTATE = "rotate"
    ASK = "ask"
    OBSERVE = "observe"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Decision:
    """An intent and its reason, in a sentence that people are shown."""

    intent: Intent
    why: str


_ROTATED = frozenset({Cause.INVALID_CREDENTIALS})


def decide(diagnosis: Diagnosis, mode: Mode, *, acting: bool) -> Decision:
    """Decide what to do about a quarantine with this diagnosis."""
    if diagnosis.cause not in _ROTATED:
        return Decision(Intent.ASK, "Pratique does not act on this cause: a person decides.")
    if mode is Mode.OBSERVE:
        return Decision(Intent.OBSERVE, "The mode is observe: Pratique tells and changes nothing.")
    if not acting:
        return Decision(Intent.HOLD, "Acting is switched off (PRATIQUE_ACTING=off).")
    return Decision(Intent.ROTATE, "The mode is act and the cause is the credential.")


def attempts_left(used: int, limit: int) -> bool:
    """Say whether another attempt may begin."""
    return used < limit
