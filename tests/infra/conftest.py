"""A copy of the templates to break, and the breaking of it."""

import shutil
from pathlib import Path

import pytest

from tests.infra.checks import ROOT

MODULES = "infra/modules"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of everything that the templates are made of."""
    for name in ("infra", "queries"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "azure.yaml", tmp_path)
    return tmp_path


def spoil(folder: Path, file: str, old: str, new: str) -> None:
    """Replace a text that must be there."""
    path = folder / file
    text = path.read_text("utf-8")
    assert old in text, f"{file} has no {old!r} to break"
    path.write_text(text.replace(old, new), "utf-8")
