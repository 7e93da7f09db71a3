"""The doctor names each thing that is missing, with what mends it, and changes nothing that is not our own."""

import json
import re
import shlex
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from cli.doctor import doctor
from cli.errors import ExitCode
from emulator.azurite import Storage
from emulator.entra import IDENTITY_ID, Role
from emulator.faults import Status
from shared.clients.permissions import Permission
from shared.composition import compose
from shared.detection.signal import QUEUE, VAULT_EVENTS_QUEUE
from shared.doctor.doctor import QUEUES, TABLES
from shared.doctor.found import Found, Mark
from shared.doctor.mend import Names
from shared.errors import MissingPermission
from shared.settings import load
from tests.product.conftest import clean_storage
from tests.tokens.conftest import MARK, Desk, bound, opened

__all__ = ["clean_storage"]

ROOT = Path(__file__).parents[2]
_OUTPUTS = {
    "AZURE_FUNCTION_NAME": "func-x",
    "AZURE_RESOURCE_GROUP": "rg-x",
    "AZURE_LOCATION": "westeurope",
    "AZURE_KEY_VAULT_NAME": "kv-x",
    "PRATIQUE_IDENTITY_PRINCIPAL_ID": IDENTITY_ID,
    "PRATIQUE_WORKSPACE_ID": "/subscriptions/x/workspace",
}


