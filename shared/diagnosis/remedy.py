"""What a remedy is: ordered steps, each with its place and the role that may take it; pure data."""

from dataclasses import dataclass
from enum import StrEnum

PROVISIONING = "Provisioning page"
"""Where a place begins with these words, the deep link to the application's provisioning page belongs beside it."""

NEW_TOKEN = "The application's own console"  # noqa: S105 -- the name of a place
"""The place that a vendor's console path takes where the catalogue knows it."""


class Restart(StrEnum):
    """Whether the job has to be restarted once the steps are done, and by whom."""

    BY_US = "by_us"
    BY_PERSON = "by_person"
    NOT_NEEDED = "not_needed"
    NOT_BEFORE_DECIDED = "not_before_decided"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, where to do it, and who can."""

    what: str
    where: str = ""
    who: str = ""

    @property
    def on_provisioning_page(self) -> bool:
        """Say whether the application's provisioning page is the place."""
        return self.where.startswith(PROVISIONING)


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do, in order; what happens then; whether a restart is needed; where the knowledge is from."""

    steps: tuple[Step, ...]
    next: str
    restart: Restart
    source: tuple[str, ...]
