"""Walks through all that the service needs, part by part, and says of each whether it is there.

Nothing is changed at Entra, Graph, the vault or a target, and nothing is sent unless a test is asked for. In storage,
tables and queues that are missing are made, as the service itself does at first use; one row is written and removed.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.clients.graph_reports import GraphReports
from shared.clients.logs import Logs
from shared.clients.permissions import Permission
from shared.clients.signed_in import Caller, SignedIn
from shared.clients.storage import Storage
from shared.detection.signal import QUEUE, VAULT_EVENTS_QUEUE, Source
from shared.doctor.channels import channels
from shared.doctor.found import Found, Mark
from shared.doctor.mend import Names
from shared.errors import MissingPermission, NotFound, ServiceError, Unavailable
from shared.jobs.model import ServicePrincipal
from shared.remediation.services import Services
from shared.settings import Mode, Reach
from shared.tokens.findings import FindingKind
from shared.tokens.inventory import Inventory

TABLES = (
    "pratiqueheard",
    "pratiqueincidents",
    "pratiquejournal",
    "pratiqueleases",
    "pratiqueparked",
    "pratiquesources",
    "pratiquetokens",
)
QUEUES = (QUEUE, VAULT_EVENTS_QUEUE, f"{QUEUE}-rejected", f"{VAULT_EVENTS_QUEUE}-rejected")
_LOG_TABLES = {"AuditLogs": "audit_records", "AADProvisioningLogs": "provisioning_records"}
_LOG_SPAN = timedelta(days=30)
_LATE = {Source.SWEEP: timedelta(hours=1), Source.FORECAST: timedelta(hours=26)}
_MOST_NAMED = 8
_NOWHERE = "pratique-doctor-asks-for-a-secret-that-is-not-there"
_SCRATCH = "pratiqueheard"  # whoever reads it asks for a partition of its own, and so never meets our row
_ROW = "doctor"


@dataclass(frozen=True, slots=True)
class Doctor:
    """Looks with the permissions of whoever is signed in, and says who that is."""

    services: Services
    inventory: Inventory
    storage: Storage
    logs: Logs | None
    reports: GraphReports
    signed_in: SignedIn

    async def examine(self, names: Names, *, send_test: bool = False) -> tuple[Found, ...]:
        """Look at everything; what fails in one part holds up no other.

        Args:
            names: what the deployment's resources are called.
            send_test: whether to send a test notice by every channel.
        """
        found = [self._mode(names)]
        try:
            caller = await self.signed_in.caller()
        except Unavailable as error:
            mend = ("az login   # at a desk; in Azure the identity needs no sign-in",)
            found.append(Found(Mark.MISSING, "Sign-in", f"{error} Graph, vault and logs were not looked at.", mend))
            caller = None
        if caller is not None:
            found.append(self._who(caller, names))
            found += [one async for one in self._graph(caller, names)]
            found += [one async for one in self._vault(names)]
            found += [one async for one in self._logs(names)]
        found += [one async for one in channels(self.services, caller, names, send_test=send_test)]
        found += [one async for one in self._storage(names)]
        if caller is not None:
            found += [one async for one in self._tags()]
        found += [one async for one in self._heard(names)]
        return tuple(dict.fromkeys(found))  # what stands in the way of two parts is said once

    def _mode(self, names: Names) -> Found:
        settings = self.services.settings
        if not self.services.acting():
            mend = names.setting("PRATIQUE_ACTING", "on")
            return Found(Mark.LOOK, "Mode", "PRATIQUE_ACTING is off: nothing is done, whatever the mode.", mend)
        others = len([mode for mode in settings.mode_by_application.values() if mode is not settings.mode])
        but = f" {others} application{'' if others == 1 else 's'} otherwise." if others else ""
        if settings.mode is Mode.OBSERVE:
            return Found(Mark.FINE, "Mode", f"observe: tells people, and changes nothing.{but}")
        return Found(Mark.FINE, "Mode", f"act: rotates, lifts and proves.{but}")

    def _who(self, caller: Caller, names: Names) -> Found:
        identity = self.services.settings.identity
        if not identity or caller.object_id == identity:
            return Found(Mark.FINE, "Sign-in", f"as {caller.object_id or 'somebody whose token cannot be read'}")
        text = f"You are {caller.object_id or 'somebody else'}, not the service's identity: all below is about you."
        return Found(Mark.LOOK, "Sign-in", text, names.ask_itself())

    async def _graph(self, caller: Caller, names: Names) -> AsyncIterator[Found]:
        graph, settings = self.services.graph, self.services.settings
        subject = "Applications"
        try:
            applications = [one async for one in graph.service_principals()]
        except ServiceError as error:
            yield _missing(subject, error, names)
            return
        yield self._applications(applications, names)
        try:
            jobs = [job async for job in graph.jobs_of_many([one.id for one in applications])]
            text = f"{len(jobs)} can be read" if jobs else "none: no application has provisioning set up"
            yield Found(Mark.FINE if jobs else Mark.LOOK, "Jobs", text)
        except ServiceError as error:
            yield _missing("Jobs", error, names)
            return
        needed = Permission.SYNCHRONIZATION if settings.reach is Reach.TENANT else Permission.OWNED
        if caller.permissions is not None and caller.permissions.isdisjoint({needed, Permission.SYNCHRONIZATION}):
            text = f"Can be read, not changed or tested: the token lacks {needed}."
            yield Found(Mark.MISSING, "Jobs", text, names.grant(needed))
        elif caller.permissions is not None and Permission.SYNCHRONIZATION not in caller.permissions:
            text = "With ownership alone Graph was seen to answer a restart with 401; the notice then names "
            yield Found(Mark.LOOK, "Jobs", f"{text}{Permission.SYNCHRONIZATION}.")
        if self.logs is None and applications:
            yield await self._reports(applications[0], names)

    def _applications(self, applications: list[ServicePrincipal], names: Names) -> Found:
        subject, settings = "Applications", self.services.settings
        match settings.reach:
            case Reach.OWNED if not applications:
                text = "The identity owns none (PRATIQUE_APPLICATIONS=owned)."
                return Found(Mark.MISSING, subject, text, names.grant(Permission.OWNED))
            case Reach.NAMED:
                lost = set(settings.applications) - {one.id.lower() for one in applications}
                if lost:
                    text = f"No object id of an enterprise application: {', '.join(sorted(lost))}."
                    mend = names.setting("PRATIQUE_APPLICATIONS", "<object id>,<object id>")
                    return Found(Mark.MISSING, subject, text, mend)
        whose = {Reach.TENANT: "in the tenant", Reach.OWNED: "owned", Reach.NAMED: "named"}[settings.reach]
        return Found(Mark.FINE, subject, f"{len(applications)} {whose}")

    async def _reports(self, application: ServicePrincipal, names: Names) -> Found:
        try:
            await self.reports.quarantine_events(application.id, self.services.clock.now() - timedelta(days=1))
        except ServiceError as error:
            return _missing("Graph's logs", error, names)
        return Found(Mark.FINE, "Graph's logs", "can be read in place of a workspace")

    async def _vault(self, names: Names) -> AsyncIterator[Found]:
        try:
            secrets = await self.services.vault.newest_versions()
        except ServiceError as error:
            yield _missing("Vault", error, names)
            return
        yield Found(Mark.FINE, "Vault", f"{len(secrets)} secret{'' if len(secrets) == 1 else 's'} listed")
        if not self.services.settings.mint:
            return
        try:
            await self.services.vault_writer.retag(_NOWHERE, "", {})
        except NotFound:
            yield Found(Mark.FINE, "Vault", "minted versions can be written")
        except ServiceError as error:
            yield _missing("Vault", error, names)

    async def _logs(self, names: Names) -> AsyncIterator[Found]:
        if self.logs is None:
            text = "LOG_ANALYTICS_WORKSPACE_ID is empty: the audit log is not queried; the sweep sees quarantines."
            yield Found(Mark.LOOK, "Logs", text, names.diagnostics())
            return
        for table, query in _LOG_TABLES.items():
            yield await self._records(self.logs, table, query, names)

    async def _records(self, logs: Logs, table: str, query: str, names: Names) -> Found:
        end = self.services.clock.now()
        try:
            (row,) = await logs.rows(query, end - _LOG_SPAN, end)
        except ServiceError as error:
            if error.status != 400:
                return _missing("Logs", error, names)
            text = "The workspace knows no such table: Entra does not send it."
            return Found(Mark.MISSING, table, text, names.diagnostics())
        if row["Records"]:
            return Found(Mark.FINE, table, f"{row['Records']} records, the last {_moment(row['Last'])}")
        text = f"No record in {_LOG_SPAN.days} days; is it sent? The first takes up to an hour."
        return Found(Mark.LOOK, table, text, names.diagnostics())

    async def _storage(self, names: Names) -> AsyncIterator[Found]:
        try:
            for name in TABLES:
                await self.storage.table(name).get(_ROW, _ROW)
            scratch = self.storage.table(_SCRATCH)
            await scratch.put(_ROW, _ROW, {"at": self.services.clock.now()})
            await scratch.delete(_ROW, _ROW)
            yield Found(Mark.FINE, "Storage", f"{len(TABLES)} tables are there and can be written")
        except Unavailable as error:
            yield _stored(error, Permission.TABLES, names)
        try:
            for name in QUEUES:
                await self.storage.queue(name).make()
            yield Found(Mark.FINE, "Storage", f"{len(QUEUES)} queues are there")
        except Unavailable as error:
            yield _stored(error, Permission.QUEUES, names)

    async def _tags(self) -> AsyncIterator[Found]:
        try:
            stock = await self.inventory.read()
        except ServiceError as error:
            yield Found(Mark.LOOK, "Bindings", f"could not be read: {error}")
            return
        wrong = [one.name for one in stock.held if any(it.kind is not FindingKind.GRANTED for it in one.findings)]
        if not wrong:
            yield Found(Mark.FINE, "Bindings", f"{len(stock.held)} credentials, nothing wrong with their keeping")
            return
        named = ", ".join(wrong[:_MOST_NAMED]) + (" and others" if len(wrong) > _MOST_NAMED else "")
        text = f"{len(wrong)} of {len(stock.held)} credentials have findings: {named}."
        yield Found(Mark.LOOK, "Bindings", text, _BIND)

    async def _heard(self, names: Names) -> AsyncIterator[Found]:
        try:
            sources = {one.name: one for one in await self.services.sources.all()}
        except Unavailable:
            return  # told of storage already
        now = self.services.clock.now()
        for one in sources.values():
            if one.blind:
                yield Found(Mark.MISSING, one.name, f"Cannot see since {_moment(one.since)}: {one.why}")
        for source, late in _LATE.items():
            worked = sources[source].worked_at if source in sources else None
            subject = str(source).capitalize()
            if worked is None:
                mend = names.log_stream() if source is Source.SWEEP else ()
                yield Found(Mark.LOOK, subject, "has not run yet", mend)
            elif now - worked > late:
                yield Found(Mark.MISSING, subject, f"last ran {_moment(worked)}", names.log_stream())
            else:
                yield Found(Mark.FINE, subject, f"last ran {_moment(worked)}")


_BIND = ("./pratique tokens", "./pratique tokens bind <secret> <application>")


def _missing(subject: str, error: ServiceError, names: Names) -> Found:
    mend = names.grant(error.permission) if isinstance(error, MissingPermission) else ()
    return Found(Mark.MISSING, subject, str(error), mend)


def _stored(error: Unavailable, role: Permission, names: Names) -> Found:
    if error.status == 403:
        return Found(Mark.MISSING, "Storage", f"{error} The missing role is {role}.", names.grant(role))
    return Found(Mark.MISSING, "Storage", str(error))


def _moment(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment else "an unknown time"
