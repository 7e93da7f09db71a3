"""The step that obtains a token: has the vendor's API mint one and puts it in the vault before anything else.

A token that was minted and not kept is lost, and may live on at the vendor. So that a mint was sent is recorded before
it is sent. After a crash, a vendor that keeps our label with its tokens is asked what became of it, and the orphan is
revoked; where no vendor can tell, no second token is minted in the same rotation.
"""

import logging
from dataclasses import replace
from datetime import timedelta

from shared.errors import NotFound, PratiqueError, Refused, ServiceError, Throttled, Unavailable
from shared.incidents.incident import AttemptStep
from shared.redaction import SecretValue
from shared.remediation.case import Case
from shared.remediation.services import Services
from shared.remediation.stop import attempt_of, give_up, may_act
from shared.tokens.bindings import TAG_MINTED_ID, TAG_ROTATION, Binding, SecretVersion, require_trusted_host
from shared.tokens.bound import BoundSecret, secret_by_name
from shared.tokens.saving import base_address
from shared.tokens.vendors.minting import UNREADABLE, Minted, Minter, MintRequest, minter

_log = logging.getLogger("pratique.obtain")
_PUTS = 3
_UNSENT = frozenset({"ConnectError", "ConnectTimeout"})
_LIFETIME = timedelta(days=180)  # asked for where the vendor leaves it to the caller: never one without an end


async def obtain(case: Case) -> bool:
    """Bring a freshly minted version into the vault and go on to saving it; say whether the attempt goes on."""
    attempt = attempt_of(case)
    name = attempt.saving[0].secret_name
    secret = await secret_by_name(case.services.vault, name)
    if secret is None:
        return await give_up(case, f"Secret {name} is gone from the vault, or no longer bound.", ())
    if (made := _made_before(secret, attempt.id)) is not None:
        return await _go_on(case, secret, made)
    if not await may_act(case):
        return False
    vendor = secret.binding.known_vendor
    try:
        require_trusted_host(
            secret.binding, base_address(await case.services.graph.credentials(case.incident.service_principal_id))
        )
        api = minter(vendor.adapter if vendor else "", case.services.vendor_api)
        credential = await minting_credential(case.services, secret.binding)
    except Refused as refusal:
        return await give_up(case, f"Minting was refused: {refusal}.", ())
    request = MintRequest(
        tenant_url=secret.binding.tenant_url,
        subject=secret.binding.mint_for,
        label=f"pratique {attempt.id}",
        lifetime=(vendor.lifetime if vendor else None) or _LIFETIME,
        now=case.services.clock.now(),
    )
    if attempt.mint_sent and not await _settle_lost(case, api, request, credential):
        return False
    return await _mint(case, secret, api, request, credential)


async def _mint(case: Case, secret: BoundSecret, api: Minter, request: MintRequest, credential: SecretValue) -> bool:
    name, newest = secret.binding.secret_name, secret.versions[0]
    # Writing back the tags that are there changes nothing, and proves the right to write before a token is made.
    await case.services.vault_writer.retag(name, newest.version, newest.tags)
    await case.hold()
    await case.journal("mint", f"for secret {name}")
    await case.record_attempt(mint_sent=True)
    try:
        minted = await api.mint(request, credential)
    except Refused as refusal:
        return await give_up(case, f"Minting was refused: {refusal}.", ())
    except Unavailable as error:
        if error.code in _UNSENT or error.operation != api.operation:
            await case.record_attempt(mint_sent=False)
        raise  # otherwise it is not known whether a token was made
    except ServiceError as error:
        if error.code == UNREADABLE:
            raise Unavailable(error.service, error.operation, error.status, error.code, "") from error
        await case.record_attempt(mint_sent=False)
        raise
    made = await _keep(case, secret, api, request, credential, minted)
    return await _go_on(case, secret, made)


async def _keep(
    case: Case, secret: BoundSecret, api: Minter, request: MintRequest, credential: SecretValue, minted: Minted
) -> SecretVersion:
    """Put the token in the vault; when that cannot be, revoke it while its id is still known."""
    name, rotation = secret.binding.secret_name, attempt_of(case).id
    tags = {TAG_ROTATION: rotation} | ({TAG_MINTED_ID: minted.token_id} if minted.token_id else {})
    for tries_left in reversed(range(_PUTS)):
        try:
            return await case.services.vault_writer.put(name, minted.value, tags=tags, expires=minted.expires)
        except ServiceError as error:
            if (kept := await _kept_after_all(case, name, rotation)) is not None:
                return kept
            if tries_left and isinstance(error, Throttled | Unavailable):
                await case.services.clock.sleep(1)
                continue
            await _discard(case, api, request, credential, minted)
            raise
    raise AssertionError("unreachable")


async def _kept_after_all(case: Case, name: str, rotation: str) -> SecretVersion | None:
    """Look whether a put without an answer was applied."""
    try:
        secret = await secret_by_name(case.services.vault, name)
    except ServiceError:
        return None
    return _made_before(secret, rotation) if secret else None


async def _discard(case: Case, api: Minter, request: MintRequest, credential: SecretValue, minted: Minted) -> None:
    if not api.revokes or not minted.token_id:
        return
    try:
        await api.revoke(request, credential, minted.token_id)
    except PratiqueError as error:
        _log.warning("a minted token that could not be kept is not revoked: %s", error)
        return
    await case.record_attempt(mint_sent=False)


async def _settle_lost(case: Case, api: Minter, request: MintRequest, credential: SecretValue) -> bool:
    """Deal with a mint whose outcome is unknown; say whether another may follow."""
    if not api.recognises:
        name, now = attempt_of(case).saving[0].secret_name, case.services.clock.now()
        sp = case.incident.service_principal_id
        await case.services.tokens.change(sp, name, lambda row: replace(row, mint_lost_at=now))
        return await give_up(
            case,
            "The vendor was asked for a token and it is not known whether it made one; its API cannot tell, so none is "
            "asked for again now. A token that was made and lost lives until its end.",
            ("Look at the vendor whether a token appeared that nobody knows, and revoke it there.",),
        )
    for token_id in await api.made(request, credential):
        await case.journal("revoke", f"a token that was made and lost ({token_id})")
        await api.revoke(request, credential, token_id)
    await case.record_attempt(mint_sent=False)
    return True


async def minting_credential(services: Services, binding: Binding) -> SecretValue:
    """Read the vendor's API credential.

    Raises:
        NotFound: the secret that the binding names is gone, and is named.
    """
    try:
        return await services.vault.newest_value(binding.mint_secret)
    except NotFound as error:
        operation = f"read {binding.mint_secret}, the minting credential of secret {binding.secret_name}"
        raise NotFound(error.service, operation, error.status, error.code, "") from error


async def _go_on(case: Case, secret: BoundSecret, made: SecretVersion) -> bool:
    await case.record_attempt(
        step=AttemptStep.SAVE, saving=(secret.ref(made.version),), arrived_at=made.created, tries=0, mint_sent=True
    )
    return True


def _made_before(secret: BoundSecret, rotation: str) -> SecretVersion | None:
    return next((one for one in secret.versions if one.tags.get(TAG_ROTATION) == rotation), None)
