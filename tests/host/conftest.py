"""One Azurite for a module's tests; every host in it has queues of its own."""

from collections.abc import AsyncIterator

import pytest_asyncio

from emulator.azurite import Storage, azurite


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def storage() -> AsyncIterator[Storage]:
    """Run Azurite in memory."""
    async with azurite() as running:
        yield running
