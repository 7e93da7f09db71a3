"""A tenant with as few applications as a claim needs, its secrets in the vault, and the product beside it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue.aio import QueueServiceClient

from emulator.azurite import Storage
from emulator.engine import users_named
from emulator.entra import Role
from emulator.faults import RecordedRequest
from emulator.settings import EmulatorSettings
from emulator.targets import Behaviour
from emulator.tenant import Application, EmbeddedTenant
from emulator.vendor_apis import VendorApi
from emulator.vendor_apis.auth0 import Auth0
from shared.composition import Pratique, compose
from shared.detection.signal import QUEUE, VAULT_EVENTS_QUEUE, News, Signal, Source
from shared.incidents.incident import Incident, IncidentState
from shared.remediation.reconcile import Report
from shared.tokens.record import TokenRecord
from tests.product.conftest import clean_storage, until

__all__ = ["clean_storage"]

SHORT = {
    "PRATIQUE_MODE": "act",
    "PRATIQUE_SETTLE": "0.25",
    "PRATIQUE_RETRY": "0.15",
    "PRATIQUE_LOOK_AGAIN": "0.6",
    "PRATIQUE_LEASE": "20",
    "PRATIQUE_STEP": "10",
    "PRATIQUE_PATIENCE_INTERVALS": "60",
}
OWNER = "payroll-owner@contoso.example"
CATALOGUE = {
    "databricks": "databricks-workspace",
    "hcp_terraform": "hcp-terraform",
    "snowflake": "snowflake",
    "auth0": "auth0",
}
"""Under which key the catalogue has the vendor of each emulated API."""
FIRST = "tok-first"
"""The vendor's id of the token that was there before."""
_SETTINGS = EmulatorSettings(
    cycle_interval=0.35, secrets_settle=0.1, ingestion_delay=0.1, quarantine_intervals=(1_000_000.0,)
)
_QUEUES = (VAULT_EVENTS_QUEUE, QUEUE)


class ShiftedClock:
    """The machine's clock, so far ahead as `ahead` says: the product wakes on another day."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        """Return the shifted present."""
        return datetime.now(UTC) + self.ahead

    async def sleep(self, seconds: float) -> None:
        """Wait that many real seconds."""
        await asyncio.sleep(seconds)


@dataclass(repr=False)
class Scene:
    """The tenant and the product; tests play the host's part."""

    tenant: EmbeddedTenant
    storage: Storage
    environment: dict[str, str]
    queues: QueueServiceClient
    clock: ShiftedClock = field(default_factory=ShiftedClock)
    opened: list[Pratique] = field(default_factory=list)

    def product(self, **settings: str) -> Pratique:
        """Put a product together with these settings on top; the environment stays changeable."""
        self.environment.update(settings)
        product = compose(self.environment, self.clock)
        self.opened.append(product)
        return product

    async def application(
        self,
        name: str = "Payroll",
        *,
        vendor: str = "",
        behaviour: Behaviour = Behaviour.STANDARD,
        tags: Mapping[str, str] | None = None,
        bound: bool = True,
        age: timedelta = timedelta(days=10),
        expires: datetime | None = None,
        **options: Any,
    ) -> "Bound":
        """Register a healthy application whose credential is in the vault, bound by tags, as it was before us."""
        application = await self.tenant.add_application(
            name, behaviour=behaviour, users=users_named(name, 1), **options
        )
        one = Bound(self, application, f"{name.lower().replace('_', '-')}-token", dict(tags or {}), vendor)
        if bound:
            token = self.saved(one).get("SecretToken", "")
            await self.tenant.vault.put(
                one.secret,
                token,
                tags=one.tags(),
                created=datetime.now(UTC) - age,
                expires=expires,
                announce=False,
            )
        return one

    async def minting(self, kind: str, *, left: timedelta = timedelta(days=25), **options: Any) -> "Bound":
        """Register an application whose token was minted by its vendor's API, and which ends soon."""
        one = await self.application(kind, vendor=CATALOGUE[kind], vendor_api=kind, bound=False, **options)
        api, token = one.api, self.saved(one)["SecretToken"]
        one.it.target.revoke_token(token)
        api.issue(FIRST, token, "by hand", left)
        if isinstance(api, Auth0):
            api.scopes[FIRST] = ["get:users", "post:users"]
        one.more = {"pratique-mint": f"{one.secret}-api", "pratique-mint-for": api.subject, "pratique-token-id": FIRST}
        await self.tenant.vault.put(one.more["pratique-mint"], api.credential, announce=False)
        now = datetime.now(UTC)
        age = max(timedelta(days=180) - left, timedelta(days=10))
        await self.tenant.vault.put(
            one.secret, token, tags=one.tags(), created=now - age, expires=now + left, announce=False
        )
        return one

    def saved(self, one: "Bound") -> dict[str, str]:
        """Return what Entra has saved for an application, in the clear."""
        return self.tenant.directory.secrets.effective(one.id)

    async def drain(self, product: Pratique) -> list[Report]:
        """Handle what is on the queues now, as the queue triggers would."""
        reports: list[Report] = []
        for name in _QUEUES:
            for text in await self.take(name):
                if name == VAULT_EVENTS_QUEUE:
                    await product.ears.vault_event(text)
                else:
                    reports.append(await product.reconciler.reconcile(Signal.from_message(text)))
        return reports

    async def take(self, name: str) -> list[str]:
        """Take every message from a queue; none from one that is not there yet."""
        queue, texts = self.queues.get_queue_client(name), []
        try:
            async for message in queue.receive_messages(visibility_timeout=60):
                await queue.delete_message(message)
                texts.append(str(message.content))
        except ResourceNotFoundError:
            return []
        return texts

    async def watch(self, product: Pratique, one: "Bound", *states: IncidentState) -> Incident:
        """Run the due timer and the queues until the job's row is in one of the states and has told all."""

        async def reached() -> bool:
            await product.ears.enqueue_due()
            await self.drain(product)
            row = await one.row(product)
            return row is not None and row.state in states and not row.untold

        try:
            await until(reached)
        except TimeoutError:
            raise AssertionError(f"never {states}: {await one.row(product)}") from None
        return await one.incident(product)

    async def until(self, product: Pratique, condition: Callable[[], object | Awaitable[object]]) -> None:
        """Run the due timer and the queues until the condition holds."""

        async def reached() -> bool:
            await product.ears.enqueue_due()
            await self.drain(product)
            met = condition()
            return bool(await met if isinstance(met, Awaitable) else met)

        await until(reached)

    async def idle(self, product: Pratique, seconds: float = 0.8) -> None:
        """Run the due timer and the queues for a while in which nothing should happen; no look is cut short."""
        ends = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < ends:
            await product.ears.enqueue_due()
            await self.drain(product)
            await asyncio.sleep(0.05)

    def told(self, subject: str = "") -> list[str]:
        """Return the cards about an application or a source, each as text, in the order they came."""
        texts = [json.dumps(post.body) for post in self.tenant.inboxes.teams]
        return [text for text in texts if subject in text]

    def mails(self) -> list[dict[str, Any]]:
        """Return every mail that was sent."""
        return [mail.message for mail in self.tenant.inboxes.mails]

    def requests(self, method: str, path: str) -> list[RecordedRequest]:
        """Return the requests to the tenant with this method, whose path ends so."""
        return [one for one in self.tenant.requests if one.method == method and one.path.split("?")[0].endswith(path)]

    def tests(self, *, saved: bool) -> int:
        """Count the tests of saved credentials, or of candidates."""
        text = b'"useSavedCredentials": true' if saved else b'"useSavedCredentials": false'
        return sum(text in one.body for one in self.requests("POST", "/validateCredentials"))


