"""Mints Databricks personal access tokens, for SCIM at the workspace level.

Source: Databricks Token API 2.0 (docs.databricks.com, `token/create`, `token/list`, `token/delete`); the Python SDK's
page of the same API says that a token without a lifetime now lives for two years.

The minting credential is a Databricks token; what it makes belongs to the same user or service principal, who must be
a workspace admin for SCIM to work. The account-level SCIM token has no public API and is not made here. Not
confirmed: the status of `QUOTA_EXCEEDED` (a user has at most 600 tokens), and whether the owner of another token gets
`RESOURCE_DOES_NOT_EXIST` for it, which would count as revoked here.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.errors import NotFound, ServiceError
from shared.redaction import SecretValue
from shared.tokens.vendors.minting import UNREADABLE, Answer, Api, Minted, MintRequest
from shared.tokens.vendors.reading import bearer, given_id, given_list, given_value, inside, path_id

_SERVICE = "Databricks"
_PERMISSION = "a valid Databricks token for minting, whose owner may use personal access tokens"
_MINT, _LIST, _REVOKE = "create a token", "list tokens", "delete a token"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Databricks:
    """The Token API of one workspace; our label is the token's comment."""

    operation = _MINT
    recognises = True
    revokes = True

    def __init__(self, api: Api) -> None:
        self._api = api

    async def mint(self, request: MintRequest, credential: SecretValue) -> Minted:
        """Create a token; `expires` is None for one that never does."""
        wanted: dict[str, Any] = {"comment": request.label}
        if request.lifetime is not None:
            wanted["lifetime_seconds"] = int(request.lifetime.total_seconds())
        answer = await self._send(request, credential, _MINT, "POST", "create", wanted)
        return Minted(
            value=given_value(inside(answer.json, "token_value"), _SERVICE, _MINT, answer.status),
            token_id=given_id(inside(answer.json, "token_info", "token_id")),
            expires=_moment(inside(answer.json, "token_info", "expiry_time")),
        )

    async def made(self, request: MintRequest, credential: SecretValue) -> tuple[str, ...]:
        """Return the ids of the owner's tokens with this comment; the page says that only valid ones are listed."""
        answer = await self._send(request, credential, _LIST, "GET", "list", None)
        listed = [] if answer.json == {} else inside(answer.json, "token_infos")
        infos = given_list(listed, _SERVICE, _LIST, answer.status)
        ids = tuple(given_id(inside(info, "token_id")) for info in infos if inside(info, "comment") == request.label)
        if not all(ids):
            raise ServiceError(_SERVICE, _LIST, answer.status, UNREADABLE, "a token with our comment has no usable id")
        return ids

    async def revoke(self, request: MintRequest, credential: SecretValue, token_id: str) -> None:
        """Delete a token of the same owner."""
        wanted = {"token_id": path_id(token_id, "the id of a Databricks token")}
        try:
            await self._send(request, credential, _REVOKE, "POST", "delete", wanted)
        except NotFound as gone:
            if gone.code != "RESOURCE_DOES_NOT_EXIST":  # a 404 of another kind says nothing about the token
                raise

    async def _send(
        self,
        request: MintRequest,
        credential: SecretValue,
        operation: str,
        method: str,
        action: str,
        body: Mapping[str, Any] | None,
    ) -> Answer:
        return await self._api.send(
            _SERVICE,
            operation,
            method,
            f"{request.origin}/api/2.0/token/{action}",
            headers={"Authorization": bearer(credential, _SERVICE)},
            permission=_PERMISSION,
            secrets=(credential,),
            json=body,
        )


def _moment(milliseconds: object) -> datetime | None:
    """Return a moment given in milliseconds since 1970, where -1 means never."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int) or milliseconds < 0:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
