"""Whether the workspace can be read and Entra sends it the records that the service looks for."""

from collections.abc import AsyncIterator
from datetime import timedelta

from shared.clients.logs import Logs
from shared.doctor.found import Found, Mark
from shared.doctor.part import About, Look, moment
from shared.doctor.refusal import refused
from shared.errors import ServiceError

_TABLES = {"AuditLogs": "audit_records", "AADProvisioningLogs": "provisioning_records"}
_SPAN = timedelta(days=30)


async def records(look: Look) -> AsyncIterator[Found]:
    """Count the records of each table; without a workspace there is nothing to count."""
    if look.logs is None:
        text = "LOG_ANALYTICS_WORKSPACE_ID is empty: the audit log is not queried; the sweep sees quarantines."
        yield Found(Mark.LOOK, About.LOGS, text, look.names.diagnostics())
        return
    if look.lacks(About.SIGN_IN):
        return
    for table, query in _TABLES.items():
        found = await _counted(look.logs, table, query, look)
        yield found
        if found.barred:
            return


async def _counted(logs: Logs, table: str, query: str, look: Look) -> Found:
    end = look.services.clock.now()
    try:
        (row,) = await logs.rows(query, end - _SPAN, end)
    except ServiceError as error:
        if not _unknown(table, error):
            return refused(About.LOGS, error, look.names)
        text = "The workspace knows no such table: Entra does not send it."
        return Found(Mark.MISSING, table, text, look.names.diagnostics())
    if row["Records"]:
        return Found(Mark.FINE, table, f"{row['Records']} records, the last {moment(row['Last'])}")
    text = f"No record in {_SPAN.days} days; is it sent? The first takes up to an hour."
    return Found(Mark.LOOK, table, text, look.names.diagnostics())


def _unknown(table: str, error: ServiceError) -> bool:
    """Say whether the query was refused because of the table; the words for that stand in the inner error alone."""
    said = str(error.__cause__ or "")
    return "SemanticError" in said and f"'{table}'" in said
