"""Log Analytics: runs the KQL that ships in `queries/` over a time span."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, HttpResponseError
from azure.monitor.query import LogsQueryPartialResult
from azure.monitor.query.aio import LogsQueryClient

from shared.clients.azure_errors import error_of
from shared.clients.permissions import Permission
from shared.errors import MissingPermission, ServiceError, Unavailable
from shared.redaction import redact

_SERVICE = "Log Analytics"
_QUERIES = Path(__file__).parent.parent.parent / "queries"


class Logs:
    """One workspace; needs *Log Analytics Reader* on it."""

    def __init__(self, endpoint: str, workspace_id: str, credential: AsyncTokenCredential) -> None:
        self._workspace_id = workspace_id
        self._client = LogsQueryClient(credential, endpoint=endpoint)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def rows(self, query: str, begin: datetime, end: datetime) -> tuple[Mapping[str, Any], ...]:
        """Run the named query over a time span and return its rows; none means looked and found none.

        Raises:
            Unavailable: no answer, 5xx, or only a part of the result: a part is not an answer.
            MissingPermission: the identity may not read the workspace.
            ServiceError: the workspace refused the query.
        """
        text = (_QUERIES / f"{query}.kql").read_text(encoding="utf-8")
        try:
            result = await self._client.query_workspace(self._workspace_id, text, timespan=(begin, end))
        except AzureError as error:
            raise _translate(error) from error
        if isinstance(result, LogsQueryPartialResult):
            reason = redact(str(result.partial_error or ""))
            raise Unavailable(_SERVICE, "answer the whole query", 200, "PartialError", reason)
        table = result.tables[0]
        return tuple(dict(zip(table.columns, row, strict=True)) for row in table.rows)


def _translate(error: AzureError) -> ServiceError:
    operation = "run the query"
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        code, message = error_of(error)
        if error.status_code == 403:
            return MissingPermission(_SERVICE, operation, 403, code, message, Permission.LOGS)
        if error.status_code < 500 and error.status_code != 429:
            return ServiceError(_SERVICE, operation, error.status_code, code, message)
        return Unavailable(_SERVICE, operation, error.status_code, code, message)
    return Unavailable(_SERVICE, operation, None, type(error).__name__, redact(str(error)))
