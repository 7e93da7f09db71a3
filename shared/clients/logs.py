"""Log Analytics: runs the KQL that ships in `queries/` over a time span."""

import re
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
from shared.errors import MissingPermission, Refused, ServiceError, Unavailable
from shared.redaction import redact

_SERVICE = "Log Analytics"
_QUERIES = Path(__file__).parent.parent.parent / "queries"
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,199}")


class Logs:
    """One workspace; needs *Log Analytics Reader* on it."""

    def __init__(self, endpoint: str, workspace_id: str, credential: AsyncTokenCredential) -> None:
        self._workspace_id = workspace_id
        self._client = LogsQueryClient(credential, endpoint=endpoint)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def rows(
        self, query: str, begin: datetime, end: datetime, given: Mapping[str, str] | None = None
    ) -> tuple[Mapping[str, Any], ...]:
        """Run the named query over a time span and return its rows; none means looked and found none.

        Args:
            query: the name of a file in `queries/`.
            begin: where the time span begins.
            end: where it ends.
            given: values for the query's own `let <name> = "";` lines; only identifiers, see `with_values`.

        Raises:
            Refused: a value is no identifier, or the query has no such line.
            Unavailable: no answer, 5xx, or only a part of the result: a part is not an answer.
            MissingPermission: the identity may not read the workspace.
            ServiceError: the workspace refused the query.
        """
        text = with_values((_QUERIES / f"{query}.kql").read_text(encoding="utf-8"), given or {})
        try:
            result = await self._client.query_workspace(self._workspace_id, text, timespan=(begin, end))
        except AzureError as error:
            raise _translate(error) from error
        if isinstance(result, LogsQueryPartialResult):
            reason = redact(str(result.partial_error or ""))
            raise Unavailable(_SERVICE, "answer the whole query", 200, "PartialError", reason)
        table = result.tables[0]
        return tuple(dict(zip(table.columns, row, strict=True)) for row in table.rows)


def with_values(text: str, given: Mapping[str, str]) -> str:
    """Put identifiers into the lines of a query that wait for them.

    Log Analytics takes no query parameters. The shipped file is a whole query with empty texts, so what the analyser
    passed is what runs; and a value that could end the text it stands in is never put there.

    Raises:
        Refused: a value is no identifier, or the query has not exactly one line for it.
    """
    for name, value in given.items():
        line = f'let {name} = "";\n'
        if not _IDENTIFIER.fullmatch(value) or text.count(line) != 1:
            message = f"{redact(value, limit=80)!r} is no identifier that a query may be given as {name}"
            raise Refused(message)
        text = text.replace(line, f'let {name} = "{value}";\n')
    return text


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
