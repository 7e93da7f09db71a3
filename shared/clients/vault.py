"""Key Vault secrets, read only: names, versions, tags and dates; a value only when it is about to be used."""

from collections.abc import AsyncIterator

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.keyvault.secrets.aio import SecretClient

from shared.clients.permissions import Permission
from shared.clients.vault_answers import is_disabled, read_version, translate
from shared.redaction import SecretValue
from shared.tokens.bindings import SecretVersion


class Vault:
    """The vault that holds the vendors' tokens; needs *Key Vault Secrets User* and never writes."""

    def __init__(self, url: str, credential: AsyncTokenCredential) -> None:
        self._client = SecretClient(vault_url=url, credential=credential)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def newest_versions(self) -> tuple[SecretVersion, ...]:
        """List every secret by its newest version (Key Vault gives no version id here, so `version` is empty)."""
        return tuple([version async for version in self._list(None)])

    async def versions(self, name: str) -> tuple[SecretVersion, ...]:
        """List all versions of one secret, newest first; Key Vault promises no order of its own.

        Raises:
            NotFound: there is no such secret.
        """
        found = [version async for version in self._list(name)]
        return tuple(sorted(found, key=lambda version: (version.created, version.version), reverse=True))

    async def value(self, name: str, version: str) -> SecretValue:
        """Read one version's value.

        Raises:
            NotFound: there is no such version.
        """
        try:
            secret = await self._client.get_secret(name, version)
        except AzureError as error:
            raise translate(error, "read the secret", Permission.VAULT) from error
        return SecretValue(secret.value or "")

    async def newest_value(self, name: str) -> SecretValue:
        """Read the newest version's value."""
        return await self.value(name, "")

    async def newest_version(self, name: str) -> str:
        """Return the id of the version that Key Vault itself holds for the newest.

        Creation times have whole seconds, so two versions made within one second can be told apart only here. Empty
        when the newest is disabled, for Key Vault then tells nothing about it.
        """
        try:
            secret = await self._client.get_secret(name)
        except AzureError as error:
            if is_disabled(error):
                return ""
            raise translate(error, "read the secret", Permission.VAULT) from error
        return secret.properties.version or ""

    async def _list(self, name: str | None) -> AsyncIterator[SecretVersion]:
        pages = (
            self._client.list_properties_of_secret_versions(name) if name else self._client.list_properties_of_secrets()
        )
        try:
            async for properties in pages:
                yield read_version(properties)
        except AzureError as error:
            raise translate(error, "list secrets", Permission.VAULT) from error
