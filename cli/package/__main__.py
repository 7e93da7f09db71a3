"""`scripts/package OUT.zip`: makes the package and says how large it is."""

import argparse
import sys
from pathlib import Path

from cli.errors import CommandError
from cli.home import ROOT
from cli.package.build import build


def main() -> int:
    """Make the package and return the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/package", description=__doc__)
    parser.add_argument("out", type=Path, help="the zip to write")
    parser.add_argument(
        "--here",
        action="store_true",
        help="with libraries for this machine, to try it out; else for x64 Linux, as in Azure",
    )
    given = parser.parse_args()
    try:
        made = build(ROOT, given.out, here=given.here)
    except (CommandError, OSError) as error:
        sys.stderr.write(f"package: {error}\n")
        return 1
    sys.stdout.write(
        f"{given.out}: {made.files} files, {_mb(made.packed)} packed, {_mb(made.unpacked)} with bytecode; "
        f"of {_mb(made.installed)} of libraries {_mb(made.left_out)} are left out, which nothing can reach\n"
    )
    return 0


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


if __name__ == "__main__":
    sys.exit(main())
