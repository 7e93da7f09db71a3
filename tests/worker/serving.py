"""The Functions app in the local host, as a child process, beside a tenant that this process embeds."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from azure.storage.queue.aio import QueueServiceClient

from emulator.azurite import Storage
from emulator.settings import EmulatorSettings
from emulator.story import Story, build_story
from emulator.tenant import Application, EmbeddedTenant
from shared.detection.signal import QUEUE, VAULT_EVENTS_QUEUE
from tests.host.running import FUNCTION_KEY, MASTER_KEY, ROOT, RunningHost, host, until
from tests.product.conftest import FAST

NEVER = "0 0 0 1 1 *"
ALWAYS = "* * * * * *"
# None of these limits is the subject here, so a machine under load must not run into them.
PATIENT = {"PRATIQUE_LEASE": "120", "PRATIQUE_STEP": "60", "PRATIQUE_PATIENCE_INTERVALS": "200"}
QUEUES = (QUEUE, VAULT_EVENTS_QUEUE)
_PAYLOADS = Path(__file__).parent / "payloads"
_MANY = 32
# The host runs with warnings as errors; the two that Graph's SDK gives of itself are passed over as in pyproject.toml.
_WARNINGS = """
import warnings
warnings.filterwarnings("ignore", "GetQueryParameters is deprecated", DeprecationWarning)
warnings.filterwarnings("ignore", "This class is deprecated. Please use the generic", DeprecationWarning)
"""


def payload(name: str, **values: str) -> str:
    """Return a payload file with its `{…}` filled in; `now` is now and `begin` a minute before unless given."""
    now = datetime.now(UTC)
    text = (_PAYLOADS / f"{name}.json").read_text(encoding="utf-8")
    for key, value in {"now": now.isoformat(), "begin": (now - timedelta(minutes=1)).isoformat(), **values}.items():
        text = text.replace("{" + key + "}", value)
    return text


@dataclass
class Serving:
    """The running app, its tenant and its storage."""

    host: RunningHost
    story: Story
    queues: QueueServiceClient

    @property
    def tenant(self) -> EmbeddedTenant:
        """Return the tenant."""
        return self.story.tenant

    async def press(self, function: str, message: str | None = None) -> None:
        """Start a timer or a queue function by hand, as `POST /admin/functions/{name}` does, and wait for its end."""
        before = len(self._ends(function))
        body = b"" if message is None else json.dumps({"input": message}).encode()
        status, text, _ = await self.host.request("POST", f"/admin/functions/{function}", headers=MASTER_KEY, body=body)
        assert status == 202, text
        await until(lambda: len(self._ends(function)) > before, seconds=60)

    async def alert(self, body: bytes | str) -> tuple[int, Any]:
        """Send an alert as an action group does; return status and answer."""
        sent = body.encode() if isinstance(body, str) else body
        status, text, _ = await self.host.request("POST", "/api/alerts", headers=FUNCTION_KEY, body=sent)
        return status, json.loads(text)

    async def reconcile(self, service_principal_id: str, job_id: str) -> tuple[int, Any]:
        """Ask for a look at a job by hand; return status and answer."""
        path = f"/api/jobs/{service_principal_id}/{job_id}/reconcile"
        status, text, _ = await self.host.request("POST", path, headers=FUNCTION_KEY)
        return status, json.loads(text)

    async def jobs(self) -> dict[str, Any]:
        """Return what `GET /api/jobs` says."""
        status, text, _ = await self.host.request("GET", "/api/jobs", headers=FUNCTION_KEY)
        assert status == 200, text
        return dict(json.loads(text))

    async def state(self, application: Application) -> str:
        """Return the state of an application's incident, empty when there is none."""
        for job in (await self.jobs())["jobs"]:
            if job["job_id"] == application.job.id:
                return str(job["incident"]["state"]) if job["incident"] else ""
        return ""

    async def until_state(self, application: Application, state: str) -> None:
        """Wait until the application's incident has a state."""

        async def reached() -> bool:
            return await self.state(application) == state

        await until(reached, seconds=60)

    async def put(self, queue: str, *texts: str) -> None:
        """Put texts on a queue as they are."""
        client = self.queues.get_queue_client(queue)
        await asyncio.gather(*(client.send_message(text) for text in texts))

    async def length(self, queue: str) -> int:
        """Return how many messages a queue holds, taken ones included; none when it does not exist."""
        async for found in self.queues.list_queues(name_starts_with=queue):
            if found.name == queue:
                properties = await self.queues.get_queue_client(queue).get_queue_properties()
                return properties.approximate_message_count or 0
        return 0

    async def until_quiet(self) -> None:
        """Wait until every message has been handled."""

        async def empty() -> bool:
            # The first queue is asked last: what is on the other may put messages there.
            return all([await self.length(queue) == 0 for queue in reversed(QUEUES)])

        await until(empty, seconds=60)

    async def rejected(self, queue: str) -> list[dict[str, Any]]:
        """Take all rejected records of a queue."""
        if await self.length(f"{queue}-rejected") == 0:
            return []
        client = self.queues.get_queue_client(f"{queue}-rejected")
        records = []
        async for message in client.receive_messages(max_messages=_MANY):
            records.append(json.loads(str(message.content)))
            await client.delete_message(message)
        return records

    def looks(self, application: Application) -> int:
        """Return how often the application's job was read by its own address."""
        return looks(self.tenant, application)

    async def until_looked(self, application: Application, more_than: int) -> None:
        """Wait for another look at an application's job."""
        await until(lambda: self.looks(application) > more_than, seconds=60)

    def errors(self) -> list[str]:
        """Return what the host logged as an error or worse."""
        return [line for line in self.host.log if line.split(" ", 2)[1] in ("error", "critical")]

    def _ends(self, function: str) -> list[str]:
        return [*self.host.lines(function, "succeeded after"), *self.host.lines(function, "failed after")]


