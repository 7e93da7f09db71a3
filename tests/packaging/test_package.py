"""What is deployed holds what runs and nothing else, and runs anywhere, from its bytecode, as the template sets it."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from importlib.util import cache_from_source, find_spec
from pathlib import Path
from typing import Any

import pytest

from cli.functions_host import SITE
from cli.package.content import deployed
from emulator.tenant import MAIL_RECIPIENTS, MAIL_SENDER
from tests.cli.running import ROOT, run
from tests.infra.checks import settings_of
from tests.infra.deployment import deploy

DRIVER = Path(__file__).parent / "driver.py"
PLACES = (
    r"(vendors|host)\.json|function_app\.py|requirements\.txt|(functions|shared)/.+|"
    r"queries/\w+\.kql|infra/settings\.json"
)
_LIBRARY = re.compile(rf"{re.escape(SITE)}/(\w+)-[^/]+\.dist-info/METADATA")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the package as `scripts/package` does, with libraries for this machine."""
    out = tmp_path_factory.mktemp("package") / "app.zip"
    done = subprocess.run([ROOT / "scripts" / "package", out, "--here"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def names(package: Path) -> list[str]:
    """The files in the package."""
    with zipfile.ZipFile(package) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def app(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Unpack it where nothing may be written, every file as new as now."""
    folder = tmp_path_factory.mktemp("unpacked") / "wwwroot"
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    yield folder
    for path in folders:
        path.chmod(0o755)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The worker and its driver, without the rest of the repository and of what is installed for it."""
    folder = tmp_path_factory.mktemp("worker")
    for name in ("azure_functions_runtime", "emulator"):
        spec = find_spec(name)
        assert spec is not None
        assert spec.submodule_search_locations
        (folder / name).symlink_to(spec.submodule_search_locations[0])
    return str(folder)


def drive(app: Path, place: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the driver in an interpreter that knows its own library and nothing else."""
    command = [sys.executable, "-I", "-S", str(DRIVER), str(app), place, *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")


def indexed(app: Path, place: str, *more: str) -> dict[str, Any]:
    """Return what the driver found."""
    done = drive(app, place, *more)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of every file."""
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_it_holds_what_runs_and_nothing_else(names: list[str]) -> None:
    """Every tracked file of the app is there; nothing is there that is not the app, its libraries or bytecode."""
    own = [name for name in names if not name.startswith(f"{SITE}/") and not name.endswith(".pyc")]
    assert [name for name in own if not re.fullmatch(PLACES, name)] == []
    wanted = {
        path.relative_to(ROOT).as_posix()
        for top in ("functions", "shared", "queries")
        for path in (ROOT / top).rglob("*.*")
    }
    wanted |= {"function_app.py", "host.json", "requirements.txt", "infra/settings.json"}
    wanted |= {name for name in ("vendors.json",) if (ROOT / name).exists()}
    assert {name for name in wanted if "__pycache__" not in name} == set(own)
    pinned = {line.partition("==")[0] for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines()}
    there = {match[1].replace("_", "-").lower() for name in names if (match := _LIBRARY.match(name))}
    assert {"msgraph-sdk", "azure-functions", "aiohttp"} <= there <= pinned


def test_it_says_nothing_of_the_machine_that_made_it(package: Path, names: list[str]) -> None:
    """Entries stand in order with one time and one mode; no bytecode names the folder that it was compiled in."""
    with zipfile.ZipFile(package) as archive:
        entries = archive.infolist()
        assert names == sorted(names)
        assert {(entry.date_time, entry.external_attr >> 16) for entry in entries} == {
            ((1980, 1, 1, 0, 0, 0), 0o100644)
        }
        compiled = archive.read("shared/__pycache__/clock.cpython-313.pyc")
    assert b"/home/site/wwwroot/shared/clock.py" in compiled
    assert str(package.parent).encode() not in compiled


def test_it_runs_alone_and_writes_nothing(app: Path, place: str) -> None:
    """The real worker finds the repository's functions, every import works, all from the package and Python itself."""
    before = state(app)
    found = indexed(app, place, "imports")
    assert state(app) == before
    triggers = "".join(path.read_text("utf-8") for path in (ROOT / "functions").glob("*.py"))
    assert found["functions"] == sorted(
        re.findall(r"^@\w+\.(?:route|timer_trigger|queue_trigger)\(.*?def (\w+)", triggers, re.MULTILINE | re.DOTALL)
    )
    python = sysconfig.get_path("stdlib", vars={"base": sys.base_prefix, "installed_base": sys.base_prefix})
    assert [file for file in found["files"] if not file.startswith((str(app), place, str(DRIVER), python))] == []


def test_its_bytecode_is_used_whatever_the_sources_and_their_times(app: Path, place: str, tmp_path: Path) -> None:
    """With every source replaced by one that fails it is still indexed; without one file's bytecode no longer."""
    copy = tmp_path / "wwwroot"
    shutil.copytree(app, copy, copy_function=shutil.copyfile)
    for path in [copy, *(path for path in copy.rglob("*") if path.is_dir())]:
        path.chmod(0o755)
    for source in copy.rglob("*.py"):
        if source.stat().st_size:
            source.write_text("raise RuntimeError('compiled anew')\n")
            os.utime(source, (2_000_000_000, 2_000_000_000))
    assert indexed(copy, place)["functions"] == indexed(app, place)["functions"]
    Path(cache_from_source(str(copy / "shared" / "clock.py"))).unlink()
    done = drive(copy, place)
    assert done.returncode != 0
    assert "compiled anew" in done.stderr


def core_tools(rules: list[str], path: str) -> bool:
    """Say whether Core Tools would leave a file out: from the root, `*` for at least one character, to a word's end.

    After `GitIgnoreParser.cs` of Azure/azure-functions-core-tools, the form that it applies to files.
    """
    patterns = [re.escape(rule.removeprefix("/")).replace(r"\*\*", "(.+)").replace(r"\*", "([^/]+)") for rule in rules]
    return re.match(rf"^(({')|('.join(patterns)}))\b", path) is not None


def test_azd_and_core_tools_leave_out_the_same() -> None:
    """Both readings of `.funcignore` leave the same files, as far as git knows them."""
    rules = [line for line in (ROOT / ".funcignore").read_text("utf-8").splitlines() if line and line[0] != "#"]
    assert not [rule for rule in rules if rule.startswith("!") or rule.endswith("/")]
    kept = deployed(ROOT)
    whole = [path.relative_to(ROOT).as_posix() for path in ROOT.iterdir() if path.is_file()]
    for top in ("functions", "shared", "queries", "infra", "docs", "cli", "tests", "scripts", ".github", "bench"):
        whole += [path.relative_to(ROOT).as_posix() for path in (ROOT / top).rglob("*") if path.is_file()]
    always = {".funcignore", ".gitignore"}  # Core Tools leaves them out by itself
    assert sorted(path for path in whole if not core_tools(rules, path) and path not in always) == kept
    assert core_tools(["/shared"], "shared/clock.py")
    assert not core_tools(["/shared/"], "shared/.hidden")


async def test_with_the_templates_settings_it_plays_the_demo_to_its_end(package: Path, tmp_path: Path) -> None:
    """The one long test: the app out of the package, settings out of main.bicep, storage over TLS by identity alone."""
    chosen = {"mode": "act", "teamsWebhookSecret": "teams-workflow"}
    mail = {"mailSender": MAIL_SENDER, "mailRecipients": MAIL_RECIPIENTS}
    template = ROOT / "infra" / "main.bicep"
    given = settings_of(deploy(template, {"environmentName": "test", "location": "westeurope", **chosen, **mail}))
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps(given))
    arguments = ["--azure-settings", str(settings), "--package", str(package), "--keep", str(tmp_path / "kept")]
    ran = await run("demo", "--json", "--no-pictures", "--deadline", "120", *arguments)
    assert ran.code == 0, ran.err
    outcomes = {one["app"]: one["outcome"] for one in json.loads(ran.out)["incidents"]}
    assert outcomes["Druva"] == "recovered"
    assert len(outcomes) == 5
