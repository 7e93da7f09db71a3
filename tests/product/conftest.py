"""The story's tenant in real time with short intervals, real storage, and the product put together against both."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.data.tables.aio import TableServiceClient
from azure.storage.queue.aio import QueueServiceClient

from emulator.azurite import Storage
from emulator.settings import EmulatorSettings
from emulator.story import Story, build_story
from emulator.tenant import Application, EmbeddedTenant
from shared.composition import Pratique, compose
from shared.detection.signal import QUEUE, VAULT_EVENTS_QUEUE, News, Signal, Source
from shared.incidents.incident import Incident, IncidentState
from shared.remediation.reconcile import Report

FAST = {
    "PRATIQUE_MODE": "act",
    "PRATIQUE_SETTLE": "0.8",
    "PRATIQUE_RETRY": "0.3",
    "PRATIQUE_LOOK_AGAIN": "1",
    "PRATIQUE_LEASE": "20",
    "PRATIQUE_STEP": "10",
    "PRATIQUE_PATIENCE_INTERVALS": "15",
    "PRATIQUE_AUDIT_OVERLAP": "60",
    "PRATIQUE_PROBE_PRIVATE": "on",
}


@pytest.fixture
async def clean_storage(storage: Storage) -> Storage:
    """Empty the storage account before a test."""
    async with TableServiceClient.from_connection_string(storage.connection_string) as tables:
        async for table in tables.list_tables():
            await tables.delete_table(table.name)
    async with QueueServiceClient.from_connection_string(storage.connection_string) as queues:
        async for queue in queues.list_queues():
            await queues.delete_queue(queue)
    return storage


@dataclass
class Stage:
    """The story's tenant and the product beside it; tests play the host's part: they call triggers' use cases."""

    story: Story
    environment: dict[str, str]
    storage: Storage
    opened: list[Pratique] = field(default_factory=list)

    @property
    def tenant(self) -> EmbeddedTenant:
        """Return the tenant."""
        return self.story.tenant

    def product(self, **settings: str) -> Pratique:
        """Put the product together with these settings on top; the environment stays changeable."""
        self.environment.update(settings)
        product = compose(self.environment)
        self.opened.append(product)
        return product

    async def drain(self, product: Pratique) -> list[Report]:
        """Handle what is on the queues now, as the queue triggers would."""
        reports: list[Report] = []
        async with QueueServiceClient.from_connection_string(self.storage.connection_string) as queues:
            for name in (VAULT_EVENTS_QUEUE, QUEUE):
                queue = queues.get_queue_client(name)
                await _create(queue.create_queue)
                async for message in queue.receive_messages(visibility_timeout=60):
                    await queue.delete_message(message)
                    if name == VAULT_EVENTS_QUEUE:
                        await product.ears.vault_event(str(message.content))
                    else:
                        reports.append(await product.reconciler.reconcile(Signal.from_message(str(message.content))))
        return reports

    async def look(self, product: Pratique, application: Application) -> Report:
        """Look at an application's job as a person would ask for it."""
        now = product.services.clock.now()
        ids = application.service_principal.id, application.job.id
        return await product.reconciler.reconcile(Signal(*ids, Source.PERSON, News.ASKED, now))

    async def incident(self, product: Pratique, application: Application) -> Incident:
        """Read an application's incident row."""
        kept = await product.services.incidents.get(application.service_principal.id, application.job.id)
        assert kept is not None
        return kept.incident

    async def until_quarantined(self, application: Application) -> None:
        """Wait until the engine has quarantined the job."""
        await until(lambda: application.job.quarantine is not None)

    async def watch(self, product: Pratique, application: Application, *states: IncidentState) -> Incident:
        """Run the due timer and the queue until the incident is in one of the states."""

        async def reached() -> bool:
            await product.ears.enqueue_due()
            await self.drain(product)
            kept = await product.services.incidents.get(application.service_principal.id, application.job.id)
            return kept is not None and kept.incident.state in states

        await until(reached)
        return await self.incident(product, application)

    def cards(self, subject: str) -> list[str]:
        """Return the Teams cards about an application or a source, each as text, in the order they came."""
        texts = [json.dumps(post.body) for post in self.tenant.inboxes.teams]
        return [text for text in texts if subject in text]

    def mails(self, subject: str) -> list[str]:
        """Return the mails about an application or a source, each as text, in the order they came."""
        return [
            json.dumps(mail.message) for mail in self.tenant.inboxes.mails if subject in str(mail.message["subject"])
        ]

    async def strike_druva(self) -> None:
        """Let Druva's token expire and a new one wait in the vault, with no news of it on any queue."""
        self.story.expire_druva()
        await self.until_quarantined(self.story.druva)
        await self.story.paste_new_druva_token()
        async with QueueServiceClient.from_connection_string(self.storage.connection_string) as queues:
            await queues.get_queue_client(VAULT_EVENTS_QUEUE).clear_messages()


async def until(condition: Callable[[], object | Awaitable[object]], seconds: float = 20) -> None:
    """Wait until the condition holds; fail loudly when it never does."""
    async with asyncio.timeout(seconds):
        while True:
            met = condition()
            if isinstance(met, Awaitable):
                met = await met
            if met:
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def staged(
    state_dir: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch, settings: EmulatorSettings
) -> AsyncIterator[Stage]:
    """Open the story's tenant with its engine running, and close every product made in it.

    Cycles of the three that nothing strikes are rare, for an application that provisions twice a second costs.
    """
    async with EmbeddedTenant(state_dir, settings=settings, storage_connection=storage.connection_string) as tenant:
        story = await build_story(tenant)
        for name, value in tenant.environment().items():
            monkeypatch.setenv(name, value)
        for application in story.healthy:
            application.job.interval = timedelta(hours=1)
        stage = Stage(story, {**tenant.environment(), **FAST}, storage)
        tenant.start_engine()
        try:
            yield stage
        finally:
            for product in stage.opened:
                await product.close()
        assert tenant.unserved == []


@pytest.fixture
async def stage(state_dir: Path, clean_storage: Storage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """Return the story's tenant; Entra's own retries in quarantine are far away, so what lifts it is the product."""
    quick = EmulatorSettings(
        cycle_interval=0.6, secrets_settle=0.2, ingestion_delay=0.1, quarantine_intervals=(1000.0,)
    )
    async with staged(state_dir, clean_storage, monkeypatch, quick) as opened:
        yield opened


@pytest.fixture
async def eager_stage(state_dir: Path, clean_storage: Storage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """Return the story's tenant where Entra itself retries a quarantined job soon."""
    quick = EmulatorSettings(cycle_interval=0.6, secrets_settle=0.2, ingestion_delay=0.1)
    async with staged(state_dir, clean_storage, monkeypatch, quick) as opened:
        yield opened


async def _create(create: Callable[[], Awaitable[object]]) -> None:
    try:
        await create()
    except ResourceExistsError:
        return
