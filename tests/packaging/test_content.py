"""What lies about in the folder is not deployed, whichever tool reads `.funcignore`."""

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from cli.package.content import deployed
from tests.cli.running import ROOT

RULES = [line for line in (ROOT / ".funcignore").read_text("utf-8").splitlines() if line and line[0] != "#"]
STRAYS = (
    "tenant.env",
    ".env",
    "address.txt",
    "notes.txt",
    "bench.json",
    "key.pem",
    "app.zip",
    "app.zip.new",
    "main.parameters.json",
    "requirements-private.txt",
    "pratique-package-x1/host.json",
    "pratique-package-x1/shared/clock.py",
    "pratique_env/lib/python3.13/site-packages/h2/config.py",
    "shared-notes/clock.py",
    "node_modules/left/index.js",
    "functions/notes.txt",
    "functions/old/signals.py",
    "functions/__pycache__/signals.cpython-313.pyc",
    "infra/address.txt",
    "infra/main.json",
    "infra/modules/settings.json",
    "queries/result.csv",
    "queries/old/sweep.kql",
    "shared/tenant.env",
    "shared/bench.json",
    "shared/.clock.swp",
    "shared/clients/__pycache__/graph.cpython-313.pyc",
    "shared/diagnosis/bench.json",
    "shared/notices/templates/page.html",
    "tests/infra/settings.json",
)


def azd_takes(folder: Path, within: str = "") -> Iterator[str]:
    """Yield what azd puts into its zip: it asks at each entry, and does not enter a folder that is ignored.

    After `createDeployableZip` in `project_utils.go` of Azure/azure-dev.
    """
    for path in sorted(folder.iterdir()):
        name = f"{within}{path.name}"
        if name in {".funcignore", "local.settings.json"} or azd_ignores(RULES, name, is_folder=path.is_dir()):
            continue
        if path.is_dir():
            yield from azd_takes(path, f"{name}/")
        else:
            yield name


def azd_ignores(rules: list[str], path: str, *, is_folder: bool) -> bool:
    """Say what the last rule that fits says, as denormal/go-gitignore does, the library that azd uses."""
    for rule in reversed(rules):
        pattern = rule.removeprefix("!").removeprefix("/")
        if pattern.endswith("/") and not is_folder:
            continue
        parts = pattern.removesuffix("/").split("/")
        # In a rule of one part its `*` goes beyond a slash, other than git's.
        plain = len(parts) == 1 and parts != ["**"]
        if fnmatchcase(path, parts[0]) if plain else _fits(path.split("/"), parts):
            return not rule.startswith("!")
    return False


def _fits(path: list[str], parts: list[str]) -> bool:
    if not parts:
        return not path
    if parts[0] == "**":
        return _fits(path, parts[1:]) or (bool(path) and _fits(path[1:], parts))
    return bool(path) and fnmatchcase(path[0], parts[0]) and _fits(path[1:], parts[1:])


def core_tools_takes(folder: Path) -> Iterator[str]:
    """Yield what Core Tools takes: it walks everything, and asks at each file.

    After `FileSystemHelpers.cs` of Azure/azure-functions-core-tools.
    """
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and path.name not in {".funcignore", ".gitignore"} and not core_tools_ignores(RULES, name):
            yield name


def core_tools_ignores(rules: list[str], path: str) -> bool:
    """Say whether a rule denies it and none that begins with "!" takes it back, wherever they stand.

    After `GitIgnoreParser.cs`, the form that it applies to files: from the root, `*` for at least one character, to a
    word's end, everything else as it is written.
    """

    def fits(some: list[str]) -> bool:
        patterns = [re.escape(rule.lstrip("!").removeprefix("/")) for rule in some]
        patterns = [one.replace(r"\*\*", "(.+)").replace(r"\*", "([^/]+)") for one in patterns]
        return re.match(rf"((({')|('.join(patterns)})))\b", path, re.ASCII) is not None

    taken_back = [rule for rule in rules if rule.startswith("!")]
    return fits([rule for rule in rules if rule not in taken_back]) and not fits(taken_back)


@pytest.fixture
def littered(tmp_path: Path) -> Path:
    """A folder with the names of everything that is deployed, and with what lies about."""
    for name in (".funcignore", "README.md", "cli/scan.py", "vendors.json", *deployed(ROOT), *STRAYS):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((ROOT / name).read_bytes() if name == ".funcignore" else b"")
    return tmp_path


def package_takes(folder: Path) -> Iterator[str]:
    """Yield what `scripts/package` takes."""
    yield from deployed(folder)


@pytest.mark.parametrize("takes", [azd_takes, core_tools_takes, package_takes])
def test_only_what_is_listed_is_deployed(littered: Path, takes: Callable[[Path], Iterator[str]]) -> None:
    """Three readers of one list take the app, your own vendors.json, and no stray."""
    assert set(takes(littered)) == {*deployed(ROOT), "vendors.json"}


def test_core_tools_does_not_know_where_a_name_ends() -> None:
    """What the list cannot keep from it: a copy beside a file of the app, whose name begins with the whole of that."""
    for name in ("host.json.bak", "shared/clock.py~", "shared/.clock.py.swp"):
        assert not core_tools_ignores(RULES, name)
        assert azd_ignores(RULES, name, is_folder=False)
    assert core_tools_ignores(RULES, "host.jsonl")


def test_each_reader_has_its_traps() -> None:
    """Why the list is written as it is: a shorter one is read otherwise by one of the two."""
    assert azd_ignores(["/*", "!/shared"], "shared/clock.py", is_folder=False)
    assert not core_tools_ignores(["/*", "!/infra", "/infra/*", "!/infra/settings.json"], "infra/main.bicep")
