"""The embedded tenant, assembled: every service on its own origin, applications with their targets, one loop."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from emulator.breakage import Breakage
from emulator.certificates import prepare, untrusted
from emulator.clock import Clock, SystemClock
from emulator.connector import Connector
from emulator.directory import Directory, ServicePrincipal
from emulator.doors import Door
from emulator.engine import ProvisioningEngine
from emulator.entra import IDENTITY_ID, Entra
from emulator.faults import Faults, RecordedRequest
from emulator.graph.credentials import Credentials
from emulator.graph.mail import Mail
from emulator.graph.on_demand import OnDemand
from emulator.graph.reports import Reports
from emulator.graph.service import Graph
from emulator.graph.service_principals import ServicePrincipals
from emulator.graph.synchronization_jobs import SynchronizationJobs
from emulator.graph.throttle import Throttle
from emulator.graph.users import Users
from emulator.inboxes import Inboxes
from emulator.jobs import Job, User
from emulator.logs import Logs
from emulator.records import Records
from emulator.settings import EmulatorSettings
from emulator.targets import Behaviour, Target
from emulator.vault import Vault
from emulator.vault_queue import VAULT_QUEUE, VaultQueue
from emulator.vendor_apis import VendorApi
from emulator.vendor_apis import vendor_api as vendor_api_beside
from emulator.web import Listener, Service

__all__ = ["MAIL_RECIPIENTS", "MAIL_SENDER", "VAULT_QUEUE", "Application", "EmbeddedTenant"]

MAIL_SENDER = "pratique@contoso.example"
MAIL_RECIPIENTS = "identity-team@contoso.example"
_DELETION_THRESHOLD = 500
_VAULT_TICK = 0.25


@dataclass(frozen=True, slots=True)
class Application:
    """An enterprise application with its job and the target that the job provisions."""

    service_principal: ServicePrincipal
    job: Job
    target: Target
    vendor_api: VendorApi | None = None
    """What the vendor serves beside SCIM to mint tokens."""


@dataclass(slots=True)
class _Tokens:
    """Entra's token endpoint as a service of its own."""

    entra: Entra
    name: str = "entra"
    origin: str = ""

    def routes(self) -> list[web.AbstractRouteDef]:
        return self.entra.routes()


