"""The fleet with the product: its real use cases, composed against the tenant, a vault and a storage account.

The driver plays the host: it calls what timers and queues would call, one at a time. Reading the audit log, one more
way to hear of a quarantine, is left out: the sweep sees the same jobs. What waits for minutes is waited for; what waits
longer is looked at when the next tick has come.
"""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, override

from azure.core.exceptions import ResourceExistsError
from azure.storage.queue.aio import QueueClient

from bench.year.counts import Counts, count
from bench.year.fleet import Dated, Kind
from bench.year.ledger import Why
from bench.year.operators import read_mail
from bench.year.sites import Pressed, Site
from bench.year.world import World
from emulator.clock import LeapingClock
from emulator.entra import Role
from emulator.tenant import EmbeddedTenant
from emulator.vendor_apis import Fail
from shared.composition import Pratique
from shared.detection.signal import QUEUE, VAULT_EVENTS_QUEUE, Signal

SETTINGS = {"PRATIQUE_MODE": "act", "PRATIQUE_MINT": "on", "PRATIQUE_PROBE_PRIVATE": "on"}
"""Everything else is as it comes; the targets are on loopback, hence the probe's permission."""
_DELIVERY = timedelta(seconds=20)
_SOON = timedelta(minutes=5)
_MOST_STEPS = 60
_BATCH = 32
_HIDDEN = 300


