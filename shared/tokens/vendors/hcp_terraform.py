"""Mints HCP Terraform SCIM tokens.

Source: "SCIM tokens API reference" (developer.hashicorp.com/terraform/cloud-docs/api-docs/scim/tokens) and the API
overview beside it (media type, pagination).

The minting credential is a token of the owners team, or of a user in it. Whoever is no owner gets the same 404 as who
names a configuration or token that does not exist: so a 404 while revoking counts as "gone already" only when the list
of tokens can be read and does not hold it. Not confirmed: the highest page size (100 elsewhere in this API; 50 is asked
for), and the statuses of requests that are malformed otherwise than by their date.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.errors import NotFound, Refused, ServiceError
from shared.redaction import SecretValue
from shared.tokens.vendors.minting import UNREADABLE, Answer, Api, Minted, MintRequest
from shared.tokens.vendors.reading import bearer, given_id, given_list, given_time, given_value, inside, path_id

_SERVICE = "HCP Terraform"
_PERMISSION = "a valid HCP Terraform token for minting, of the owners team or of a user in it"
_MINT, _LIST, _REVOKE = "create a SCIM token", "list SCIM tokens", "delete a SCIM token"
_MEDIA_TYPE = "application/vnd.api+json"
_PAGES, _PAGE = 40, 50
_SHORTEST, _LONGEST = timedelta(days=30), timedelta(days=365)
_MARGIN = timedelta(hours=1)  # their clock decides, and later than ours was read


class HcpTerraform:
    """The SCIM tokens of one organization's SCIM configuration; our label is the token's description."""

    operation = _MINT
    recognises = True
    revokes = True

    def __init__(self, api: Api) -> None:
        self._api = api

    async def mint(self, request: MintRequest, credential: SecretValue) -> Minted:
        """Create a token that lives 30 to 365 days, one year unless told.

        Raises:
            Refused: another lifetime is wanted, or the subject is no id of a SCIM configuration.
        """
        attributes = {"description": request.label}
        if request.lifetime is not None:
            attributes["expired-at"] = _ends(request.now, request.lifetime)
        wanted = {"data": {"type": "authentication-tokens", "attributes": attributes}}
        answer = await self._send(request, credential, _MINT, "POST", _tokens(request), wanted)
        made = inside(answer.json, "data")
        return Minted(
            value=given_value(inside(made, "attributes", "token"), _SERVICE, _MINT, answer.status),
            token_id=given_id(inside(made, "id")),
            expires=given_time(inside(made, "attributes", "expired-at")),
        )

    async def made(self, request: MintRequest, credential: SecretValue) -> tuple[str, ...]:
        """Return the ids of the tokens with this description that have not expired, from every page."""
        ids = []
        for token in await self._listed(request, credential):
            ends = given_time(inside(token, "attributes", "expired-at"))
            if inside(token, "attributes", "description") == request.label and (ends is None or request.now < ends):
                ids.append(given_id(inside(token, "id")))
        if not all(ids):
            raise ServiceError(_SERVICE, _LIST, 200, UNREADABLE, "a token with our description has no usable id")
        return tuple(ids)

    async def revoke(self, request: MintRequest, credential: SecretValue, token_id: str) -> None:
        """Delete a token."""
        path = f"authentication-tokens/{path_id(token_id, 'the id of an HCP Terraform token')}"
        try:
            await self._send(request, credential, _REVOKE, "DELETE", path, None)
        except NotFound:
            if token_id in {inside(token, "id") for token in await self._listed(request, credential)}:
                raise

    async def _listed(self, request: MintRequest, credential: SecretValue) -> list[Any]:
        tokens: list[Any] = []
        path = _tokens(request)
        for page in range(1, _PAGES + 1):
            query = f"?page%5Bnumber%5D={page}&page%5Bsize%5D={_PAGE}"
            answer = await self._send(request, credential, _LIST, "GET", path + query, None)
            tokens += given_list(inside(answer.json, "data"), _SERVICE, _LIST, answer.status)
            if inside(answer.json, "meta", "pagination", "next-page") is None:
                return tokens
        raise ServiceError(_SERVICE, _LIST, 200, UNREADABLE, f"there are more than {_PAGES * _PAGE} tokens")

    async def _send(
        self,
        request: MintRequest,
        credential: SecretValue,
        operation: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
    ) -> Answer:
        try:
            return await self._api.send(
                _SERVICE,
                operation,
                method,
                f"{request.origin}/api/v2/{path}",
                headers={
                    "Authorization": bearer(credential, _SERVICE),
                    "Accept": _MEDIA_TYPE,
                    "Content-Type": _MEDIA_TYPE,
                },
                permission=_PERMISSION,
                secrets=(credential,),
                json=body,
            )
        except NotFound as missing:
            said = f"{missing.message} Whoever is not of the owners team is answered so too.".strip()
            raise NotFound(_SERVICE, operation, 404, missing.code, said) from None


def _tokens(request: MintRequest) -> str:
    configuration = path_id(request.subject, "the id of the SCIM configuration at HCP Terraform")
    return f"scim-configurations/{configuration}/authentication-tokens"


def _ends(now: datetime, lifetime: timedelta) -> str:
    if not _SHORTEST <= lifetime <= _LONGEST:
        message = "a SCIM token of HCP Terraform lives 30 to 365 days"
        raise Refused(message)
    lifetime = min(max(lifetime, _SHORTEST + _MARGIN), _LONGEST - _MARGIN)
    return (now + lifetime).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
