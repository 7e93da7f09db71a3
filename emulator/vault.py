"""Key Vault's secrets: the data plane that a reader may use, and an operator's acts in process with their events.

Sources: "Key Vault REST API: secrets" and "Authentication, requests and responses" (Key Vault docs). The product holds
*Key Vault Secrets User*, so every write over HTTP is refused. Times on the wire are whole seconds, as in reality: two
versions may share one, and the current version is the one that was put last, even when it is disabled. No page says
what versions a name has that does not exist; here it has none, which is no error.
"""

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from emulator.clock import Clock
from emulator.entra import TENANT_ID, Access, Entra, Role
from emulator.vault_events import VAULT_NAME, EventStyle, EventType, Subject

_NEAR = timedelta(days=30)
_MAX_PAGE = 25
_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")


@dataclass(frozen=True, slots=True)
class _Version:
    name: str
    version: str
    value: str = field(repr=False)
    tags: Mapping[str, str]
    enabled: bool
    created: datetime
    updated: datetime
    expires: datetime | None
    not_before: datetime | None


class Vault:
    """A vault under RBAC; `page_size` and `events` may be changed at any time."""

    name = "vault"

    def __init__(
        self, entra: Entra, clock: Clock, deliver: Callable[[str], Awaitable[None]], events: EventStyle | None = None
    ) -> None:
        self.origin = ""
        self.page_size = _MAX_PAGE
        self.events = events or EventStyle()
        self._entra = entra
        self._clock = clock
        self._deliver = deliver
        self._secrets: dict[str, list[_Version]] = {}
        self._announced: set[tuple[str, EventType]] = set()

    @property
    def resource(self) -> str:
        """The audience that the challenge names: the parent domain of the vault's own host, as in `vault.azure.net`."""
        parts = urlsplit(self.origin)
        return f"{parts.scheme}://{parts.netloc.partition('.')[2]}"

    async def put(
        self,
        name: str,
        value: str,
        tags: Mapping[str, str] | None = None,
        *,
        enabled: bool = True,
        expires: datetime | None = None,
        not_before: datetime | None = None,
    ) -> str:
        """Add a version, as an operator does in the portal, and return its identifier; it has no tags unless given."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a secret name: letters, digits and hyphens only")
        now = self._clock.now()
        version = _Version(
            name=name,
            version=secrets.token_hex(16),
            value=value,
            tags=dict(tags or {}),
            enabled=enabled,
            created=now,
            updated=now,
            expires=expires,
            not_before=not_before,
        )
        self._secrets.setdefault(name, []).append(version)
        await self._announce(version, EventType.NEW_VERSION)
        await self._announce_if_due(version)
        return version.version

    async def set_enabled(self, name: str, version: str, enabled: bool) -> None:
        """Enable or disable one version; Key Vault sends no event for it."""
        versions = self._secrets[name]
        position = versions.index(self._find(name, version))
        versions[position] = replace(versions[position], enabled=enabled, updated=self._clock.now())

    async def delete(self, name: str) -> None:
        """Delete a secret with all its versions; Key Vault sends no event for it."""
        del self._secrets[name]

    async def announce_near_expiry(self, name: str) -> None:
        """Send (again) that the current version is about to expire."""
        await self._announce(self._find(name), EventType.NEAR_EXPIRY)

    async def announce_expired(self, name: str) -> None:
        """Send (again) that the current version has expired."""
        await self._announce(self._find(name), EventType.EXPIRED)

    async def announce_due(self) -> None:
        """Send what the clock has brought about since the last call: current versions near expiry or expired."""
        for versions in list(self._secrets.values()):
            await self._announce_if_due(versions[-1])

    def value(self, name: str, version: str | None = None) -> str:
        """Return the value of a version, of the current one unless named."""
        return self._find(name, version).value

    def routes(self) -> list[web.AbstractRouteDef]:
        """Serve the reads; writes are known, and refused to this identity."""
        routes: list[web.AbstractRouteDef] = [
            web.get("/secrets", self._list),
            web.get("/secrets/{name}/versions", self._list_versions),
            web.delete("/secrets/{name}", self._refuse_write("delete")),
        ]
        for path in ("/secrets/{name}", "/secrets/{name}/", "/secrets/{name}/{version}"):
            routes.append(web.get(path, self._get))
            routes.append(web.put(path, self._refuse_write("setSecret/action")))
            routes.append(web.patch(path, self._refuse_write("update/action")))
        return routes

    async def _list(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request, "readMetadata/action")
        if refusal:
            return refusal
        current = [versions[-1] for versions in self._secrets.values()]
        return self._page(request, [(one.name, self._item(one, with_version=False)) for one in current])

    async def _list_versions(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request, "readMetadata/action")
        if refusal:
            return refusal
        versions = self._secrets.get(request.match_info["name"], [])
        return self._page(request, [(one.version, self._item(one, with_version=True)) for one in versions])

    async def _get(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request, "getSecret/action")
        if refusal:
            return refusal
        name, version = request.match_info["name"], request.match_info.get("version")
        try:
            found = self._find(name, version)
        except KeyError:
            wanted = f"{name}/{version}" if version else name
            return _error(404, "SecretNotFound", f"A secret with (name/id) {wanted} was not found in this key vault.")
        if not found.enabled:
            return _error(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")
        return web.json_response({"value": found.value, **self._item(found, with_version=True)})

    def _refuse_write(self, action: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def refuse(request: web.Request) -> web.Response:
            return self._refusal(request, action) or _forbidden_by_rbac(action)

        return refuse

    def _refusal(self, request: web.Request, action: str) -> web.Response | None:
        """Say why the request is not served, in the order in which the service looks."""
        match self._entra.check(request, self.resource, Role.VAULT):
            case Access.NO_TOKEN:
                return self._challenge("AKV10000: Request is missing a Bearer or PoP token.")
            case Access.INVALID_TOKEN:
                return self._challenge("AKV10022: Invalid audience, or the token cannot be validated.")
            case Access.MISSING_ROLE:
                return _forbidden_by_rbac(action)
        if "api-version" not in request.query:
            return _error(400, "BadParameter", "api-version must be specified")
        return None

    def _challenge(self, message: str) -> web.Response:
        response = _error(401, "Unauthorized", message)
        authority = f"https://login.microsoftonline.com/{TENANT_ID}"
        response.headers["WWW-Authenticate"] = f'Bearer authorization="{authority}", resource="{self.resource}"'
        return response

    def _page(self, request: web.Request, items: Sequence[tuple[str, dict[str, Any]]]) -> web.Response:
        """Answer one page, in an order that means nothing: the service promises none."""
        try:
            wanted = int(request.query.get("maxresults", _MAX_PAGE))
            after = _read_skiptoken(request.query.get("$skiptoken", ""))
        except ValueError:
            return _error(400, "BadParameter", "maxresults or $skiptoken cannot be read")
        if not 1 <= wanted <= _MAX_PAGE:
            return _error(400, "BadParameter", f"maxresults must be between 1 and {_MAX_PAGE}")
        size = min(wanted, self.page_size)
        ordered = sorted((hashlib.sha256(key.encode()).hexdigest(), item) for key, item in items)
        rest = [(position, item) for position, item in ordered if position > after]
        page = rest[:size]
        following = None
        if len(rest) > size:
            token = base64.urlsafe_b64encode(page[-1][0].encode()).decode()
            parameters = {"api-version": request.query["api-version"], "$skiptoken": token, "maxresults": str(wanted)}
            following = f"{self.origin}{request.path}?{urlencode(parameters)}"
        return web.json_response({"value": [item for _, item in page], "nextLink": following})

    def _item(self, one: _Version, *, with_version: bool) -> dict[str, Any]:
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
        item: dict[str, Any] = {"id": f"{self.origin}/secrets/{one.name}{suffix}", "attributes": attributes}
        if one.tags:
            item["tags"] = dict(one.tags)
        return item

    def _find(self, name: str, version: str | None = None) -> _Version:
        versions = self._secrets[name]
        if version is None:
            return versions[-1]
        for one in versions:
            if one.version == version:
                return one
        raise KeyError(version)

    async def _announce_if_due(self, one: _Version) -> None:
        if one.expires is None:
            return
        now = self._clock.now()
        due = EventType.EXPIRED if now >= one.expires else EventType.NEAR_EXPIRY
        if now >= one.expires - _NEAR and (one.version, due) not in self._announced:
            await self._announce(one, due)

    async def _announce(self, one: _Version, event_type: EventType) -> None:
        self._announced.add((one.version, event_type))
        about = Subject(
            f"{self.origin}/secrets/{one.name}/{one.version}", one.name, one.version, one.not_before, one.expires
        )
        await self._deliver(self.events.message(event_type, about, self._clock.now()))


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())


def _read_skiptoken(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError(token) from error


def _forbidden_by_rbac(action: str) -> web.Response:
    message = (
        "Caller is not authorized to perform action on resource.\r\n"
        "If role assignments, deny assignments or role definitions were changed recently, "
        "please observe propagation time.\r\n"
        f"Action: 'Microsoft.KeyVault/vaults/secrets/{action}'\r\nAssignment: (not found)\r\n"
        f"DecisionReason: 'DeniedWithNoValidRBAC' \r\nVault: {VAULT_NAME}\r\n"
    )
    return _error(403, "Forbidden", message, "ForbiddenByRbac")


def _error(status: int, code: str, message: str, inner: str | None = None) -> web.Response:
    body: dict[str, Any] = {"code": code, "message": message}
    if inner:
        body["innererror"] = {"code": inner}
    return web.json_response({"error": body}, status=status)
