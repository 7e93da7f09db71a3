"""The commands that the doctor prints: for this deployment, safe in a shell, and never more than what is missing."""

import base64
import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

import pytest

from cli.doctor import doctor
from cli.errors import ExitCode
from emulator.entra import IDENTITY_ID, Role
from shared.clients.permissions import Permission
from shared.clients.signed_in import Caller, read_caller
from shared.doctor.found import Found, Mark
from shared.doctor.mend import GRAPH_PERMISSIONS, Names
from shared.doctor.setting import AT_A_DESK, BY_ANOTHER, BY_AZD, BY_DEPLOYMENT, change
from shared.settings import load, table
from tests.doctor.conftest import OUTPUTS, about, examined, missing
from tests.infra.checks import ROOT
from tests.infra.test_grant import APPLICATION, AUDIT, OWNED_BY, USERS, Tenant, tenant
from tests.tokens.conftest import Desk

__all__ = ["tenant"]

_LEAST = {"KEY_VAULT_URL": "https://kv-own.vault.azure.net", "AzureWebJobsStorage": "x"}
_OWNED = {"PRATIQUE_APPLICATIONS": "owned", "PRATIQUE_IDENTITY": IDENTITY_ID}
_OTHER = "aaaaaaaa-0000-0000-0000-000000000001"


def names(settings: Mapping[str, str] | None = None, **outputs: str) -> Names:
    """Return the names of a deployment."""
    return Names.of(load({**_LEAST, **(settings or {})}), {**OUTPUTS, **outputs})


def run(tenant: Tenant, command: str) -> list[str]:
    """Run a printed command against the stand-in for the cloud and return what the identity then holds."""
    script, *arguments = shlex.split(command.replace("<object id of the application>", APPLICATION))
    assert script == "infra/entra/graph-permissions/grant.sh"
    ran = tenant.run(*arguments)
    assert (ran.returncode, ran.stderr) == (0, "")
    held: list[str] = tenant.state()["principals"][IDENTITY_ID]
    return held


async def test_the_command_for_a_narrow_deployment_grants_nothing_that_is_wide(desk: Desk, tenant: Tenant) -> None:
    """The doctor's own words, run as they are: in the narrow mode one permission must not bring the tenant with it."""
    desk.tenant.directory.owned.add(desk.tenant.applications["Contoso"].service_principal.id)
    desk.tenant.entra.roles = {Role.OWNED, Role.VAULT, Role.MAIL}
    found = missing(await examined(desk, {**_OWNED, "LOG_ANALYTICS_WORKSPACE_ID": ""}))
    assert found.keys() == {"Graph's logs"}
    tenant.begin([OWNED_BY], identity=IDENTITY_ID)
    assert run(tenant, found["Graph's logs"].mend[0]) == [OWNED_BY, AUDIT]


@pytest.mark.parametrize("reach", ["owned", APPLICATION])
@pytest.mark.parametrize("permission", sorted(GRAPH_PERMISSIONS))
def test_no_command_widens_a_narrow_deployment(tenant: Tenant, reach: str, permission: Permission) -> None:
    """Whichever permission is named, by a blind source for one; the wide one has a page, for it is a decision."""
    lines = names({**_OWNED, "PRATIQUE_APPLICATIONS": reach}).grant(permission)
    tenant.begin([], identity=IDENTITY_ID)
    commands = [line for line in lines if "grant.sh" in line]
    if permission in {Permission.SYNCHRONIZATION, Permission.MAIL}:
        assert commands == []
        assert lines[0].startswith("docs/deploy.md, ")
    else:
        assert set(run(tenant, commands[0])) <= {OWNED_BY, AUDIT, USERS}


def test_the_whole_tenant_is_granted_where_it_is_watched(tenant: Tenant) -> None:
    """The same permission, where the deployment is wide already, has its command."""
    tenant.begin([], identity=IDENTITY_ID)
    assert len(run(tenant, names().grant(Permission.SYNCHRONIZATION)[0])) == 2


def test_names_from_outside_cannot_break_out_of_a_command() -> None:
    """What azd's outputs say is quoted for the shell; where they are silent the settings' own addresses serve."""
    settings = load(_LEAST)
    hostile = Names.of(settings, {"AZURE_RESOURCE_GROUP": "x; rm -rf /"})
    assert "-g 'x; rm -rf /' -n <app>" in hostile.grant(Permission.APPLICATIONS)[1]
    assert "az keyvault show -n kv-own " in hostile.grant(Permission.VAULT)[0]
    assert Names.of(load({**_LEAST, "KEY_VAULT_URL": "https://a.b.example"}), {}).vault == "<vault>"