@dataclass(repr=False)
class Bound:
    """One application and the secret that serves it."""

    scene: Scene
    it: Application
    secret: str
    more: dict[str, str]
    vendor: str

    @property
    def id(self) -> str:
        """Return the service principal's id."""
        return self.it.service_principal.id

    @property
    def api(self) -> VendorApi:
        """Return its vendor's API."""
        assert self.it.vendor_api is not None
        return self.it.vendor_api

    @property
    def name(self) -> str:
        """Return what people call it."""
        return self.it.service_principal.display_name

    def tags(self) -> dict[str, str]:
        """Return the tags that bind its secret."""
        vendor = {"pratique-vendor": self.vendor} if self.vendor else {}
        url = {"pratique-tenant-url": self.it.target.tenant_url}
        return {"pratique-service-principal": self.id, **vendor, **url, **self.more}

    async def paste(self, value: str | None = None, **options: Any) -> str:
        """Put a bare new version into the vault, with a fresh token of the target unless given."""
        token = value if value is not None else self.it.target.issue_token()
        return await self.scene.tenant.vault.put(self.secret, token, **options)

    def newest(self) -> str:
        """Return the value of the newest version."""
        return self.scene.tenant.vault.value(self.secret)

    async def look(self, product: Pratique, news: News = News.ASKED, *, job: str = "") -> Report:
        """Reconcile its job for news that has just come."""
        at = product.services.clock.now()
        return await product.reconciler.reconcile(Signal(self.id, job or self.it.job.id, Source.PERSON, news, at))

    async def row(self, product: Pratique) -> Incident | None:
        """Read its job's row, if there is one."""
        kept = await product.services.incidents.get(self.id, self.it.job.id)
        return kept.incident if kept else None

    async def incident(self, product: Pratique) -> Incident:
        """Read its job's row."""
        row = await self.row(product)
        assert row is not None
        return row

    async def record(self, product: Pratique) -> TokenRecord:
        """Read what is known of its secret."""
        return await product.services.tokens.get(self.id, self.secret)

    async def know(self, product: Pratique, version: str | None = None) -> None:
        """Let the product know which version Entra has: the oldest unless named."""
        applied = version or self.scene.tenant.vault.versions(self.secret)[0].version
        now = product.services.clock.now()
        await product.services.tokens.change(self.id, self.secret, lambda row: row.with_applied(applied, now))

    async def journal(self, product: Pratique) -> list[str]:
        """Return what was done, in order."""
        since = product.services.clock.now() - timedelta(hours=1)
        return [action for _, action, _ in await product.services.journal.entries(await self.incident(product), since)]


@pytest.fixture
async def scene(state_dir: Path, clean_storage: Storage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """Return an empty tenant with its engine running; every product made in it is closed."""
    async with AsyncExitStack() as stack:
        text = clean_storage.connection_string
        tenant = await stack.enter_async_context(EmbeddedTenant(state_dir, settings=_SETTINGS, storage_connection=text))
        for name, value in tenant.environment().items():
            monkeypatch.setenv(name, value)
        queues = await stack.enter_async_context(QueueServiceClient.from_connection_string(text))
        tenant.entra.roles.add(Role.VAULT_OFFICER)
        one = Scene(tenant, clean_storage, {**tenant.environment(), **SHORT}, queues)
        tenant.start_engine()
        try:
            yield one
        finally:
            for product in one.opened:
                await product.close()
        assert tenant.unserved == []
