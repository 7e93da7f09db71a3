"""The settings that a deployment gives the app, fitted to this machine: names stay, values of resources change."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from cli.errors import UsageError
from emulator.azurite import Storage
from emulator.entra import CLIENT_ID
from emulator.tenant import EmbeddedTenant

# The tenant's resources, as its environment names them; TEAMS_WEBHOOK_SECRET stays, and the tenant's vault holds it.
_RESOURCES = (
    "GRAPH_BASE_URL",
    "LOGS_ENDPOINT",
    "LOG_ANALYTICS_WORKSPACE_ID",
    "KEY_VAULT_URL",
    "MAIL_SENDER",
    "MAIL_RECIPIENTS",
)
# What App Service itself puts beside the settings, and what makes loopback TLS trusted.
_PLATFORM = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_TEAMS = "TEAMS_WEBHOOK_SECRET"
_SWITCH = "PRATIQUE_ACTING"


def read_deployed(file: Path) -> dict[str, str]:
    """Read app settings: an object of names and values, or what `az functionapp config appsettings list` prints.

    Raises:
        UsageError: the file holds something else, or a storage key, or names no Teams secret.
    """
    try:
        held = json.loads(file.read_text("utf-8"))
        pairs = held.items() if isinstance(held, dict) else [(entry["name"], entry["value"]) for entry in held]
        given = {str(name): str(value) for name, value in pairs}
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{file} holds no app settings.") from error
    if given.get("AzureWebJobsStorage"):
        raise UsageError("AzureWebJobsStorage is set: a deployment reaches storage by identity.")
    if not given.get(_TEAMS):
        raise UsageError(f"{_TEAMS} is empty: the story is told in Teams.")
    return given


async def fitted(
    given: Mapping[str, str], tenant: EmbeddedTenant, storage: Storage, quick: Mapping[str, str]
) -> dict[str, str]:
    """Return the settings with the values of this tenant, this storage and these quick intervals.

    No name is added but what App Service itself sets. The mode stays what the deployment says. The shell's switch that
    stops all acting goes before the deployment's.

    Raises:
        UsageError: a name whose value is to be changed is not among them.
    """
    environment = tenant.environment()
    values = {name: environment[name] for name in _RESOURCES} | {
        "AZURE_CLIENT_ID": CLIENT_ID,
        "AzureWebJobsStorage__clientId": CLIENT_ID,
        "AzureWebJobsStorage__blobServiceUri": storage.blob_url,
        "AzureWebJobsStorage__queueServiceUri": storage.queue_url,
        "AzureWebJobsStorage__tableServiceUri": storage.table_url,
        **{name: value for name, value in quick.items() if name != "PRATIQUE_MODE"},
        **{name: os.environ[name] for name in (_SWITCH,) if name in os.environ},
    }
    if missing := sorted(values.keys() - given.keys()):
        raise UsageError(f"The settings lack {', '.join(missing)}.")
    await tenant.vault.put(given[_TEAMS], tenant.inboxes.teams_url, announce=False)
    return {**given, **values, **{name: environment[name] for name in _PLATFORM}}
