"""What must be true before any test module is imported: TLS trust, which libraries read at their first import."""

import atexit
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from emulator.azurite import Storage, azurite
from emulator.certificates import prepare

_STATE_DIR = Path(tempfile.mkdtemp(prefix="pratique-tests-"))
atexit.register(shutil.rmtree, _STATE_DIR, ignore_errors=True)
os.environ["SSL_CERT_FILE"] = os.environ["REQUESTS_CA_BUNDLE"] = str(prepare(_STATE_DIR).ca_path)

_LONG = ("crash", "causes", "leaks", "packaging", "year", "rotation", "cli", "host", "product", "infra", "worker")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process is left with a long file when the others have ended."""
    folders = {item: item.path.relative_to(Path(__file__).parent).parts[0] for item in items}
    items.sort(key=lambda item: _LONG.index(folders[item]) if folders[item] in _LONG else len(_LONG))


@pytest.fixture(scope="session")
def state_dir() -> Path:
    """Where the authority is kept that every client in this process trusts."""
    return _STATE_DIR


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def storage() -> AsyncIterator[Storage]:
    """Run one Azurite for this test process."""
    async with azurite() as running:
        yield running
