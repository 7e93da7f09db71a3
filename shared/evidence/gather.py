"""Reads everything that is known of one job, each part with its own deadline; what cannot be read is named as blind."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from shared.clients.graph import Graph
from shared.clients.graph_reports import MOST_PAGES, GraphReports
from shared.clients.logs import Logs
from shared.clients.scim import ScimProbe
from shared.clients.vault import Vault
from shared.clock import Clock
from shared.diagnosis.evidence import Evidence, FailureGroup, Part, ProbeFinding, Sight
from shared.errors import MissingPermission, PratiqueError, Refused
from shared.evidence.failures import Summary, read_rows
from shared.jobs.credentials import Credential
from shared.jobs.model import SynchronizationJob
from shared.jobs.reading import read_time
from shared.redaction import redact
from shared.tokens.bindings import require_trusted_host
from shared.tokens.bound import bound_token, candidate
from shared.tokens.credential_test import CredentialTest
from shared.tokens.saving import base_address

_AUDIT_TEXTS = 3
_MARGIN = timedelta(hours=1)
_REASON = 400
_KEYS = 50
_TEXT = 4000


@dataclass(frozen=True, slots=True)
class _Seen:
    """One part as it was seen: what it changes in the evidence, and a remark where there is one."""

    sight: Sight
    fields: dict[str, Any] = field(default_factory=dict)
    remark: str = ""


class Gatherer:
    """Gathers evidence; reads only, but for the credential test that Entra runs and a question to the target."""

    def __init__(
        self,
        graph: Graph,
        reports: GraphReports,
        logs: Logs | None,
        vault: Vault,
        prober: ScimProbe | None,
        clock: Clock,
        *,
        limit: timedelta,
        failures_days: int,
    ) -> None:
        self._graph = graph
        self._reports = reports
        self._logs = logs
        self._vault = vault
        self._prober = prober
        self._clock = clock
        self._limit = limit
        self._reach = timedelta(days=failures_days)

    async def gather(self, job: SynchronizationJob, *, deep: bool) -> Evidence:
        """Read the parts side by side; a part that fails or takes too long is blind, and the others stand.

        Shallow, it is the job that was just read, and the audit text where the job itself does not say why it is
        quarantined. Deep, it is everything.
        """
        now = self._clock.now()
        since = self._since(job, now)
        evidence = Evidence(at=now, sights={Part.JOB: Sight.READ}, job=job, failures_since=since if deep else None)
        audit = {Part.AUDIT: lambda: self._audit(job, now)}
        if not deep:
            silent = job.quarantined and (job.quarantine is None or job.quarantine.error is None)
            return await self._look(evidence, audit if silent else {})
        credentials = asyncio.create_task(self._graph.credentials(job.service_principal_id))
        try:
            return await self._look(
                evidence,
                audit
                | {
                    Part.SECRET_KEYS: lambda: self._secret_keys(credentials),
                    Part.FAILURES: lambda: self._failures(job, since, now),
                    Part.CREDENTIAL_TEST: lambda: self._credential_test(job),
                    Part.PROBE: lambda: self._probe(job, credentials),
                },
            )
        finally:
            credentials.cancel()
            await asyncio.gather(credentials, return_exceptions=True)

    async def _look(self, evidence: Evidence, parts: dict[Part, Callable[[], Coroutine[Any, Any, _Seen]]]) -> Evidence:
        async with asyncio.TaskGroup() as group:
            tasks = {part: group.create_task(self._bounded(look())) for part, look in parts.items()}
        seen = {part: task.result() for part, task in tasks.items()}
        changes: dict[str, Any] = {}
        for found in seen.values():
            changes |= found.fields
        return replace(
            evidence,
            sights=evidence.sights | {part: found.sight for part, found in seen.items()},
            blind_because={part: found.remark for part, found in seen.items() if found.remark},
            **changes,
        )

    async def _bounded(self, look: Awaitable[_Seen]) -> _Seen:
        try:
            async with asyncio.timeout(self._limit.total_seconds()):
                return await look
        except TimeoutError:
            return _Seen(Sight.BLIND, remark=f"There was no answer within {self._limit.total_seconds():g} seconds.")
        except PratiqueError as error:
            return _Seen(Sight.BLIND, remark=_said(error))

    async def _secret_keys(self, credentials: asyncio.Task[tuple[Credential, ...]]) -> _Seen:
        keys = tuple(sorted(pair.key for pair in await asyncio.shield(credentials)))[:_KEYS]
        return _Seen(Sight.READ if keys else Sight.EMPTY, {"secret_keys": keys})

    async def _audit(self, job: SynchronizationJob, now: datetime) -> _Seen:
        begin = now - self._reach
        if job.quarantine is not None and job.quarantine.series_began is not None:
            begin = job.quarantine.series_began - _MARGIN
        elif not job.quarantined:
            begin = self._since(job, now)
        texts, remark = await self._either(
            lambda logs: _audit_of_logs(logs, job, begin, now), lambda: _audit_of_graph(self._reports, job, begin)
        )
        kept = tuple(redact(text) for text in texts if text)
        return _Seen(Sight.READ if kept else Sight.EMPTY, {"audit": kept}, remark)

    async def _failures(self, job: SynchronizationJob, since: datetime, now: datetime) -> _Seen:
        (groups, partial), remark = await self._either(
            lambda logs: _failures_of_logs(logs, job, since, now),
            lambda: _failures_of_graph(self._reports, job, since),
        )
        remark = " ".join(text for text in (remark, partial) if text)
        return _Seen(Sight.READ if groups else Sight.EMPTY, {"failures": groups}, remark)

    async def _credential_test(self, job: SynchronizationJob) -> _Seen:
        test = await self._graph.test_saved_credentials(job.service_principal_id, job.id)
        kept = CredentialTest(test.result, redact(test.code, limit=_REASON), redact(test.said))
        return _Seen(Sight.READ, {"credential_test": kept})

    async def _probe(self, job: SynchronizationJob, credentials: asyncio.Task[tuple[Credential, ...]]) -> _Seen:
        if self._prober is None:
            return _Seen(Sight.NOT_ASKED, remark="The probe is switched off (PRATIQUE_PROBE).")
        secret = await bound_token(self._vault, job.service_principal_id)
        if secret is None:
            return _Seen(Sight.NOT_ASKED, remark="No secret in the vault is bound to this application.")
        address = base_address(await asyncio.shield(credentials))
        require_trusted_host(secret.binding, address)
        version = await candidate(self._vault, secret, self._clock.now())
        if version is None:
            return _Seen(
                Sight.NOT_ASKED, remark=f"Secret {secret.binding.secret_name} has no version that is enabled and valid."
            )
        value = await self._vault.value(secret.binding.secret_name, version.version)
        finding: ProbeFinding = await self._prober.probe(address, value)
        return _Seen(Sight.READ, {"probe": finding})

    async def _either[T](
        self, from_logs: Callable[[Logs], Awaitable[T]], from_graph: Callable[[], Awaitable[T]]
    ) -> tuple[T, str]:
        """Ask the workspace, and Graph where there is none or it fails: its table may never have been exported.

        Raises:
            PratiqueError: both failed; the message has both reasons.
        """
        if self._logs is None:
            return await from_graph(), ""
        try:
            async with asyncio.timeout(self._limit.total_seconds() / 2):
                return await from_logs(self._logs), ""
        except (PratiqueError, TimeoutError) as error:
            first = _said(error) if isinstance(error, PratiqueError) else "Log Analytics did not answer in time."
        try:
            return await from_graph(), f"Read from Microsoft Graph: {first}"
        except PratiqueError as error:
            message = f"{first} {_said(error)}"
            raise PratiqueError(message) from error

    def _since(self, job: SynchronizationJob, now: datetime) -> datetime:
        """Return the end of the last good cycle, but no more than so many days ago.

        Graph counts a cycle in which entries failed as successful; it has overcome nothing, its failures are evidence.
        """
        status = job.raw.get("status")
        last = status.get("lastSuccessfulExecution") if isinstance(status, dict) else None
        good = isinstance(last, dict) and last.get("state") != "EntryLevelErrors" and not last.get("countEscrowed")
        ended = read_time(last.get("timeEnded")) if good and isinstance(last, dict) else None
        earliest = now - self._reach
        return earliest if ended is None else min(max(ended, earliest), now)


async def _audit_of_logs(logs: Logs, job: SynchronizationJob, begin: datetime, end: datetime) -> list[str]:
    given = {"ServicePrincipal": job.service_principal_id}
    rows = await logs.rows("quarantine_text", begin, end, given)
    return [str(row["Text"] or "") for row in rows][:_AUDIT_TEXTS]


async def _audit_of_graph(reports: GraphReports, job: SynchronizationJob, begin: datetime) -> list[str]:
    events = await reports.quarantine_events(job.service_principal_id, begin)
    texts = [_text_of(event)[:_TEXT] for event in events]
    return [text for text in dict.fromkeys(texts) if text][:_AUDIT_TEXTS]


async def _failures_of_logs(
    logs: Logs, job: SynchronizationJob, since: datetime, end: datetime
) -> tuple[tuple[FailureGroup, ...], str]:
    return read_rows(await logs.rows("provisioning_failures", since, end, {"Job": job.id})), ""


async def _failures_of_graph(
    reports: GraphReports, job: SynchronizationJob, since: datetime
) -> tuple[tuple[FailureGroup, ...], str]:
    summary, pages, records = Summary(), 0, 0
    async for page in reports.provisioning(job.id, since):
        pages, records = pages + 1, records + len(page)
        for record in page:
            summary.add(record)
    partial = f"At most the first {records} records were read." if pages == MOST_PAGES else ""
    return summary.groups(), partial


def _text_of(event: Mapping[str, Any]) -> str:
    """Return an audit event's text, which is in `resultReason` or else among the details."""
    if isinstance(text := event.get("resultReason"), str) and text:
        return text
    details = event.get("additionalDetails")
    for pair in details if isinstance(details, list) else []:
        if isinstance(pair, Mapping) and pair.get("key") == "Details" and isinstance(pair.get("value"), str):
            return str(pair["value"])
    return ""


def _said(error: PratiqueError) -> str:
    text = redact(str(error), limit=_REASON)
    if isinstance(error, MissingPermission) and error.permission not in text:
        text = f"{text} The missing permission is {error.permission}."
    if isinstance(error, Refused):
        text = f"{text[:1].upper()}{text[1:]}."
    return text
