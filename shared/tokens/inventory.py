"""The inventory: which credential serves which job, when it ends, what is wrong. Names, tags and dates; no values."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.clients.graph import Graph
from shared.clients.vault import Vault
from shared.clock import Clock
from shared.detection.sweep import all_jobs
from shared.errors import MissingPermission, NotFound, Refused, ServiceError, Throttled, Unavailable
from shared.jobs.model import ServicePrincipal, SynchronizationJob
from shared.tokens.bindings import SecretVersion, is_tagged, problems_of, require_trusted_host
from shared.tokens.bound import BoundSecret, all_secrets, candidate, is_newer
from shared.tokens.expiry import UNKNOWN, Expiry, expiry_of
from shared.tokens.findings import Finding, FindingKind, of_version
from shared.tokens.forecast import days_left
from shared.tokens.record import TokenRecord
from shared.tokens.records import TokenRecords
from shared.tokens.saving import base_address
from shared.tokens.vendors import Obtain, Vendor, vendor_named

_AT_ONCE = 8
_FAR = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Held:
    """One credential: an application's, with its secret where it has one; or a secret whose application is gone."""

    application: ServicePrincipal | None
    jobs: tuple[SynchronizationJob, ...]
    secret: BoundSecret | None
    version: SecretVersion | None
    """The one that Entra was given, as far as we know; else the newest that is usable, else the newest."""
    newest: SecretVersion | None
    """The newest that is usable."""
    expiry: Expiry
    record: TokenRecord
    vendor: Vendor | None
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """Return what people call it."""
        if self.application is not None:
            return self.application.display_name
        return self.secret.binding.secret_name if self.secret else ""

    def to_dict(self, now: datetime) -> dict[str, Any]:
        """Return JSON-ready values."""
        binding, version, record = self.secret.binding if self.secret else None, self.version, self.record
        return {
            "application": self.application.display_name if self.application else "",
            "service_principal_id": self.application.id if self.application else record.service_principal_id,
            "jobs": [job.id for job in self.jobs],
            "secret": binding.secret_name if binding else "",
            "key": binding.credential_key if binding else "",
            "owner": binding.owner if binding else "",
            "vendor": self.vendor.key if self.vendor else "",
            "obtain": str(self.vendor.obtain) if self.vendor else "",
            "overlap": str(self.vendor.overlap) if self.vendor else "",
            "version": version.version if version else "",
            "arrived_at": version.created.isoformat() if version else None,
            "ends_at": self.expiry.at.isoformat() if self.expiry.at else None,
            "ends_by": str(self.expiry.source),
            "days_left": days_left(self.expiry.at, now) if self.expiry.at else None,
            "applied": bool(self.newest and record.applied == self.newest.version),
            "proven_at": record.proven_at.isoformat() if record.proven_at else None,
            "findings": [{"kind": str(finding.kind), "text": finding.text} for finding in self.findings],
        }


@dataclass(frozen=True, slots=True)
class Stock:
    """Everything that is held, nearest end first, and the names of secrets without our tags."""

    held: tuple[Held, ...]
    loose: tuple[str, ...]
    at: datetime

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "at": self.at.isoformat(),
            "credentials": [one.to_dict(self.at) for one in self.held],
            "unbound_secrets": list(self.loose),
        }


