"""A worker killed right after it recorded something, with all that it meant to do next undone.

Between two writes to storage nothing happens but requests to the tenant, and test_kills covers those: so dying before
a record is dying after the record, or the request, that came before it.
"""

import asyncio
from pathlib import Path

import pytest

from emulator.azurite import Storage
from tests.crash.scene import opened
from tests.crash.table_proxy import table_door

RECORDS = (
    "journal: opened",
    "incident: waiting -, 0 to tell",
    "journal: attempt",
    "incident: acting save, 0 to tell",
    "journal: save",
    "incident: acting read_back, 0 to tell",
    "incident: acting test_saved, 0 to tell",
    "incident: acting lift, 0 to tell",
    "journal: restart",
    "incident: lifted watch, 1 to tell",
    "incident: lifted watch, 0 to tell",
    "journal: recovered",
    "incident: recovered watch, 1 to tell",
    "incident: recovered watch, 0 to tell",
)


@pytest.mark.parametrize("record", RECORDS)
async def test_a_kill_after_a_record_changes_nothing_about_the_end(
    state_dir: Path, clean_storage: Storage, tmp_path: Path, record: str
) -> None:
    """Killed as soon as the record is in storage, before the worker hears so: the end is the same."""
    is_killed = asyncio.Event()

    def written(name: str) -> None:
        if name == record and not is_killed.is_set():
            scene.kill()
            is_killed.set()

    async with (
        table_door(clean_storage.table_url, written) as door,
        opened(state_dir, clean_storage, tmp_path, door) as scene,
    ):
        await scene.bring_news()
        await scene.start_worker()
        await scene.killed(is_killed)
        await scene.require_the_same_end()


async def test_these_are_all_the_records(state_dir: Path, clean_storage: Storage, tmp_path: Path) -> None:
    """An unhindered run records what is killed after above and nothing else, with one save and one restart."""
    records: list[str] = []
    async with (
        table_door(clean_storage.table_url, records.append) as door,
        opened(state_dir, clean_storage, tmp_path, door) as scene,
    ):
        await scene.bring_news()
        await scene.start_worker()
        await scene.require_the_same_end()
        assert len(scene.tenant.directory.secret_saves) == len(scene.tenant.directory.restarts) == 1
    assert set(records) == set(RECORDS), records
