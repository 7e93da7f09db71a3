"""Runs a module with what an unpacked package brings, and nothing else that is installed on this machine.

What a package lacks must be missed here as it would be in Azure. So this file is also what runs, in an interpreter that
knows its own library alone (`-I -S`): `alone.py PACKAGE PLACE MODULE [ARGUMENT …]`.
"""

import runpy
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

SITE = ".python_packages/lib/site-packages"
"""Where in a package the Functions worker looks for libraries."""
# No part of the app in Azure either: the worker, the host around it, and what the host imports beyond the libraries.
_BESIDE = ("azure_functions_runtime", "emulator", "trustme")


def alone(package: Path, place: Path, module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module; PLACE is searched after the package's libraries."""
    return [sys.executable, "-I", "-S", __file__, str(package), str(place), module, *arguments]


def link_worker(place: Path) -> None:
    """Link into a folder what runs an app and is no part of it."""
    for name in _BESIDE:
        spec = find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError(f"{name} is not installed: run 'make setup'.", name=name)
        (place / name).symlink_to(spec.submodule_search_locations[0])


def _run(package: str, place: str, module: str, arguments: Sequence[str]) -> None:
    sys.path.insert(0, str(Path(package, SITE)))
    sys.path.append(place)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _run(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
