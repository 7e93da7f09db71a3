"""A deployment's settings are fitted to this machine value by value: no name is added, none is forgotten."""

import json
from pathlib import Path

import pytest

from cli.deployed import fitted, read_deployed
from cli.errors import UsageError
from cli.ground import PRODUCT_SETTINGS
from emulator.azurite import Storage
from emulator.tenant import EmbeddedTenant

_OF_RESOURCES = (
    "GRAPH_BASE_URL",
    "LOGS_ENDPOINT",
    "LOG_ANALYTICS_WORKSPACE_ID",
    "KEY_VAULT_URL",
    "MAIL_SENDER",
    "MAIL_RECIPIENTS",
    "AZURE_CLIENT_ID",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__queueServiceUri",
    "AzureWebJobsStorage__tableServiceUri",
)
_PLATFORM = {"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"}
_GIVEN = {
    **dict.fromkeys((*_OF_RESOURCES, *PRODUCT_SETTINGS), "deployed"),
    "TEAMS_WEBHOOK_SECRET": "teams-workflow",
    "PRATIQUE_MODE": "observe",
    "PRATIQUE_ACTING": "on",
    "PRATIQUE_MINT": "off",
}


def _written(folder: Path, held: object) -> Path:
    file = folder / "settings.json"
    file.write_text(held if isinstance(held, str) else json.dumps(held))
    return file


async def test_values_change_and_names_stay(state_dir: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mode and other choices stay; only App Service's own names are added; the vault has the Teams address."""
    monkeypatch.delenv("PRATIQUE_ACTING", raising=False)
    async with EmbeddedTenant(state_dir) as tenant:
        settings = await fitted(_GIVEN, tenant, storage, PRODUCT_SETTINGS)
        assert tenant.vault.value("teams-workflow") == tenant.inboxes.teams_url
        assert tenant.vault_events == []
    assert settings.keys() - _GIVEN.keys() == _PLATFORM
    assert [name for name, value in settings.items() if value == "deployed"] == []
    assert settings["PRATIQUE_MODE"] == "observe"
    assert settings["PRATIQUE_MINT"] == "off"
    assert not [value for value in settings.values() if "AccountKey" in value]


async def test_the_shells_switch_goes_first(state_dir: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stops all acting is obeyed, whatever the deployment says."""
    monkeypatch.setenv("PRATIQUE_ACTING", "off")
    async with EmbeddedTenant(state_dir) as tenant:
        assert (await fitted(_GIVEN, tenant, storage, PRODUCT_SETTINGS))["PRATIQUE_ACTING"] == "off"


@pytest.mark.parametrize("name", [*_OF_RESOURCES, "SWEEP_SCHEDULE", "PRATIQUE_LEASE"])
async def test_a_missing_name_is_named(state_dir: Path, storage: Storage, name: str) -> None:
    """A template that forgets a setting is not helped by this machine's."""
    given = {key: value for key, value in _GIVEN.items() if key != name}
    with pytest.raises(UsageError, match=f"lack {name}"):
        await fitted(given, EmbeddedTenant(state_dir), storage, PRODUCT_SETTINGS)


def test_both_forms_are_read(tmp_path: Path) -> None:
    """An object, and the list that the Azure CLI prints."""
    listed = [{"name": name, "slotSetting": False, "value": value} for name, value in _GIVEN.items()]
    assert read_deployed(_written(tmp_path, _GIVEN)) == read_deployed(_written(tmp_path, listed)) == _GIVEN


@pytest.mark.parametrize("held", ["{", "[1]", '"text"', "7", '[{"name": "A"}]'])
def test_what_holds_no_settings_is_refused(tmp_path: Path, held: str) -> None:
    """By the file's name."""
    with pytest.raises(UsageError, match=r"settings\.json holds no app settings"):
        read_deployed(_written(tmp_path, held))


@pytest.mark.parametrize(("name", "value"), [("AzureWebJobsStorage", "AccountKey=x"), ("TEAMS_WEBHOOK_SECRET", "")])
def test_a_storage_key_or_no_channel_is_refused(tmp_path: Path, name: str, value: str) -> None:
    """Both are named; the key is not repeated."""
    with pytest.raises(UsageError, match=f"^{name} ") as raised:
        read_deployed(_written(tmp_path, {**_GIVEN, name: value}))
    assert "AccountKey" not in str(raised.value)
