"""Which files of the repository are deployed: what `.funcignore` takes back by name, and nothing else."""

from pathlib import Path

_TAKEN_BACK = "!/"


def deployed(root: Path) -> list[str]:
    """Return the paths of the files that are deployed, relative to the root, in order."""
    lines = (root / ".funcignore").read_text("utf-8").splitlines()
    # A line that ends with a slash takes back a folder, not what is in it.
    names = [line.removeprefix(_TAKEN_BACK) for line in lines if line.startswith(_TAKEN_BACK) and line[-1] != "/"]
    found = {path for name in names for path in root.glob(name) if path.is_file()}
    return sorted(path.relative_to(root).as_posix() for path in found)
