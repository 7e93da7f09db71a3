"""What a look finds, in the words and fields that the row keeps and people are told; pure."""

from typing import Any

from shared.diagnosis.diagnosis import Diagnosis
from shared.incidents.incident import Incident, IncidentState
from shared.jobs.model import SynchronizationJob
from shared.redaction import redact
from shared.remediation.policy import Intent


def evidence_of(job: SynchronizationJob) -> dict[str, Any]:
    """Return what the job itself says of its quarantine, as the row keeps it."""
    quarantine = job.quarantine
    error = quarantine.error if quarantine else None
    return {
        "reason": quarantine.reason_text if quarantine else "",
        "error_code": error.code if error else "",
        "said": redact(error.message) if error else "",
        "series_began": quarantine.series_began if quarantine else None,
    }


def verdict_of(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the diagnosis as the row keeps it."""
    return {"cause": str(diagnosis.cause), "confidence": str(diagnosis.confidence)}


def paragraph(diagnosis: Diagnosis) -> str:
    """Say the diagnosis in a paragraph: why, what else is wrong, what could not be read."""
    others = ", ".join(f"{other.cause} {other.share:.0%}" for other in diagnosis.others[:3])
    blind = ", ".join(part.value.replace("_", " ") for part in diagnosis.blind)
    return " ".join(
        (
            diagnosis.why,
            *((f"Also among the failures: {others}.",) if others else ()),
            *((f"Could not be read: {blind}.",) if blind else ()),
        )
    )


def would(incident: Incident, intent: Intent) -> tuple[str, ...]:
    """Say what would be done if acting were allowed, and how to allow it."""
    text = (
        "Allowed to act, Pratique tests the vault's newest token and, if it passes, saves it and lifts the quarantine."
    )
    if intent is Intent.HOLD:
        return (text, "To allow it again: PRATIQUE_ACTING=on.")
    return (text, f"To allow it: PRATIQUE_MODE_BY_APPLICATION={incident.service_principal_id}=act.")


def said_of(job: SynchronizationJob) -> str:
    """Return the words of Entra's error, or nothing."""
    return job.quarantine.error.message if job.quarantine and job.quarantine.error else ""


def unproven(incident: Incident) -> str:
    """Say that what was done is not proven yet."""
    before = "Saved ahead of time" if incident.state is IncidentState.WATCHING else "Lifted"
    return f"{before}, not proven: waiting for a good cycle."
