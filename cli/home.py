"""Where the command line keeps what it makes: `.pratique` in the repository's folder."""

import fcntl
import os
from pathlib import Path

from emulator.certificates import prepare

ROOT = Path(__file__).resolve().parent.parent
_STATE = ROOT / ".pratique"


def state_dir() -> Path:
    """Return the state directory, with the certificate authority in it.

    Two commands may start at the same time on a fresh clone: the lock lets one make the authority and the other use it.
    """
    _STATE.mkdir(exist_ok=True)
    with (_STATE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        prepare(_STATE)
    return _STATE


def stay_on_loopback() -> None:
    """Keep this process from asking a proxy for loopback addresses; it has no others to go to."""
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


def trust_own_authority() -> None:
    """Make this process trust the tenant's certificates; libraries look at their first import, so call it before."""
    os.environ["SSL_CERT_FILE"] = str(state_dir() / "ca.pem")


def shown(path: Path) -> str:
    """Return a path as a person would type it here."""
    resolved, here = path.resolve(), Path.cwd()
    return str(resolved.relative_to(here)) if resolved.is_relative_to(here) else str(resolved)
