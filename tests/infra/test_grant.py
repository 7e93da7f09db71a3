"""The permission script grants what is missing and nothing else, twice the same as once, and says what is wrong."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.infra.checks import ROOT
from tests.infra.stub_az import GRAPH, RESOURCE

SCRIPT = ROOT / "infra" / "entra" / "graph-permissions" / "grant.sh"
IDENTITY = "aaaaaaaa-0000-0000-0000-000000000001"
APPLICATION = "bbbbbbbb-0000-0000-0000-000000000002"
SYNCHRONIZATION, APPLICATIONS = "9b50c33d-700f-43b1-b2eb-87e89b703581", "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30"
OWNED_BY, MAIL = "18a4783c-866b-4cc7-a460-3d5e5662c884", "b633e1c5-b582-4048-a93e-9f11b44c7e96"
NARROW = ("--mode", "owned-applications", "--application", APPLICATION)
AUDIT, USERS = "b0afded3-3588-46d8-8b3d-9842eff778da", "df021288-bdef-4463-88db-98f22de89214"

# What azure-cli 2.91.0 says: before a sign-in; where one without a second factor does for Azure but not for Graph.
NOT_SIGNED_IN = "Please run 'az login' to setup account."
SECOND_FACTOR = f"""AADSTS50076: You must use multi-factor authentication to access it. Trace ID: {"x" * 500}
Run the command below to authenticate interactively; additional arguments may be added as needed:
az logout
az login --tenant "x" --scope "{GRAPH}//.default\""""


