"""Where token records are kept: one row a secret, changed by whoever learns something."""

from collections.abc import Callable

from shared.clients.storage import Row, Storage
from shared.errors import Conflict
from shared.tokens.record import TokenRecord

_TRIES = 6


class TokenRecords:
    """Keeps the rows, in the table `pratiquetokens`."""

    def __init__(self, storage: Storage) -> None:
        self._table = storage.table("pratiquetokens")

    async def get(self, service_principal_id: str, secret_name: str) -> TokenRecord:
        """Read a row; one that does not exist yet reads as nothing known."""
        return _read(
            await self._table.get(service_principal_id.lower(), secret_name), service_principal_id, secret_name
        )

    async def of(self, service_principal_id: str) -> tuple[TokenRecord, ...]:
        """Read the rows of one application's secrets."""
        rows = self._table.query("PartitionKey eq @p", p=service_principal_id.lower())
        return tuple([TokenRecord.from_row(row.values) async for row in rows])

    async def all(self) -> dict[tuple[str, str], TokenRecord]:
        """Read every row, by service principal (lower case) and secret name."""
        rows = [TokenRecord.from_row(row.values) async for row in self._table.query()]
        return {(row.service_principal_id.lower(), row.secret_name): row for row in rows}

    async def change(
        self, service_principal_id: str, secret_name: str, change: Callable[[TokenRecord], TokenRecord]
    ) -> TokenRecord:
        """Change a row by a function of what it holds, again when somebody else was quicker.

        Raises:
            Conflict: others were quicker every time.
        """
        for _ in range(_TRIES):
            row = await self._table.get(service_principal_id.lower(), secret_name)
            before = _read(row, service_principal_id, secret_name)
            after = change(before)
            if row is not None and after == before:
                return before
            key = (service_principal_id.lower(), secret_name)
            try:
                if row is None:
                    await self._table.insert(*key, after.to_row())
                else:
                    await self._table.replace(*key, after.to_row(), row.etag)
            except Conflict:
                continue
            return after
        message = f"the row of secret {secret_name} changed every time it was to be written"
        raise Conflict(message)


def _read(row: Row | None, service_principal_id: str, secret_name: str) -> TokenRecord:
    return TokenRecord.from_row(row.values) if row else TokenRecord(service_principal_id, secret_name)
