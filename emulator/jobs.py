"""A synchronization job and its parts, kept as state and rendered as the Graph resource.

Public source of the shapes: Graph docs, synchronizationJob, synchronizationStatus, synchronizationQuarantine and
synchronizationTaskExecution.
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

YEAR_ONE = "0001-01-01T00:00:00Z"
"""How Graph writes a time that never was."""
ON_DEMAND = "QuarantinedOnDemand"


def stamp(moment: datetime | None) -> str:
    """Write a moment as Graph does: UTC, seven fractional digits, year one for none."""
    if moment is None:
        return YEAR_ONE
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


@dataclass(frozen=True, slots=True)
class SyncError:
    """A synchronizationError."""

    code: str
    message: str
    tenant_actionable: bool = True

    def resource(self) -> dict[str, Any]:
        """Render it for Graph."""
        return {"code": self.code, "message": self.message, "tenantActionable": self.tenant_actionable}


@dataclass(frozen=True, slots=True)
class Counts:
    """What a cycle counted."""

    entitled: int = 0
    exported: int = 0
    escrowed: int = 0


@dataclass(frozen=True, slots=True)
class Execution:
    """A synchronizationTaskExecution: one cycle, ended."""

    activity: str
    began: datetime
    ended: datetime
    state: str
    error: SyncError | None = None
    counts: Counts = Counts()

    def resource(self) -> dict[str, Any]:
        """Render it for Graph."""
        return {
            "activityIdentifier": self.activity,
            "countEntitled": self.counts.entitled,
            "countEntitledForProvisioning": self.counts.entitled,
            "countEscrowed": self.counts.escrowed,
            "countEscrowedRaw": self.counts.escrowed,
            "countExported": self.counts.exported,
            "countExports": self.counts.exported,
            "countImported": self.counts.entitled,
            "countImportedDeltas": self.counts.exported,
            "countImportedReferenceDeltas": 0,
            "state": self.state,
            "timeBegan": stamp(self.began),
            "timeEnded": stamp(self.ended),
            "error": None if self.error is None else self.error.resource(),
        }


# What Graph shows for a job that was started and never ran: "Failed", though nothing failed.
_NEVER_RAN = {
    "activityIdentifier": None,
    **dict.fromkeys(
        (
            "countEntitled",
            "countEntitledForProvisioning",
            "countEscrowed",
            "countEscrowedRaw",
            "countExported",
            "countExports",
            "countImported",
            "countImportedDeltas",
            "countImportedReferenceDeltas",
        ),
        0,
    ),
    "state": "Failed",
    "timeBegan": YEAR_ONE,
    "timeEnded": YEAR_ONE,
    "error": {"code": "None", "message": "", "tenantActionable": False},
}


@dataclass(slots=True)
class Quarantine:
    """A synchronizationQuarantine; `reason` is free text, so that a test can impose one nobody has heard of."""

    reason: str
    error: SyncError | None
    series_began: datetime
    current_began: datetime
    series_count: int = 1
    next_attempt: datetime | None = None

    def resource(self) -> dict[str, Any]:
        """Render it for Graph."""
        return {
            "currentBegan": stamp(self.current_began),
            "nextAttempt": stamp(self.next_attempt),
            "reason": self.reason,
            "seriesBegan": stamp(self.series_began),
            "seriesCount": self.series_count,
            "error": None if self.error is None else self.error.resource(),
        }


@dataclass(frozen=True, slots=True)
class User:
    """A user of the directory whom an application's job provisions."""

    id: str
    user_name: str
    display_name: str
    manager_id: str | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """Why a user of the directory is left out: the documented reason, and what scoping found."""

    reason: str = "NotEffectivelyEntitled"
    active: bool = True
    assigned: bool = False
    in_scope: bool = True


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What ends every cycle of a job before it reaches the target, as only Entra's own side can."""

    reason: str
    error: SyncError


@dataclass(slots=True)
class Job:
    """A synchronization job: what Graph shows of it, whom it provisions, and when it runs next."""

    id: str
    service_principal_id: str
    template_id: str
    interval: timedelta
    next_cycle: datetime | None
    """When the engine runs it; none while only a person can set it going."""
    users: list[User] = field(default_factory=list)
    leavers: list[User] = field(default_factory=list)
    """No longer in scope: the next cycle disables them at the target, unless they are too many."""
    schedule_state: str = "Active"
    code: str = "NotRun"
    quarantine: Quarantine | None = None
    complete_failures: int = 0
    last: Execution | None = None
    last_successful: Execution | None = None
    last_with_exports: Execution | None = None
    steady_first: datetime | None = None
    steady_last: datetime | None = None
    deletes_allowed: bool = False
    """Set by the `ForceDeletes` scope, for one cycle."""
    running: bool = False
    obstacle: Obstacle | None = None
    entry_faults: dict[str, SyncError] = field(default_factory=dict)
    """By user: failures that Entra's own side finds before anything is sent."""
    outside: dict[str, tuple[User, Skip]] = field(default_factory=dict)
    """By user: who is evaluated and left out."""
    skips_told: set[str] = field(default_factory=set)
    escrows: dict[str, int] = field(default_factory=dict)
    """By user: how often a failed operation was retried."""
    target_ids: dict[str, str] = field(default_factory=dict)
    """By user: the target's identifier, once known."""
    managers: dict[str, str] = field(default_factory=dict)
    """By user: the manager that the target was told."""

    @property
    def inbound(self) -> bool:
        """Say whether this is an API-driven inbound job."""
        return self.template_id.startswith("API2")

    @property
    def rule_id(self) -> str:
        """Return the identifier of its only synchronization rule."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, self.id))

    def resource(self, settings: list[dict[str, str]]) -> dict[str, Any]:
        """Render it for Graph."""
        return {
            "id": self.id,
            "templateId": self.template_id,
            "schedule": {
                "expiration": None,
                "interval": _iso_duration(self.interval),
                "state": self.schedule_state,
            },
            "status": {
                "countSuccessiveCompleteFailures": self.complete_failures,
                "escrowsPruned": False,
                "code": self.code,
                "lastSuccessfulExecution": _execution(self.last_successful),
                "lastSuccessfulExecutionWithExports": _execution(self.last_with_exports),
                "steadyStateFirstAchievedTime": stamp(self.steady_first),
                "steadyStateLastAchievedTime": stamp(self.steady_last),
                "troubleshootingUrl": "",
                "lastExecution": _NEVER_RAN if self.last is None else self.last.resource(),
                "progress": [],
                "quarantine": None if self.quarantine is None else self.quarantine.resource(),
                "synchronizedEntryCountByType": self._entries(),
            },
            "synchronizationJobSettings": settings,
        }

    def _entries(self) -> list[dict[str, Any]]:
        if self.last_successful is None:
            return []
        return [{"key": "User to User", "value": self.last_successful.counts.entitled}]


def _execution(execution: Execution | None) -> dict[str, Any] | None:
    return None if execution is None else execution.resource()


def _iso_duration(interval: timedelta) -> str:
    """Write an interval as Graph does: `PT40M`, `PT2S`, `PT0.5S`."""
    minutes, seconds = divmod(interval.total_seconds(), 60)
    if minutes and not seconds:
        return f"PT{int(minutes)}M"
    return f"PT{int(minutes)}M{seconds:g}S" if minutes else f"PT{seconds:g}S"
