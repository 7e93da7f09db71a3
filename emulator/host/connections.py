"""Storage connections of the bindings, read from app settings: by connection string, or by identity.

Where a connection string is set, it is used; else the settings `<name>__…` describe a connection by identity
(learn.microsoft.com/azure/azure-functions/functions-reference, "Common properties for identity-based connections").
Served of these: `queueServiceUri`, `credential` (absent, or `managedidentity`) and `clientId`; any other is refused, so
that none is passed over. For `AzureWebJobsStorage` also `blobServiceUri` is demanded, where the Functions host keeps
keys and leases, and `tableServiceUri` is let pass.
"""

from collections.abc import Mapping
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential
from azure.storage.queue.aio import QueueServiceClient

from emulator.azurite import ACCOUNT, connection_string
from emulator.host.errors import HostError
from emulator.host.logs import storage_log

_HOSTS_OWN = "AzureWebJobsStorage"
_DEVELOPMENT = connection_string(
    f"http://127.0.0.1:10000/{ACCOUNT}", f"http://127.0.0.1:10001/{ACCOUNT}", f"http://127.0.0.1:10002/{ACCOUNT}"
)
_SERVED = frozenset({"queueServiceUri", "blobServiceUri", "tableServiceUri", "credential", "clientId"})
_POLICIES: Mapping[str, Any] = {
    # The caller decides on repeating: a poll comes again, a message becomes visible again.
    "retry_total": 0,
    "connection_timeout": 5,
    "read_timeout": 30,
    "logger": storage_log,
}


class Connections:
    """The connections that were asked for; one client for each."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings
        self._services: dict[str, QueueServiceClient] = {}
        self._credentials: list[AsyncTokenCredential] = []

    async def close(self) -> None:
        """Close the connections."""
        for service in self._services.values():
            await service.close()
        for credential in self._credentials:
            await credential.close()

    def service(self, name: str) -> QueueServiceClient:
        """Return the queue service that a connection names.

        Raises:
            HostError: the settings describe none.
        """
        if name not in self._services:
            self._services[name] = self._by_string(name) or self._by_identity(name)
        return self._services[name]

    def _by_string(self, name: str) -> QueueServiceClient | None:
        value = self._settings.get(name) or self._settings.get(f"AzureWebJobs{name}")
        if not value:
            return None
        if value.strip().rstrip(";").lower() == "usedevelopmentstorage=true":
            value = _DEVELOPMENT
        return QueueServiceClient.from_connection_string(value, **_POLICIES)

    def _by_identity(self, name: str) -> QueueServiceClient:
        mark = f"{name}__"
        found = {key.removeprefix(mark): value for key, value in self._settings.items() if key.startswith(mark)}
        given = {key: value for key, value in found.items() if value}
        if not given:
            raise HostError(
                f"the app setting {name} must hold a connection string, or {mark}queueServiceUri an address; "
                "neither is set"
            )
        if unserved := sorted(given.keys() - _SERVED):
            raise HostError(f"the app setting {mark}{unserved[0]} is not served here")
        for kind in ("queueServiceUri", "blobServiceUri") if name == _HOSTS_OWN else ("queueServiceUri",):
            if not given.get(kind, "").startswith("https://"):
                raise HostError(f"the app setting {mark}{kind} must hold an https address: tokens go nowhere else")
        credential = _credential(mark, given)
        self._credentials.append(credential)
        return QueueServiceClient(given["queueServiceUri"], credential=credential, **_POLICIES)


def _credential(mark: str, given: Mapping[str, str]) -> AsyncTokenCredential:
    match given.get("credential", "").lower():
        case "managedidentity":
            return ManagedIdentityCredential(client_id=given.get("clientId"))
        case "" if "clientId" not in given:
            return DefaultAzureCredential()
        case "":
            raise HostError(f"the app setting {mark}clientId needs {mark}credential=managedidentity beside it")
        case other:
            raise HostError(f"the app setting {mark}credential must be managedidentity, not {other!r}")
