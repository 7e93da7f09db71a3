"""Plays a year with the product, or without it, from an empty tenant to its figures."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.year.alone import Alone
from bench.year.assisted import SETTINGS, Assisted, queues_of
from bench.year.counts import Counts, count
from bench.year.fleet import Plan
from bench.year.ledger import Ledger
from bench.year.world import settings
from emulator.azurite import azurite
from emulator.clock import LeapingClock
from emulator.tenant import EmbeddedTenant
from shared.composition import compose

_DAILY = timedelta(days=1)
# After the present: the clients of the SDKs look at the machine's clock to see whether an access token has ended.
_BEGIN = datetime(2040, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Played:
    """A year's figures, and what they were added up from."""

    counts: Counts
    ledger: Ledger


async def with_product(
    state_dir: Path,
    plans: Sequence[Plan],
    *,
    days: int,
    seed: int,
    interval: timedelta = _DAILY,
    say: Callable[[str], None] = lambda _: None,
) -> Played:
    """Play the fleet's year with the product.

    Args:
        state_dir: where the authority is kept that every client in this process trusts already.
        plans: the fleet.
        days: how long the year is.
        seed: of what is left to chance.
        interval: between a job's cycles, and between the driver's ticks.
        say: told once a month how it goes.
    """
    clock = LeapingClock(_BEGIN)
    async with (
        azurite() as storage,
        EmbeddedTenant(
            state_dir, settings=settings(interval), clock=clock, storage_connection=storage.connection_string
        ) as tenant,
        queues_of(storage.connection_string) as queues,
    ):
        with _identity(tenant):
            product = compose({**tenant.environment(), **SETTINGS}, clock)
            try:
                world = Assisted(tenant, clock, product, queues, days=days, seed=seed, say=say)
                await world.settle_in(plans)
                await world.play()
            finally:
                await product.close()
        _require_served(tenant)
        return Played(world.counts(), world.ledger)


async def without_product(
    state_dir: Path,
    plans: Sequence[Plan],
    *,
    days: int,
    seed: int,
    interval: timedelta = _DAILY,
    say: Callable[[str], None] = lambda _: None,
) -> Played:
    """Play the same fleet's year without the product; arguments as above."""
    clock = LeapingClock(_BEGIN)
    async with EmbeddedTenant(state_dir, settings=settings(interval), clock=clock) as tenant:
        world = Alone(tenant, clock, days=days, seed=seed, say=say)
        await world.settle_in(plans)
        await world.play()
        return Played(count(world.ledger, len(plans), world.end, world.interval), world.ledger)


@contextmanager
def _identity(tenant: EmbeddedTenant) -> Iterator[None]:
    """Show the tenant's managed identity to azure-identity, which reads it from this process's environment."""
    before = {name: os.environ.get(name) for name in tenant.environment()}
    os.environ.update(tenant.environment())
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _require_served(tenant: EmbeddedTenant) -> None:
    if tenant.unserved:
        message = f"the tenant was asked for what it does not serve: {', '.join(sorted(set(tenant.unserved)))}"
        raise RuntimeError(message)
