"""What the use cases work with, handed in at composition."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.clients.graph import Graph
from shared.clients.vault import Vault
from shared.clients.vault_writer import VaultWriter
from shared.clients.vendor_api import VendorApi
from shared.clock import Clock
from shared.detection.sources import Sources
from shared.evidence.gather import Gatherer
from shared.incidents.store import Incidents, Journal, Leases, Parked
from shared.notices.compose import Composer
from shared.notices.tell import Teller
from shared.settings import Settings
from shared.tokens.records import TokenRecords


@dataclass(frozen=True, slots=True)
class Services:
    """Clients, stores and settings; `acting` reads the switch anew each time it is asked.

    `vault_writer` and `vendor_api` are used where minting is on, and by a person who binds a secret; nowhere else.
    """

    settings: Settings
    acting: Callable[[], bool]
    clock: Clock
    graph: Graph
    vault: Vault
    vault_writer: VaultWriter
    vendor_api: VendorApi
    incidents: Incidents
    parked: Parked
    journal: Journal
    leases: Leases
    tokens: TokenRecords
    sources: Sources
    teller: Teller
    composer: Composer
    gatherer: Gatherer