class EmbeddedTenant:
    """A whole tenant on loopback for as long as the context lasts."""

    def __init__(
        self,
        state_dir: Path,
        *,
        settings: EmulatorSettings | None = None,
        clock: Clock | None = None,
        storage_connection: str | None = None,
    ) -> None:
        self.settings = settings or EmulatorSettings()
        self.clock: Clock = clock or SystemClock()
        self.certificates = prepare(state_dir)
        self.faults = Faults()
        self.requests: list[RecordedRequest] = []
        """Every request that the tenant's services received; targets keep their own."""
        self.target_requests: list[RecordedRequest] = []
        self.unserved: list[str] = []
        self.targets: dict[str, Target] = {}
        self.applications: dict[str, Application] = {}
        self.entra = Entra(self.clock)
        self.directory = Directory(self.clock, self.settings)
        self.logs = Logs(self.entra, self.clock, self.settings.ingestion_delay)
        self.inboxes = Inboxes(self.clock)
        self._target_listeners: dict[str, Listener] = {}
        self._vault_queue = VaultQueue(storage_connection)
        self.vault = Vault(self.entra, self.clock, self._vault_queue.deliver)
        self.records = Records(self.clock, self.logs.write)
        self._connector = Connector(
            self.certificates.client, self.settings.target_timeout, echo_token=self.settings.echo_token
        )
        self.engine = ProvisioningEngine(self.directory, self._connector, self.records, self.clock, self.settings)
        self.graph = self._graph()
        self._tokens = _Tokens(self.entra)
        self._open = AsyncExitStack()
        self._working: asyncio.Task[None] | None = None

    @property
    def vault_events(self) -> list[str]:
        """Return the queue messages that were delivered while there was no storage to deliver them to."""
        return self._vault_queue.kept

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            opening.push_async_callback(self._connector.aclose)
            await self._vault_queue.open(opening)
            for service in (self._tokens, self.graph, self.logs, self.vault, self.inboxes):
                await self._listen(service, self.requests, opening)
            self._open = opening.pop_all()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        try:
            await self.stop_engine()
        finally:
            await self._open.aclose()

    def environment(self) -> dict[str, str]:
        """Return the settings that point the product, and the libraries under it, at this tenant."""
        ca = str(self.certificates.ca_path)
        settings = {
            "GRAPH_BASE_URL": f"{self.graph.origin}/v1.0",
            "LOGS_ENDPOINT": f"{self.logs.origin}/v1",
            "LOG_ANALYTICS_WORKSPACE_ID": self.logs.workspace_id,
            "PRATIQUE_IDENTITY": IDENTITY_ID,
            "KEY_VAULT_URL": self.vault.origin,
            "TEAMS_WEBHOOK_URL": self.inboxes.teams_url,
            "MAIL_SENDER": MAIL_SENDER,
            "MAIL_RECIPIENTS": MAIL_RECIPIENTS,
            "IDENTITY_ENDPOINT": f"{self._tokens.origin}/msi/token",
            "IDENTITY_HEADER": self.entra.identity_header,
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
            "SSL_CERT_FILE": ca,
            "REQUESTS_CA_BUNDLE": ca,
        }
        if self._vault_queue.connection is not None:
            settings["AzureWebJobsStorage"] = self._vault_queue.connection
        return settings

    async def add_application(
        self,
        display_name: str,
        *,
        behaviour: Behaviour = Behaviour.STANDARD,
        template_id: str = "scim",
        users: list[User] | None = None,
        base_path: str = "/v2",
        token: str | None = None,
        token_valid_for: timedelta | None = None,
        tenant_url: str | None = None,
        notification_mail: str = "app-owners@contoso.example",
        deletion_threshold: int = _DELETION_THRESHOLD,
        other_secrets: Mapping[str, str] | None = None,
        door: Door = Door.BEARER,
        oauth: bool = False,
        vendor_api: str = "",
    ) -> Application:
        """Register an application whose saved credentials are good; its first cycle is due.

        Args:
            display_name: its name; the target's faults are addressed as service `target:<name>`.
            behaviour: what is particular about its target.
            template_id: the job's template.
            users: whom the job provisions.
            base_path: where on its origin the target serves SCIM.
            token: the secret token, when a test wants to choose it.
            token_valid_for: how long the token lives; for ever unless given, but 365 days at Druva.
            tenant_url: what is saved as BaseAddress instead of the target's own.
            notification_mail: where quarantine mails go, kept in the `SyncNotificationSettings` secret.
            deletion_threshold: kept in the same place.
            other_secrets: more keys to have saved.
            door: what the target asks for, which says under which keys the credentials are saved.
            oauth: an administrator granted the access by *Authorize*: tokens of that grant are saved, no secret token.
            vendor_api: which vendor's API the target serves beside SCIM; none unless named.

        Raises:
            ValueError: a token or a grant is wanted at a door that takes no tokens.
        """
        target = Target(display_name, self.clock, behaviour, base_path, door)
        api = vendor_api_beside(vendor_api, target, self.clock) if vendor_api else None
        listener = await self._listen(target, self.target_requests, self._open)
        self._target_listeners[target.name] = listener
        principal = self.directory.add_service_principal(display_name)
        notification = {
            "Enabled": bool(notification_mail),
            "Recipients": notification_mail,
            "DeleteThresholdEnabled": True,
            "DeleteThresholdValue": deletion_threshold,
        }
        saved: dict[str, str] = {
            "BaseAddress": tenant_url or target.tenant_url,
            **_first_credentials(target, token, token_valid_for, oauth=oauth),
            "SyncNotificationSettings": json.dumps(notification, separators=(",", ":")),
            "SyncAll": "False",
            **(other_secrets or {}),
        }
        self.directory.secrets.preset(principal.id, saved)
        job = self.directory.add_job(principal, template_id, list(users or []))
        application = Application(principal, job, target, api)
        self.targets[display_name] = target
        self.applications[display_name] = application
        return application

    async def break_target(self, application: Application, breakage: Breakage | None) -> None:
        """Break an application's target in one way until it is broken in another; none mends it."""
        target = application.target
        listener, before = self._target_listeners[target.name], target.breakage
        target.breakage = breakage
        if breakage is Breakage.REFUSED:
            await listener.refuse()
        elif breakage is Breakage.UNTRUSTED_CERTIFICATE:
            await listener.rebind(untrusted())
        elif before in {Breakage.REFUSED, Breakage.UNTRUSTED_CERTIFICATE}:
            await listener.restore()

    def start_engine(self) -> None:
        """Let cycles run, and the vault's expiry events be sent, as they fall due."""
        if self._working is None:
            self._working = asyncio.create_task(self._work())

    async def stop_engine(self) -> None:
        """Stop both; whatever went wrong in them is raised here."""
        working, self._working = self._working, None
        if working is None:
            return
        working.cancel()
        result: Any = (await asyncio.gather(working, return_exceptions=True))[0]
        if isinstance(result, Exception):
            raise result

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.engine.run_forever())
            group.create_task(self._announce_forever())

    async def _announce_forever(self) -> None:
        while True:
            await self.vault.announce_due()
            await self.clock.sleep(_VAULT_TICK)

    async def _listen(self, service: Service, requests: list[RecordedRequest], stack: AsyncExitStack) -> Listener:
        listener = Listener(service, self.certificates.server, self.faults, requests, self.unserved)
        stack.push_async_callback(listener.stop)
        await listener.start()
        return listener

    def _graph(self) -> Graph:
        graph = Graph(self.entra, self.directory, self.clock, self.faults, self.unserved)
        jobs = SynchronizationJobs(
            self.directory,
            self.engine,
            self.records,
            self.clock,
            restart_unauthorized=self.settings.restart_unauthorized,
        )
        graph.serve(ServicePrincipals(self.directory, self.settings.page_size, lambda: graph.origin).routes())
        graph.serve(jobs.routes())
        graph.serve(Credentials(self.directory, self._connector, self.records).routes())
        throttle = Throttle(self.clock, self.settings.on_demand_limit, self.settings.throttling_window)
        graph.serve(OnDemand(self.directory, self.engine, self.records, self.clock, throttle).routes())
        throttle = Throttle(self.clock, self.settings.reporting_limit, self.settings.throttling_window)
        size = self.settings.reporting_page_size
        graph.serve(Reports(self.records, throttle, size, lambda: graph.origin).routes())
        graph.serve(Users(self.directory).routes())
        graph.serve(Mail(MAIL_SENDER, self.inboxes.accept_mail).routes())
        return graph


def _first_credentials(
    target: Target, token: str | None, valid_for: timedelta | None, *, oauth: bool
) -> dict[str, str]:
    if oauth:
        granted = target.issue_token(valid_for, token)
        return {"Oauth2AccessToken": granted, "Oauth2RefreshToken": f"refresh_{secrets.token_urlsafe(32)}"}
    if target.door is Door.BEARER or token is not None:
        return {"SecretToken": target.issue_token(valid_for, token)}
    pairs = target.issue_credentials(valid_for)
    return {**pairs, "Oauth2TokenExchangeUri": target.token_url} if target.door is Door.CLIENT_CREDENTIALS else pairs
