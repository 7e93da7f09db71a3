"""Has Azure Monitor watch the embedded tenant: the KQL that ships is the rule, the running app's webhook its action."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp

from cli.functions_host import FUNCTION_KEY, FunctionsHost
from cli.home import ROOT
from emulator.azure_monitor import AlertRule
from emulator.tenant import EmbeddedTenant

_QUERY = ROOT / "queries" / "quarantine_events.kql"
_EVERY = 1.0


@asynccontextmanager
async def watched_by_azure_monitor(tenant: EmbeddedTenant, host: FunctionsHost) -> AsyncIterator[None]:
    """Evaluate the rule every second for as long as the context lasts; what went wrong in it is raised in the end."""
    async with aiohttp.ClientSession(headers={"x-functions-key": FUNCTION_KEY}) as session:

        async def call(alert: dict[str, Any]) -> bool:
            try:
                async with session.post(f"{host.url}/api/alerts", json=alert) as response:
                    return response.ok
            except aiohttp.ClientError:
                return False  # whoever runs the host notices that it is gone

        rule = AlertRule(tenant, _QUERY.read_text(encoding="utf-8"), "ServicePrincipalId", call)
        watching = asyncio.create_task(rule.run_forever(_EVERY))
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
