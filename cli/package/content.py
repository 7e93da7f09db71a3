"""Which files of the repository are deployed, by the rules of `.funcignore`."""

import os
from collections.abc import Iterator
from pathlib import Path

import pathspec


def deployed(root: Path) -> list[str]:
    """Return the paths of the files that are deployed, relative to the root, in order."""
    rules = pathspec.GitIgnoreSpec.from_lines((root / ".funcignore").read_text("utf-8").splitlines())
    return sorted(_kept(root, rules))


def _kept(root: Path, rules: pathspec.GitIgnoreSpec) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        # What is ignored as a folder is not walked: node_modules and .venv hold a hundred thousand files.
        folders[:] = [name for name in folders if not rules.match_file(f"{(here / name).as_posix()}/")]
        yield from (path for name in files if not rules.match_file(path := (here / name).as_posix()))
