"""Mints Snowflake SCIM access tokens, by SQL.

Sources: `SYSTEM$GENERATE_SCIM_ACCESS_TOKEN` (docs.snowflake.com: six months, any number, no single revocation, name
in upper case), "Snowflake SQL API reference" and "Handling responses" (202, 408, 422), "Authenticating to the server"
(key-pair JWT: its claims, at most an hour).

The minting credential is JSON: `account`, `user`, `private_key` (PEM, PKCS #8, not encrypted), and `role` when it is
not the user's default; the role must own the integration. Of the account's identifier the JWT names what stands before
the region, in upper case. The answer gives no end: `expires` is 180 days after the request, no later than six months
ever are. Not confirmed: that the token stands in `data[0][0]`, as the single value of a result set should.
"""

import asyncio
import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from shared.errors import MissingPermission, NotFound, Refused, Throttled, Unavailable
from shared.redaction import SecretValue
from shared.tokens.vendors.minting import Answer, Api, Minted, MintRequest
from shared.tokens.vendors.reading import given_id, given_value, inside, members

_SERVICE = "Snowflake"
_PERMISSION = "a user for minting whose public key is registered and whose role owns the SCIM integration"
_MINT = "generate a SCIM access token"
_INTEGRATION = re.compile(r"[A-Z0-9_]{1,255}")
_LIFETIME = timedelta(days=180)
_SIGNED_FOR = timedelta(minutes=10)
_RUNNING = 202
_LOOKS = 5


class Snowflake:
    """The SQL API of one account; `pause` in seconds lies between looks at a statement that still runs."""

    operation = _MINT
    recognises = False
    revokes = False

    def __init__(self, api: Api, pause: float = 2.0) -> None:
        self._api = api
        self._pause = pause

    async def mint(self, request: MintRequest, credential: SecretValue) -> Minted:
        """Generate a token for the SCIM integration that the subject names; the vendor allows no lifetime but its own.

        Raises:
            Refused: the subject is no upper-case name of an integration, or the credential's key cannot be used.
            Unavailable: the statement still ran when we stopped looking.
        """
        if not _INTEGRATION.fullmatch(request.subject):
            # It stands inside SQL; nothing that could end the quotes gets there.
            message = "the name of the SCIM integration at Snowflake must be capital letters, digits and underscores"
            raise Refused(message)
        login = members(credential, _SERVICE, ("account", "user", "private_key"), ("role",))
        statement = {"statement": f"select system$generate_scim_access_token('{request.subject}')"}
        if login["role"]:
            statement["role"] = login["role"]
        key = _private_key(login["private_key"])
        signed = SecretValue(_sign(login["account"], login["user"], key, request.now))
        answer = await self._result(request, (credential, signed), statement)
        return Minted(
            value=given_value(inside(answer.json, "data", 0, 0), _SERVICE, _MINT, answer.status),
            token_id="",
            expires=request.now + _LIFETIME,
        )

    async def made(self, request: MintRequest, credential: SecretValue) -> tuple[str, ...]:  # noqa: ARG002
        """Refuse: Snowflake lists no tokens."""
        message = "SCIM tokens of Snowflake cannot be listed"
        raise Refused(message)

    async def revoke(self, request: MintRequest, credential: SecretValue, token_id: str) -> None:  # noqa: ARG002
        """Refuse: only dropping the whole integration would end a token."""
        message = "SCIM tokens of Snowflake cannot be revoked one by one"
        raise Refused(message)

    async def _result(
        self, request: MintRequest, secrets: tuple[SecretValue, ...], statement: Mapping[str, str]
    ) -> Answer:
        """Run the statement; one that takes longer than an answer may (45 seconds) is looked at a few times more."""
        answer = await self._send(request, secrets, "POST", "", statement)
        handle = given_id(inside(answer.json, "statementHandle"))
        for _ in range(_LOOKS):
            if answer.status != _RUNNING or not handle:
                break
            await asyncio.sleep(self._pause)
            try:
                answer = await self._send(request, secrets, "GET", f"/{handle}", None)
            except (MissingPermission, NotFound, Throttled) as refused:  # of the look: the statement goes on
                raise Unavailable(_SERVICE, _MINT, refused.status, refused.code, refused.message) from None
        if answer.status == _RUNNING:
            raise Unavailable(_SERVICE, _MINT, _RUNNING, "StillRunning", "the statement has not ended yet")
        return answer

    async def _send(
        self,
        request: MintRequest,
        secrets: tuple[SecretValue, ...],
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
    ) -> Answer:
        return await self._api.send(
            _SERVICE,
            _MINT,
            method,
            f"{request.origin}/api/v2/statements{path}",
            headers={
                "Authorization": f"Bearer {secrets[-1].reveal()}",
                "X-Snowflake-Authorization-Token-Type": "KEYPAIR_JWT",
            },
            permission=_PERMISSION,
            secrets=secrets,
            json=body,
        )


def _private_key(pem: str) -> RSAPrivateKey:
    key: object = None
    problem = "is no RSA key in PEM (PKCS #8)"
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        problem = "is encrypted"
    except (ValueError, UnsupportedAlgorithm):
        pass  # said below, where the library's error is no longer its context
    if not isinstance(key, RSAPrivateKey):
        message = f'the minting credential for {_SERVICE} cannot be used: its member "private_key" {problem}'
        raise Refused(message)
    return key


def _sign(account: str, user: str, key: RSAPrivateKey, now: datetime) -> str:
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    fingerprint = base64.b64encode(hashlib.sha256(public).digest()).decode()
    subject = f"{_without_region(account)}.{user}".upper()
    claims = {"iss": f"{subject}.SHA256:{fingerprint}", "sub": subject, "iat": now, "exp": now + _SIGNED_FOR}
    return jwt.encode(claims, key, algorithm="RS256")


def _without_region(account: str) -> str:
    """Return an account's identifier as the JWT names it; the rule is that of Snowflake's own example generator."""
    return account.partition("-")[0] if ".global" in account else account.partition(".")[0]