@dataclass(frozen=True, slots=True)
class Tenant:
    """The stand-in for the cloud, and the script run against it."""

    folder: Path

    def begin(self, held: list[str] | None, identity: str = IDENTITY, **more: str | bool) -> None:
        """Let the identity hold these permissions, None for one that is not there; more says how Graph behaves."""
        principals = {} if held is None else {identity: held}
        state = {"principals": principals, "owners": {APPLICATION: []}, "calls": [], "graph": f"{GRAPH}/"}
        behaviour = {"resource": RESOURCE, "error": "", "denied": "", "unknown": False, "late": False}
        (self.folder / "state.json").write_text(json.dumps(state | behaviour | more), "utf-8")

    def state(self) -> dict[str, Any]:
        """Return what the tenant holds, and which calls were made."""
        state: dict[str, Any] = json.loads((self.folder / "state.json").read_text("utf-8"))
        return state

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the script."""
        environment = {"PATH": f"{self.folder}:/usr/bin:/bin", "STUB_AZ": str(self.folder / "state.json")}
        return subprocess.run([str(SCRIPT), *arguments], env=environment, capture_output=True, text=True, check=False)

    def written(self) -> list[list[str]]:
        """Return the calls that would change something."""
        return [call for call in self.state()["calls"] if "get" not in call and call[0] == "rest"]


@pytest.fixture
def tenant(tmp_path: Path) -> Tenant:
    """A tenant whose identity holds nothing yet."""
    stub = Path(__file__).parent / "stub_az.py"
    (tmp_path / "az").write_text(f'#!/bin/sh\nexec "{sys.executable}" -I "{stub}" "$@"\n', "utf-8")
    (tmp_path / "az").chmod(0o755)
    made = Tenant(tmp_path)
    made.begin([])
    return made


def test_tenant_wide_grants_two_permissions_once(tenant: Tenant) -> None:
    """The first run grants both, the second finds both and writes nothing."""
    first = tenant.run("--principal-id", IDENTITY)
    assert (first.returncode, first.stderr) == (0, "")
    assert tenant.state()["principals"][IDENTITY] == [SYNCHRONIZATION, APPLICATIONS]
    assert "did grant Synchronization.ReadWrite.All" in first.stdout
    assert "restart the app" in first.stdout
    writes = len(tenant.written())
    second = tenant.run("--principal-id", IDENTITY)
    assert second.returncode == 0
    assert "everything was there already" in second.stdout
    assert len(tenant.written()) == writes == 2


def test_owned_applications_makes_the_identity_an_owner_once(tenant: Tenant) -> None:
    """The narrow mode grants one permission and owns the named applications."""
    arguments = ("--principal-id", IDENTITY, *NARROW)
    assert tenant.run(*arguments).returncode == 0
    assert tenant.state()["principals"][IDENTITY] == [OWNED_BY]
    assert tenant.state()["owners"][APPLICATION] == [IDENTITY]
    again = tenant.run(*arguments)
    assert f"owns {APPLICATION}" in again.stdout
    assert len(tenant.written()) == 2


@pytest.mark.parametrize("mode", [("--mode", "tenant-wide"), NARROW])
def test_what_if_changes_nothing(tenant: Tenant, mode: tuple[str, ...]) -> None:
    """It says what it would do, and only reads."""
    before = tenant.state()["principals"], tenant.state()["owners"]
    ran = tenant.run("--principal-id", IDENTITY, *mode, "--what-if")
    assert ran.returncode == 0
    assert ran.stdout.count("would ") == 2
    assert "nothing was changed" in ran.stdout
    assert tenant.written() == []
    assert (tenant.state()["principals"], tenant.state()["owners"]) == before


def test_only_what_is_missing_is_granted(tenant: Tenant) -> None:
    """What is held already, by whomever granted, is left alone; options add their permission."""
    tenant.begin([SYNCHRONIZATION.upper()])
    ran = tenant.run("--principal-id", IDENTITY, "--audit-log", "--users")
    assert ran.returncode == 0
    assert tenant.state()["principals"][IDENTITY] == [SYNCHRONIZATION.upper(), APPLICATIONS, AUDIT, USERS]


def test_an_extra_alone_grants_nothing_of_a_mode(tenant: Tenant) -> None:
    """Where the narrow mode was chosen, one more permission must not bring the wide ones with it."""
    tenant.begin([OWNED_BY])
    ran = tenant.run("--principal-id", IDENTITY, "--only-extra", "--audit-log")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert tenant.state()["principals"][IDENTITY] == [OWNED_BY, AUDIT]
    assert tenant.run("--principal-id", IDENTITY, "--users", "--only-extra").returncode == 0
    assert tenant.state()["principals"][IDENTITY] == [OWNED_BY, AUDIT, USERS]


def test_too_much_is_named_with_the_command_that_removes_it(tenant: Tenant) -> None:
    """A tenant-wide Mail.Send, and the wide permission in the narrow mode, are told; nothing is removed."""
    tenant.begin([SYNCHRONIZATION, MAIL, OWNED_BY])
    ran = tenant.run("--principal-id", IDENTITY, *NARROW)
    assert ran.returncode == 0
    for name, index in (("Synchronization.ReadWrite.All", 0), ("Mail.Send", 1)):
        assert f"holds {name}, which it should not" in ran.stdout
        assert f'{GRAPH}/v1.0/servicePrincipals/{IDENTITY}/appRoleAssignments/assignment-{index}"' in ran.stdout
    assert tenant.state()["principals"][IDENTITY] == [SYNCHRONIZATION, MAIL, OWNED_BY]


@pytest.mark.parametrize(
    ("begin", "words"),
    [
        (lambda tenant: tenant.begin([], error=NOT_SIGNED_IN), "run: az login --allow-no-subscriptions"),
        (lambda tenant: tenant.begin([], error=SECOND_FACTOR), f'az login --tenant "x" --scope "{GRAPH}//.default"'),
        (lambda tenant: tenant.begin([], denied="appRoleAssignments"), "you need the role Privileged Role Admin"),
        (lambda tenant: tenant.begin(None), "there is no such object in this tenant"),
        (lambda tenant: tenant.begin([], unknown=True), "a new identity can take a minute"),
        (lambda tenant: tenant.begin([], graph=""), "no address of Microsoft Graph"),
        (lambda tenant: tenant.begin([], resource=""), "the answer has no id"),
        (lambda tenant: tenant.begin([], error="something never seen"), "something never seen"),
    ],
)
def test_an_error_says_what_to_do(tenant: Tenant, begin: Callable[[Tenant], None], words: str) -> None:
    """Whatever az says, the script stops, exits 1 and names the remedy; it never says that it is done."""
    begin(tenant)
    ran = tenant.run("--principal-id", IDENTITY)
    assert ran.returncode == 1
    assert words in ran.stderr
    assert "done" not in ran.stdout
    assert "already" not in ran.stdout


def test_a_refused_owner_names_the_role_that_makes_owners(tenant: Tenant) -> None:
    """A Privileged Role Administrator may grant permissions but not make owners: that role is not what is missing."""
    tenant.begin([], denied="owners")
    ran = tenant.run("--principal-id", IDENTITY, *NARROW)
    assert ran.returncode == 1
    assert "you need the role Cloud Application Administrator" in ran.stderr
    assert "Privileged Role Administrator" not in ran.stderr


def test_what_graph_does_not_list_yet_is_no_error(tenant: Tenant) -> None:
    """A second run at once may be shown the lists of before: it learns from the refusal that all is there already."""
    assert tenant.run("--principal-id", IDENTITY, *NARROW).returncode == 0
    before = tenant.state()
    (tenant.folder / "state.json").write_text(json.dumps(before | {"late": True}), "utf-8")
    again = tenant.run("--principal-id", IDENTITY, *NARROW)
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.count("was there already: ") == 2
    assert "everything was there already" in again.stdout
    assert "did " not in again.stdout
    after = tenant.state()
    assert (after["principals"], after["owners"]) == (before["principals"], before["owners"])


def test_only_its_own_words_are_printed(tenant: Tenant) -> None:
    """The object that az prints after it made one is not part of the answer."""
    ran = tenant.run("--principal-id", IDENTITY)
    assert [line.split()[0] for line in ran.stdout.splitlines()] == ["did", "did", "done;"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--principal-id must be the object id"),
        (("--principal-id", "pratique"), "--principal-id must be the object id"),
        (("--principal-id", IDENTITY, "--mode", "everything"), "--mode must be"),
        (("--principal-id", IDENTITY, "--mode", "owned-applications"), "needs at least one --application"),
        (("--principal-id", IDENTITY, "--application", APPLICATION), "is for --mode owned-applications"),
        (("--principal-id", IDENTITY, "--mode", "owned-applications", "--application", "x"), "must be an object id"),
        (("--principal-id", IDENTITY, "--mode", ""), "--mode must be"),
        (("--principal-id", IDENTITY, "--only-extra"), "needs --audit-log or --users"),
        (("--principal-id", IDENTITY, "--only-extra", "--users", *NARROW), "leave --mode out"),
        (("--principal-id", IDENTITY, "--only-extra", "--users", *NARROW[2:]), "is for --mode owned-applications"),
        (("--principal-id",), "needs a value"),
        (("--whatif",), "unknown option --whatif"),
    ],
)
def test_a_wrong_command_line_calls_nothing(tenant: Tenant, arguments: tuple[str, ...], words: str) -> None:
    """Exit 2 with the reason and the usage, before az is called."""
    ran = tenant.run(*arguments)
    assert ran.returncode == 2
    assert words in ran.stderr
    assert "Usage:" in ran.stderr
    assert tenant.state()["calls"] == []


def test_without_the_azure_cli_it_says_so(tmp_path: Path) -> None:
    """No az on the path is named, not a shell's error."""
    for name in ("bash", "cat", "mktemp", "rm"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    ran = subprocess.run(
        [str(tmp_path / "bash"), str(SCRIPT), "--principal-id", IDENTITY],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, "is not installed" in ran.stderr) == (1, True)


def test_the_scripts_pass_shellcheck() -> None:
    """All that is shell is checked, and the checker does find mistakes."""
    scripts = [SCRIPT, *(path for path in (ROOT / "scripts").iterdir() if path.is_file())]
    shell = [str(path) for path in scripts if path.read_text("utf-8").startswith("#!/usr/bin/env bash")]
    shellcheck = str(Path(sys.executable).parent / "shellcheck")
    found = subprocess.run([shellcheck, *shell], capture_output=True, text=True, check=False, env=dict(os.environ))
    assert (found.returncode, found.stdout) == (0, "")
    planted = subprocess.run(
        [shellcheck, "-s", "bash", "-"], input="rm -rf $1/*\n", capture_output=True, text=True, check=False
    )
    assert planted.returncode == 1
