"""checkov and azure-functions-doctor find nothing but what is written down with its reason, and they do find faults.

Both run from an environment of their own (`scripts/infra-tools`), over what ships and over a copy that is broken on
purpose.
"""

import json
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cli.package.content import deployed
from tests.infra.checks import ROOT

EXCEPTIONS = tomllib.loads((Path(__file__).parent / "exceptions.toml").read_text("utf-8"))
_PATIENCE = 300


def run(tool: str, *arguments: str) -> Any:
    """Run a scanner and return the document that it prints."""
    folder = subprocess.run(
        [str(ROOT / "scripts" / "infra-tools")], capture_output=True, text=True, check=True, timeout=_PATIENCE
    ).stdout.strip()
    command = [f"{folder}/{tool}", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def checkov(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What checkov says of the modules, and of a broken copy of one."""
    folder = tmp_path_factory.mktemp("checkov")
    shutil.copytree(ROOT / "infra" / "modules", folder / "shipped")
    (folder / "broken").mkdir()
    text = (folder / "shipped" / "storage.bicep").read_text("utf-8")
    text = text.replace("supportsHttpsTrafficOnly: true", "supportsHttpsTrafficOnly: false")
    (folder / "broken" / "storage.bicep").write_text(text, "utf-8")
    (folder / "broken" / "unreadable.bicep").write_text("resurce x = {\n", "utf-8")
    arguments = ("-d", str(folder), "--framework", "bicep", "--skip-download", "-o", "json")
    found: dict[str, Any] = run("checkov", *arguments)
    return found


def failed(checkov: dict[str, Any], folder: str) -> set[tuple[str, str]]:
    """Return what failed in a folder: resource and check."""
    return {
        (f"{Path(one['file_path']).name}: {one['resource']}", one["check_id"])
        for one in checkov["results"]["failed_checks"]
        if one["file_path"].startswith(f"/{folder}/")
    }


def test_checkov_finds_only_what_is_explained(checkov: dict[str, Any]) -> None:
    """Every finding has its reason, every reason its finding, and every module was read."""
    explained = {(row["resource"], check) for row in EXCEPTIONS["checkov"] for check in row["checks"]}
    assert failed(checkov, "shipped") == explained
    unread = [Path(name).name for name in checkov["results"]["parsing_errors"]]
    assert unread == ["unreadable.bicep"]
    assert checkov["summary"]["passed"] > 25


def test_checkov_finds_a_fault(checkov: dict[str, Any]) -> None:
    """The copy that lets plain HTTP in is found."""
    assert failed(checkov, "broken") - failed(checkov, "shipped") == {
        ("storage.bicep: Microsoft.Storage/storageAccounts.account", "CKV_AZURE_3")
    }


def doctor(folder: Path) -> dict[str, str]:
    """Return the rules that azure-functions-doctor does not pass, with its words; what it skips it cannot read."""
    options = ("--profile", "deploy", "--hosting-plan", "flex-consumption", "--target-python", "3.13")
    found = run("azure-functions-doctor", "doctor", "--path", str(folder), *options, "--format", "json")
    items = [item for section in found["results"] for item in section["items"]]
    assert len(items) > 20
    return {item["rule_id"]: item["value"] for item in items if item["status"] not in ("pass", "skip")}


def test_the_functions_doctor_finds_only_what_is_explained(tmp_path: Path) -> None:
    """Of the package: exactly the written exceptions. Of a broken one: the faults too."""
    shutil.copytree(ROOT / "infra", tmp_path / "infra")  # it looks for the plan there
    for name in (*deployed(ROOT), ".funcignore"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    explained = {row["rule"] for row in EXCEPTIONS["doctor"]}
    assert doctor(tmp_path).keys() == explained
    host = tmp_path / "host.json"
    host.write_text(host.read_text("utf-8").replace("[4.*, 5.0.0)", "[2.*, 3.0.0)"), "utf-8")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("azure-functions-worker==1.0.0\n" + requirements.read_text("utf-8"), "utf-8")
    assert doctor(tmp_path).keys() - explained == {"check_extension_bundle_v4", "check_azure_functions_worker"}


def test_every_exception_has_a_reason() -> None:
    """No finding is waved through without a sentence."""
    rows = [*EXCEPTIONS["checkov"], *EXCEPTIONS["doctor"]]
    assert all(len(row["why"].split()) >= 6 and row["why"].endswith(".") for row in rows)
