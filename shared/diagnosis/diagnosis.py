"""A diagnosis: the cause, how sure we are, why, and what else is wrong; pure data."""

from dataclasses import dataclass

from shared.diagnosis.causes import Cause, Confidence
from shared.diagnosis.evidence import Part


@dataclass(frozen=True, slots=True)
class OtherCause:
    """Another cause that is present, and its share of the failures (0 to 1)."""

    cause: Cause
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The outcome of judging evidence; `reasons` are one line each, the weightiest first.

    `may_rotate` is true only where the evidence in hand justifies testing a new credential.
    """

    cause: Cause
    confidence: Confidence
    reasons: tuple[str, ...]
    may_rotate: bool = False
    others: tuple[OtherCause, ...] = ()
    blind: tuple[Part, ...] = ()
    said: str = ""

    @property
    def why(self) -> str:
        """Return the weightiest reason."""
        return self.reasons[0] if self.reasons else "Nothing that was read decides on a cause."