@pytest.fixture
async def desk(state_dir: Path, clean_storage: Storage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Return a tenant with one application, whose engine does not run, and the product."""
    async with opened(state_dir, clean_storage, monkeypatch) as one:
        await one.tenant.add_application("Contoso")
        yield one


async def examined(
    desk: Desk, settings: Mapping[str, str] = MappingProxyType({}), *, send_test: bool = False
) -> list[Found]:
    """Examine with a product of its own, for a token that was issued keeps the roles of then."""
    product = compose({**desk.environment, **settings})
    try:
        names = Names.of(product.settings, _OUTPUTS)
        return list(await product.doctor.examine(names, send_test=send_test))
    finally:
        await product.close()


def missing(found: list[Found]) -> dict[str, Found]:
    """Return what is missing, by its subject."""
    return {one.subject: one for one in found if one.mark is Mark.MISSING}


async def test_where_all_is_there_nothing_is_missing(desk: Desk) -> None:
    """The embedded tenant as it starts; what has not happened yet is only worth a look."""
    found = await examined(desk)
    assert missing(found) == {}
    looks = {one.subject for one in found if one.mark is Mark.LOOK}
    assert {"AuditLogs", "AADProvisioningLogs", "Bindings"} <= looks
    assert {"Mode", "Sign-in", "Applications", "Jobs", "Vault", "Teams", "Mail", "Storage"} <= {
        one.subject for one in found if one.mark is Mark.FINE
    }


@pytest.mark.parametrize(
    ("role", "settings", "command"),
    [
        (Role.APPLICATIONS, {}, f"grant.sh --principal-id {IDENTITY_ID}"),
        (Role.SYNCHRONIZATION, {}, f"grant.sh --principal-id {IDENTITY_ID}"),
        (Role.VAULT, {}, '--role "Key Vault Secrets User" --scope "$(az keyvault show -n kv-x'),
        (Role.LOGS, {}, '--role "Log Analytics Reader" --scope /subscriptions/x/workspace'),
        (Role.AUDIT_LOG, {"LOG_ANALYTICS_WORKSPACE_ID": ""}, "--audit-log"),
        (Role.VAULT_OFFICER, {"PRATIQUE_MINT": "on"}, "azd env set PRATIQUE_MINTING true"),
    ],
)
async def test_each_permission_that_is_missing_is_named_with_what_grants_it(
    desk: Desk, role: Role, settings: Mapping[str, str], command: str
) -> None:
    """Exactly the part that needs it is missing."""
    desk.tenant.entra.roles.discard(role)
    found = await examined(desk, settings)
    (one,) = missing(found).values()
    assert str(role) in one.text
    assert any(command in line for line in one.mend), one.mend


async def test_mail_that_the_token_does_not_show_is_worth_a_look_and_a_test_tells(desk: Desk) -> None:
    """Exchange's grant never shows in a token, so it is no fault; a test mail that is refused is one."""
    desk.tenant.entra.roles.discard(Role.MAIL)
    (look,) = [one for one in await examined(desk) if one.subject == "Mail"]
    assert (look.mark, str(Permission.MAIL) in look.text) == (Mark.LOOK, True)
    assert desk.tenant.inboxes.teams == []
    refused = missing(await examined(desk, send_test=True))
    assert str(Permission.MAIL) in refused["Test"].text
    assert len(desk.tenant.inboxes.teams) == 1


async def test_reading_alone_is_not_enough(desk: Desk) -> None:
    """A caller who can read every job there is, but whose token lacks the permission to change them, is found out."""
    desk.tenant.entra.roles = {Role.APPLICATIONS, Role.OWNED, Role.VAULT, Role.LOGS, Role.MAIL}
    desk.tenant.directory.owned |= set(desk.tenant.directory.service_principals)
    found = missing(await examined(desk))
    assert found.keys() == {"Jobs"}
    assert "not changed or tested: the token lacks Synchronization.ReadWrite.All" in found["Jobs"].text


async def test_a_table_that_the_workspace_does_not_know_means_that_entra_does_not_send_it(desk: Desk) -> None:
    """Log Analytics refuses the query; the command makes the diagnostic setting in this workspace."""
    inner = {"code": "SemanticError", "message": "Failed to resolve table or column expression named 'AuditLogs'"}
    body = {"error": {"code": "BadArgumentError", "message": "The request had some invalid properties"}}
    body["error"]["innererror"] = inner  # type: ignore[assignment]
    desk.tenant.faults.add("logs", "POST", "query", Status(400, body=body))
    found = missing(await examined(desk))
    assert found.keys() == {"AuditLogs"}
    (command,) = found["AuditLogs"].mend
    assert command.startswith("az deployment sub create --location westeurope -f infra/entra/diagnostics/main.bicep")
    assert command.endswith(" -p workspaceId=/subscriptions/x/workspace")


@pytest.mark.parametrize(
    ("settings", "subject", "words"),
    [
        ({"TEAMS_WEBHOOK_URL": "", "MAIL_SENDER": "", "MAIL_RECIPIENTS": ""}, "Teams", "nobody is told"),
        ({"TEAMS_WEBHOOK_URL": "", "TEAMS_WEBHOOK_SECRET": "workflow"}, "Teams", "the vault has no secret workflow"),
        ({"MAIL_RECIPIENTS": ""}, "Mail", "MAIL_RECIPIENTS is empty"),
        ({"PRATIQUE_APPLICATIONS": "owned"}, "Applications", "The identity owns none"),
        ({"PRATIQUE_APPLICATIONS": IDENTITY_ID}, "Applications", IDENTITY_ID),
    ],
)  # fmt: skip
async def test_what_is_not_set_up_is_missing(desk: Desk, settings: Mapping[str, str], subject: str, words: str) -> None:
    """Each alone, with something to do about it."""
    (one,) = missing(await examined(desk, settings)).values()
    assert one.subject == subject
    assert words in one.text
    assert one.mend


async def test_the_address_of_the_workflow_is_read_and_never_shown(desk: Desk) -> None:
    """A secret that is no address is missing; neither is in the text."""
    settings = {"TEAMS_WEBHOOK_URL": "", "TEAMS_WEBHOOK_SECRET": "workflow"}
    await desk.put("workflow", {}, value=f"https://teams.example/{MARK}")
    good = await examined(desk, settings)
    await desk.put("workflow", {}, value=f"http://{MARK}")
    bad = await examined(desk, settings)
    assert missing(good) == {}
    assert missing(bad).keys() == {"Teams"}
    assert MARK not in repr(good) + repr(bad)


async def test_an_address_stored_with_its_line_end_is_posted_to(desk: Desk) -> None:
    """`az keyvault secret set --file` stores the end of the line that every editor writes."""
    await desk.put("workflow", {}, value=f"{desk.tenant.inboxes.teams_url}\n")
    found = await examined(desk, {"TEAMS_WEBHOOK_URL": "", "TEAMS_WEBHOOK_SECRET": "workflow"}, send_test=True)
    assert missing(found) == {}
    assert len(desk.tenant.inboxes.teams) == 1


async def test_without_a_token_the_rest_is_still_looked_at(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign-in is missing; storage by connection string is not."""
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    found = await examined(desk)
    assert missing(found).keys() == {"Sign-in"}
    assert {"Storage", "Mode"} <= {one.subject for one in found if one.mark is Mark.FINE}


async def test_somebody_else_than_the_service_is_told_so(desk: Desk) -> None:
    """What a person at a desk may do says little about the service: it can be asked itself."""
    other = "aaaaaaaa-0000-0000-0000-000000000001"
    (one,) = [it for it in await examined(desk, {"PRATIQUE_IDENTITY": other}) if it.subject == "Sign-in"]
    assert (one.mark, IDENTITY_ID in one.text) == (Mark.LOOK, True)
    assert "https://func-x.azurewebsites.net/api/doctor" in one.mend[0]


async def test_a_sweep_that_ran_and_a_source_that_is_blind_are_told(desk: Desk) -> None:
    """From our own rows; the sweep is noted even though it found no news."""
    await desk.product.ears.sweep()
    desk.tenant.entra.roles.discard(Role.LOGS)
    with pytest.raises(MissingPermission):
        await desk.product.ears.query_audit_log()
    desk.tenant.entra.roles.add(Role.LOGS)
    found = await examined(desk)
    assert str(Role.LOGS) in missing(found)["audit_log"].text
    (swept,) = [one for one in found if one.subject == "Sweep"]
    assert (swept.mark, swept.text.startswith("last ran")) == (Mark.FINE, True)


async def test_nothing_is_changed_and_no_row_is_left(desk: Desk) -> None:
    """Graph and vault are only read, but for asking to write a secret that is not there; no test of a credential."""
    application = desk.tenant.applications["Contoso"]
    await desk.put("contoso", bound(application))
    desk.tenant.entra.roles.add(Role.VAULT_OFFICER)
    asked = len(desk.tenant.requests)
    assert missing(await examined(desk, {"PRATIQUE_MINT": "on"})) == {}
    writing = [one for one in desk.tenant.requests[asked:] if one.method != "GET" and one.service != "logs"]
    assert {(one.service, one.method, one.status) for one in writing} == {
        ("graph", "POST", 200),
        ("vault", "PATCH", 404),
    }
    assert all(one.path.endswith("/$batch") for one in writing if one.service == "graph")
    assert await desk.product.doctor.storage.table("pratiqueheard").get("doctor", "doctor") is None


async def test_the_command_prints_the_commands_whole_and_ends_with_1(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command of more than a line's width is not broken; with `--azure` it has the deployment's names."""
    desk.tenant.entra.roles.discard(Role.VAULT)
    for name, value in _OUTPUTS.items():
        monkeypatch.setenv(name, value)
    assert await doctor(azure=True, send_test=False, as_json=False) is ExitCode.NEEDS_YOU
    said = capsys.readouterr().out
    command = next(line for line in said.splitlines() if "az role assignment" in line)
    assert command.endswith('--scope "$(az keyvault show -n kv-x --query id -o tsv)"')
    assert "✗ Vault" in said
    assert await doctor(azure=False, send_test=False, as_json=True) is ExitCode.NEEDS_YOU
    document = json.loads(capsys.readouterr().out)
    (one,) = [it for it in document["findings"] if it["mark"] == "missing"]
    assert (document["complete"], "<vault>" in one["mend"][0]) == (False, True)


async def test_a_setting_that_is_missing_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its name, its meaning and the command that sets it; exit code 1."""
    monkeypatch.delenv("KEY_VAULT_URL", raising=False)
    assert await doctor(azure=False, send_test=False, as_json=True) is ExitCode.NEEDS_YOU
    (one,) = json.loads(capsys.readouterr().out)["findings"]
    assert "KEY_VAULT_URL is required" in one["text"]
    assert one["mend"][0] == "export KEY_VAULT_URL=<value>"


def test_names_from_outside_cannot_break_out_of_a_command() -> None:
    """What azd's outputs say is quoted for the shell; where they are silent the settings' own addresses serve."""
    settings = load({"KEY_VAULT_URL": "https://kv-own.vault.azure.net", "AzureWebJobsStorage": "x"})
    names = Names.of(settings, {"AZURE_RESOURCE_GROUP": "x; rm -rf /"})
    assert "-g 'x; rm -rf /' -n <app>" in names.grant(Permission.APPLICATIONS)[1]
    assert "az keyvault show -n kv-own " in names.grant(Permission.VAULT)[0]
    assert Names.of(load({"KEY_VAULT_URL": "https://a.b.example", "AzureWebJobsStorage": "x"}), {}).vault == "<vault>"


def test_a_name_is_quoted_once() -> None:
    """Parentheses are allowed in a resource group's name and mean something to a shell."""
    workspace = "/subscriptions/x/resourceGroups/rg(logs)/providers/y/workspaces/z"
    settings = load({"KEY_VAULT_URL": "https://kv-own.vault.azure.net", "AzureWebJobsStorage": "x"})
    (command,) = Names.of(settings, {"PRATIQUE_WORKSPACE_ID": workspace}).grant(Permission.LOGS)
    assert shlex.split(command)[-2:] == ["--scope", workspace]


@pytest.mark.filterwarnings("ignore:Testing an element's truth value:DeprecationWarning")  # the SDK, on every refusal
async def test_storage_that_refuses_names_both_roles(desk: Desk) -> None:
    """Tables and queues apart, each with the command for this account; the key is in neither text."""
    wrong = "d3JvbmcgYnV0IGFzIGxvbmcgYXMgYSBrZXk="
    connection = re.sub(r"AccountKey=[^;]+", f"AccountKey={wrong}", desk.environment["AzureWebJobsStorage"])
    found = [one for one in await examined(desk, {"AzureWebJobsStorage": connection}) if one.mark is Mark.MISSING]
    assert [one.subject for one in found] == ["Storage", "Storage"]
    for one, role in zip(found, (Permission.TABLES, Permission.QUEUES), strict=True):
        assert str(role) in one.text
        assert f'--role "{role}"' in one.mend[0]
        assert wrong not in one.text


def test_the_tables_that_are_looked_at_are_those_of_the_code() -> None:
    """A table that is added to the code is looked at too, and so is every queue that we write to."""
    sources = [path.read_text("utf-8") for path in (ROOT / "shared").rglob("*.py")]
    assert set(TABLES) == {name for text in sources for name in re.findall(r'storage\.table\(\s*"(\w+)"', text)}
    assert set(QUEUES) == {name for queue in (QUEUE, VAULT_EVENTS_QUEUE) for name in (queue, f"{queue}-rejected")}
