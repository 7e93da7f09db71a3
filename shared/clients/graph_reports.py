"""Graph's `auditLogs`: what the provisioning service said, for tenants whose logs go to no workspace.

Both reports share one allowance of five requests in ten seconds (Graph docs: throttling limits, identity and access
reports); so requests are spaced out here, and the pages of one reading are bounded. Filters are the documented ones
alone; the order of what comes is not promised. Needs *AuditLog.Read.All*.
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation

from shared.clients.graph_transport import GraphTransport
from shared.clients.permissions import Permission
from shared.clock import Clock
from shared.errors import Refused, Throttled

MOST_PAGES = 20
_AUDIT_PAGES = 4
_PAGE = 500
_ALLOWED = 5
_WITHIN = timedelta(seconds=11)  # a second more than Graph says: it counts when requests arrive, not when they leave
_TRIES = 3
_REPORT = "{+baseurl}/auditLogs/{report}{?%24filter,%24top}"
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,199}")


class GraphReports:
    """Microsoft Graph's audit and provisioning logs, v1.0."""

    def __init__(self, transport: GraphTransport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._sent: deque[datetime] = deque(maxlen=_ALLOWED)
        self._turn = asyncio.Lock()

    async def quarantine_events(self, service_principal_id: str, since: datetime) -> tuple[Mapping[str, Any], ...]:
        """Read the quarantine events of one service principal, newest first.

        Raises:
            MissingPermission: AuditLog.Read.All is missing.
            ServiceError: of the kind that fits the answer.
        """
        wanted = (
            "loggedByService eq 'Account Provisioning' and activityDisplayName eq 'Quarantine' "
            f"and activityDateTime ge {_stamp(since)} "
            f"and targetResources/any(t: t/id eq '{_identifier(service_principal_id)}')"
        )
        pages = self._pages("directoryAudits", wanted, "read the audit log", _AUDIT_PAGES)
        found = [event async for page in pages for event in page]
        return tuple(sorted(found, key=lambda event: str(event.get("activityDateTime") or ""), reverse=True))

    async def provisioning(self, job_id: str, since: datetime) -> AsyncIterator[list[Mapping[str, Any]]]:
        """Read what happened to entries of a job since a time, a page at a time, at most `MOST_PAGES`.

        No filter by outcome is documented, so good entries come too.

        Raises:
            MissingPermission: AuditLog.Read.All is missing.
            ServiceError: of the kind that fits the answer.
        """
        wanted = f"jobId eq '{_identifier(job_id)}' and activityDateTime gt {_stamp(since)}"
        async for page in self._pages("provisioning", wanted, "read the provisioning log", MOST_PAGES):
            yield page

    async def _pages(
        self, report: str, wanted: str, operation: str, most: int
    ) -> AsyncIterator[list[Mapping[str, Any]]]:
        link = ""
        for _ in range(most):
            body = await self._page(report, wanted, operation, link)
            value = body.get("value")
            yield [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []
            link = str(body.get("@odata.nextLink") or "")
            if not link:
                return

    async def _page(self, report: str, wanted: str, operation: str, link: str) -> Mapping[str, Any]:
        for _ in range(_TRIES - 1):
            try:
                return await self._once(report, wanted, operation, link)
            except Throttled as throttled:
                # Others in the tenant may use the same allowance, and a time to wait is only sometimes given.
                await self._clock.sleep((throttled.retry_after or _WITHIN).total_seconds())
        return await self._once(report, wanted, operation, link)

    async def _once(self, report: str, wanted: str, operation: str, link: str) -> Mapping[str, Any]:
        await self._wait_for_turn()
        if link:
            return await self._transport.follow(link, operation, Permission.AUDIT_LOG)
        request = RequestInformation(Method.GET, _REPORT, {"report": report})
        request.query_parameters["%24filter"] = wanted
        request.query_parameters["%24top"] = _PAGE
        return await self._transport.read(request, operation, Permission.AUDIT_LOG)

    async def _wait_for_turn(self) -> None:
        async with self._turn:
            if len(self._sent) == _ALLOWED:
                wait = self._sent[0] + _WITHIN - self._clock.now()
                if wait > timedelta():
                    await self._clock.sleep(wait.total_seconds())
            self._sent.append(self._clock.now())


def _identifier(text: str) -> str:
    if not _IDENTIFIER.fullmatch(text):
        message = "an identifier holds characters that no filter may be given"
        raise Refused(message)
    return text


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
