"""Mints Auth0 SCIM tokens, for inbound SCIM at an enterprise connection.

Sources: Auth0 Management API v2 (`post-scim-token`, `get-scim-tokens`, `delete-tokens-by-token-id`), "Configure
Inbound SCIM" (two active tokens per endpoint, scopes, 900 seconds), "Manage an Inbound SCIM Deployment with the
Management API" (permissions), "Inbound SCIM for Azure AD Connections" (the scopes that Entra needs), and the client
credentials flow of the Authentication API.

The minting credential is JSON: `client_id` and `client_secret` of a machine-to-machine application authorised for the
Management API with `create:scim_token`, `read:scim_token` and `delete:scim_token`, and `audience` where the tenant URL
is a custom domain (the Management API's audience names the tenant's own). A connection has at most two active tokens:
while two live, another is refused until one is revoked. Tokens carry no comment, so a lost one cannot be told from
others, and it takes the second place. Not confirmed: the status of that refusal, and what
a token without `scopes` may do; so a new one asks for what the connection's listed ones have, together.
"""

import math
from collections.abc import Mapping
from typing import Any

from shared.errors import NotFound, Refused, ServiceError
from shared.redaction import SecretValue
from shared.tokens.vendors.minting import UNREADABLE, Answer, Api, Minted, MintRequest
from shared.tokens.vendors.reading import given_id, given_list, given_time, given_value, inside, members, path_id

_SERVICE = "Auth0"
_CLIENT = "a valid client id and secret for minting, of an Auth0 application authorised for the Management API"
_PERMISSION = "create:scim_token, read:scim_token and delete:scim_token for the Auth0 application that mints"
_SIGN_IN, _MINT, _LIST, _REVOKE = (
    "get an access token",
    "create a SCIM token",
    "list SCIM tokens",
    "delete a SCIM token",
)
_ENTRA_NEEDS = ("get:users", "post:users", "patch:users", "delete:users")
_TOO_SHORT = 900


class Auth0:
    """The SCIM tokens of one connection."""

    operation = _MINT
    recognises = False
    revokes = True

    def __init__(self, api: Api) -> None:
        self._api = api

    async def mint(self, request: MintRequest, credential: SecretValue) -> Minted:
        """Create a token with the scopes of those that there are; without a lifetime it never expires.

        Raises:
            Refused: a lifetime of 900 seconds or less is wanted, or the subject is no id of a connection.
        """
        lifetime = None if request.lifetime is None else math.floor(request.lifetime.total_seconds())
        if lifetime is not None and lifetime <= _TOO_SHORT:
            message = "a SCIM token of Auth0 lives longer than 900 seconds"
            raise Refused(message)
        path = _tokens(request)
        access = await self._sign_in(request, credential)
        wanted = {"scopes": await self._scopes(request, access), "token_lifetime": lifetime}
        answer = await self._send(request, access, _MINT, "POST", path, wanted)
        return Minted(
            value=given_value(inside(answer.json, "token"), _SERVICE, _MINT, answer.status),
            token_id=given_id(inside(answer.json, "token_id")),
            expires=given_time(inside(answer.json, "valid_until")),
        )

    async def made(self, request: MintRequest, credential: SecretValue) -> tuple[str, ...]:  # noqa: ARG002
        """Refuse: an Auth0 token carries no label."""
        message = "SCIM tokens of Auth0 carry no label to find them by"
        raise Refused(message)

    async def revoke(self, request: MintRequest, credential: SecretValue, token_id: str) -> None:
        """Delete a token."""
        path = f"{_tokens(request)}/{path_id(token_id, 'the id of an Auth0 token')}"
        access = await self._sign_in(request, credential)
        try:
            await self._send(request, access, _REVOKE, "DELETE", path, None)
        except NotFound:
            return  # with the connection, or its SCIM configuration, its tokens are gone too

    async def _sign_in(self, request: MintRequest, credential: SecretValue) -> tuple[SecretValue, ...]:
        """Return an access token of the Management API, followed by what else no error may show."""
        client = members(credential, _SERVICE, ("client_id", "client_secret"), ("audience",))
        secrets = (credential, SecretValue(client["client_secret"]))
        answer = await self._api.send(
            _SERVICE,
            _SIGN_IN,
            "POST",
            f"{request.origin}/oauth/token",
            headers={},
            permission=_CLIENT,
            secrets=secrets,
            form={
                "grant_type": "client_credentials",
                "client_id": client["client_id"],
                "client_secret": client["client_secret"],
                "audience": client["audience"] or f"{request.origin}/api/v2/",
            },
        )
        return (given_value(inside(answer.json, "access_token"), _SERVICE, _SIGN_IN, answer.status), *secrets)

    async def _scopes(self, request: MintRequest, access: tuple[SecretValue, ...]) -> list[str]:
        answer = await self._send(request, access, _LIST, "GET", _tokens(request), None)
        scopes: set[str] = set()
        for token in given_list(answer.json, _SERVICE, _LIST, answer.status):
            held = inside(token, "scopes")
            if not isinstance(held, list) or not all(isinstance(scope, str) for scope in held):
                raise ServiceError(_SERVICE, _LIST, answer.status, UNREADABLE, "a token is listed without its scopes")
            scopes.update(held)
        return sorted(scopes or _ENTRA_NEEDS)

    async def _send(
        self,
        request: MintRequest,
        access: tuple[SecretValue, ...],
        operation: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
    ) -> Answer:
        return await self._api.send(
            _SERVICE,
            operation,
            method,
            f"{request.origin}/api/v2/{path}",
            headers={"Authorization": f"Bearer {access[0].reveal()}"},
            permission=_PERMISSION,
            secrets=access,
            json=body,
        )


def _tokens(request: MintRequest) -> str:
    return f"connections/{path_id(request.subject, 'the id of the connection at Auth0')}/scim-configuration/tokens"
