"""Leaves out of the package what no code here can reach of Microsoft Graph's SDK, which is four fifths of everything.

The SDK is one module for each address and each type of Graph. Its builders import other builders, and its calls import
the types of their answers, inside the very functions that need them. This product makes requests and takes answers as
plain HTTP (`shared/clients/graph_transport.py`), so of those functions only the ones that make a request are followed.
What is not followed could be missing at run time without an import failing at start: tests/packaging imports every
module that the product names, and plays the demo with the package.
"""

import ast
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path

from cli.errors import CommandError

DISTRIBUTION = "msgraph-sdk"
SDK = "msgraph"
_FOLLOWED = ("__init__", "serialize")


def reached(sources: Iterable[Path], site: Path) -> set[Path]:
    """Return the files of the SDK that these source files import, directly or through it."""
    names = {name for source in sources for name in named(source) if name.partition(".")[0] == SDK}
    found: set[Path] = set()
    while names:
        files = {file for name in names for file in _files(name, site)} - found
        found |= files
        names = {name for file in files for name in _imports(file, site)}
    return found


def named(source: Path) -> Iterator[str]:
    """Yield the modules that a source file imports anywhere in it; a name taken from one may be a module, too."""
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def bring(sources: Iterable[Path], requirements: str, site: Path) -> tuple[int, int]:
    """Copy what these sources reach of the SDK from where it is installed; return the bytes that were and were not.

    Installing all of it only to remove most takes longer than everything else together. What is copied is held against
    the hashes that the installation left, and its version against the requirements.

    Raises:
        CommandError: another version is installed, or a file is not what was installed.
    """
    installed = distribution(DISTRIBUTION)
    if f"{DISTRIBUTION}=={installed.version} " not in requirements:
        raise CommandError(f"{DISTRIBUTION} {installed.version} is installed but not required: run 'make setup'.")
    kept = reached(sources, Path(str(installed.locate_file(""))))
    copied = whole = 0
    for listed in installed.files or ():
        whole += listed.size or 0
        source = Path(str(listed.locate()))
        if source not in kept and not re.search(r"\.dist-info/(METADATA|WHEEL|licenses/.+)$", str(listed)):
            continue
        content = source.read_bytes()
        if listed.hash is None or listed.hash.value != _digest(content):
            raise CommandError(f"{listed} is not what was installed: remove .venv and run 'make setup'.")
        place = site / listed
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        copied += len(content)
    return copied, whole - copied


def _digest(content: bytes) -> str:
    return urlsafe_b64encode(sha256(content).digest()).decode().rstrip("=")


def _files(name: str, site: Path) -> Iterator[Path]:
    """Yield the file of a module and the `__init__.py` of every package around it, those that exist."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        place = site.joinpath(*parts[:end])
        yield from (file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file())


def _imports(file: Path, site: Path) -> Iterator[str]:
    around = file.relative_to(site).parent.parts
    for node in _run(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == SDK)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(around[: len(around) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            if module.partition(".")[0] == SDK:
                yield module
                yield from (f"{module}.{alias.name}" for alias in node.names)


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that run at import or when a request is made."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if node.name not in _FOLLOWED and not node.name.startswith("to_"):
                continue
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        yield from _run(node)
