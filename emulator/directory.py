"""What the tenant knows: service principals, their jobs and saved credentials, and what was asked of them."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from emulator.clock import Clock
from emulator.entra import TENANT_ID
from emulator.jobs import Job, User
from emulator.secrets_store import SecretSave, SecretsStore
from emulator.settings import EmulatorSettings

INTEGRATED_APP = "WindowsAzureActiveDirectoryIntegratedApp"


@dataclass(slots=True)
class ServicePrincipal:
    """An enterprise application; its properties are those that Graph may be asked to select."""

    id: str
    app_id: str
    display_name: str
    tags: list[str] = field(default_factory=lambda: [INTEGRATED_APP])
    kind: str = "Application"
    notification_mails: list[str] = field(default_factory=list)

    def resource(self) -> dict[str, Any]:
        """Render it for Graph."""
        return {
            "id": self.id,
            "accountEnabled": True,
            "appDisplayName": self.display_name,
            "appId": self.app_id,
            "appOwnerOrganizationId": TENANT_ID,
            "appRoles": [{"id": "00000000-0000-0000-0000-000000000000", "displayName": "User", "isEnabled": True}],
            "displayName": self.display_name,
            "homepage": None,
            "notificationEmailAddresses": self.notification_mails,
            "servicePrincipalType": self.kind,
            "tags": self.tags,
        }


@dataclass(frozen=True, slots=True)
class Restart:
    """One restart request as it came, whatever became of it."""

    job_id: str
    body: Any
    widened: bool
    """True unless the scope was exactly `QuarantineState`."""
    at: datetime
    status: int


class Directory:
    """The tenant's mutable state."""

    def __init__(self, clock: Clock, settings: EmulatorSettings) -> None:
        self.service_principals: dict[str, ServicePrincipal] = {}
        self.jobs: dict[str, Job] = {}
        self.secrets = SecretsStore(clock, settings.secrets_settle, settings.secrets_put)
        self.owned: set[str] = set()
        """Ids of the service principals that the managed identity is an owner of."""
        self.restarts: list[Restart] = []
        self.repeated_starts: list[str] = []
        """Jobs that were started while they ran: Graph docs warn that it can stop the service from running."""
        self._clock = clock
        self._interval = timedelta(seconds=settings.cycle_interval)

    @property
    def secret_saves(self) -> list[SecretSave]:
        """Every accepted PUT of secrets."""
        return self.secrets.saves

    def add_service_principal(
        self, display_name: str, *, tags: list[str] | None = None, kind: str = "Application"
    ) -> ServicePrincipal:
        """Register an enterprise application."""
        principal = ServicePrincipal(str(uuid.uuid4()), str(uuid.uuid4()), display_name, kind=kind)
        if tags is not None:
            principal.tags = tags
        self.service_principals[principal.id] = principal
        return principal

    def add_job(self, principal: ServicePrincipal, template_id: str, users: list[User]) -> Job:
        """Give a service principal a started job that has not run yet; its first cycle is due."""
        job = Job(
            id=f"{template_id}.{TENANT_ID.replace('-', '')}.{uuid.uuid4()}",
            service_principal_id=principal.id,
            template_id=template_id,
            interval=self._interval,
            next_cycle=self._clock.now(),
            users=users,
        )
        self.jobs[job.id] = job
        return job

    def jobs_of(self, service_principal_id: str) -> list[Job]:
        """Return the jobs of one service principal."""
        return [job for job in self.jobs.values() if job.service_principal_id == service_principal_id]

    def job_resource(self, job: Job) -> dict[str, Any]:
        """Render a job for Graph, with its deletion threshold among its settings."""
        settings = {"AzureIngestionAttributeOptimization": "False", "LookaheadQueryEnabled": "False"}
        threshold = self.deletion_threshold(job)
        if threshold is not None:
            settings["QuarantineTooManyDeletesThreshold"] = str(threshold)
        return job.resource([{"name": name, "value": value} for name, value in settings.items()])

    def deletion_threshold(self, job: Job) -> int | None:
        """Read the accidental-deletion threshold where it is kept: in the `SyncNotificationSettings` secret."""
        notification = self._notification(job)
        if not notification.get("DeleteThresholdEnabled"):
            return None
        return int(notification.get("DeleteThresholdValue", 500))

    def has_notification_mail(self, job: Job) -> bool:
        """Say whether anybody is told by mail of the job's quarantine."""
        notification = self._notification(job)
        return bool(notification.get("Enabled") and notification.get("Recipients"))

    def set_notification_mail(self, job: Job, recipients: str) -> None:
        """Change who is told by mail, as an administrator does in the portal; it counts at once."""
        changed = {**self._notification(job), "Enabled": bool(recipients), "Recipients": recipients}
        saved = self.secrets.effective(job.service_principal_id)
        self.secrets.preset(job.service_principal_id, {**saved, "SyncNotificationSettings": json.dumps(changed)})

    def _notification(self, job: Job) -> Mapping[str, Any]:
        saved = self.secrets.effective(job.service_principal_id).get("SyncNotificationSettings")
        return json.loads(saved) if saved else {}
