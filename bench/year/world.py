"""A year of one fleet, played one actor at a time on a clock that leaps: cycles, leavers, revocations, owners.

Nothing waits in real time. Between two ticks, whoever has something to do does it at his own moment; at each tick the
cycles that are due run. What a world with the product, or without it, makes of that is said by its subclasses.
"""

import heapq
import itertools
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from bench.year.fleet import Kind, Plan
from bench.year.ledger import Leaver, Ledger, Quarantined, Why
from bench.year.operators import Message, Owner
from bench.year.sites import Pressed, Site, open_site, opened_by
from emulator.clock import LeapingClock
from emulator.engine import users_named
from emulator.jobs import User
from emulator.settings import EmulatorSettings
from emulator.tenant import EmbeddedTenant

_PAGE = 100
_MONTH = 30
_SETTLES = 10.0

type Act = Callable[[], Awaitable[None]]


def settings(interval: timedelta) -> EmulatorSettings:
    """Return a tenant's behaviour for a year: one cycle an interval, in quarantine as well."""
    return EmulatorSettings(
        cycle_interval=interval.total_seconds(),
        quarantine_intervals=(1.0,),
        secrets_settle=_SETTLES,
        restart_delay=60.0,
        ingestion_delay=300.0,
        page_size=_PAGE,
    )