def looks(tenant: EmbeddedTenant, application: Application) -> int:
    """Return how often the application's job was read by its own address."""
    path = f"/jobs/{application.job.id}"
    return sum(request.method == "GET" and request.path.endswith(path) for request in tenant.requests)


@asynccontextmanager
async def serving(
    state_dir: Path, storage: Storage, app: Path, *, schedule: str = NEVER, disabled: tuple[str, ...] = ()
) -> AsyncIterator[Serving]:
    """Run the story's tenant here and the app in a host of its own; timers follow one schedule."""
    quick = EmulatorSettings(
        cycle_interval=0.6, secrets_settle=0.2, ingestion_delay=0.1, quarantine_intervals=(1000.0,)
    )
    schedules = dict.fromkeys(("SWEEP_SCHEDULE", "AUDIT_SCHEDULE", "DUE_SCHEDULE"), schedule) | {
        "FORECAST_SCHEDULE": NEVER
    }
    async with (
        EmbeddedTenant(state_dir, settings=quick, storage_connection=storage.connection_string) as tenant,
        QueueServiceClient.from_connection_string(storage.connection_string) as queues,
    ):
        story = await build_story(tenant)
        paths = {"PYTHONPATH": f"{app}{os.pathsep}{ROOT}"}
        environment = {**tenant.environment(), **FAST, **PATIENT, **schedules, **paths}
        async with host(storage, app=app, disabled=disabled, **environment) as running:
            served = Serving(running, story, queues)
            await served.until_quiet()
            tenant.start_engine()
            yield served
        assert tenant.unserved == []


def app_folder(folder: Path) -> Path:
    """Return a copy of the app's two files whose host.json asks the queues more often and retries sooner."""
    options = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    options["extensions"]["queues"] |= {"maxPollingInterval": "00:00:00.100", "visibilityTimeout": "00:00:01"}
    (folder / "host.json").write_text(json.dumps(options), encoding="utf-8")
    (folder / "function_app.py").symlink_to(ROOT / "function_app.py")
    (folder / "sitecustomize.py").write_text(_WARNINGS, encoding="utf-8")
    return folder


def base_environment(storage: Storage) -> dict[str, str]:
    """Return what a host needs to index the app, without any setting of the product."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AzureWebJobsStorage": storage.connection_string,
    }
