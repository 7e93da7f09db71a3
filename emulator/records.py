"""Audit and provisioning records, in Graph's shape and in the columns of Log Analytics.

Public sources: Graph docs, directoryAudit and provisioningObjectSummary; Azure Monitor table reference, AuditLogs and
AADProvisioningLogs; entra-powershell's Get-EntraAuditDirectoryLog page (the text of a Quarantine record).
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from emulator.changes import Change, steps_of
from emulator.clock import Clock
from emulator.directory import ServicePrincipal
from emulator.entra import TENANT_ID
from emulator.jobs import Job, SyncError, User, stamp

_FLOOD = "00000000-0000-4000-9000-{:012x}"
_SERVICE = "Account Provisioning"
_INITIATOR = "Azure AD Cloud Sync"

RESTARTED = "Enable/restart provisioning configuration"
STARTED = "Enable/start provisioning configuration"
PAUSED = "Disable/pause provisioning configuration"
CREDENTIALS_UPDATED = "Update provisioning setting or credentials"


class Provisioned(Protocol):
    """An application, as far as its records go."""

    @property
    def service_principal(self) -> ServicePrincipal:
        """Return who owns the job."""
        ...

    @property
    def job(self) -> Job:
        """Return the job."""
        ...


class Records:
    """Writes every record twice: kept as Graph would answer it, and sent to Log Analytics."""

    def __init__(self, clock: Clock, write: Callable[[str, Mapping[str, Any]], None]) -> None:
        self.audits: list[dict[str, Any]] = []
        self.provisioning: list[dict[str, Any]] = []
        self._clock = clock
        self._write = write

    def quarantined(self, principal: ServicePrincipal, reason: str, error: SyncError | None) -> None:
        """Record that a quarantine was imposed or, looked at again, left in force."""
        message = "" if error is None else f"; Error: {error.message}"
        self._audit(
            principal,
            "Quarantine",
            result="failure",
            text=f"This run profile is being quarantined because of: {reason}{message}",
            error_code="" if error is None else error.code,
        )

    def configured(self, principal: ServicePrincipal, activity: str) -> None:
        """Record that somebody restarted, started or paused the job, or changed its credentials."""
        self._audit(principal, activity, result="success", text="", error_code="")

    def provisioned(self, principal: ServicePrincipal, job: Job, cycle_id: str, change: Change) -> None:
        """Record what became of one user in a cycle."""
        summary = self._summary(principal, job, cycle_id, change)
        self.provisioning.append(summary)
        self._write("AADProvisioningLogs", self._row(summary))

    def flood(
        self, application: Provisioned, count: int, errors: Sequence[SyncError], users: int | None = None
    ) -> None:
        """Write that many failures of one job to Log Analytics alone, cheaply.

        Args:
            application: whose job it is.
            count: how many rows.
            errors: what they say, in turn.
            users: how many users they tell of; one each unless given.
        """
        cycle_id, action = str(uuid.uuid4()), "create"
        rows = []
        for error in errors:
            user = User(str(uuid.uuid4()), "flood@contoso.example", "Flood")
            change = Change(user, action, error=error)
            rows.append(self._row(self._summary(application.service_principal, application.job, cycle_id, change)))
        for number in range(count):
            who = number % (users or count)
            identity = f'{{"id": "{_FLOOD.format(who)}", "displayName": "User {who}", "identityType": "User"}}'
            change_id = f"{number:08x}-0000-4000-8000-000000000000"
            row = rows[number % len(rows)] | {"Id": change_id, "ChangeId": change_id, "SourceIdentity": identity}
            self._write("AADProvisioningLogs", row)

    def _row(self, summary: dict[str, Any]) -> dict[str, Any]:
        """Write a summary in the columns of Log Analytics."""
        error = summary["provisioningStatusInfo"]["errorInformation"]
        return {
            "TimeGenerated": self._clock.now(),
            "AADTenantId": TENANT_ID,
            "TenantId": TENANT_ID,
            "Category": "ProvisioningLogs",
            "OperationName": "Provisioning activity",
            "OperationVersion": "1.0",
            "Id": summary["id"],
            "JobId": summary["jobId"],
            "CycleId": summary["cycleId"],
            "ChangeId": summary["changeId"],
            "CorrelationId": summary["changeId"],
            "DurationMs": summary["durationInMilliseconds"],
            "ProvisioningAction": summary["provisioningAction"],
            "ResultType": summary["provisioningStatusInfo"]["status"].capitalize(),
            "ResultSignature": "" if error is None else error["errorCode"],
            "ResultDescription": "" if error is None else error["reason"],
            "SourceSystem": "Azure AD",
            "Type": "AADProvisioningLogs",
            # Object columns of this table are text that holds JSON.
            "InitiatedBy": json.dumps(summary["initiatedBy"]),
            "ServicePrincipal": json.dumps(summary["servicePrincipal"]),
            "SourceIdentity": json.dumps(summary["sourceIdentity"]),
            "TargetIdentity": json.dumps(summary["targetIdentity"]),
            "TargetSystem": json.dumps(summary["targetSystem"]),
            "ModifiedProperties": json.dumps(summary["modifiedProperties"]),
            "ProvisioningSteps": json.dumps(summary["provisioningSteps"]),
            "ProvisioningStatusInfo": json.dumps(summary["provisioningStatusInfo"]),
        }

    def _audit(self, principal: ServicePrincipal, activity: str, *, result: str, text: str, error_code: str) -> None:
        now, correlation = self._clock.now(), str(uuid.uuid4())
        details = {"Details": text, "ErrorCode": error_code, "EventName": activity, "ipaddr": ""}
        audit: dict[str, Any] = {
            "id": f"Sync_{correlation}_{uuid.uuid4().hex[:5].upper()}_{len(self.audits)}",
            "category": "ProvisioningManagement",
            "correlationId": correlation,
            "result": result,
            "resultReason": text,
            "activityDisplayName": activity,
            "activityDateTime": stamp(now),
            "loggedByService": _SERVICE,
            "operationType": "",
            "initiatedBy": {
                "user": None,
                "app": {
                    "appId": None,
                    "displayName": _INITIATOR,
                    "servicePrincipalId": None,
                    "servicePrincipalName": None,
                },
            },
            "targetResources": [
                _resource(principal.id, principal.display_name, "ServicePrincipal"),
                _resource("", "", "User"),
            ],
            "additionalDetails": [{"key": key, "value": value} for key, value in details.items()],
        }
        self.audits.append(audit)
        # Rows of this service carry their text in ResultDescription; every other one has it in both columns.
        self._write(
            "AuditLogs",
            {
                "TimeGenerated": now,
                "ActivityDateTime": now,
                "AADOperationType": "",
                "AADTenantId": TENANT_ID,
                "ActivityDisplayName": activity,
                "OperationName": activity,
                "OperationVersion": "1.0",
                "Category": audit["category"],
                "CorrelationId": correlation,
                "DurationMs": 0,
                "Id": audit["id"],
                "Identity": _INITIATOR,
                "Level": "4",
                "Location": "",
                "LoggedByService": _SERVICE,
                "Resource": "Microsoft.aadiam",
                "ResourceGroup": "Microsoft.aadiam",
                "ResourceId": f"/tenants/{TENANT_ID}/providers/Microsoft.aadiam",
                "ResourceProvider": "",
                "Result": result,
                "ResultDescription": text,
                "ResultReason": text if len(self.audits) % 2 == 0 else "",
                "ResultSignature": "None",
                "ResultType": "",
                "SourceSystem": "Azure AD",
                "Type": "AuditLogs",
                "InitiatedBy": audit["initiatedBy"],
                "TargetResources": audit["targetResources"],
                "AdditionalDetails": audit["additionalDetails"],
            },
        )

    def _summary(self, principal: ServicePrincipal, job: Job, cycle_id: str, change: Change) -> dict[str, Any]:
        user, error = change.user, change.error
        information = None
        if error is not None:
            information = {
                "errorCode": error.code,
                "reason": error.message,
                "additionalDetails": None,
                "errorCategory": "nonServiceFailure",
                "recommendedAction": None,
            }
        return {
            "id": str(uuid.uuid4()),
            "activityDateTime": stamp(self._clock.now()),
            "tenantId": TENANT_ID,
            "jobId": job.id,
            "cycleId": cycle_id,
            "changeId": str(uuid.uuid4()),
            "provisioningAction": change.action,
            "durationInMilliseconds": 20,
            "servicePrincipal": {"id": principal.id, "displayName": principal.display_name},
            "initiatedBy": {"id": "", "displayName": "Azure AD Provisioning Service", "initiatorType": "system"},
            "sourceSystem": {"id": TENANT_ID, "displayName": "Azure Active Directory", "details": {}},
            "targetSystem": {
                "id": job.id,
                "displayName": principal.display_name,
                "details": {
                    "ApplicationId": principal.app_id,
                    "ServicePrincipalId": principal.id,
                    "ServicePrincipalDisplayName": principal.display_name,
                },
            },
            "sourceIdentity": _identity(user.id, user.display_name),
            "targetIdentity": _identity(change.target_id or "", user.display_name if change.target_id else ""),
            "modifiedProperties": [one.resource() for one in change.properties],
            "provisioningSteps": [step.resource() for step in steps_of(change, principal.display_name)],
            "provisioningStatusInfo": {"status": change.status, "errorInformation": information},
        }


def _resource(identifier: str, name: str, kind: str) -> dict[str, Any]:
    return {
        "id": identifier,
        "displayName": name,
        "type": kind,
        "userPrincipalName": None,
        "groupType": None,
        "modifiedProperties": [],
    }


def _identity(identifier: str, name: str) -> dict[str, Any]:
    return {"id": identifier, "displayName": name, "identityType": "User", "details": {}}
