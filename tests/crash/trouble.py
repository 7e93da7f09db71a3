"""Many applications in one tenant, each with trouble at another call of its repair, and the product among them."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from emulator.azurite import Storage
from emulator.faults import Fault, RecordedRequest
from emulator.settings import EmulatorSettings
from emulator.tenant import Application, EmbeddedTenant
from shared.composition import Pratique, compose
from shared.detection.signal import News, Signal, Source
from shared.incidents.incident import Incident, IncidentState

_AT_ONCE = 5
_PATIENCE = 90.0


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the repair: the nth request of an application that looks like this."""

    name: str
    method: str
    path: str
    nth: int = 1
    body: bytes = b""

    @property
    def reads(self) -> bool:
        """Say whether it changes nothing."""
        return self.method == "GET"


_TEST = r"/servicePrincipals/{sp}/.*/validateCredentials$"
_SAVED, _CANDIDATE = b'"useSavedCredentials": true', b'"useSavedCredentials": false'
_JOB = r"/servicePrincipals/{sp}/synchronization/jobs/[^/]+$"
_SECRETS = r"/servicePrincipals/{sp}/synchronization/secrets$"
CALLS = (
    Call("look", "GET", _JOB),
    Call("name the application", "GET", r"/servicePrincipals/{sp}\?"),
    Call("test what was saved before", "POST", _TEST, body=_SAVED),
    Call("read the settings", "GET", _SECRETS),
    Call("test the candidate", "POST", _TEST, body=_CANDIDATE),
    Call("read the settings again", "GET", _SECRETS, nth=2),
    Call("save", "PUT", _SECRETS),
    Call("read back", "GET", _SECRETS, nth=3),
    Call("test what is saved", "POST", _TEST, nth=2, body=_SAVED),
    Call("look before lifting", "GET", _JOB, nth=2),
    Call("restart", "POST", r"/servicePrincipals/{sp}/.*/restart$"),
    Call("tell of the action", "POST", r"/sendMail$"),
    Call("look for the proof", "GET", _JOB, nth=3),
    Call("tell of the recovery", "POST", r"/sendMail$", nth=2),
)


class Trouble:
    """Lays a fault in the way of each application's own call, just when that call arrives."""

    def __init__(self, tenant: EmbeddedTenant, fault: Fault, times: int, *, at_target: bool = False) -> None:
        self.met: list[str] = []
        self._tenant, self._fault, self._times, self._at_target = tenant, fault, times, at_target
        self._seen: Counter[str] = Counter()
        tenant.faults.before.append(self._before)

    async def _before(self, request: RecordedRequest) -> None:
        if request.service != "graph":
            return
        for call in CALLS:
            application = self._tenant.applications.get(call.name)
            if application is None or not _is(call, application, request):
                continue
            self._seen[call.name] += 1
            if self._seen[call.name] == call.nth:
                self.met.append(call.name)
                self._lay(call, request)

    def _lay(self, call: Call, request: RecordedRequest) -> None:
        if self._at_target:
            self._tenant.faults.add(f"target:{call.name}", "GET", "/Users", self._fault, self._times)
        else:
            self._tenant.faults.add("graph", request.method, re.escape(request.path) + "$", self._fault, self._times)


def _is(call: Call, application: Application, request: RecordedRequest) -> bool:
    path = call.path.replace("{sp}", re.escape(application.service_principal.id))
    named = call.body or (call.name.encode() if "sendMail" in call.path else b"")
    return request.method == call.method and re.search(path, request.path) is not None and named in request.body


@dataclass(frozen=True, slots=True)
class Ward:
    """The tenant, the product, and what was saved before anything happened."""

    tenant: EmbeddedTenant
    product: Pratique
    before: Mapping[str, Mapping[str, str]]

    async def repair(self) -> None:
        """Bring each application's news and then whatever is due, a few at a time, until all is told."""
        gate = asyncio.Semaphore(_AT_ONCE)
        busy: set[str] = set()

        async def look(signal: Signal) -> None:
            try:
                async with gate:
                    await self.product.reconciler.reconcile(signal)
            finally:
                busy.discard(signal.job_id)

        async with asyncio.timeout(_PATIENCE), asyncio.TaskGroup() as looks:
            signals = [self._signal(each, News.CREDENTIAL) for each in self.tenant.applications.values()]
            while not await self._all_told():
                for signal in signals:
                    busy.add(signal.job_id)
                    looks.create_task(look(signal))
                await asyncio.sleep(0.1)
                due = await self.product.services.incidents.due(datetime.now(UTC))
                signals = [self._signal(row, News.DUE) for row in due if row.job_id not in busy]

    async def incident(self, application: Application) -> Incident:
        """Read an application's row."""
        kept = await self.product.services.incidents.get(application.service_principal.id, application.job.id)
        assert kept is not None
        return kept.incident

    async def _all_told(self) -> bool:
        rows = [row for row in await self.product.services.incidents.all() if row.state is IncidentState.RECOVERED]
        return sum(not row.untold for row in rows) == len(self.tenant.applications)

    @staticmethod
    def _signal(about: Application | Incident, news: News) -> Signal:
        job = about.job if isinstance(about, Application) else about
        job_id = job.job_id if isinstance(job, Incident) else job.id
        source = Source.VAULT if news is News.CREDENTIAL else Source.DUE
        return Signal(job.service_principal_id, job_id, source, news, datetime.now(UTC))


@asynccontextmanager
async def ward(
    state_dir: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch, calls: Iterable[Call], step: float
) -> AsyncIterator[Ward]:
    """Open a tenant with an application named after each call: its token has expired, a new one is in the vault."""
    settings = EmulatorSettings(
        cycle_interval=4, secrets_settle=0.1, ingestion_delay=0.1, quarantine_intervals=(1_000_000.0,)
    )
    async with EmbeddedTenant(state_dir, settings=settings) as tenant:
        for number, call in enumerate(calls):
            await _expired(tenant, call.name, f"token-{number}")
        await tenant.engine.run_due()
        for number, application in enumerate(tenant.applications.values()):
            assert application.job.quarantine is not None
            await tenant.vault.put(f"token-{number}", application.target.issue_token())
        environment = {
            **tenant.environment(),
            "AzureWebJobsStorage": storage.connection_string,
            "PRATIQUE_MODE": "act",
            "PRATIQUE_SETTLE": "0.2",
            "PRATIQUE_RETRY": "0.2",
            "PRATIQUE_LOOK_AGAIN": "0.5",
            "PRATIQUE_LEASE": "60",
            "PRATIQUE_STEP": str(step),
            "PRATIQUE_PATIENCE_INTERVALS": "100",
        }
        for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "AZURE_TOKEN_CREDENTIALS"):
            monkeypatch.setenv(name, environment[name])
        product = compose(environment)
        before = {
            name: tenant.directory.secrets.effective(each.service_principal.id)
            for name, each in tenant.applications.items()
        }
        tenant.start_engine()
        try:
            yield Ward(tenant, product, before)
        finally:
            await product.close()
        assert tenant.unserved == []


async def _expired(tenant: EmbeddedTenant, name: str, secret: str) -> None:
    application = await tenant.add_application(name)
    principal, target = application.service_principal, application.target
    tags = {"pratique-service-principal": principal.id, "pratique-tenant-url": target.tenant_url}
    await tenant.vault.put(secret, tenant.directory.secrets.effective(principal.id)["SecretToken"], tags=tags)
    target.expire_tokens()
