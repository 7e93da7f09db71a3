"""A synchronization job as Graph describes it.

Every enumeration has an explicit `UNRECOGNISED` member and stands beside the text that Graph sent, because the
documentation and the service disagree on members (`QuarantineOnDemand` / `QuarantinedOnDemand`) and new ones appear.
Sources: Graph docs, synchronizationJob, synchronizationStatus, synchronizationQuarantine, synchronizationTaskExecution.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class JobCode(StrEnum):
    """Graph's `synchronizationStatusCode`."""

    NOT_CONFIGURED = "NotConfigured"
    NOT_RUN = "NotRun"
    ACTIVE = "Active"
    PAUSED = "Paused"
    QUARANTINE = "Quarantine"
    UNRECOGNISED = ""


class QuarantineReason(StrEnum):
    """Graph's `quarantineReason`; `Unknown` is one of its own members."""

    BASE_ESCROW_THRESHOLD = "EncounteredBaseEscrowThreshold"
    TOTAL_ESCROW_THRESHOLD = "EncounteredTotalEscrowThreshold"
    ESCROW_PROPORTION_THRESHOLD = "EncounteredEscrowProportionThreshold"
    QUARANTINE_EXCEPTION = "EncounteredQuarantineException"
    QUARANTINED_ON_DEMAND = "QuarantinedOnDemand"
    TOO_MANY_DELETES = "TooManyDeletes"
    INGESTION_INTERRUPTED = "IngestionInterrupted"
    UNKNOWN = "Unknown"
    UNRECOGNISED = ""


class CycleState(StrEnum):
    """Graph's `synchronizationTaskExecutionResult`."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ENTRY_LEVEL_ERRORS = "EntryLevelErrors"
    UNRECOGNISED = ""


@dataclass(frozen=True, slots=True)
class JobError:
    """Graph's `synchronizationError`; the code `None` with an empty message means no error and is never kept."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Cycle:
    """One execution of the job."""

    state: CycleState
    state_text: str
    began: datetime | None
    ended: datetime | None
    error: JobError | None


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Why and since when the job is quarantined; a series ends as soon as the quarantine is lifted."""

    reason: QuarantineReason
    reason_text: str
    error: JobError | None
    series_began: datetime | None
    series_count: int
    current_began: datetime | None
    next_attempt: datetime | None


@dataclass(frozen=True, slots=True)
class SynchronizationJob:
    """One job of one service principal; `raw` is Graph's answer, whole."""

    service_principal_id: str
    id: str
    template_id: str
    code: JobCode
    code_text: str
    schedule_state: str
    interval: timedelta | None
    quarantine: Quarantine | None
    last_execution: Cycle | None
    raw: Mapping[str, Any]

    @property
    def quarantined(self) -> bool:
        """Say whether Graph holds the job in quarantine."""
        return self.code is JobCode.QUARANTINE


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """The application whose jobs we watch; `id` is its object id, the one that Graph's job addresses take."""

    id: str
    app_id: str
    display_name: str
