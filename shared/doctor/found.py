"""What a check found; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Mark(StrEnum):
    """How much a finding matters."""

    FINE = "fine"
    LOOK = "look"
    """Worth knowing; nothing is missing for it."""
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Found:
    """One finding: what it is about, a sentence or two, and the commands or the page that mend it."""

    mark: Mark
    subject: str
    text: str
    mend: tuple[str, ...] = ()
    barred: bool = False
    """Whether the way is barred for whatever rests on this part: to try it would only say the same again."""

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"mark": str(self.mark), "subject": self.subject, "text": self.text, "mend": list(self.mend)}


def whole(findings: Iterable[Found]) -> dict[str, Any]:
    """Return all findings JSON-ready; `complete` says that nothing is missing."""
    listed = list(findings)
    complete = all(one.mark is not Mark.MISSING for one in listed)
    return {"complete": complete, "findings": [one.to_dict() for one in listed]}
