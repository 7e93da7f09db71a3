"""Retires minted credentials that a proven successor has replaced: revoked at the vendor, disabled in the vault."""

import logging
from dataclasses import replace

from shared.errors import LeaseLost, NotFound
from shared.incidents.incident import Incident
from shared.remediation.obtain import minting_credential
from shared.remediation.services import Services
from shared.settings import Mode
from shared.tokens.bindings import TAG_MINTED_ID
from shared.tokens.bound import BoundSecret
from shared.tokens.record import Retiring, TokenRecord
from shared.tokens.vendors.minting import MintRequest, minter

_log = logging.getLogger("pratique.retire")


async def retire_due(services: Services, secret: BoundSecret, record: TokenRecord, job_id: str) -> int:
    """Retire the versions whose time has come; return how many.

    Nothing is retired while the version in use is not proven by a good cycle, and each act may be repeated.

    Raises:
        ServiceError: vendor or vault did not do it; the rest stays due.
    """
    now, sp = services.clock.now(), record.service_principal_id
    due = [one for one in record.retiring if one.due_at <= now and one.version != record.applied]
    allowed = services.acting() and services.settings.mode_for(sp) is Mode.ACT and services.settings.mint
    if not due or not allowed or record.proven_at is None:
        return 0
    lease = await services.leases.acquire(sp)
    if lease is None:
        return 0
    try:
        for one in due:
            lease = await services.leases.renew(lease)
            await _retire(services, secret, one, job_id)
    except LeaseLost:
        _log.warning("stopped retiring versions of secret %s: somebody else acts", record.secret_name)
        return 0
    finally:
        await services.leases.release(lease)
    return len(due)


async def _retire(services: Services, secret: BoundSecret, one: Retiring, job_id: str) -> None:
    binding, name = secret.binding, secret.binding.secret_name
    incident = Incident(binding.service_principal_id, job_id)
    version, vendor = secret.version(one.version), binding.known_vendor
    if version is not None:
        token_id = version.tags.get(TAG_MINTED_ID, "")
        if token_id and vendor is not None and vendor.adapter and binding.mint_secret:
            api = minter(vendor.adapter, services.vendor_api)
            if api.revokes:
                await services.journal.write(incident, "revoke", f"secret {name} version {one.version}")
                credential = await minting_credential(services, binding)
                request = MintRequest(binding.tenant_url, binding.mint_for, "pratique", None, services.clock.now())
                await api.revoke(request, credential, token_id)
        if version.enabled:
            await services.journal.write(incident, "disable", f"secret {name} version {one.version}")
            try:
                await services.vault_writer.disable(name, one.version)
            except NotFound:
                _log.warning("version %s of secret %s is gone already", one.version, name)

    def done(row: TokenRecord) -> TokenRecord:
        return replace(row, retiring=tuple(left for left in row.retiring if left.version != one.version))

    await services.tokens.change(binding.service_principal_id, name, done)
