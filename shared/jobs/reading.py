"""Reads Graph's JSON into our own small types."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import isodate

from shared.jobs.model import (
    Cycle,
    CycleState,
    JobCode,
    JobError,
    Quarantine,
    QuarantineReason,
    ServicePrincipal,
    SynchronizationJob,
)

_NEVER = 1  # Graph writes "never" as a time in the year 1
_NO_INTERVAL = timedelta(days=366)  # .NET's TimeSpan.MaxValue stands for "no interval"
_ALIASES = {"QuarantineOnDemand": "QuarantinedOnDemand"}  # Entra's quarantine page against Graph's reference


def read_job(service_principal_id: str, raw: Mapping[str, Any]) -> SynchronizationJob:
    """Read one `synchronizationJob` resource; a missing part is None, an unknown word keeps its text."""
    status = _part(raw, "status")
    schedule = _part(raw, "schedule")
    code_text = _text(status, "code")
    return SynchronizationJob(
        service_principal_id=service_principal_id,
        id=_text(raw, "id"),
        template_id=_text(raw, "templateId"),
        code=_member(JobCode, code_text, JobCode.UNRECOGNISED),
        code_text=code_text,
        schedule_state=_text(schedule, "state"),
        interval=read_interval(_text(schedule, "interval")),
        quarantine=_read_quarantine(status),
        last_execution=_read_cycle(_part(status, "lastExecution")),
        raw=raw,
    )


def read_service_principal(raw: Mapping[str, Any]) -> ServicePrincipal:
    """Read the selected fields of one `servicePrincipal` resource."""
    return ServicePrincipal(
        id=_text(raw, "id"), app_id=_text(raw, "appId"), display_name=_text(raw, "displayName") or _text(raw, "id")
    )


def read_time(text: Any) -> datetime | None:
    """Read a Graph time; the year 1, an empty string, null and nonsense all mean that there is none."""
    if not isinstance(text, str) or not text:
        return None
    try:
        time = datetime.fromisoformat(text)
        if time.year == _NEVER:
            return None
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def read_interval(text: str) -> timedelta | None:
    """Read an ISO 8601 duration such as `PT40M`; None when there is none or it is .NET's longest."""
    try:
        interval = isodate.parse_duration(text)
    except (isodate.ISO8601Error, ValueError, OverflowError):
        return None
    if not isinstance(interval, timedelta) or not timedelta(0) < interval < _NO_INTERVAL:
        return None
    return interval


def _read_quarantine(status: Mapping[str, Any]) -> Quarantine | None:
    raw = _part(status, "quarantine")
    if not raw:
        return None
    reason_text = _text(raw, "reason")
    error = _read_error(_part(raw, "error")) or _read_error(_part(_part(status, "lastExecution"), "error"))
    return Quarantine(
        reason=_member(QuarantineReason, _ALIASES.get(reason_text, reason_text), QuarantineReason.UNRECOGNISED),
        reason_text=reason_text,
        error=error,
        series_began=read_time(raw.get("seriesBegan")),
        series_count=_whole(raw.get("seriesCount")),
        current_began=read_time(raw.get("currentBegan")),
        next_attempt=read_time(raw.get("nextAttempt")),
    )


def _read_cycle(raw: Mapping[str, Any]) -> Cycle | None:
    if not raw:
        return None
    state_text = _text(raw, "state")
    return Cycle(
        state=_member(CycleState, state_text, CycleState.UNRECOGNISED),
        state_text=state_text,
        began=read_time(raw.get("timeBegan")),
        ended=read_time(raw.get("timeEnded")),
        error=_read_error(_part(raw, "error")),
    )


def _read_error(raw: Mapping[str, Any]) -> JobError | None:
    code, message = _text(raw, "code"), _text(raw, "message")
    if not message and code in ("", "None"):
        return None
    return JobError(code=code, message=message)


def _part(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    return value if isinstance(value, Mapping) else {}


def _text(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name)
    return value if isinstance(value, str) else ""


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _member[T: StrEnum](kind: type[T], text: str, otherwise: T) -> T:
    # Some answers of the service differ from the documentation in the first letter's case only.
    wanted = text.casefold()
    return next((member for member in kind if member.value and member.value.casefold() == wanted), otherwise)
