"""A sweep and looks against the embedded tenant with real storage, all within this process."""

import logging
import resource
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import override

from bench.table import Measure
from emulator.azurite import Storage, azurite
from emulator.jobs import Counts, Execution, Job
from emulator.settings import EmulatorSettings
from emulator.tenant import EmbeddedTenant
from shared.composition import Pratique, compose
from shared.detection.signal import News, Signal, Source
from shared.remediation.reconcile import Handled

_JOBS = 200
_SWEEPS = 3
_LOOKS = 15
_GRAPH_PAGE = 999
_HTTP_LOG = "azure.core.pipeline.policies.http_logging_policy"


class _StorageCalls(logging.Handler):
    """Counts the requests to storage, which the Azure SDK logs one by one."""

    def __init__(self, storage: Storage) -> None:
        super().__init__(logging.INFO)
        self.count = 0
        self._addresses = (storage.table_url, storage.queue_url)

    @override
    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        self.count += text.startswith("Request URL:") and any(address in text for address in self._addresses)


@dataclass(frozen=True, slots=True)
class _Cost:
    milliseconds: float
    graph: int
    storage: int


class _Stage:
    def __init__(self, tenant: EmbeddedTenant, product: Pratique, calls: _StorageCalls) -> None:
        self._tenant = tenant
        self.product = product
        self._calls = calls

    async def cost(self, work: Callable[[], Awaitable[object]]) -> _Cost:
        """Do the work once and return what it cost."""
        graph, storage = self._graph_requests(), self._calls.count
        began = time.perf_counter()
        await work()
        took = (time.perf_counter() - began) * 1000
        return _Cost(took, self._graph_requests() - graph, self._calls.count - storage)

    async def look(self, job: Job, news: News, handled: Handled) -> None:
        """Handle one signal about a job."""
        at = self.product.services.clock.now()
        at = at if news is News.ASKED else at - timedelta(days=1)
        report = await self.product.reconciler.reconcile(
            Signal(job.service_principal_id, job.id, Source.PERSON, news, at)
        )
        if report.handled is not handled:
            message = f"the job was {report.handled}, not {handled}"
            raise RuntimeError(message)

    def _graph_requests(self) -> int:
        return sum(request.service == "graph" for request in self._tenant.requests)


async def at_work(state_dir: Path, environment: MutableMapping[str, str]) -> list[Measure]:
    """Measure a sweep of a whole tenant, a look at a healthy job, and news that is dropped as old."""
    async with azurite() as storage:
        settings = EmulatorSettings(page_size=_GRAPH_PAGE)
        async with EmbeddedTenant(state_dir, settings=settings, storage_connection=storage.connection_string) as tenant:
            jobs = [_healthy_job(tenant, number) for number in range(_JOBS)]
            environment.update(tenant.environment())
            calls = _StorageCalls(storage)
            log = logging.getLogger(_HTTP_LOG)
            log.addHandler(calls)
            log.setLevel(logging.INFO)
            log.propagate = False
            product = compose(environment)
            try:
                return [*await _measure(_Stage(tenant, product, calls), jobs), _memory()]
            finally:
                await product.close()
                log.removeHandler(calls)


async def _measure(stage: _Stage, jobs: list[Job]) -> list[Measure]:
    product = stage.product
    first = await stage.cost(product.ears.sweep)
    sweeps = [await stage.cost(product.ears.sweep) for _ in range(_SWEEPS)]
    await stage.look(jobs[0], News.ASKED, Handled.LOOKED)
    looked = jobs[1 : _LOOKS + 1]
    looks = [await stage.cost(partial(stage.look, job, News.ASKED, Handled.LOOKED)) for job in looked]
    again = [await stage.cost(partial(stage.look, job, News.ASKED, Handled.LOOKED)) for job in looked]
    stale = [await stage.cost(partial(stage.look, job, News.RELEASED, Handled.STALE)) for job in looked]
    return [
        _line(f"sweep of {_JOBS} healthy jobs, first in the process", [first]),
        _line(f"sweep of {_JOBS} healthy jobs (median of {_SWEEPS})", sweeps),
        _line(f"first look at a healthy job (median of {_LOOKS})", looks),
        _line(f"another look at it (median of {_LOOKS})", again),
        _line(f"old news about it, dropped (median of {_LOOKS})", stale),
    ]


def _line(what: str, costs: list[_Cost]) -> Measure:
    graph, storage = median(cost.graph for cost in costs), median(cost.storage for cost in costs)
    needed = f"requests: {graph:g} to Graph, {storage:g} to storage"
    return Measure(what, median(cost.milliseconds for cost in costs), needed)


def _memory() -> Measure:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return Measure("product and embedded tenant in one process", None, f"peak RSS {peak:.0f} MB")


def _healthy_job(tenant: EmbeddedTenant, number: int) -> Job:
    """Register an application whose last cycle went well; it needs no target, for the engine does not run."""
    job = tenant.directory.add_job(tenant.directory.add_service_principal(f"Application {number:03}"), "scim", [])
    ended = tenant.clock.now()
    began = ended - timedelta(seconds=5)
    job.code = "Active"
    job.last = job.last_successful = Execution("activity", began, ended, "Succeeded", None, Counts(20, 0, 0))
    return job
