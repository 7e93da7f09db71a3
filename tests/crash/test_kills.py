"""A worker killed around any of its writes: a fresh one brings the incident to the same end."""

from pathlib import Path

import pytest

from emulator.azurite import Storage
from tests.crash.kills import WRITES, KillAt, Moment, Write
from tests.crash.scene import opened


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.name)
async def test_a_kill_around_a_write_changes_nothing_about_the_end(
    state_dir: Path, clean_storage: Storage, tmp_path: Path, write: Write, moment: Moment
) -> None:
    """Killed before a write, after it without its answer, or after its answer: the end is the same."""
    async with opened(state_dir, clean_storage, tmp_path) as scene:
        point = KillAt(scene, write, moment)
        await scene.bring_news()
        await scene.start_worker()
        await scene.killed(point.killed)
        await scene.require_the_same_end()
