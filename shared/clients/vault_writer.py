"""Key Vault secrets, written: a new version of a token that a vendor's API made, and the marks on a version.

Sources: Key Vault REST API, "Set Secret" and "Update Secret": setting always makes a new version; updating replaces the
tags as a whole and leaves alone what it does not mention.
"""

from collections.abc import Awaitable, Mapping
from datetime import datetime

from aiohttp import (
    ClientConnectionError,
    ClientHandlerType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ServerDisconnectedError,
)
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.keyvault.secrets import SecretProperties
from azure.keyvault.secrets.aio import SecretClient

from shared.clients.permissions import Permission
from shared.clients.vault_answers import read_version, translate
from shared.redaction import SecretValue
from shared.tokens.bindings import SecretVersion


class VaultWriter:
    """The vault as far as it is written to; needs *Key Vault Secrets Officer*, and only where tokens are minted.

    Nothing is contacted before the first call. Every call is sent once: one call never makes two versions, and who
    called decides on a repetition. No text of an error holds a value, not even where the service repeats it.

    All calls raise:
        MissingPermission: the identity may not write.
        NotFound: there is no such secret or version (never raised by `put`).
        Throttled: nothing was done.
        Unavailable: no answer or 5xx; whether it was done is unknown.
        ServiceError: refused for another reason; nothing was done.
    """

    def __init__(self, url: str, credential: AsyncTokenCredential) -> None:
        self._client = SecretClient(vault_url=url, credential=credential, retry_total=0)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def put(
        self, name: str, value: SecretValue, *, tags: Mapping[str, str], expires: datetime | None
    ) -> SecretVersion:
        """Add a version, with these tags and no others: a version inherits none."""

        async def send() -> SecretProperties:
            kept = await self._client.set_secret(
                name, value.reveal(), tags=dict(tags), expires_on=expires, middlewares=(_once,)
            )
            return kept.properties

        return await _read(send(), "add a version of the secret", value)

    async def retag(self, name: str, version: str, tags: Mapping[str, str]) -> SecretVersion:
        """Replace all tags of a version, of the current one where `version` is empty."""
        update = self._client.update_secret_properties(name, version or None, tags=dict(tags))
        return await _read(update, "change the tags of the secret")

    async def disable(self, name: str, version: str) -> None:
        """Make a version unreadable; it must be named, for the current one may be in use.

        Raises:
            ValueError: no version is named.
        """
        if not version:
            raise ValueError("a version must be named to be disabled")
        await _read(self._client.update_secret_properties(name, version, enabled=False), "disable the version")


async def _read(sent: Awaitable[SecretProperties], operation: str, *known: SecretValue) -> SecretVersion:
    """Read the answer; our own error has the SDK's neither for cause nor for context, for that may repeat a value."""
    try:
        return read_version(await sent)
    except AzureError as error:
        translated = translate(error, operation, Permission.VAULT_WRITE, known)
    raise translated


async def _once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Keep aiohttp, under the SDK and its retries, from sending a PUT again whose connection was lost.

    It takes every PUT for idempotent (aiohttp's `IDEMPOTENT_METHODS`), and here each one makes a version.
    """
    try:
        return await handler(request)
    except (ClientOSError, ServerDisconnectedError) as error:
        raise ClientConnectionError(type(error).__name__) from error
