"""Azurite as a child process."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from azure.storage.queue.aio import QueueClient

from emulator.azurite import AzuriteError, azurite
from tests.host.running import ROOT, until


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_two_at_once_have_accounts_of_their_own_and_end_with_their_context() -> None:
    """Ports do not clash, what one holds the other does not, and neither outlives its context."""
    async with azurite() as one, azurite() as two:
        assert len({one.blob_url, one.queue_url, one.table_url, two.blob_url, two.queue_url, two.table_url}) == 6
        for storage in (one, two):
            async with QueueClient.from_connection_string(storage.connection_string, "same") as client:
                await client.create_queue()
    assert not _runs(one.pid)
    assert not _runs(two.pid)


async def test_keeps_its_data_in_a_directory(tmp_path: Path) -> None:
    """A second run in the same directory finds what the first one stored."""
    async with (
        azurite(tmp_path, in_memory=False) as storage,
        QueueClient.from_connection_string(storage.connection_string, "kept") as client,
    ):
        await client.create_queue()
        await client.send_message("still here")
    async with (
        azurite(tmp_path, in_memory=False) as storage,
        QueueClient.from_connection_string(storage.connection_string, "kept") as client,
    ):
        assert [message.content for message in await client.peek_messages()] == ["still here"]


async def test_says_what_azurite_said_when_it_cannot_start(tmp_path: Path) -> None:
    """The error carries Azurite's own words."""
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    with pytest.raises(AzuriteError, match=r"ended with exit code 1 before it listened:\n.*unhandled error"):
        async with azurite(blocked, in_memory=False):
            pass


async def test_asks_for_one_place_for_its_data() -> None:
    """A directory and memory exclude each other."""
    with pytest.raises(AzuriteError, match="exactly one"):
        async with azurite(in_memory=False):
            pass


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")
async def test_ends_when_its_parent_is_killed() -> None:
    """A parent that died by SIGKILL leaves no Azurite behind."""
    program = (
        "import asyncio\nfrom emulator.azurite import azurite\n"
        "async def main():\n    async with azurite() as s:\n        print(s.pid, flush=True)\n"
        "        await asyncio.sleep(60)\nasyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert _runs(pid)
    parent.kill()
    await parent.communicate()
    await until(lambda: not _runs(pid))
