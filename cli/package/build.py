"""Builds the package: the app's files, its libraries by their hashes, bytecode that needs no file times, one zip."""

import compileall
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode

from cli.errors import CommandError
from cli.package import sdk
from cli.package.alone import SITE
from cli.package.content import deployed

_MOUNTED = "/home/site/wwwroot"
# Flex Consumption runs on x64 Linux. Which glibc it has is not documented; every pinned library has a wheel for 2.28.
_PLATFORM = "x86_64-manylinux_2_28"
_NO_USE = ("bin", ".lock")
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Package:
    """What was made; sizes in bytes: installed is every pinned library whole, unpacked is what the package holds."""

    files: int
    packed: int
    unpacked: int
    installed: int
    left_out: int
    """Of what was installed, what is left out of the package: the part of the SDK that nothing can reach."""


def build(root: Path, out: Path, *, here: bool) -> Package:
    """Make the package.

    Args:
        root: the repository.
        out: the zip to write; replaced if it is there.
        here: take libraries for this machine, not for Azure: to try the package out.

    Raises:
        CommandError: a library cannot be had with its hash, or a file cannot be compiled.
    """
    # In the system's folder for such things: beside the zip, in the repository as a rule, a killed run would leave it.
    with tempfile.TemporaryDirectory(prefix="pratique-package-") as folder:
        stage = Path(folder)
        names = deployed(root)
        for name in names:
            place = stage / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, place)
        site = stage / SITE
        requirements = (root / "requirements.txt").read_text("utf-8")
        _install(requirements, site, stage, here=here)
        others = _size(site)
        sources = [root / name for name in names if name.endswith(".py")]
        brought, left_out = sdk.bring(sources, requirements, site)
        _compile(stage)
        packed = _zip(stage, out)
        return Package(packed, out.stat().st_size, _size(stage), others + brought + left_out, left_out)


def _install(requirements: str, site: Path, stage: Path, *, here: bool) -> None:
    """Install every pinned library but the SDK, of which only a part is brought."""
    wanted = stage / "wanted.txt"
    wanted.write_text(re.sub(rf"^{sdk.DISTRIBUTION}==.*\n(?: .*\n)*", "", requirements, flags=re.MULTILINE), "utf-8")
    command = [str(Path(sys.prefix, "bin", "uv")), "pip", "install", "--quiet", "--python", sys.executable]
    command += ["--target", str(site), "--require-hashes", "--no-deps", "--only-binary", ":all:"]
    command += ["-r", str(wanted), *([] if here else ["--python-platform", _PLATFORM])]
    # Everything is pinned by hash, so what uv has kept is as good as what an index would send.
    done = subprocess.run([*command, "--offline"], capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(site, ignore_errors=True)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandError(f"The libraries cannot be installed: {done.stderr}")
    wanted.unlink()
    for name in _NO_USE:
        found = site / name
        shutil.rmtree(found) if found.is_dir() else found.unlink(missing_ok=True)


def _compile(stage: Path) -> None:
    """Write bytecode that is used whatever the times of the files are, and never checked against them (PEP 552)."""
    done = compileall.compile_dir(
        stage,
        maxlevels=100,
        quiet=1,
        force=True,
        workers=1,
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
        stripdir=str(stage),
        prependdir=_MOUNTED,
    )
    if not done:
        raise CommandError("A file cannot be compiled; which one is said above.")


def _zip(stage: Path, out: Path) -> int:
    """Write everything in order, with one time and one mode, so that nothing of this machine is in it."""
    names = sorted(file.relative_to(stage).as_posix() for file in stage.rglob("*") if file.is_file())
    draft = out.with_name(f"{out.name}.new")
    with zipfile.ZipFile(draft, "w") as archive:
        for name in names:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, (stage / name).read_bytes(), zipfile.ZIP_DEFLATED)
    draft.replace(out)
    return len(names)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
