"""As whom the product is signed in, read from its own token for Microsoft Graph.

A token is meant for the service that it is for, so what is read here is believed for advice alone: whose permissions
are looked at, and which of them no harmless call would show. Source: Microsoft identity platform docs, "Access token
claims reference": `oid`, `roles` (application permissions), `scp` (a person's). Why there is no token, azure-identity
says in a line for each credential that it tried.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError

from shared.errors import Unavailable
from shared.redaction import redact

_TRIED = re.compile(r"\w+Credential: ")
_LONGEST = 160


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is signed in: object id (empty when unreadable), and application permissions; None where none are shown."""

    object_id: str
    permissions: frozenset[str] | None
    person: bool = False
    """Whether the token was issued to a person; what a person may do says nothing about the service."""


class SignedIn:
    """The credential that the product uses, as far as one may look into its token."""

    def __init__(self, credential: AsyncTokenCredential, graph_base_url: str) -> None:
        parts = urlsplit(graph_base_url)
        self._credential = credential
        self._scope = f"{parts.scheme}://{parts.netloc}/.default"

    async def caller(self) -> Caller:
        """Get a token for Graph and read who it is for.

        Raises:
            Unavailable: there is no token.
        """
        try:
            token = await self._credential.get_token(self._scope)
        except AzureError as error:
            reason = _reason(str(error.message))
            raise Unavailable("Microsoft Entra ID", "issue a token", None, type(error).__name__, reason) from error
        return read_caller(token.token)


def read_caller(token: str) -> Caller:
    """Read a token's claims without checking it; one that is no JWT says nothing."""
    claims = _claims(token)
    object_id, roles = claims.get("oid"), claims.get("roles")
    shown = isinstance(roles, list) and "scp" not in claims
    return Caller(
        object_id.lower() if isinstance(object_id, str) else "",
        frozenset(map(str, roles)) if shown and isinstance(roles, list) else None,
        "scp" in claims,
    )


def _reason(message: str) -> str:
    """Return what each credential said, in one line; the words around that are the same for every reason."""
    lines = [line.strip() for line in redact(message).splitlines()]
    tried = [line for line in lines if _TRIED.match(line)]
    text = "; ".join(tried) or next(iter(lines), "")
    return (text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…").rstrip(".")


def _claims(token: str) -> Mapping[str, Any]:
    payload = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
