"""Puts the product together from its settings: the only place that knows every part."""

import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from azure.identity.aio import DefaultAzureCredential

from shared import settings as settings_module
from shared.clients.graph import Graph
from shared.clients.graph_applications import Applications
from shared.clients.graph_reports import GraphReports
from shared.clients.graph_transport import GraphTransport
from shared.clients.logs import Logs
from shared.clients.scim import ScimProbe
from shared.clients.signed_in import SignedIn
from shared.clients.storage import Storage
from shared.clients.teams import Teams
from shared.clients.vault import Vault
from shared.clients.vault_writer import VaultWriter
from shared.clients.vendor_api import VendorApi
from shared.clock import Clock, SystemClock
from shared.detection.audit_log import AuditWindow
from shared.detection.hear import Ears
from shared.detection.rejected import Rejected
from shared.detection.signal import QUEUE, VAULT_EVENTS_QUEUE
from shared.detection.sources import Sources
from shared.diagnose import Diagnostician
from shared.doctor.doctor import Doctor
from shared.errors import InvalidSetting
from shared.evidence.gather import Gatherer
from shared.forecast import Forecaster
from shared.incidents.store import Incidents, Journal, Leases, Parked
from shared.notices.compose import Composer
from shared.notices.tell import Channel, MailChannel, TeamsChannel, Teller
from shared.overview import Overview
from shared.redaction import SecretValue
from shared.remediation.on_demand import OnDemand
from shared.remediation.reconcile import Reconciler
from shared.remediation.services import Services
from shared.settings import Settings
from shared.tokens.inventory import Inventory
from shared.tokens.records import TokenRecords


@dataclass(frozen=True, slots=True)
class Pratique:
    """The product, put together: its use cases, and what must be closed in the end."""

    settings: Settings
    services: Services
    ears: Ears
    reconciler: Reconciler
    diagnostician: Diagnostician
    on_demand: OnDemand
    overview: Overview
    inventory: Inventory
    forecaster: Forecaster
    doctor: Doctor
    rejected_signals: Rejected
    rejected_vault_events: Rejected
    _closing: AsyncExitStack

    async def close(self) -> None:
        """Close every connection."""
        await self._closing.aclose()


def compose(environment: Mapping[str, str] | None = None, clock: Clock | None = None) -> Pratique:
    """Put the product together; nothing is contacted yet.

    Raises:
        InvalidSetting: a setting is missing or unreadable.
    """
    environment = os.environ if environment is None else environment
    settings = settings_module.load(environment)
    clock = clock or SystemClock()
    credential = DefaultAzureCredential()
    storage = _storage(settings, credential)
    transport = GraphTransport(settings.graph_base_url, credential, settings.step)
    applications = Applications(transport, settings.reach, settings.applications, settings.identity)
    graph, reports = Graph(transport, clock, applications), GraphReports(transport, clock)
    vault, writer = Vault(settings.key_vault_url, credential), VaultWriter(settings.key_vault_url, credential)
    vendor_api = VendorApi(settings.step / 3)
    logs = Logs(settings.logs_endpoint, settings.workspace_id, credential) if settings.workspace_id else None
    teams = _teams(settings, vault)
    teller = Teller(_channels(settings, graph, teams))
    services = Services(
        settings=settings,
        acting=lambda: settings_module.acting(environment),
        clock=clock,
        graph=graph,
        vault=vault,
        vault_writer=writer,
        vendor_api=vendor_api,
        incidents=Incidents(storage),
        parked=Parked(storage),
        journal=Journal(storage, clock),
        leases=Leases(storage, clock, settings.lease),
        tokens=TokenRecords(storage),
        sources=Sources(storage, teller, clock),
        teller=teller,
        composer=Composer(settings.portal_url),
        gatherer=Gatherer(
            graph,
            reports,
            logs,
            vault,
            ScimProbe(private_allowed=settings.probe_private, deadline=settings.step / 3) if settings.probe else None,
            clock,
            limit=settings.step,
            failures_days=settings.failures_days,
        ),
    )
    inventory = Inventory(graph, vault, services.tokens, clock)
    closing = AsyncExitStack()
    parts: list[Any] = [credential, storage, graph, vault, writer, vendor_api]
    parts += [part for part in (logs, teams) if part is not None]
    for part in parts:
        closing.push_async_callback(part.close)
    return Pratique(
        settings=settings,
        services=services,
        ears=Ears(services, storage.queue(QUEUE), logs, AuditWindow(storage, settings.audit_overlap)),
        reconciler=Reconciler(services),
        diagnostician=Diagnostician(graph, services.gatherer, settings.portal_url),
        on_demand=OnDemand(services),
        overview=Overview(services),
        inventory=inventory,
        forecaster=Forecaster(services, inventory, storage.queue(QUEUE)),
        doctor=Doctor(services, inventory, storage, logs, reports, SignedIn(credential, settings.graph_base_url)),
        rejected_signals=Rejected(storage.queue(f"{QUEUE}-rejected"), clock),
        rejected_vault_events=Rejected(storage.queue(f"{VAULT_EVENTS_QUEUE}-rejected"), clock),
        _closing=closing,
    )


def _storage(settings: Settings, credential: DefaultAzureCredential) -> Storage:
    if settings.storage_connection:
        try:
            return Storage.from_connection_string(settings.storage_connection)
        except ValueError as error:
            raise InvalidSetting("AzureWebJobsStorage", "is no connection string") from error
    return Storage.from_identity(settings.table_service_uri, settings.queue_service_uri, credential)


def _teams(settings: Settings, vault: Vault) -> Teams | None:
    url, name = settings.teams_webhook_url, settings.teams_webhook_secret

    async def address() -> SecretValue:
        return url if url is not None else await vault.newest_value(name)

    return Teams(address, settings.step) if url is not None or name else None


def _channels(settings: Settings, graph: Graph, teams: Teams | None) -> dict[str, Channel]:
    channels: dict[str, Channel] = {}
    if teams is not None:
        channels["teams"] = TeamsChannel(teams)
    if settings.mail_sender and settings.mail_recipients:
        channels["mail"] = MailChannel(graph, settings.mail_sender, settings.mail_recipients)
    return channels
