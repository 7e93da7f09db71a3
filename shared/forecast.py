"""The daily forecast: who must be told of a credential's end, what is to be renewed, what may retire."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime

from shared.clients.storage import Queue
from shared.detection.signal import News, Signal, Source
from shared.errors import ServiceError
from shared.notices.expiring import Ending, expiring
from shared.remediation.readiness import obstacles
from shared.remediation.retire import retire_due
from shared.remediation.services import Services
from shared.settings import Mode
from shared.tokens.bound import BoundSecret, is_newer
from shared.tokens.expiry import life_of
from shared.tokens.forecast import mint_due, tier_of
from shared.tokens.inventory import Held, Inventory
from shared.tokens.record import TokenRecord

_log = logging.getLogger("pratique.forecast")


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a forecast did."""

    told: int
    signals: int
    retired: int
    unknown: int


class Forecaster:
    """Reads the inventory once a day and sees to what is due."""

    def __init__(self, services: Services, inventory: Inventory, signals: Queue) -> None:
        self._services = services
        self._inventory = inventory
        self._signals = signals

    async def run(self) -> Forecast:
        """Tell owners, begin what is due, retire what is replaced; what fails for one credential holds up no other.

        Raises:
            ServiceError: the inventory could not be read: the forecast is blind, not clean.
        """
        services = self._services
        async with services.sources.watched(Source.FORECAST):
            stock = await self._inventory.read()
        waiting = {row.service_principal_id for row in await services.incidents.all() if row.wanted}
        told = signals = retired = 0
        for held in stock.held:
            told += await self._tell(held, stock.at)
            signals += await self._signal(held, stock.at, waiting)
            retired += await self._retire(held)
        unknown = sum(1 for held in stock.held if held.secret and held.expiry.at is None)
        return Forecast(told, signals, retired, unknown)

    async def _tell(self, held: Held, now: datetime) -> int:
        """Tell each tier of each version once; it counts as told when at least one channel took it."""
        services, end = self._services, held.expiry.at
        version = held.version
        if end is None or version is None or held.secret is None or not held.jobs:
            return 0
        tier = tier_of(end, now, services.settings.tiers)
        known = held.record.told_tier if held.record.told_version == version.version else None
        if tier is None or (known is not None and known <= tier):
            return 0
        minted = services.settings.mint and bool(held.secret.binding.mint_secret)
        if minted and tier * 2 > services.settings.rotate_ahead.days:
            return 0  # a successor is minted at its time; only one that fails to come is anybody's business
        notice = expiring(await self._ending(held, held.secret, end, minted=minted), services.composer.portal, now)
        untold = services.teller.untold(notice)
        _, failures = await services.teller.send(untold)
        for name in untold.channels:
            if name in failures:
                await services.sources.failed(name, failures[name])
            else:
                await services.sources.works(name)
        if untold.channels and len(failures) == len(untold.channels):
            return 0

        def change(row: TokenRecord) -> TokenRecord:
            return replace(row, told_version=version.version, told_tier=tier)

        await services.tokens.change(held.record.service_principal_id, held.record.secret_name, change)
        return 1

    async def _ending(self, held: Held, secret: BoundSecret, end: datetime, *, minted: bool) -> Ending:
        services, sp = self._services, secret.binding.service_principal_id
        application = held.application or await services.graph.service_principal(sp)
        found = await obstacles(services, held.jobs[0].id, secret)
        acts = services.acting() and services.settings.mode_for(sp) is Mode.ACT
        return Ending(application, secret.binding, held.expiry, end, found, minted=minted, acts=acts)

    async def _signal(self, held: Held, now: datetime, waiting: set[str]) -> int:
        """Signal what no event told, or was lost: a version newer than the one in use, or a successor to be minted."""
        news = self._news(held, now, waiting)
        if news is None or not held.jobs:
            return 0
        job = held.jobs[0]
        signal = Signal(job.service_principal_id, job.id, Source.FORECAST, news, self._services.clock.now())
        await self._signals.send(signal.to_message())
        return 1

    def _news(self, held: Held, now: datetime, waiting: set[str]) -> News | None:
        record, version, settings = held.record, held.version, self._services.settings
        if held.secret is None or version is None:
            return None
        newest = held.newest
        known = bool(record.applied) or record.service_principal_id in waiting
        tried = newest is None or not known or record.refused(newest.version)
        if newest is not None and not tried and is_newer(held.secret, newest, record):
            return News.CREDENTIAL
        life = life_of(version, held.expiry)
        if not settings.mint or not held.secret.binding.mint_secret or held.expiry.at is None or life is None:
            return None
        return News.EXPIRING if mint_due(held.expiry.at, life, now, settings.rotate_ahead) else None

    async def _retire(self, held: Held) -> int:
        if held.secret is None or not held.record.retiring or not held.jobs:
            return 0
        try:
            retired = await retire_due(self._services, held.secret, held.record, held.jobs[0].id)
        except ServiceError as error:
            await self._services.sources.failed("retire", error, held.record.secret_name)
            return 0
        await self._services.sources.works("retire", held.record.secret_name)
        return retired