class Assisted(World):
    """The tenant with the product beside it."""

    def __init__(
        self,
        tenant: EmbeddedTenant,
        clock: LeapingClock,
        product: Pratique,
        queues: tuple[QueueClient, QueueClient],
        *,
        days: int,
        seed: int,
        say: Callable[[str], None],
    ) -> None:
        super().__init__(tenant, clock, days=days, seed=seed, say=say)
        tenant.entra.roles.add(Role.VAULT_OFFICER)
        self._product = product
        self._queues = queues
        self._mails_read = 0
        self._retired: set[str] = set()
        self._too_early = 0
        self._chance = random.Random(seed)  # noqa: S311 -- the same year again for the same seed

    def counts(self) -> Counts:
        """Add up the year."""
        sites = [site for site in self.sites.values() if site.application.vendor_api is not None]
        apis = [(site, site.application.vendor_api) for site in sites]
        kept = {site.secret: {one.value for one in self.tenant.vault.versions(site.secret)} for site in sites}
        return count(
            self.ledger,
            len(self.sites),
            self.end,
            self.interval,
            retired=len(self._retired),
            retired_too_early=self._too_early,
            mints=sum(len(api.minted) for _, api in apis if api),
            orphans=sum(one.value not in kept[site.secret] for site, api in apis if api for one in api.live()),
        )

    @override
    async def _introduce(self, site: Site, end: datetime) -> None:
        plan, tenant = site.plan, self.tenant
        if plan.kind in (Kind.GRANTED, Kind.UNBOUND):
            return
        tags = self._tags(site)
        if (api := site.application.vendor_api) is not None:
            await tenant.vault.put(f"{plan.slug}-minting", api.credential, announce=False)
            tags |= {"pratique-mint": f"{plan.slug}-minting", "pratique-mint-for": api.subject}
            self.ledger.owns(plan.name, api.credential)
        if plan.vendor.dated is Dated.CLAIM:
            tags["pratique-expires"] = end.isoformat()
        await self._put(site, Pressed(site.saved(tenant), end), tags, created=end - plan.vendor.lifetime)

    @override
    async def _tick(self) -> None:
        await self.tenant.vault.announce_due()
        await self._host(await self._product.ears.sweep())
        did = await self._product.forecaster.run()
        self._watch_retired()
        await self._host(did.signals)

    @override
    async def _store(self, site: Site, pressed: Pressed, *, wrongly: bool) -> None:
        tags = self._tags(site) if site.plan.kind is Kind.UNBOUND else {}
        if wrongly and tags and site.fumbled == 1:
            # A copy of another application's secret, in which only the application was changed.
            other = next(one for one in self.sites.values() if one.plan.kind is Kind.KILLS)
            pressed = Pressed(other.saved(self.tenant), pressed.end)
            tags["pratique-tenant-url"] = other.application.target.tenant_url
        elif wrongly:
            pressed = Pressed({"SecretToken": pressed.pairs["SecretToken"][:-3]}, pressed.end)
        if site.plan.kind is Kind.GRANTED:
            saved = site.saved(self.tenant) | pressed.pairs
            self.tenant.directory.secrets.preset(site.application.service_principal.id, saved)
        else:
            await self._put(site, pressed, tags)
        await self.clock.advance(_DELIVERY)
        await self._host()

    @override
    def _fumbles(self, site: Site) -> bool:
        return site.fumbled < site.plan.fumbles

    @override
    def _why(self, site: Site) -> Why:
        """Say why, and blame the product where a credential that works was in the vault, or could have been minted."""
        why = super()._why(site)
        if why is not Why.UNANSWERED:
            return why
        target, vault = site.application.target, self.tenant.vault
        versions = vault.versions(site.secret)
        if not versions:
            return Why.UNBOUND
        newest = versions[-1].value
        if site.plan.kind is Kind.PASSWORD:
            newest = f"{vault.value(site.name_secret)}:{newest}"
        return Why.AVOIDABLE if site.plan.minted or target.accepts(newest) else why

    @override
    def _notice_made(self, site: Site) -> None:
        if (api := site.application.vendor_api) is None:
            return
        for one in api.minted:
            if one.value not in self.ledger.credentials and one.expires is not None:
                self.ledger.made(site.plan.name, one.value, one.at, one.expires, known=True)

    @override
    def _arrived_at(self, site: Site, value: str) -> datetime | None:
        secret = value.rpartition(":")[2]
        arrived = [one.created for one in self.tenant.vault.versions(site.secret) if one.value == secret]
        return arrived[-1] if arrived else None

    @override
    def _quarantined(self, site: Site) -> None:
        pass  # the product tells of it

    async def _host(self, signals: int = 0) -> None:
        """Handle what is due and what is on the queues, and what falls due within minutes, until it is quiet."""
        for _ in range(_MOST_STEPS):
            self._vendors_waver()
            signals += await self._product.ears.enqueue_due()
            if not await self._drain(signals):
                break
            signals = 0
            self.observe()
            now = self.clock.now()
            rows = await self._product.services.incidents.all()
            soon = [row.next_look_at for row in rows if row.next_look_at and row.next_look_at <= now + _SOON]
            if not soon:
                break
            await self._reach(min(soon) + timedelta(seconds=1))
        self._read_mails()

    def _vendors_waver(self) -> None:
        """Let every unsteady vendor's API fail half of the time."""
        for site in self.sites.values():
            if site.plan.api_fails and site.application.vendor_api is not None:
                fails = Fail(handled=site.plan.api_fails == "after")
                site.application.vendor_api.fail = fails if self._chance.random() < 0.5 else None

    async def _drain(self, signals: int) -> int:
        """Handle the vault's events, and the signals if there are any; a look may put a version into the vault."""
        events, looks = self._queues
        handled = 0
        while True:
            heard = 0
            async for message in events.receive_messages(messages_per_page=_BATCH, visibility_timeout=_HIDDEN):
                heard += await self._product.ears.vault_event(str(message.content))
                await events.delete_message(message)
            if not heard + signals:
                return handled
            async for message in looks.receive_messages(messages_per_page=_BATCH, visibility_timeout=_HIDDEN):
                await self._product.reconciler.reconcile(Signal.from_message(str(message.content)))
                await looks.delete_message(message)
                handled += 1
            signals = 0

    def _read_mails(self) -> None:
        mails = self.tenant.inboxes.mails
        names = frozenset(self.sites)
        for mail in mails[self._mails_read :]:
            message = read_mail(str(mail.message["subject"]), str(mail.message["body"]["content"]), mail.at, names)
            if message is not None:
                self.tell(message)
        self._mails_read = len(mails)

    def _watch_retired(self) -> None:
        """Look at every version that was disabled since, and whether a good cycle had proven its successor."""
        for site in self.sites.values():
            for one in self.tenant.vault.versions(site.secret):
                if one.enabled or one.version in self._retired:
                    continue
                self._retired.add(one.version)
                used, good = self.ledger.in_use(site.plan.name), site.application.job.last_successful
                proven = good is not None and used.used_from is not None and good.began > used.used_from
                self._too_early += used.value == one.value or not proven

    async def _put(
        self, site: Site, pressed: Pressed, tags: dict[str, str], *, created: datetime | None = None
    ) -> None:
        """Store a credential as its owner does: a bare version, but for what tells when it ends."""
        plan, vault, dated = site.plan, self.tenant.vault, site.plan.vendor.dated
        first: dict[str, Any] = {"created": created, "announce": False} if created else {}
        if plan.kind is Kind.PASSWORD:
            name = pressed.pairs["UserName"]
            if created or name != vault.value(site.name_secret):
                key = {**tags, "pratique-key": "UserName"} if created else {}
                await vault.put(site.name_secret, name, tags=key, **first)
            tags = {**tags, "pratique-key": "Password"} if created else {}
        if dated is Dated.TAG:
            tags = {**tags, "pratique-expires": f"{pressed.end:%Y-%m-%d}"}
        value = pressed.pairs.get("Password") or pressed.pairs["SecretToken"]
        await vault.put(site.secret, value, tags=tags, expires=pressed.end if dated is Dated.EXP else None, **first)

    @staticmethod
    def _tags(site: Site) -> dict[str, str]:
        """Return what binds a secret to an application."""
        tags = {
            "pratique-service-principal": site.application.service_principal.id,
            "pratique-tenant-url": site.application.target.tenant_url,
            "pratique-owner": site.plan.owner,
        }
        return tags | ({"pratique-vendor": site.plan.vendor.key} if site.plan.vendor.key else {})


@asynccontextmanager
async def queues_of(connection: str) -> AsyncIterator[tuple[QueueClient, QueueClient]]:
    """Open the product's two queues: first the vault's events, then the signals."""
    async with (
        QueueClient.from_connection_string(connection, VAULT_EVENTS_QUEUE) as events,
        QueueClient.from_connection_string(connection, QUEUE) as signals,
    ):
        for queue in (events, signals):
            try:
                await queue.create_queue()
            except ResourceExistsError:
                continue  # the tenant made it, to deliver the vault's events
        yield events, signals
