"""One Azurite and one running app for a module; each of these modules runs in one process as a whole."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from emulator.azurite import Storage, azurite
from tests.product.conftest import clean_storage, stage
from tests.worker.serving import Serving, app_folder, serving

__all__ = ["clean_storage", "stage"]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the app's folder."""
    return app_folder(tmp_path_factory.mktemp("app"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def account() -> AsyncIterator[Storage]:
    """Run Azurite for one module: the app's queues have fixed names, so no two apps may share an account."""
    async with azurite() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(state_dir: Path, account: Storage, app: Path) -> AsyncIterator[Serving]:
    """Run the app with timers that never fire by themselves; its log must be free of errors in the end."""
    async with serving(state_dir, account, app) as running:
        yield running
        await running.until_quiet()
        assert running.errors() == []