class World(ABC):
    """A tenant with its fleet, and what happens to both."""

    def __init__(
        self, tenant: EmbeddedTenant, clock: LeapingClock, *, days: int, seed: int, say: Callable[[str], None]
    ) -> None:
        self.tenant = tenant
        self.clock = clock
        self.ledger = Ledger()
        self.sites: dict[str, Site] = {}
        self.interval = timedelta(seconds=tenant.settings.cycle_interval)
        self.begin = clock.now()
        self.end = self.begin + timedelta(days=days)
        self._seed = seed
        self._say = say
        self._agenda: list[tuple[datetime, int, Act]] = []
        self._order = itertools.count()

    async def settle_in(self, plans: Sequence[Plan]) -> None:
        """Register the fleet as it is at the beginning, and write down what will befall it."""
        for plan in plans:
            staff = users_named(plan.name, len(plan.leavers))
            site = await open_site(self.tenant, plan, Owner(plan.name, plan.temper, self._seed), staff)
            self.sites[plan.name] = site
            end = self.begin + timedelta(days=plan.first_end)
            value = opened_by(site.saved(self.tenant))
            known = plan.kind not in (Kind.GRANTED, Kind.UNBOUND)
            self.ledger.made(plan.name, value, end - plan.vendor.lifetime, end, known=known)
            await self._introduce(site, end)
            for day, user in zip(plan.leavers, staff, strict=True):
                self.on_day(day, lambda site=site, user=user: self._leave(site, user))  # type: ignore[misc]
            if plan.revoked is not None:
                self.on_day(plan.revoked, lambda site=site: self._revoke(site))  # type: ignore[misc]
        await self.tenant.engine.run_due()
        for site in self.sites.values():
            # They stay what they are, so that looking at them again in every cycle would change nothing.
            site.application.job.users.clear()
        self.observe()

    async def play(self) -> None:
        """Let the year pass."""
        month, at = 0, self.begin
        while at < self.end:
            await self._until(at)
            await self.tenant.engine.run_due()
            self.observe()
            await self._tick()
            self.ledger.saw(self.tenant.target_requests)
            self.tenant.target_requests.clear()
            self.tenant.requests.clear()
            if (at - self.begin).days >= _MONTH * (month + 1):
                month += 1
                self._say(self._progress(month))
            at += self.interval
        await self._until(self.end)
        self.observe()

    def at(self, when: datetime, act: Act) -> None:
        """Write down what will happen, not before now."""
        heapq.heappush(self._agenda, (max(when, self.clock.now()), next(self._order), act))

    def on_day(self, day: float, act: Act) -> None:
        """Write down what will happen on a day of the year."""
        self.at(self.begin + timedelta(days=day), act)

    def tell(self, message: Message) -> None:
        """Let a message reach the owner of the application that it is about."""
        self.ledger.told(message)
        site = self.sites[message.application]
        if (when := site.owner.hears(message)) is not None:
            self.at(when, lambda: self._act(site))

    def observe(self) -> None:
        """Write down what has become of every application since the last time."""
        now = self.clock.now()
        for name, site in self.sites.items():
            job, value = site.application.job, opened_by(site.saved(self.tenant))
            self._notice_made(site)
            self.ledger.uses(name, value, now, self._saved_at(site), self._arrived_at(site, value))
            known = self.ledger.quarantine(name)
            if known is not None and (job.quarantine is None or job.quarantine.series_began > known.began):
                known.ended, known = now, None
            if known is None and job.quarantine is not None:
                known = Quarantined(name, self._why(site), job.quarantine.series_began)
                self.ledger.quarantines.append(known)
                self._quarantined(site)
            if known is not None and job.schedule_state == "Disabled":
                known.disabled = True
        for leaver in self.ledger.leavers:
            if leaver.gone is None and leaver.user not in self.sites[leaver.application].application.job.leavers:
                leaver.gone = now

    @abstractmethod
    async def _introduce(self, site: Site, end: datetime) -> None:
        """Prepare what this world has for an application beyond the tenant."""

    @abstractmethod
    async def _tick(self) -> None:
        """Do what is done after the cycles that were due."""

    @abstractmethod
    async def _store(self, site: Site, pressed: Pressed, *, wrongly: bool) -> None:
        """Bring a new credential where it belongs."""

    @abstractmethod
    def _fumbles(self, site: Site) -> bool:
        """Say whether the owner gets it wrong this time without noticing."""

    @abstractmethod
    def _notice_made(self, site: Site) -> None:
        """Write down credentials that were made without an owner."""

    @abstractmethod
    def _arrived_at(self, site: Site, value: str) -> datetime | None:
        """Return when a credential came to the vault, where there is one."""

    @abstractmethod
    def _quarantined(self, site: Site) -> None:
        """Do what Entra does when it quarantines a job, beyond what the engine does."""

    def _why(self, site: Site) -> Why:
        if self.ledger.in_use(site.plan.name).revoked is not None:
            return Why.REVOKED
        if site.plan.kind is Kind.GRANTED:
            return Why.GRANT
        return Why.FUMBLED if site.pressed is not None else Why.UNANSWERED

    def _saved_at(self, site: Site) -> datetime:
        sp = site.application.service_principal.id
        saves = [one.at for one in self.tenant.directory.secret_saves if one.service_principal_id == sp]
        return saves[-1] if saves else self.clock.now()

    async def _act(self, site: Site) -> None:
        """Let the owner press the vendor's button, and store what it gives; what was fumbled is only stored again."""
        if site.pressed is None:
            site.pressed = site.press(self.tenant)
            known = site.plan.kind is not Kind.GRANTED
            self.ledger.made(site.plan.name, site.pressed.value, self.clock.now(), site.pressed.end, known=known)
        wrongly = self._fumbles(site)
        site.fumbled += wrongly
        pressed = site.pressed
        site.pressed = pressed if wrongly else None
        site.owner.has_acted(self.clock.now(), made=not wrongly)
        await self._store(site, pressed, wrongly=wrongly)

    async def _leave(self, site: Site, user: User) -> None:
        site.application.job.leavers.append(user)
        self.ledger.leavers.append(Leaver(site.plan.name, user, self.clock.now()))

    async def _revoke(self, site: Site) -> None:
        site.application.target.revoke_tokens()
        self.ledger.revoked(site.plan.name, self.clock.now())

    async def _until(self, moment: datetime) -> None:
        """Let everything happen that is written down up to a moment, and let it come."""
        while self._agenda and self._agenda[0][0] <= moment:
            at, _, act = heapq.heappop(self._agenda)
            await self._reach(at)
            await act()
            self.observe()
        await self._reach(moment)

    async def _reach(self, moment: datetime) -> None:
        if moment > self.clock.now():
            await self.clock.advance(moment - self.clock.now())

    def _progress(self, month: int) -> str:
        ledger = self.ledger
        still = sum(one.ended is None for one in ledger.quarantines)
        return (
            f"month {month:>2}: {len(ledger.rotations)} renewals, {len(ledger.quarantines)} quarantines so far, "
            f"{still} of them now"
        )
