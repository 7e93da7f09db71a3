"""Azurite, the storage emulator that Functions developers use, as a child process on free loopback ports.

Azurite is asked for port 0 three times and says which ports the system gave it: nothing is picked beforehand, so
nothing can be lost to another process in between.

With a server's certificate it serves https and takes identities' tokens beside its key. Of a token it checks issuer,
audience (`https://storage.azure.com`) and times, neither signature nor roles (Azurite's README, "OAuth").
"""

import asyncio
import contextlib
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from emulator.certificates import ServerFiles

ACCOUNT = "devstoreaccount1"
# Azurite's documented development key: the same on every machine, secret on none.
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

_ROOT = Path(__file__).resolve().parent.parent
_SCRIPT = _ROOT / "emulator" / "node" / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
# Azurite leaves its standard input alone. Watching it ends the child when this process is gone, even by SIGKILL;
# `unref` lets an orderly end come to its end meanwhile.
_GUARD = "process.stdin.on('end', () => process.exit(0)).resume().unref(); require(process.argv[1])"
_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at (https?://\S+)")
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_KEPT_LINES = 200


class AzuriteError(Exception):
    """Azurite cannot be started; the message says why, with what it printed."""


@dataclass(frozen=True, slots=True)
class Storage:
    """A running storage account: how to reach it, and the process that serves it."""

    connection_string: str
    blob_url: str
    queue_url: str
    table_url: str
    pid: int


@contextlib.asynccontextmanager
async def azurite(
    state_dir: Path | None = None, *, in_memory: bool = True, tls: ServerFiles | None = None
) -> AsyncIterator[Storage]:
    """Run Azurite for as long as the context lasts.

    Args:
        state_dir: where the data is kept when it is not kept in memory; the same directory continues an account.
        in_memory: keep nothing on disk.
        tls: serve https with this certificate, and take tokens of identities; http and the key alone without it.
    """
    command = _command(state_dir, in_memory=in_memory, tls=tls)
    # A session of its own: Ctrl-C in the terminal reaches the caller, who still needs storage while it stops.
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    reading: asyncio.Task[None] | None = None
    try:
        printed: list[str] = []
        storage = await _ready(process, printed)
        reading = asyncio.create_task(_drain(process, printed))
        yield storage
    finally:
        await _stop(process, reading)


def _command(state_dir: Path | None, *, in_memory: bool, tls: ServerFiles | None) -> list[str]:
    if in_memory == (state_dir is not None):
        raise AzuriteError("Azurite keeps its data either in memory or in state_dir: give exactly one of them")
    if not _SCRIPT.is_file():
        raise AzuriteError(f"Azurite is not installed at {_SCRIPT}: run 'make setup'")
    kept = ["--location", str(state_dir)] if state_dir else ["--inMemoryPersistence"]
    address = [
        part for kind in ("blob", "queue", "table") for part in (f"--{kind}Host", "127.0.0.1", f"--{kind}Port", "0")
    ]
    flags = ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    if tls is not None:
        flags += ["--cert", str(tls.certificate), "--key", str(tls.key), "--oauth", "basic"]
    return [_node(), "-e", _GUARD, "--", str(_SCRIPT), *address, *kept, *flags]


def _node() -> str:
    installed = _ROOT / ".venv" / "bin" / "node"
    found = str(installed) if installed.is_file() else shutil.which("node")
    if found is None:
        raise AzuriteError("Azurite needs Node.js 20 or newer and found none: run 'make setup'")
    return found


async def _ready(process: asyncio.subprocess.Process, printed: list[str]) -> Storage:
    urls: dict[str, str] = {}
    try:
        async with asyncio.timeout(_START_SECONDS):
            while len(urls) < 3:
                line = await _line(process, printed)
                if line is None:
                    code = await process.wait()
                    raise AzuriteError(
                        f"Azurite ended with exit code {code} before it listened:\n" + "\n".join(printed)
                    )
                if match := _LISTENING.search(line):
                    urls[match[1]] = f"{match[2]}/{ACCOUNT}"
    except TimeoutError:
        said = "\n".join(printed) or "(nothing)"
        raise AzuriteError(f"Azurite did not listen within {_START_SECONDS:.0f} s; it printed:\n{said}") from None
    return Storage(
        connection_string=connection_string(urls["Blob"], urls["Queue"], urls["Table"]),
        blob_url=urls["Blob"],
        queue_url=urls["Queue"],
        table_url=urls["Table"],
        pid=process.pid,
    )


def connection_string(blob_url: str, queue_url: str, table_url: str) -> str:
    """Write the connection string of a storage emulator that serves these addresses."""
    return (
        f"DefaultEndpointsProtocol={queue_url.partition(':')[0]};AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};"
        f"BlobEndpoint={blob_url};QueueEndpoint={queue_url};TableEndpoint={table_url};"
    )


async def _line(process: asyncio.subprocess.Process, printed: list[str]) -> str | None:
    if process.stdout is None:
        raise AzuriteError("Azurite was started without a pipe for its output")
    raw = await process.stdout.readline()
    if not raw:
        return None
    line = raw.decode(errors="replace").rstrip()
    printed.append(line)
    del printed[:-_KEPT_LINES]
    return line


async def _drain(process: asyncio.subprocess.Process, printed: list[str]) -> None:
    """Keep the pipe empty: a full one would stop Azurite in the middle of a request."""
    while await _line(process, printed) is not None:
        pass


async def _stop(process: asyncio.subprocess.Process, reading: asyncio.Task[None] | None) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(_ended(process, reading), _STOP_SECONDS)
        except TimeoutError:
            # Open keep-alive connections can hold Azurite's servers open; nobody uses them any more.
            process.kill()
    await _ended(process, reading)


async def _ended(process: asyncio.subprocess.Process, reading: asyncio.Task[None] | None) -> None:
    await process.wait()
    if reading is not None:
        await asyncio.shield(reading)
    if process.stdin is not None:
        process.stdin.close()
