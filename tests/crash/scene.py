"""The scene of every kill: one application whose token has expired, its new token in the vault, and the worker."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from emulator.azurite import Storage, connection_string
from emulator.engine import users_named
from emulator.settings import EmulatorSettings, SecretsPut
from emulator.tenant import Application, EmbeddedTenant
from shared.clients import storage as product_storage
from shared.clock import SystemClock
from shared.detection.signal import QUEUE, News, Signal, Source
from shared.incidents.incident import Incident, IncidentState
from shared.incidents.store import Incidents, Journal
from shared.redaction import SecretValue
from shared.remediation.limits import ATTEMPT
from tests.crash.worker import SETTINGS, Worker, app_folder
from tests.host.running import send
from tests.product.conftest import until

NAME = "Contoso Payroll"
SECRET = "payroll-scim-token"
ONLY_THE_QUARANTINE = {"criteria": {"resetScope": "QuarantineState"}}
_PATIENCE = 60.0


@dataclass
class Scene:
    """What a test kills, and what it looks at afterwards."""

    tenant: EmbeddedTenant
    application: Application
    storage: Storage
    stores: product_storage.Storage
    environment: dict[str, str]
    settings_before: dict[str, str]
    folder: Path
    workers: list[Worker] = field(default_factory=list)

    async def start_worker(self) -> Worker:
        """Start a fresh worker process."""
        worker = await Worker.start(
            self.folder / "app", self.environment, self.folder / f"worker-{len(self.workers)}.log"
        )
        self.workers.append(worker)
        return worker

    def kill(self) -> None:
        """Kill the worker that was started last."""
        self.workers[-1].kill()

    async def bring_news(self, news: News = News.CREDENTIAL) -> None:
        """Put one signal on the queue; it is the only news that the worker gets."""
        job = self.application.job
        signal = Signal(job.service_principal_id, job.id, Source.VAULT, news, datetime.now(UTC))
        await send(self.storage, QUEUE, signal.to_message())

    async def killed(self, is_killed: asyncio.Event) -> None:
        """Wait until the first worker has been killed, and start another."""
        try:
            await asyncio.wait_for(is_killed.wait(), _PATIENCE)
        except TimeoutError:
            raise AssertionError(f"the moment never came:\n{self.workers[-1].said()}") from None
        assert await self.workers[-1].ended() == -signal.SIGKILL
        await self.start_worker()

    async def incident(self) -> Incident:
        """Read the incident's row."""
        job = self.application.job
        kept = await Incidents(self.stores).get(job.service_principal_id, job.id)
        return kept.incident if kept else Incident(job.service_principal_id, job.id)

    async def until_recovered(self) -> Incident:
        """Wait until the recovery is proven and told."""

        def recovered(incident: Incident) -> bool:
            return incident.state is IncidentState.RECOVERED and not incident.untold

        return await self.until_row(recovered)

    async def until_row(self, condition: Callable[[Incident], bool]) -> Incident:
        """Wait until the incident's row fulfils the condition."""

        async def met() -> bool:
            return condition(await self.incident())

        try:
            await until(met, _PATIENCE)
        except TimeoutError:
            raise AssertionError(f"{await self.incident()}\n{self.workers[-1].said()}") from None
        return await self.incident()

    async def require_the_same_end(self) -> None:
        """Wait for the end, and see that it is the one that an unhindered run comes to."""
        incident = await self.until_recovered()
        directory = self.tenant.directory
        newest = {"SecretToken": self.tenant.vault.value(SECRET)}
        saved = directory.secrets.effective(incident.service_principal_id)
        assert saved == {**self.settings_before, **newest}
        assert 1 <= len(directory.secret_saves) <= 2
        assert 1 <= len(directory.restarts) <= 2
        assert all(restart.body == ONLY_THE_QUARANTINE for restart in directory.restarts)
        actions = [action for _, action, _ in await self.journal(incident)]
        assert actions.count(ATTEMPT) <= 2, actions
        assert "gave up" not in actions
        assert {topic.partition(":")[0] for topic in incident.told} == {"acted", "recovered"}
        assert self.tenant.unserved == []

    async def journal(self, incident: Incident) -> tuple[tuple[datetime, str, str], ...]:
        """Read the journal of the job."""
        return await Journal(self.stores, SystemClock()).entries(incident, datetime.now(UTC) - timedelta(hours=1))


async def expired(tenant: EmbeddedTenant) -> Application:
    """Register the application that is in quarantine for its expired token, with a new one in the vault."""
    application = await tenant.add_application(NAME, users=users_named(NAME, 1))
    principal, target = application.service_principal, application.target
    tags = {"pratique-service-principal": principal.id, "pratique-tenant-url": target.tenant_url}
    await tenant.vault.put(SECRET, tenant.directory.secrets.effective(principal.id)["SecretToken"], tags=tags)
    target.expire_tokens()
    await tenant.engine.run_due()
    assert application.job.quarantine is not None
    await tenant.vault.put(SECRET, target.issue_token())
    return application


@asynccontextmanager
async def opened(
    state_dir: Path,
    storage: Storage,
    folder: Path,
    table_url: str | None = None,
    *,
    play: Callable[[EmbeddedTenant], Awaitable[Application]] = expired,
    put: SecretsPut = SecretsPut.MERGE,
    more: Mapping[str, str] | None = None,
) -> AsyncIterator[Scene]:
    """Open the scene; the worker reaches its tables at `table_url` when one is given.

    A quarantined job's own next cycle is put off for ever, so that only a restart lifts the quarantine.

    Args:
        state_dir: where certificates are kept.
        storage: of the host and of the product.
        folder: for the app and the workers' logs.
        table_url: another door to the tables.
        play: registers the application, in whatever state it is to be found.
        put: what a PUT of secrets does to keys that it does not name.
        more: settings of the worker.
    """
    settings = EmulatorSettings(
        cycle_interval=0.6,
        secrets_settle=0.2,
        ingestion_delay=0.1,
        quarantine_intervals=(1_000_000.0,),
        secrets_put=put,
    )
    app_folder(folder / "app")
    stores = product_storage.Storage.from_connection_string(SecretValue(storage.connection_string))
    reached = connection_string(storage.blob_url, storage.queue_url, table_url or storage.table_url)
    async with EmbeddedTenant(state_dir, settings=settings) as tenant:
        application = await play(tenant)
        environment = {**tenant.environment(), **SETTINGS, **(more or {}), "AzureWebJobsStorage": reached}
        saved = tenant.directory.secrets.effective(application.service_principal.id)
        scene = Scene(tenant, application, storage, stores, environment, saved, folder)
        tenant.start_engine()
        try:
            yield scene
        finally:
            for worker in scene.workers:
                worker.kill()
                await worker.ended()
            await stores.close()
