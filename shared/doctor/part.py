"""One part of an examination: what it looks with, and what becomes of one that hangs or breaks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from shared.clients.graph_reports import GraphReports
from shared.clients.logs import Logs
from shared.clients.signed_in import Caller, SignedIn
from shared.clients.storage import Storage
from shared.doctor.found import Found, Mark
from shared.doctor.mend import Names
from shared.doctor.words import short
from shared.redaction import SecretValue
from shared.remediation.services import Services
from shared.tokens.inventory import Inventory


class About(StrEnum):
    """What the parts are about; a part's name is the subject of what is found when it does not come to its end."""

    MODE = "Mode"
    SIGN_IN = "Sign-in"
    GRAPH = "Graph"
    VAULT = "Vault"
    LOGS = "Logs"
    STORAGE = "Storage"
    VENDORS = "Vendors"
    CHANNELS = "Channels"
    TEST = "Test"
    ALERTS = "Alerts"
    BINDINGS = "Bindings"
    SOURCES = "Sources"


@dataclass(slots=True)
class Look:
    """What the parts look with, and what earlier ones learnt."""

    services: Services
    inventory: Inventory
    storage: Storage
    logs: Logs | None
    reports: GraphReports
    signed_in: SignedIn
    names: Names
    send_test: bool
    desk: bool
    """Whether no deployment is meant: what has not run there yet is then no fault."""
    caller: Caller | None = None
    barred: set[About] = field(default_factory=set)

    def lacks(self, *parts: About) -> bool:
        """Say whether one of these parts could not be read at all."""
        return not self.barred.isdisjoint(parts)

    def secrets(self) -> Iterable[SecretValue]:
        """Return the settings that no text may hold."""
        settings = self.services.settings
        return [value for value in (settings.storage_connection, settings.teams_webhook_url) if value is not None]


@dataclass(frozen=True, slots=True)
class Part:
    """A part; `address` names the setting that says where its service is."""

    about: About
    look: Callable[[Look], AsyncIterator[Found]]
    address: str = ""

    async def examine(self, look: Look, deadline: timedelta) -> tuple[Found, ...]:
        """Return what it finds, and a finding about itself where it takes longer or breaks."""
        found: list[Found] = []
        limit = asyncio.timeout(deadline.total_seconds())
        try:
            async with limit:
                async for one in self.look(look):
                    found.append(one)  # noqa: PERF401 -- what was found before it broke is kept
        except TimeoutError as error:
            found.append(self._hangs(deadline) if limit.expired() else self._breaks(error, look))
        except Exception as error:  # noqa: BLE001 -- whatever breaks one part must not hide the others
            found.append(self._breaks(error, look))
        return tuple(found)

    def _hangs(self, deadline: timedelta) -> Found:
        where = f" Is {self.address} right, and does the network let it through?" if self.address else ""
        text = f"Gave no answer in {deadline.total_seconds():g} seconds.{where}"
        return Found(Mark.MISSING, self.about, text, barred=True)

    def _breaks(self, error: Exception, look: Look) -> Found:
        text = f"Could not be looked at: {type(error).__name__}: {short(str(error), look.secrets())}"
        return Found(Mark.MISSING, self.about, text, barred=True)


def moment(at: datetime | None) -> str:
    """Write a moment."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "an unknown time"
