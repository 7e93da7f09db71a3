"""What is deployed holds what runs and nothing else, and runs anywhere, from its bytecode, as the template sets it."""

import asyncio
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator, Mapping
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cli.package import build
from cli.package.alone import SITE, alone, link_worker
from cli.package.sdk import DISTRIBUTION
from emulator.tenant import MAIL_RECIPIENTS, MAIL_SENDER, EmbeddedTenant
from tests.cli.running import ROOT, run
from tests.infra.checks import settings_of
from tests.infra.deployment import deploy

DRIVER = Path(__file__).parent / "driver.py"
PLACES = (
    r"(vendors|host)\.json|function_app\.py|requirements\.txt|(functions|shared)/.+|"
    r"queries/\w+\.kql|infra/settings\.json"
)
_LIBRARY = re.compile(rf"{re.escape(SITE)}/([\w.]+)-([^/]+)\.dist-info/METADATA")


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
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The worker and its driver, without the rest of the repository and of what is installed for it."""
    folder = tmp_path_factory.mktemp("worker")
    link_worker(folder)
    (folder / DRIVER.name).symlink_to(DRIVER)
    return folder


async def drive(
    app: Path, place: Path, *more: str, settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the driver with the package, the worker and Python's own library, and nothing else."""
    process = await asyncio.create_subprocess_exec(
        *alone(app, place, DRIVER.stem, str(app), *more),
        env=dict(settings or {}),
        cwd="/",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return subprocess.CompletedProcess([DRIVER.name, *more], process.returncode or 0, out.decode(), err.decode())


async def driven(app: Path, place: Path, *more: str, settings: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return what the driver found."""
    done = await drive(app, place, *more, settings=settings)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def triggers() -> list[str]:
    """Return the names of the functions that the repository's blueprints register."""
    written = "".join(path.read_text("utf-8") for path in (ROOT / "functions").glob("*.py"))
    decorated = r"^@\w+\.(?:route|timer_trigger|queue_trigger)\(.*?def (\w+)"
    return sorted(re.findall(decorated, written, re.MULTILINE | re.DOTALL))


def settings_at(tenant: EmbeddedTenant) -> dict[str, str]:
    """Return settings with this tenant's Graph, and storage that nobody asks for anything."""
    storage = {f"AzureWebJobsStorage__{name}ServiceUri": "https://127.0.0.1:9" for name in ("queue", "table")}
    return {**tenant.environment(), **storage}


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


def test_it_holds_every_pinned_library_whole(package: Path, names: list[str]) -> None:
    """The libraries are those of requirements.txt for this machine, no more and no fewer, with every file they list."""
    lines = re.findall(r"^([\w-]+==.*?) \\$", (ROOT / "requirements.txt").read_text("utf-8"), re.MULTILINE)
    wanted = [one for one in map(Requirement, lines) if one.marker is None or one.marker.evaluate()]
    there = [match for name in names if (match := _LIBRARY.fullmatch(name))]
    assert {(canonicalize_name(match[1]), f"=={match[2]}") for match in there} == {
        (canonicalize_name(one.name), str(one.specifier)) for one in wanted
    }
    listed = set()
    with zipfile.ZipFile(package) as archive:
        for match in there:
            if canonicalize_name(match[1]) != DISTRIBUTION:  # of which only a part is there, on purpose
                record = archive.read(match[0].replace("METADATA", "RECORD")).decode()
                listed |= {row[0] for row in csv.reader(record.splitlines())}
    assert "h2/connection.py" in listed
    assert {name for name in listed if f"{SITE}/{name}" not in names} == {
        name for name in listed if re.match(r"(\.\./)*bin/", name)
    }


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


async def test_it_runs_alone_and_writes_nothing(app: Path, place: Path, state_dir: Path) -> None:
    """The real worker finds the functions, every import works, Graph is read, by the package and Python itself."""
    before = state(app)
    async with EmbeddedTenant(state_dir) as tenant:
        await tenant.add_application("Druva")
        found = await driven(app, place, "imports", "request", settings=settings_at(tenant))
    assert state(app) == before
    assert found["functions"] == triggers()
    assert found["jobs"] == ["Druva"]
    python = sysconfig.get_path("stdlib", vars={"base": sys.base_prefix, "installed_base": sys.base_prefix})
    others = [file for file in found["files"] if not file.startswith((f"{app}/", f"{place}/"))]
    assert [file for file in others if not file.startswith(f"{python}/") or "site-packages" in file] == []


def without(library: str, app: Path, folder: Path) -> Path:
    """Return a folder of links to all of the app but one library."""
    site = folder / SITE
    site.mkdir(parents=True)
    for path in app.iterdir():
        if path.name != Path(SITE).parts[0]:
            (folder / path.name).symlink_to(path)
    for path in (app / SITE).iterdir():
        if path.name != library:
            (site / path.name).symlink_to(path)
    return folder


@pytest.mark.parametrize("library", ["h2", "hyperframe"])
async def test_a_library_that_is_missing_is_missed(
    app: Path, place: Path, state_dir: Path, tmp_path: Path, library: str
) -> None:
    """This machine has it, and does not help out."""
    async with EmbeddedTenant(state_dir) as tenant:
        done = await drive(without(library, app, tmp_path), place, "request", settings=settings_at(tenant))
    assert done.returncode != 0
    assert library in done.stderr.splitlines()[-1]


def with_failing_sources(app: Path, copy: Path) -> Path:
    """Copy the app, each source replaced by a newer one that fails; return where one file's bytecode is."""
    shutil.copytree(app, copy, copy_function=shutil.copyfile)
    for path in [copy, *(path for path in copy.rglob("*") if path.is_dir())]:
        path.chmod(0o755)
    for source in copy.rglob("*.py"):
        if source.stat().st_size:
            source.write_text("raise RuntimeError('compiled anew')\n")
            os.utime(source, (2_000_000_000, 2_000_000_000))
    return Path(cache_from_source(str(copy / "shared" / "clock.py")))


async def test_its_bytecode_is_used_whatever_the_sources_and_their_times(
    app: Path, place: Path, tmp_path: Path
) -> None:
    """With every source replaced by one that fails it is still indexed; without one file's bytecode no longer."""
    copy = tmp_path / "wwwroot"
    bytecode = with_failing_sources(app, copy)
    assert (await driven(copy, place))["functions"] == triggers()
    bytecode.unlink()
    done = await drive(copy, place)
    assert done.returncode != 0
    assert "compiled anew" in done.stderr


def test_nothing_is_made_beside_the_zip_before_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is killed at its work leaves no folder in the repository, where the zip is written as a rule."""
    seen: list[Path] = []

    def see(_: str, site: Path, *_more: object, **_named: object) -> None:
        seen.extend((*tmp_path.iterdir(), site))
        raise KeyboardInterrupt

    monkeypatch.setattr(build, "_install", see)
    with pytest.raises(KeyboardInterrupt):
        build.build(ROOT, tmp_path / "app.zip", here=True)
    assert len(seen) == 1
    assert not seen[0].is_relative_to(tmp_path)


async def test_with_the_templates_settings_it_plays_the_demo_to_its_end(package: Path, tmp_path: Path) -> None:
    """The one long test: the app out of the package, settings out of main.bicep, storage over TLS by identity alone."""
    chosen = {"mode": "act", "teamsWebhookSecretName": "teams-workflow"}
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