class Inventory:
    """Reads vault, Graph and our own records; changes nothing."""

    def __init__(self, graph: Graph, vault: Vault, records: TokenRecords, clock: Clock) -> None:
        self._graph = graph
        self._vault = vault
        self._records = records
        self._clock = clock

    async def read(self) -> Stock:
        """Join the vault's secrets with the tenant's synchronization jobs.

        Raises:
            ServiceError: not everything could be read; a part is not an answer.
        """
        now = self._clock.now()
        applications: dict[str, ServicePrincipal] = {}
        jobs: dict[str, list[SynchronizationJob]] = {}
        async for application, job in all_jobs(self._graph):
            applications[application.id.lower()] = application
            jobs.setdefault(application.id.lower(), []).append(job)
        secrets, records = await all_secrets(self._vault), await self._records.all()
        bound = [secret for secret in secrets.values() if secret]
        helpers = {secret.binding.mint_secret for secret in bound}
        gate = asyncio.Semaphore(_AT_ONCE)

        async def hold(secret: BoundSecret) -> Held:
            async with gate:
                sp = secret.binding.service_principal_id.lower()
                record = records.get((sp, secret.binding.secret_name))
                others = [one for one in bound if one is not secret and _same_key(one, secret)]
                return await self._held(secret, applications.get(sp), jobs.get(sp, []), record, others, now)

        held = list(await asyncio.gather(*(hold(secret) for secret in bound)))
        served = {secret.binding.service_principal_id.lower() for secret in bound}
        held += [_unserved(applications[sp], tuple(jobs[sp])) for sp in jobs if sp not in served]
        loose = sorted(name for name, secret in secrets.items() if secret is None and name not in helpers)
        return Stock(tuple(sorted(held, key=_order)), tuple(loose), now)

    async def _held(
        self,
        secret: BoundSecret,
        application: ServicePrincipal | None,
        jobs: list[SynchronizationJob],
        record: TokenRecord | None,
        others: list[BoundSecret],
        now: datetime,
    ) -> Held:
        binding = secret.binding
        record = record or TokenRecord(binding.service_principal_id, binding.secret_name)
        newest = await candidate(self._vault, secret, now)
        version = secret.version(record.applied) or newest or secret.versions[0]
        expiry = expiry_of(version, binding.known_vendor, record.claim(version.version))
        findings = [Finding(FindingKind.BAD_TAGS, text) for text in problems_of(_binding_tags(secret))]
        if others:
            names = ", ".join(sorted(one.binding.secret_name for one in others))
            findings.append(Finding(FindingKind.BOUND_TWICE, f"Bound to the same credential key as {names}."))
        if application is None:
            findings.append(await self._lonely(binding.service_principal_id))
        else:
            findings += await self._host(secret)
        late = newest is not None and bool(record.applied) and is_newer(secret, newest, record)
        findings += of_version(newest, expiry, record, now, late=late)
        return Held(
            application, tuple(jobs), secret, version, newest, expiry, record, binding.known_vendor, tuple(findings)
        )

    async def _host(self, secret: BoundSecret) -> list[Finding]:
        try:
            current = await self._graph.credentials(secret.binding.service_principal_id)
            require_trusted_host(secret.binding, base_address(current))
        except Refused as refusal:
            text = str(refusal)
            return [Finding(FindingKind.HOST, f"{text[0].upper()}{text[1:]}.")]
        except (Unavailable, Throttled, MissingPermission):
            raise
        except ServiceError as error:  # about this application alone: it must not blind the forecast for all others
            return [Finding(FindingKind.HOST, f"Its host could not be checked: {error}")]
        return []

    async def _lonely(self, service_principal_id: str) -> Finding:
        watched = await self._graph.watched()
        if watched is not None and service_principal_id.lower() not in watched:
            text = "Bound to an application that is not watched (PRATIQUE_APPLICATIONS)."
            return Finding(FindingKind.NO_APPLICATION, text)
        try:
            found = await self._graph.service_principal(service_principal_id)
        except NotFound:
            return Finding(FindingKind.NO_APPLICATION, "Bound to an application that Entra does not know.")
        return Finding(FindingKind.NO_JOB, f"Bound to {found.display_name}, which has no synchronization job.")


def _unserved(application: ServicePrincipal, jobs: tuple[SynchronizationJob, ...]) -> Held:
    vendor = vendor_named(application.display_name)
    finding = Finding(FindingKind.UNBOUND, "No secret in the vault is bound to this application.")
    if vendor is not None and vendor.obtain is Obtain.OAUTH:
        text = "An administrator grants the access (OAuth); no secret can be saved for it."
        finding = Finding(FindingKind.GRANTED, text)
    return Held(application, jobs, None, None, None, UNKNOWN, TokenRecord(application.id, ""), vendor, (finding,))


def _same_key(one: BoundSecret, other: BoundSecret) -> bool:
    mine, theirs = one.binding, other.binding
    same = mine.service_principal_id.lower() == theirs.service_principal_id.lower()
    return same and mine.credential_key == theirs.credential_key


def _binding_tags(secret: BoundSecret) -> Mapping[str, str]:
    return next((version.tags for version in secret.versions if is_tagged(version)), {})


def _order(held: Held) -> tuple[datetime, str]:
    return held.expiry.at or _FAR, held.name.casefold()
