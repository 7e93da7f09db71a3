"""What Key Vault answers about secrets: an item, a page of them, a refusal.

Sources: "Key Vault REST API: secrets" and "Authentication, requests and responses" (Key Vault docs).
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from emulator.vault_events import VAULT_NAME

MOST_ON_A_PAGE = 25


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a secret."""

    name: str
    version: str
    value: str = field(repr=False)
    tags: Mapping[str, str]
    enabled: bool
    created: datetime
    updated: datetime
    expires: datetime | None
    not_before: datetime | None
    content_type: str | None = None


def item(origin: str, one: Version, *, with_version: bool) -> dict[str, Any]:
    """Render a version without its value; a list of secrets names no versions."""
    attributes: dict[str, Any] = {
        "enabled": one.enabled,
        "created": _epoch(one.created),
        "updated": _epoch(one.updated),
        "recoveryLevel": "Recoverable+Purgeable",
        "recoverableDays": 90,
    }
    if one.expires:
        attributes["exp"] = _epoch(one.expires)
    if one.not_before:
        attributes["nbf"] = _epoch(one.not_before)
    suffix = f"/{one.version}" if with_version else ""
    rendered: dict[str, Any] = {"id": f"{origin}/secrets/{one.name}{suffix}", "attributes": attributes}
    if one.tags:
        rendered["tags"] = dict(one.tags)
    if one.content_type:
        rendered["contentType"] = one.content_type
    return rendered


def page(
    request: web.Request, origin: str, page_size: int, items: Sequence[tuple[str, dict[str, Any]]]
) -> web.Response:
    """Answer one page of keyed items, in an order that means nothing: the service promises none."""
    try:
        wanted = int(request.query.get("maxresults", MOST_ON_A_PAGE))
        after = _read_skiptoken(request.query.get("$skiptoken", ""))
    except ValueError:
        return error(400, "BadParameter", "maxresults or $skiptoken cannot be read")
    if not 1 <= wanted <= MOST_ON_A_PAGE:
        return error(400, "BadParameter", f"maxresults must be between 1 and {MOST_ON_A_PAGE}")
    size = min(wanted, page_size)
    ordered = sorted((hashlib.sha256(key.encode()).hexdigest(), rendered) for key, rendered in items)
    rest = [(position, rendered) for position, rendered in ordered if position > after]
    shown = rest[:size]
    following = None
    if len(rest) > size:
        token = base64.urlsafe_b64encode(shown[-1][0].encode()).decode()
        parameters = {"api-version": request.query["api-version"], "$skiptoken": token, "maxresults": str(wanted)}
        following = f"{origin}{request.path}?{urlencode(parameters)}"
    return web.json_response({"value": [rendered for _, rendered in shown], "nextLink": following})


def error(status: int, code: str, message: str, inner: str | None = None) -> web.Response:
    """Answer with the error object that all of Key Vault has in common."""
    body: dict[str, Any] = {"code": code, "message": message}
    if inner:
        body["innererror"] = {"code": inner}
    return web.json_response({"error": body}, status=status)


def not_found(name: str, version: str | None) -> web.Response:
    """Answer that there is no such secret, or no such version of it."""
    wanted = f"{name}/{version}" if version else name
    return error(404, "SecretNotFound", f"A secret with (name/id) {wanted} was not found in this key vault.")


def forbidden_by_rbac(action: str) -> web.Response:
    """Answer that no role of the caller allows the action."""
    message = (
        "Caller is not authorized to perform action on resource.\r\n"
        "If role assignments, deny assignments or role definitions were changed recently, "
        "please observe propagation time.\r\n"
        f"Action: 'Microsoft.KeyVault/vaults/secrets/{action}'\r\nAssignment: (not found)\r\n"
        f"DecisionReason: 'DeniedWithNoValidRBAC' \r\nVault: {VAULT_NAME}\r\n"
    )
    return error(403, "Forbidden", message, "ForbiddenByRbac")


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())


def _read_skiptoken(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as broken:
        raise ValueError(token) from broken