def test_a_name_is_quoted_once() -> None:
    """Parentheses are allowed in a resource group's name and mean something to a shell."""
    workspace = "/subscriptions/x/resourceGroups/rg(logs)/providers/y/workspaces/z"
    (command,) = names(PRATIQUE_WORKSPACE_ID=workspace).grant(Permission.LOGS)
    assert shlex.split(command)[-2:] == ["--scope", workspace]


async def test_somebody_else_than_the_service_is_told_so_and_mends_nothing_of_the_service(desk: Desk) -> None:
    """Graph is asked by the service itself; Azure roles go to whoever asks, never to the service's identity."""
    desk.tenant.entra.roles -= {Role.SYNCHRONIZATION, Role.LOGS}
    found = await examined(desk, {"PRATIQUE_IDENTITY": _OTHER})
    one = about(found, "Sign-in")
    assert (one.mark, f"You are {IDENTITY_ID}, not the service's identity" in one.text) == (Mark.LOOK, True)
    assert "https://func-x.azurewebsites.net/api/doctor" in one.mend[0]
    lacks = missing(found)
    assert lacks.keys() == {"Jobs", "Logs"}
    assert lacks["Jobs"].mend == one.mend
    assert f"--assignee-object-id {IDENTITY_ID} --assignee-principal-type ServicePrincipal" in lacks["Logs"].mend[0]
    assert not [line for it in found for line in it.mend if "grant.sh" in line or _OTHER in line]


@pytest.mark.parametrize(("claims", "mark"), [({"scp": "User.Read"}, Mark.LOOK), ({"roles": []}, Mark.FINE)])
async def test_a_person_is_not_the_service_even_where_nobody_said_who_that_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, claims: Mapping[str, object], mark: Mark
) -> None:
    """A managed identity's token has no scopes."""
    payload = base64.urlsafe_b64encode(json.dumps({"oid": _OTHER, **claims}).encode()).decode().rstrip("=")

    async def caller(_self: object) -> Caller:
        return read_caller(f"x.{payload}.x")

    monkeypatch.setattr("shared.clients.signed_in.SignedIn.caller", caller)
    assert about(await examined(desk, {"PRATIQUE_IDENTITY": ""}), "Sign-in").mark is mark


def test_a_person_gets_the_role_as_a_person() -> None:
    """Whoever is signed in to az; a role of the vault that writes is assigned too, for minting is the service's."""
    yours = names().about(Caller(_OTHER, None, person=True))
    for permission in (Permission.VAULT, Permission.VAULT_WRITE, Permission.LOGS, Permission.TABLES):
        (command,) = yours.grant(permission)
        assert '--assignee-object-id "$(az ad signed-in-user show --query id -o tsv)"' in command
        assert "--assignee-principal-type User" in command
        assert f'--role "{permission}"' in command
        assert IDENTITY_ID not in command
    (command,) = names().about(Caller(_OTHER, None)).grant(Permission.LOGS)  # a service principal without any role
    assert f"--assignee-object-id {_OTHER} --assignee-principal-type ServicePrincipal" in command
    assert names().grant(Permission.VAULT_WRITE) == ("azd env set PRATIQUE_MINTING true && azd provision",)


def test_the_service_is_asked_with_a_token_where_sign_in_is_on() -> None:
    """Both ways where nobody knows; one where azd's outputs say it."""
    on = names(SIGN_IN_CLIENT_ID="x", SIGN_IN_IDENTIFIER_URI="api://pratique").ask_itself()
    off = names().ask_itself()
    unknown = Names().ask_itself()
    assert len(on) == len(off) == 1
    assert "--resource api://pratique --query accessToken" in on[0]
    assert "Authorization" not in off[0]
    assert ["Authorization: Bearer" in line for line in unknown] == [False, True]
    assert unknown[1].endswith("   # where sign-in is on")


