"""Stages on which a cause shows within a cycle or two: Entra waits briefly, and is quick to quarantine or slow."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.azurite import Storage
from emulator.settings import EmulatorSettings
from tests.product.conftest import Stage, clean_storage, staged

__all__ = ["clean_storage"]

STRICT = EmulatorSettings(
    cycle_interval=0.4,
    secrets_settle=0.2,
    ingestion_delay=0.0,
    quarantine_intervals=(1000.0,),
    failures_before_quarantine=1,
    target_timeout=0.5,
    escrow_floor=3,
)
LENIENT = replace(STRICT, escrow_floor=5000)


@pytest.fixture
async def strict(state_dir: Path, clean_storage: Storage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """Return the story's tenant where three failing entries, or one failing cycle, are enough for a quarantine."""
    async with staged(state_dir, clean_storage, monkeypatch, STRICT) as opened:
        yield opened


@pytest.fixture
async def lenient(state_dir: Path, clean_storage: Storage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """Return the story's tenant where a few failing entries never quarantine a job, as in a small company."""
    async with staged(state_dir, clean_storage, monkeypatch, LENIENT) as opened:
        yield opened
