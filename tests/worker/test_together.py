"""All four sources at once, each twice, on two instances: one repair a job, and no look that one source alone saves."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Sequence

from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from emulator.tenant import Application
from shared.composition import Pratique
from shared.detection.signal import QUEUE, VAULT_EVENTS_QUEUE, Signal, Source
from shared.incidents.incident import IncidentState
from shared.remediation.reconcile import Handled
from tests.product.conftest import Stage, until
from tests.worker.serving import PATIENT, payload

_JOBS = 5
_BATCH = 32


class _Host:
    """Plays one instance of the functions host: takes batches of messages and handles those of a batch at once."""

    def __init__(self, product: Pratique, queues: QueueServiceClient) -> None:
        self.product = product
        self.looked: Counter[str] = Counter()
        """How many looks at each job were caused by news, due looks not among them."""
        self._signals = queues.get_queue_client(QUEUE)
        self._events = queues.get_queue_client(VAULT_EVENTS_QUEUE)

    async def take(self) -> None:
        """Handle what is on the queues now."""
        await asyncio.gather(self._batch(self._events), self._batch(self._signals))

    async def _batch(self, queue: QueueClient) -> None:
        messages = [message async for message in queue.receive_messages(max_messages=_BATCH, visibility_timeout=60)]
        await asyncio.gather(*(self._handle(queue, message) for message in messages))

    async def _handle(self, queue: QueueClient, message: QueueMessage) -> None:
        if queue is self._events:
            await self.product.ears.vault_event(str(message.content))
        else:
            signal = Signal.from_message(str(message.content))
            report = await self.product.reconciler.reconcile(signal)
            if signal.source is not Source.DUE and report.handled is Handled.LOOKED:
                self.looked[signal.job_id] += 1
        await queue.delete_message(message)


async def _bound_application(stage: Stage, number: int) -> Application:
    application = await stage.tenant.add_application(f"Bound {number}")
    principal, target = application.service_principal, application.target
    token = stage.tenant.directory.secrets.effective(principal.id)["SecretToken"]
    tags = {"pratique-service-principal": principal.id, "pratique-tenant-url": target.tenant_url}
    await stage.tenant.vault.put(_secret(application), token, tags=tags)
    return application


def _secret(application: Application) -> str:
    return application.service_principal.display_name.lower().replace(" ", "-")


async def _strike(stage: Stage, applications: Sequence[Application], queues: QueueServiceClient) -> None:
    """Quarantine every job for its expired token, put new tokens in the vault, and silence the vault's own events."""
    for application in applications:
        application.target.expire_tokens()
    await until(lambda: all(application.job.quarantine for application in applications), seconds=60)
    for application in applications:
        await stage.tenant.vault.put(_secret(application), application.target.issue_token())
    await queues.get_queue_client(VAULT_EVENTS_QUEUE).clear_messages()
    await stage.tenant.clock.sleep(stage.tenant.settings.ingestion_delay)  # now the log can be asked for all of it


async def _until_recovered(hosts: Sequence[_Host], applications: Sequence[Application]) -> None:
    async def recovered() -> bool:
        await asyncio.gather(*(host.product.ears.enqueue_due() for host in hosts))
        await asyncio.gather(*(host.take() for host in hosts))
        rows = await hosts[0].product.services.incidents.all()
        states = {row.job_id: row.state for row in rows}
        return all(states.get(application.job.id) is IncidentState.RECOVERED for application in applications)

    await until(recovered, seconds=90)


def _reads_until_lifted(stage: Stage, application: Application, since: int) -> int:
    """Count the reads of a job from a moment on until the restart that lifts its quarantine."""
    reads = 0
    for request in stage.tenant.requests[since:]:
        if request.path.endswith(f"/jobs/{application.job.id}/restart"):
            return reads
        reads += request.method == "GET" and request.path.endswith(f"/jobs/{application.job.id}")
    raise AssertionError("the job was never restarted")


def _repairs(stage: Stage, application: Application) -> tuple[int, int]:
    directory, principal = stage.tenant.directory, application.service_principal
    return (
        sum(save.service_principal_id == principal.id for save in directory.secret_saves),
        sum(restart.job_id == application.job.id for restart in directory.restarts),
    )


async def test_four_sources_at_once_each_doubled_cost_no_more_than_one(stage: Stage) -> None:
    """Five incidents side by side on two instances: first told by the sweep alone, then by everything twice."""
    applications = [await _bound_application(stage, number) for number in range(1, _JOBS + 1)]
    async with QueueServiceClient.from_connection_string(stage.storage.connection_string) as queues:
        hosts = [_Host(stage.product(**PATIENT), queues) for _ in range(2)]
        await queues.create_queue(QUEUE)
        await queues.get_queue_client(VAULT_EVENTS_QUEUE).clear_messages()

        since = len(stage.tenant.requests)
        await _strike(stage, applications, queues)
        await hosts[0].product.ears.sweep()
        await _until_recovered(hosts, applications)
        alone = max(_reads_until_lifted(stage, application, since) for application in applications)
        assert {_repairs(stage, application) for application in applications} == {(1, 1)}
        for host in hosts:
            host.looked.clear()

        await _strike(stage, applications, queues)
        since = len(stage.tenant.requests)
        await asyncio.gather(*_everything(hosts, applications, queues))
        await _until_recovered(hosts, applications)
        heard = {source.name for source in await hosts[0].product.overview.sources() if source.heard_at}

    assert heard == {Source.SWEEP, Source.AUDIT_LOG, Source.ALERT, Source.VAULT}
    assert {_repairs(stage, application) for application in applications} == {(2, 2)}
    assert not any(restart.widened for restart in stage.tenant.directory.restarts)
    together = [_reads_until_lifted(stage, application, since) for application in applications]
    assert together == [alone] * _JOBS
    looked = hosts[0].looked + hosts[1].looked
    assert looked == Counter({application.job.id: 1 for application in applications})


def _everything(
    hosts: Sequence[_Host], applications: Sequence[Application], queues: QueueServiceClient
) -> list[Awaitable[object]]:
    """Return the doubled news of all four sources, to be started at once with the handling of it."""
    work: list[Awaitable[object]] = []
    for host in hosts:
        work += [host.product.ears.sweep(), host.product.ears.query_audit_log()]
        for application in applications:
            alert = payload("alert-log-search", service_principal_id=application.service_principal.id)
            work.append(host.product.ears.alert(alert.encode()))
            event = json.dumps(json.loads(payload("vault-event-grid", secret=_secret(application))))
            work.append(queues.get_queue_client(VAULT_EVENTS_QUEUE).send_message(event))
        work += [host.take() for _ in range(4)]
    return work