def test_each_setting_is_changed_where_it_is_read() -> None:
    """Of the table's settings azd takes some by name, the template makes some, and the rest are other settings."""
    parameters = (ROOT / "infra" / "main.parameters.json").read_text("utf-8")
    given = re.search(r"var given = \{(.*?)\n\}", (ROOT / "infra" / "main.bicep").read_text("utf-8"), re.DOTALL)
    assert given
    known = {row.name for row in table()}
    made = set(re.findall(r"^  (\w+):", given[1], re.MULTILINE)) & known
    by_azd = set(re.findall(r"\$\{(\w+)", parameters)) & known
    assert by_azd == BY_AZD
    assert made == BY_AZD | BY_DEPLOYMENT | BY_ANOTHER
    assert known >= AT_A_DESK
    assert {row.name for row in table() if row.secret} <= AT_A_DESK  # no command puts a secret into a setting


def test_another_setting_is_set_as_json() -> None:
    """What is printed can be pasted, and says that it replaces what was there."""
    (command,) = change("PRATIQUE_PROBE", "off")
    words = shlex.split(command, comments=True)
    assert words[:4] == ["azd", "env", "set", "OTHER_SETTINGS"]
    assert json.loads(words[4]) == {"PRATIQUE_PROBE": "off"}
    assert "replaces all that OTHER_SETTINGS held" in command
    assert change("KEY_VAULT_URL", "x")[0].startswith("azd provision --no-state ")
    assert change("MAIL_SENDER", "a@b.example") == ("azd env set MAIL_SENDER a@b.example && azd provision",)


@pytest.mark.parametrize(
    ("name", "value", "command"),
    [
        ("KEY_VAULT_URL", "", "azd provision --no-state"),
        ("PRATIQUE_MODE", "bold", "azd env set PRATIQUE_MODE <value> && azd provision"),
        ("PRATIQUE_PROBE", "perhaps", """azd env set OTHER_SETTINGS '{"PRATIQUE_PROBE": "<value>"}'"""),
        ("PRATIQUE_MINT", "perhaps", "azd env set PRATIQUE_MINTING <true or false>"),
    ],
)
async def test_a_wrong_setting_is_a_finding_and_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, command: str
) -> None:
    """Its name, its meaning, and the command that sets it at a desk and in the deployment."""
    for known, text in {**_LEAST, name: value}.items():
        monkeypatch.setenv(known, text)
    assert await doctor(azure=False, send_test=False, as_json=True) is ExitCode.WRONG_USE
    (one,) = json.loads(capsys.readouterr().out)["findings"]
    assert name in one["text"]
    assert one["mend"][0].startswith(f"export {name}=<value>")
    assert one["mend"][1].startswith(command)


async def test_the_command_prints_the_commands_whole_and_ends_with_1(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command of more than a line's width is not broken; with `--azure` it has the deployment's names."""
    desk.tenant.entra.roles.discard(Role.VAULT)
    for name, value in OUTPUTS.items():
        monkeypatch.setenv(name, value)
    assert await doctor(azure=True, send_test=False, as_json=False) is ExitCode.NEEDS_YOU
    said = capsys.readouterr().out
    command = next(line for line in said.splitlines() if "az role assignment" in line)
    assert command.endswith('--scope "$(az keyvault show -n kv-x --query id -o tsv)"')
    assert "✗ Vault" in said
    assert "✗ Sweep" in said  # a deployment's timers run
    assert await doctor(azure=False, send_test=False, as_json=True) is ExitCode.NEEDS_YOU
    document = json.loads(capsys.readouterr().out)
    (one,) = [it for it in document["findings"] if it["mark"] == "missing"]
    assert (document["complete"], "<vault>" in one["mend"][0]) == (False, True)


def test_pages_that_are_named_exist() -> None:
    """A finding that points to a page points to a heading of it."""
    sources = [path.read_text("utf-8") for path in (ROOT / "shared" / "doctor").glob("*.py")]
    pages = [page for text in sources for page in re.findall(r'"((?:docs/\w+|CONTRIBUTING)\.md), ([^":;]+)', text)]
    assert len(pages) >= 4
    for file, heading in pages:
        text = Path(ROOT / file).read_text("utf-8")
        assert re.search(rf"(?m)^#+ (\d\. )?{re.escape(heading)}$|\| {re.escape(heading)} \|", text), (file, heading)


def test_a_finding_is_not_missing_for_being_barred() -> None:
    """What rests on it is not shown in the answer."""
    assert "barred" not in Found(Mark.MISSING, "x", "y", barred=True).to_dict()
