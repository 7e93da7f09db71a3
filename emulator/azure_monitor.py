"""Azure Monitor's part: a log-search alert rule that runs KQL over the workspace and calls a webhook.

The rule is split by one dimension and fires once for each of its values, as a stateful rule does until it is resolved.
Sources: "Create a log search alert rule", "Alerts payload samples" and "Common alert schema" (Azure Monitor docs).
"""

import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from emulator.entra import CLIENT_ID
from emulator.tenant import EmbeddedTenant

_WINDOW = timedelta(minutes=5)
_RULE = (
    "/subscriptions/33333333-3333-3333-3333-333333333333/resourceGroups/pratique"
    "/providers/microsoft.insights/scheduledqueryrules/quarantined-jobs"
)

type Webhook = Callable[[dict[str, Any]], Awaitable[bool]]
"""Takes an alert and says whether it was accepted; one that was not is sent again at the next evaluation."""


class AlertRule:
    """A rule that looks at the tenant's workspace whenever it is evaluated."""

    def __init__(self, tenant: EmbeddedTenant, query: str, dimension: str, webhook: Webhook) -> None:
        self._tenant = tenant
        self._query = query
        self._dimension = dimension
        self._webhook = webhook
        self._fired: set[str] = set()

    async def run_forever(self, every: float) -> None:
        """Evaluate again and again, until cancelled."""
        async with aiohttp.ClientSession() as session:
            while True:
                await self.evaluate(session)
                await self._tenant.clock.sleep(every)

    async def evaluate(self, session: aiohttp.ClientSession) -> None:
        """Fire for every value of the dimension that has rows in the window and has not fired yet."""
        until = self._tenant.clock.now()
        since = until - _WINDOW
        for value in await self._values(session, since, until):
            if value not in self._fired and await self._webhook(self._alert(value, since, until)):
                self._fired.add(value)

    async def _values(self, session: aiohttp.ClientSession, since: datetime, until: datetime) -> list[str]:
        environment, tls = self._tenant.environment(), self._tenant.certificates.client
        async with session.get(
            environment["IDENTITY_ENDPOINT"],
            params={"resource": self._tenant.logs.origin, "api-version": "2019-08-01", "client_id": CLIENT_ID},
            headers={"X-IDENTITY-HEADER": environment["IDENTITY_HEADER"]},
            ssl=tls,
        ) as response:
            response.raise_for_status()
            token = (await response.json())["access_token"]
        async with session.post(
            f"{environment['LOGS_ENDPOINT']}/workspaces/{environment['LOG_ANALYTICS_WORKSPACE_ID']}/query",
            json={"query": self._query, "timespan": f"{since.isoformat()}/{until.isoformat()}"},
            headers={"Authorization": f"Bearer {token}"},
            ssl=tls,
        ) as response:
            response.raise_for_status()
            table = (await response.json())["tables"][0]
        position = [column["name"] for column in table["columns"]].index(self._dimension)
        return list(dict.fromkeys(row[position] for row in table["rows"] if row[position]))

    def _alert(self, value: str, since: datetime, until: datetime) -> dict[str, Any]:
        return {
            "schemaId": "azureMonitorCommonAlertSchema",
            "data": {
                "essentials": {
                    "alertId": f"{_RULE}/alerts/{uuid.uuid4()}",
                    "alertRule": "quarantined-jobs",
                    "severity": "Sev2",
                    "signalType": "Log",
                    "monitorCondition": "Fired",
                    "monitoringService": "Log Alerts V2",
                    "firedDateTime": _stamp(until),
                    "essentialsVersion": "1.0",
                    "alertContextVersion": "1.0",
                },
                "alertContext": {
                    "properties": {},
                    "conditionType": "LogQueryCriteria",
                    "condition": {
                        "windowSize": "PT5M",
                        "allOf": [
                            {
                                "searchQuery": self._query,
                                "metricMeasureColumn": None,
                                "operator": "GreaterThan",
                                "threshold": "0",
                                "timeAggregation": "Count",
                                "dimensions": [{"name": self._dimension, "value": value}],
                                "metricValue": 1.0,
                                "failingPeriods": {"numberOfEvaluationPeriods": 1, "minFailingPeriodsToAlert": 1},
                            }
                        ],
                        "windowStartTime": _stamp(since),
                        "windowEndTime": _stamp(until),
                    },
                },
            },
        }


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
