"""What a cycle did for one user, and the steps in which Entra tells it.

Public sources: Graph docs, provisioningObjectSummary and provisioningStep; entra-docs, "Analyze provisioning logs".
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from emulator.jobs import Skip, SyncError, User, stamp

SOURCE = "Azure Active Directory"
_VERBS = {"create": "Add", "update": "Update", "disable": "Update", "delete": "Delete", "other": "Update"}
_WORDS = {"create": "created", "update": "updated", "disable": "disabled", "delete": "deleted", "other": "updated"}


class StepKind(StrEnum):
    """Graph's `provisioningStepType`."""

    IMPORT = "import"
    SCOPING = "scoping"
    MATCHING = "matching"
    EXPORT = "export"
    REFERENCE = "referenceResolution"


@dataclass(frozen=True, slots=True)
class Property:
    """One attribute that was written, or should have been."""

    name: str
    old: str | None
    new: str | None

    def resource(self) -> dict[str, Any]:
        """Render it for Graph."""
        return {"displayName": self.name, "oldValue": self.old, "newValue": self.new}


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one user; a failure says at which step it broke."""

    user: User
    action: str
    target_id: str | None = None
    error: SyncError | None = None
    failed_at: StepKind = StepKind.EXPORT
    properties: tuple[Property, ...] = ()
    skip: Skip | None = None

    @property
    def status(self) -> str:
        """Return Graph's `provisioningResult`."""
        if self.skip is not None:
            return "skipped"
        return "success" if self.error is None else "failure"

    @property
    def unresolved_reference(self) -> bool:
        """Say whether only a reference could not be resolved, which a later cycle mends by itself."""
        return self.error is not None and self.failed_at is StepKind.REFERENCE


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a change."""

    name: str
    kind: StepKind
    status: str
    description: str
    details: dict[str, Any] = field(default_factory=dict)

    def resource(self) -> dict[str, Any]:
        """Render it for `auditLogs/provisioning`."""
        return {
            "name": self.name,
            "provisioningStepType": self.kind,
            "status": self.status,
            "description": self.description,
            "details": self.details,
        }

    def on_demand(self, at: datetime) -> dict[str, Any]:
        """Render it for `provisionOnDemand`, whose words begin with capitals."""
        return {
            "name": self.name,
            "type": self.kind[0].upper() + self.kind[1:],
            "status": self.status.capitalize(),
            "description": self.description,
            "timestamp": stamp(at),
            "details": self.details,
        }


def steps_of(change: Change, application: str) -> list[Step]:
    """Tell a change step by step, up to the step at which it ended."""
    name, verb = change.user.user_name, _VERBS[change.action]
    steps = [
        Step(
            f"EntryImport{verb}",
            StepKind.IMPORT,
            "success",
            f"Received User '{name}' change of type ({verb}) from {SOURCE}",
            {"objectId": change.user.id, "accountEnabled": str(change.action != "disable")},
        ),
        _scoping(change.skip),
    ]
    if change.skip is not None:
        return [*steps, _skipped(change.user, change.skip)]
    if change.failed_at is StepKind.MATCHING and change.error is not None:
        described = f"Failed to match an entry in the source and target systems User '{name}'"
        return [*steps, Step("EntryImport", StepKind.MATCHING, "failure", described, _reported(change))]
    found = "no matching User was found" if change.action == "create" else "a matching User was found"
    matched = f"User '{name}' will be {_WORDS[change.action]} in {application} ({found} in {application})"
    steps.append(Step(f"EntrySynchronization{verb}", StepKind.MATCHING, "success", matched))
    if change.unresolved_reference:
        described = f"Failed to resolve the reference 'manager' of User '{name}' in {application}"
        return [*steps, Step("ReferenceResolution", StepKind.REFERENCE, "failure", described, _reported(change))]
    outcome = f"User '{name}' was {_WORDS[change.action]} in {application}"
    if change.error is not None:
        outcome = f"Failed to {change.action} User '{name}' in {application}"
    return [*steps, Step(f"EntryExport{verb}", StepKind.EXPORT, change.status, outcome, _reported(change))]


def _scoping(skip: Skip | None) -> Step:
    seen = skip or Skip("", assigned=True)
    details = {
        "Active in the source system": str(seen.active),
        "Assigned to the application": str(seen.assigned),
        "User has the required role": str(seen.assigned),
        "Scoping filter evaluation passed": str(seen.in_scope),
        "ScopeEvaluationResult": "{}" if seen.in_scope else "{\"department EQUALS 'Sales'\":false}",
    }
    text = "Determine if User in scope by evaluating against each scoping filter"
    return Step("EntrySynchronizationScoping", StepKind.SCOPING, "success", text, details)


def _skipped(user: User, skip: Skip) -> Step:
    why = []
    if not skip.assigned:
        why.append("This object is not assigned to the application.")
    if not skip.in_scope:
        why.append("This object does not pass the scoping filters.")
    if not skip.active:
        why.append("This object is not active in the source system.")
    numbered = " ".join(f"{number}) {text}" for number, text in enumerate(why, 1))
    return Step(
        "EntrySynchronizationSkip",
        StepKind.EXPORT,
        "skipped",
        f"The User '{user.user_name}' will be skipped due to the following reasons: {numbered}",
        {
            "SkipReason": skip.reason,
            "IsActive": str(skip.active),
            "Assigned to the application": str(skip.assigned),
            "IsInProvisioningScope": str(skip.in_scope),
            "ReportableIdentifier": user.user_name,
        },
    )


def _reported(change: Change) -> dict[str, Any]:
    return {"ReportableIdentifier": change.user.user_name}
