"""Everything that can be checked before anything is changed: what an attempt would do, or why there is none."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.clock import new_id, within
from shared.errors import Refused, Unavailable
from shared.incidents.incident import Attempt, AttemptStep
from shared.jobs.credentials import Credential
from shared.notices.compose import token_steps
from shared.redaction import redact
from shared.remediation.candidate import Passed, Rejected, newest_refs, try_candidate
from shared.remediation.outcome import Ask, Later, Nothing, Trail, Want, sentence
from shared.remediation.services import Services
from shared.remediation.versions import arrived_too_late, newer_or_same, previous_refs, valid_later
from shared.tokens.bindings import SecretRef, SecretVersion, require_rotated_key, require_trusted_host, usable
from shared.tokens.bound import BoundSecret, bound_secrets, candidate
from shared.tokens.credential_test import TestResult
from shared.tokens.expiry import Expiry, expiry_of, life_of
from shared.tokens.forecast import mint_due
from shared.tokens.keys import granted
from shared.tokens.record import TokenRecord, together
from shared.tokens.saving import base_address, digest, require_mergeable

_AFTER_LOSS = timedelta(days=7)  # a mint that was lost or whose token was refused is not repeated sooner on our own

type Prepared = Attempt | Ask | Later | Nothing


async def prepare(services: Services, ids: tuple[str, str], want: Want, trail: Trail | None = None) -> Prepared:
    """Find out what an attempt would be; nothing outside is changed and nothing is sent to a host not trusted.

    Raises:
        ServiceError: Graph, the vault or storage could not be read, or not within the time of a step.
    """
    limit = services.settings.step
    try:
        return await within(limit, _prepare(services, ids, want, trail or Trail()))
    except TimeoutError as error:
        operation = f"prepare within {limit.total_seconds():g} s"
        raise Unavailable("Pratique", operation, None, "TimeoutError", "") from error


async def _prepare(services: Services, ids: tuple[str, str], want: Want, trail: Trail) -> Prepared:
    if want is Want.REPAIR:
        saved = await services.graph.test_saved_credentials(*ids)
        if saved.result is TestResult.COULD_NOT_TELL:
            return Later(f"The test of the saved credential could not tell: {redact(saved.code or saved.said)}")
        if saved.result is TestResult.PASSED:
            trail.note("saved credential", "passes: only the quarantine is left to lift")
            return Attempt(id=new_id(), began=services.clock.now(), step=AttemptStep.LIFT)
        trail.note("saved credential", "is rejected by the target")
    try:
        secrets = await bound_secrets(services.vault, ids[0])
    except Refused as refusal:
        return Ask("bound_twice", sentence(refusal), ("Remove the tags from all but one of them.",))
    if not secrets:
        return await _unbound(services, ids, want)
    trail.note("vault", f"bound: {', '.join(secret.binding.secret_name for secret in secrets)}")
    current = await services.graph.credentials(ids[0])
    try:
        for secret in secrets:
            require_rotated_key(secret.binding)
            require_trusted_host(secret.binding, base_address(current))
    except Refused as refusal:
        steps = ("Check the tenant URL on the provisioning page and the tags of the secret; no token was sent.",)
        return Ask(f"host:{_stamp(secrets)}", sentence(refusal), steps)
    trail.note("host", f"{base_address(current)} is the one that tags and catalogue allow")
    records = {
        secret.binding.secret_name: await services.tokens.get(ids[0], secret.binding.secret_name) for secret in secrets
    }
    return await _Preparation(services, ids, want, trail, secrets, current, records).outcome()


@dataclass(frozen=True, slots=True)
class _Preparation:
    services: Services
    ids: tuple[str, str]
    want: Want
    trail: Trail
    secrets: tuple[BoundSecret, ...]
    current: tuple[Credential, ...]
    records: Mapping[str, TokenRecord]

    async def outcome(self) -> Prepared:
        now = self.services.clock.now()
        if self.want in (Want.ARRIVED, Want.ASKED) and (late := arrived_too_late(self.secrets, now)) is not None:
            secret, why = late
            return Ask(f"expired:{_stamp(self.secrets)}", why, self._new_token(secret))
        newest: dict[str, SecretVersion] = {}
        for secret in self.secrets:
            version = await candidate(self.services.vault, secret, now)
            if version is None:
                return self._none_usable(secret, now)
            newest[secret.binding.secret_name] = version
        if self.want is not Want.REPAIR and (settled := self._settled(newest, now)) is not None:
            return settled
        refs = newest_refs(self.secrets, {name: version.version for name, version in newest.items()})
        tried = await try_candidate(self.services, self.ids, self.current, refs, self.trail)
        match tried:
            case Passed():
                return self._attempt(refs, newest, previous_refs(self.secrets, newest, self.records, now))
            case Rejected():
                return await self._rejected(refs, newest, now)
        return tried

    def _none_usable(self, secret: BoundSecret, now: datetime) -> Prepared:
        name = secret.binding.secret_name
        if (later := valid_later(self.secrets, now)) is not None:
            return later
        if (minted := self._mint(now)) is not None:
            return minted
        if self.want is Want.LOOK:
            return Nothing(f"secret {name} has no version that is enabled and valid")
        said = "The saved credential is rejected, and secret" if self.want is Want.REPAIR else "Secret"
        why = f"{said} {name} has no enabled version that is valid now."
        return Ask(f"no_version:{_stamp(self.secrets)}", why, self._new_token(secret))

    def _settled(self, newest: Mapping[str, SecretVersion], now: datetime) -> Prepared | None:
        """Say why a job that is well needs no save; None when the newest versions are newer than what Entra has."""
        applied = [self.records[name].applied for name in newest]
        given = all(self.records[name].applied == version.version for name, version in newest.items())
        guessed = self.want is Want.LOOK and not all(applied)
        asked_fresh = self.want is Want.ASKED and not all(applied)
        if given or guessed or (asked_fresh and self._mint(now) is not None):
            if self._mint_due(newest, now) and (minted := self._mint(now)) is not None:
                return minted
            if given:
                return valid_later(self.secrets, now) or Nothing(
                    "the newest version in the vault is what Entra was given"
                )
            return Nothing("which version Entra has is not known, and nothing says that the vault holds a newer one")
        older = [
            secret.binding.secret_name
            for secret in self.secrets
            if not newer_or_same(secret, newest[secret.binding.secret_name], self.records[secret.binding.secret_name])
        ]
        if older:
            why = (
                f"what Entra was given is not usable in the vault any more, and secret {older[0]} has no newer version"
            )
            return valid_later(self.secrets, now) or Nothing(why)
        combined = together(version.version for version in newest.values())
        if self.want is not Want.ASKED and any(self.records[name].rejected == combined for name in newest):
            long_ago = all(now - version.created >= _AFTER_LOSS for version in newest.values())
            if long_ago and self._mint_due(newest, now) and (minted := self._mint(now)) is not None:
                return minted
            names = ", ".join(newest)
            why = f"the newest version of secret {names} was tested and rejected; a newer one is needed"
            return valid_later(self.secrets, now) or Nothing(why)
        return None

    async def _rejected(
        self, refs: tuple[SecretRef, ...], newest: Mapping[str, SecretVersion], now: datetime
    ) -> Prepared:
        youngest = max(version.created for version in newest.values())
        waits = len(refs) > 1 and now - youngest < self.services.settings.look_again
        early = "" if waits else await self._learn_rejection(newest, now)
        if self.want is Want.REPAIR:
            previous = previous_refs(self.secrets, newest, self.records, now)
            if previous:
                tried = await try_candidate(self.services, self.ids, self.current, previous, self.trail)
                if isinstance(tried, Passed):
                    return replace(self._attempt(previous, newest, ()), undoing=True)
                if isinstance(tried, Later):
                    return tried
            if (minted := self._mint(now) or valid_later(self.secrets, now)) is not None:
                return minted
        if waits:
            return Later("The new credentials do not pass together; another part may still be on its way to the vault.")
        names = ", ".join(newest)
        if self.want is Want.REPAIR:
            why = f"The saved credential is rejected, and so is the newest version of secret {names}.{early}"
        else:
            why = f"The target rejects the newest version of secret {names}; nothing was saved, what was saved stays."
        topic = ",".join(version.version for version in newest.values())
        return Ask(f"rejected:{topic}", why, self._new_token(self.secrets[0]))

    async def _learn_rejection(self, newest: Mapping[str, SecretVersion], now: datetime) -> str:
        """Keep what the rejection teaches; say when a credential was refused before its date."""
        early, combined = "", together(version.version for version in newest.values())
        in_use = all(self.records[name].applied == version.version for name, version in newest.items())
        for secret in self.secrets:
            name = secret.binding.secret_name
            expiry = self._expiry(secret, newest[name])
            early_end = in_use and (expiry.at is None or expiry.at > now)

            def change(row: TokenRecord, early_end: bool = early_end) -> TokenRecord:
                row = replace(row, rejected=combined)
                return replace(row, revoked_at=row.revoked_at or now) if early_end else row

            if self.trail.learns:
                await self.services.tokens.change(self.ids[0], name, change)
            if early_end and expiry.at is not None:
                early = (
                    f" It was to live until {expiry.at:%Y-%m-%d} ({expiry.source}), so it was revoked, or replaced at "
                    "the vendor."
                )
        return early

    def _attempt(
        self, refs: tuple[SecretRef, ...], newest: Mapping[str, SecretVersion], previous: tuple[SecretRef, ...]
    ) -> Attempt:
        return Attempt(
            id=new_id(),
            began=self.services.clock.now(),
            step=AttemptStep.SAVE,
            saving=refs,
            previous=previous,
            settings_before=digest(self.current),
            ahead=self.want is not Want.REPAIR,
            arrived_at=max(version.created for version in newest.values()),
        )

    def _mint_due(self, newest: Mapping[str, SecretVersion], now: datetime) -> bool:
        if self.want is Want.ASKED:
            return True
        minted = next((secret for secret in self.secrets if secret.binding.mint_secret), None)
        if minted is None:
            return False
        version = newest[minted.binding.secret_name]
        expiry = self._expiry(minted, version)
        life = life_of(version, expiry)
        return (
            expiry.at is not None
            and life is not None
            and mint_due(expiry.at, life, now, self.services.settings.rotate_ahead)
        )

    def _mint(self, now: datetime) -> Attempt | Ask | None:
        """Return an attempt that begins with minting; None where that is not on or not possible."""
        if not self.services.settings.mint or len(self.secrets) != 1:
            return None
        secret = self.secrets[0]
        vendor, lost = secret.binding.known_vendor, self.records[secret.binding.secret_name].mint_lost_at
        if self.want is not Want.ASKED and lost is not None and now - lost < _AFTER_LOSS:
            return None
        if not secret.binding.mint_secret or vendor is None or not vendor.adapter or not secret.binding.tenant_url:
            return None
        try:
            accepted = self.services.settings.accepts_merge(self.ids[0])
            require_mergeable(self.current, [secret.binding.credential_key], merge_accepted=accepted)
        except Refused as refusal:
            steps = ("Accept merging for this application, or save the token by hand.",)
            return Ask(f"masked:{_stamp(self.secrets)}", sentence(refusal), steps)
        self.trail.note("vendor", f"{vendor.name} has an API that mints, and minting is on (PRATIQUE_MINT)")
        return Attempt(
            id=new_id(),
            began=now,
            step=AttemptStep.OBTAIN,
            saving=(secret.ref(""),),
            previous=tuple(secret.ref(version.version) for version in usable(secret.own_versions, now)[:1]),
            settings_before=digest(self.current),
            ahead=self.want is not Want.REPAIR,
        )

    def _expiry(self, secret: BoundSecret, version: SecretVersion) -> Expiry:
        record = self.records[secret.binding.secret_name]
        return expiry_of(version, secret.binding.known_vendor, record.claim(version.version))

    def _new_token(self, secret: BoundSecret) -> tuple[str, ...]:
        return token_steps(secret.binding, self.ids[0], quarantined=self.want is Want.REPAIR)


def _stamp(secrets: Sequence[BoundSecret]) -> str:
    """Stand for the versions that there are, so that what stands in the way of one is told again of the next."""
    versions = sorted(version.version for secret in secrets for version in secret.versions)
    return hashlib.sha256(",".join(versions).encode()).hexdigest()[:12]


async def _unbound(services: Services, ids: tuple[str, str], want: Want) -> Ask | Nothing:
    keys: Sequence[str] = [pair.key for pair in await services.graph.credentials(ids[0])]
    if granted(frozenset(keys)):
        why = "The access was granted by an administrator (OAuth), so no credential can be saved for it."
        steps = ("On the provisioning page, open Admin credentials and choose Authorize.", "Then use Test connection.")
        return Ask("granted", why, steps) if want in (Want.REPAIR, Want.ASKED) else Nothing(why)
    ask = token_steps(None, ids[0], quarantined=want is Want.REPAIR)
    if want is Want.REPAIR:
        return Ask("no_secret", "The saved credential is rejected, and no secret in the vault is bound to it.", ask)
    if want is Want.ASKED:
        return Ask("no_secret", "No secret in the vault is bound to this application.", ask)
    return Nothing("no secret in the vault is bound to this application")
