"""What `emulator`, `serve` and `demo` stand on: Azurite and the embedded tenant with the story's eight applications."""

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from azure.storage.queue.aio import QueueClient

from cli.deployed import fitted
from cli.errors import CommandError
from cli.home import state_dir, stay_on_loopback
from emulator.azurite import AzuriteError, Storage, azurite
from emulator.certificates import server_files
from emulator.settings import EmulatorSettings
from emulator.story import Story, build_story
from emulator.tenant import VAULT_QUEUE, EmbeddedTenant

# Entra slows down in quarantine until it tries once a day. Here, too, the next try is far away: what lifts a quarantine
# in these minutes is what somebody did, not a retry that came in between.
QUICK = EmulatorSettings(
    cycle_interval=1.5, quarantine_intervals=(80.0, 160.0), secrets_settle=0.3, ingestion_delay=2.5
)

PRODUCT_SETTINGS = {
    "PRATIQUE_MODE": "act",
    "PRATIQUE_SETTLE": "0.8",
    "PRATIQUE_RETRY": "1",
    "PRATIQUE_LOOK_AGAIN": "20",
    "PRATIQUE_LEASE": "30",
    "PRATIQUE_STEP": "15",
    "PRATIQUE_PATIENCE_INTERVALS": "30",
    "PRATIQUE_AUDIT_OVERLAP": "60",
    "PRATIQUE_PROBE_PRIVATE": "on",
    "SWEEP_SCHEDULE": "*/1 * * * * *",
    "AUDIT_SCHEDULE": "*/1 * * * * *",
    "DUE_SCHEDULE": "*/1 * * * * *",
    "FORECAST_SCHEDULE": "0 0 0 1 1 *",  # by hand: the story is about today, not about dates far ahead
}
"""The product's settings for a tenant whose cycles come every second or two."""


@dataclass(frozen=True, slots=True)
class Ground:
    """The running tenant and its storage account."""

    story: Story
    storage: Storage
    state: Path
    settings: Mapping[str, str]
    """What the app is started with."""

    @property
    def tenant(self) -> EmbeddedTenant:
        """Return the tenant."""
        return self.story.tenant


@asynccontextmanager
async def ground(deployed: Mapping[str, str] | None = None) -> AsyncIterator[Ground]:
    """Run Azurite and the tenant, its cycles included, for as long as the context lasts.

    Args:
        deployed: settings of a deployment, to be fitted to this ground. Storage is then reached as in Azure: over TLS,
            by the app's user-assigned identity. This process must trust the authority (`trust_own_authority`).

    Raises:
        CommandError: Azurite cannot be started, or the settings do not fit.
    """
    stay_on_loopback()
    state = state_dir()
    async with AsyncExitStack() as stack:
        tls = None
        if deployed is not None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pratique-"))
            tls = server_files(state, Path(folder))
        try:
            storage = await stack.enter_async_context(azurite(tls=tls))
        except AzuriteError as error:
            raise CommandError(str(error)) from error
        tenant = EmbeddedTenant(state, settings=QUICK, storage_connection=storage.connection_string)
        await stack.enter_async_context(tenant)
        story = await build_story(tenant)
        if deployed is None:
            settings = {**tenant.environment(), **PRODUCT_SETTINGS}
        else:
            tenant.entra.user_assigned = True
            settings = await fitted(deployed, tenant, storage, PRODUCT_SETTINGS)
        async with QueueClient.from_connection_string(storage.connection_string, VAULT_QUEUE) as events:
            # The tenant stands as if it had for long: that its first secrets were made is no news any more.
            await events.clear_messages()
        tenant.start_engine()
        yield Ground(story, storage, state, settings)
