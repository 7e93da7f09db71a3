"""A tenant whose clock jumps instead of waiting, and a gatherer in front of it, made of the product's real clients."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.identity.aio import ManagedIdentityCredential

from emulator.engine import users_named
from emulator.settings import EmulatorSettings
from emulator.tenant import Application, EmbeddedTenant
from shared.clients.graph import Graph
from shared.clients.graph_reports import GraphReports
from shared.clients.graph_transport import GraphTransport
from shared.clients.logs import Logs
from shared.clients.scim import ScimProbe
from shared.clients.vault import Vault
from shared.diagnosis.evidence import Evidence
from shared.evidence.gather import Gatherer
from shared.jobs.model import SynchronizationJob

VAULT_TOKEN = "scim-vault-token-08154711"
LIMIT = timedelta(seconds=8)


class JumpingClock:
    """Real time plus every wait that was asked for, none of which is waited for."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self.slept: list[float] = []

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC) + self.ahead

    async def sleep(self, seconds: float) -> None:
        """Jump ahead."""
        self.slept.append(seconds)
        self.ahead += timedelta(seconds=seconds)


@dataclass
class Scene:
    """An application with failures to come, and what reads them."""

    tenant: EmbeddedTenant
    clock: JumpingClock
    application: Application
    graph: Graph
    reports: GraphReports
    logs: Logs
    vault: Vault

    async def gather(
        self,
        *,
        deep: bool = True,
        workspace: bool = True,
        prober: ScimProbe | None = None,
        limit: timedelta = LIMIT,
        job: SynchronizationJob | None = None,
    ) -> Evidence:
        """Gather evidence about the application's job, which is read first unless it is given."""
        logs = self.logs if workspace else None
        gatherer = Gatherer(
            self.graph, self.reports, logs, self.vault, prober, self.clock, limit=limit, failures_days=7
        )
        return await gatherer.gather(job or await self.job(), deep=deep)

    async def job(self) -> SynchronizationJob:
        """Read the application's job."""
        return await self.graph.job(self.application.service_principal.id, self.application.job.id)

    def fail(self, number: int, code: str, text: str, **columns: str) -> None:
        """Write one failure into the workspace, as the service's export does; columns may be replaced."""
        row = {
            "JobId": self.application.job.id,
            "TimeGenerated": self.clock.now(),
            "ResultType": "Failure",
            "ResultSignature": code,
            "ResultDescription": text,
            "ProvisioningAction": "create",
            "SourceIdentity": f'{{"id":"user-{number}","displayName":"User {number}"}}',
            "ProvisioningSteps": '[{"name":"EntryImport","provisioningStepType":"import","status":"success"},'
            '{"name":"EntryExportAdd","provisioningStepType":"export","status":"failure"}]',
        }
        self.tenant.logs.write("AADProvisioningLogs", {**row, **columns})


@pytest.fixture
async def scene(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """Open a tenant with one application whose token is in the vault; no cycle runs on its own."""
    clock = JumpingClock()
    settings = EmulatorSettings(ingestion_delay=0.0, secrets_settle=0.0)
    async with EmbeddedTenant(state_dir, settings=settings, clock=clock) as tenant, AsyncExitStack() as stack:
        for name, value in tenant.environment().items():
            monkeypatch.setenv(name, value)
        application = await tenant.add_application("Contoso", users=users_named("Contoso", 3))
        tags = {
            "pratique-service-principal": application.service_principal.id,
            "pratique-tenant-url": application.target.tenant_url,
        }
        await tenant.vault.put("contoso-token", application.target.issue_token(value=VAULT_TOKEN), tags=tags)
        credential = await stack.enter_async_context(ManagedIdentityCredential())
        transport = GraphTransport(f"{tenant.graph.origin}/v1.0", credential, timedelta(seconds=10))
        graph = Graph(transport, clock)
        logs = Logs(f"{tenant.logs.origin}/v1", tenant.logs.workspace_id, credential)
        vault = Vault(tenant.vault.origin, credential)
        for part in (graph, logs, vault):
            stack.push_async_callback(part.close)
        yield Scene(tenant, clock, application, graph, GraphReports(transport, clock), logs, vault)
