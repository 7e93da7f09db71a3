"""The use cases of hearing: each turns one source's news into signals on the queue."""

import logging
import re
from collections.abc import Iterable
from datetime import datetime

from shared.clients.logs import Logs
from shared.clients.storage import Queue
from shared.detection.alert import Alert, Ignored, read_alert
from shared.detection.audit_log import AuditWindow, QuarantineEvent, events_between
from shared.detection.signal import News, Signal, Source
from shared.detection.sweep import all_jobs, news_of
from shared.detection.vault_event import OtherEvent, VaultEventKind, read_vault_event
from shared.errors import NotFound
from shared.remediation.services import Services
from shared.tokens.bound import secret_by_name

# Graph answers 400 to anything else, which would be taken for a failure of Graph and tried again.
_ENTRA_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_log = logging.getLogger("pratique.hear")


class Ears:
    """Hears through every source; says what it put on the queue."""

    def __init__(self, services: Services, signals: Queue, logs: Logs | None, window: AuditWindow) -> None:
        self._services = services
        self._signals = signals
        self._logs = logs
        self._window = window

    async def sweep(self) -> int:
        """Read all jobs of the tenant and signal what is news; return how many signals were sent."""
        services = self._services
        async with services.sources.watched(Source.SWEEP):
            read_at = services.clock.now()
            jobs = [job async for _, job in all_jobs(services.graph)]
        incidents = {(row.service_principal_id, row.job_id): row for row in await services.incidents.all()}
        news = (news_of(job, incidents, read_at) for job in jobs)
        return await self._send(Source.SWEEP, [signal for signal in news if signal])

    async def query_audit_log(self) -> int:
        """Query the audit log for quarantine events not seen before; return how many signals were sent."""
        if self._logs is None:
            return 0
        services, sent = self._services, 0
        now = services.clock.now()
        async with services.sources.watched(Source.AUDIT_LOG):
            events = await events_between(self._logs, await self._window.begin(now), now)
            async for event in self._window.new(events):
                signals = await self._jobs_of(event.service_principal_id, Source.AUDIT_LOG, News.QUARANTINED, event.at)
                sent += await self._send(Source.AUDIT_LOG, signals)
        await self._window.finish(now)
        return sent

    async def alert(self, body: bytes) -> int | Ignored:
        """Hear an Azure Monitor alert; return how many signals were sent, or why it is ignored.

        Raises:
            MalformedNews: it is no alert.
            ServiceError: Graph or the log could not be read; Azure Monitor will send it again.
        """
        alert = read_alert(body)
        if isinstance(alert, Ignored):
            return alert
        sent = 0
        async with self._services.sources.watched(Source.ALERT):
            for service_principal_id, at in await self._named(alert):
                signals = await self._jobs_of(service_principal_id, Source.ALERT, News.QUARANTINED, at)
                sent += await self._send(Source.ALERT, signals)
        return sent

    async def vault_event(self, text: str) -> int:
        """Hear a Key Vault event; return how many signals were sent.

        Raises:
            MalformedNews: it is no event.
            ServiceError: Graph or the vault could not be read; the message must be tried again.
        """
        event = read_vault_event(text)
        if isinstance(event, OtherEvent):
            _log.info("passed over a vault event of kind %s", event.kind)
            return 0
        async with self._services.sources.watched(Source.VAULT):
            secret = await secret_by_name(self._services.vault, event.secret_name)
            if secret is None:
                return 0
            service_principal_id = secret.binding.service_principal_id
            # That a version ends brings nothing new: it must not be taken for one to save.
            news = News.CREDENTIAL if event.kind is VaultEventKind.NEW_VERSION else News.EXPIRING
            signals = await self._jobs_of(service_principal_id, Source.VAULT, news, event.at)
        return await self._send(Source.VAULT, signals)

    async def enqueue_due(self) -> int:
        """Put every job whose next look is due on the queue, and news that was parked; return how many."""
        now = self._services.clock.now()
        due = [
            Signal(row.service_principal_id, row.job_id, Source.DUE, News.DUE, now)
            for row in await self._services.incidents.due(now)
        ]
        for signal in due:
            await self._signals.send(signal.to_message())
        sent = len(due)
        async for signal in self._services.parked.take_due(now):
            await self._signals.send(signal.to_message())
            sent += 1
        return sent

    async def _named(self, alert: Alert) -> list[tuple[str, datetime]]:
        if alert.service_principal_ids:
            return [(service_principal_id, alert.fired_at) for service_principal_id in alert.service_principal_ids]
        if self._logs is None or alert.window_begin is None or alert.window_end is None:
            return []
        events: tuple[QuarantineEvent, ...] = await events_between(self._logs, alert.window_begin, alert.window_end)
        latest = {event.service_principal_id: event.at for event in sorted(events, key=lambda event: event.at)}
        return list(latest.items())

    async def _jobs_of(self, service_principal_id: str, source: Source, news: News, at: datetime) -> list[Signal]:
        """Name the jobs of an application; the audit log and the vault know only the application."""
        if not _ENTRA_ID.fullmatch(service_principal_id):
            _log.warning("%s: news without a service principal's id; the sweep will see what it is about", source)
            return []
        if not await self._services.graph.watches(service_principal_id):
            _log.info("%s: passed over news of %s, which is not watched", source, service_principal_id)
            return []
        try:
            jobs = await self._services.graph.jobs(service_principal_id)
        except NotFound:
            _log.warning("%s: service principal %s is unknown to Graph", source, service_principal_id)
            return []
        return [Signal(service_principal_id, job.id, source, news, at) for job in jobs]

    async def _send(self, source: Source, signals: Iterable[Signal]) -> int:
        sent = 0
        for signal in signals:
            await self._signals.send(signal.to_message())
            sent += 1
        if sent:
            await self._services.sources.heard(source)
        return sent
