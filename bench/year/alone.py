"""The same fleet without the product: its owners know what Entra and a vendor tell them, and do it all by hand.

Modelled kindly. Entra's one mail on a quarantine reaches the owner at once; owners answer it as soon as they would
answer the product; on the provisioning page *Test Connection* shows a wrong credential at once, so nobody saves one;
and everybody who saves a new one also restarts the job. What they lack is only a word beforehand.
"""

from datetime import datetime, timedelta
from typing import override

from bench.year.operators import REMINDERS, Message, Word
from bench.year.sites import Pressed, Site
from bench.year.world import World

_AFTER_SAVING = timedelta(minutes=2)


class Alone(World):
    """Entra, the vendors and the owners."""

    @override
    async def _introduce(self, site: Site, end: datetime) -> None:
        self._remind(site, end)

    @override
    async def _tick(self) -> None:
        pass

    @override
    async def _store(self, site: Site, pressed: Pressed, *, wrongly: bool) -> None:
        tenant, job = self.tenant, site.application.job
        tenant.directory.secrets.put(site.application.service_principal.id, pressed.pairs)
        await self.clock.advance(_AFTER_SAVING)
        if job.schedule_state == "Disabled":
            tenant.engine.start(job)
        elif job.quarantine is not None:
            tenant.engine.restart(job, frozenset({"QuarantineState"}))
        self._remind(site, pressed.end)

    @override
    def _fumbles(self, site: Site) -> bool:
        return False

    @override
    def _notice_made(self, site: Site) -> None:
        pass

    @override
    def _arrived_at(self, site: Site, value: str) -> datetime | None:
        return None

    @override
    def _quarantined(self, site: Site) -> None:
        self.tell(Message(site.plan.name, Word.TROUBLE, self.clock.now()))

    def _remind(self, site: Site, end: datetime) -> None:
        """Write down the mails of a vendor that sends any; each tells of the credential that was in use then."""
        if not site.plan.vendor.reminds:
            return

        async def remind(left: int) -> None:
            if self.ledger.in_use(site.plan.name).end == end:
                self.tell(Message(site.plan.name, Word.ENDING, self.clock.now(), left, end))

        for left in REMINDERS:
            at = end - timedelta(days=left)
            if at >= self.clock.now():
                self.at(at, lambda left=left: remind(left))  # type: ignore[misc]
