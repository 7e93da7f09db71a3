"""Key Vault's secrets: what readers and officers may do over HTTP, an operator's acts in process, and their events.

Sources: "Key Vault REST API: secrets" and "Authentication, requests and responses" (Key Vault docs); Azure built-in
roles. *Key Vault Secrets User* reads; *Key Vault Secrets Officer* reads, sets and updates, and in reality deletes as
well: here nobody does over HTTP, for the product never may. Times on the wire are whole seconds, as in reality: two
versions may share one, and the current version is the one that was put last, even when it is disabled. No page says
what versions a name has that does not exist; here it has none, which is no error.
"""

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from aiohttp import web

from emulator.clock import Clock
from emulator.entra import TENANT_ID, Access, Entra, Role
from emulator.vault_answers import MOST_ON_A_PAGE, Version, error, forbidden_by_rbac, item, not_found, page
from emulator.vault_events import EventStyle, EventType, Subject
from emulator.vault_writes import BadBody, SecretBody, read_set, read_update

_NEAR = timedelta(days=30)
_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")


class Vault:
    """A vault under RBAC; `page_size` and `events` may be changed at any time."""

    name = "vault"

    def __init__(
        self, entra: Entra, clock: Clock, deliver: Callable[[str], Awaitable[None]], events: EventStyle | None = None
    ) -> None:
        self.origin = ""
        self.page_size = MOST_ON_A_PAGE
        self.events = events or EventStyle()
        self._entra = entra
        self._clock = clock
        self._deliver = deliver
        self._secrets: dict[str, list[Version]] = {}
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
        content_type: str | None = None,
        created: datetime | None = None,
        announce: bool = True,
    ) -> str:
        """Add a version, as an operator does in the portal, and return its identifier; it has no tags unless given.

        Args:
            name: letters, digits and hyphens.
            value: the secret.
            tags: of this version alone.
            enabled: whether it can be read.
            expires: when it says that it ends; nothing is hidden then.
            not_before: when it says that it begins.
            content_type: a hint for readers.
            created: when it was put; now, unless it is to be older.
            announce: whether events are sent; none, when it was there before anybody subscribed to them.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a secret name: letters, digits and hyphens only")
        at = created or self._clock.now()
        version = Version(
            name=name,
            version=secrets.token_hex(16),
            value=value,
            tags=dict(tags or {}),
            enabled=enabled,
            created=at,
            updated=at,
            expires=expires,
            not_before=not_before,
            content_type=content_type,
        )
        self._secrets.setdefault(name, []).append(version)
        if announce:
            await self._announce(version, EventType.NEW_VERSION)
            await self._announce_if_due(version)
        elif due := self._due(version):
            self._announced.add((version.version, due))
        return version.version

    async def set_enabled(self, name: str, version: str, enabled: bool) -> None:
        """Enable or disable one version; Key Vault sends no event for it."""
        self._replace(replace(self._find(name, version), enabled=enabled, updated=self._clock.now()))

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

    def version(self, name: str, version: str | None = None) -> Version:
        """Return a version as it is now, the current one unless named."""
        return self._find(name, version)

    def versions(self, name: str) -> tuple[Version, ...]:
        """Return all versions of a secret, in the order in which they were put; none of a name that is unknown."""
        return tuple(self._secrets.get(name, ()))

    def routes(self) -> list[web.AbstractRouteDef]:
        """Serve the reads, and the two writes that an officer may do."""
        routes: list[web.AbstractRouteDef] = [
            web.get("/secrets", self._list),
            web.get("/secrets/{name}/versions", self._list_versions),
            web.put("/secrets/{name}", self._set),
            web.delete("/secrets/{name}", self._refuse_deletion),
        ]
        for path in ("/secrets/{name}", "/secrets/{name}/", "/secrets/{name}/{version}"):
            routes.append(web.get(path, self._get))
            routes.append(web.patch(path, self._update))
        return routes

    async def _list(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request, "readMetadata/action")
        if refusal:
            return refusal
        current = [versions[-1] for versions in self._secrets.values()]
        items = [(one.name, item(self.origin, one, with_version=False)) for one in current]
        return page(request, self.origin, self.page_size, items)

    async def _list_versions(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request, "readMetadata/action")
        if refusal:
            return refusal
        versions = self._secrets.get(request.match_info["name"], [])
        items = [(one.version, item(self.origin, one, with_version=True)) for one in versions]
        return page(request, self.origin, self.page_size, items)

    async def _get(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request, "getSecret/action")
        if refusal:
            return refusal
        name, version = request.match_info["name"], request.match_info.get("version")
        try:
            found = self._find(name, version)
        except KeyError:
            return not_found(name, version)
        if not found.enabled:
            return error(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")
        return web.json_response({"value": found.value, **item(self.origin, found, with_version=True)})

    async def _set(self, request: web.Request) -> web.Response:
        refusal = self._refusal(request, "setSecret/action", Role.VAULT_OFFICER)
        if refusal:
            return refusal
        name, body = request.match_info["name"], await self._body(request, read_set)
        if isinstance(body, web.Response):
            return body
        if not _NAME.fullmatch(name):
            return error(400, "BadParameter", "The request URI contains an invalid name")
        version = await self.put(
            name,
            body.value or "",
            body.tags,
            enabled=body.enabled is not False,
            expires=body.expires,
            not_before=body.not_before,
            content_type=body.content_type,
        )
        made = self._find(name, version)
        return web.json_response({"value": made.value, **item(self.origin, made, with_version=True)})

    async def _update(self, request: web.Request) -> web.Response:
        """Change what the body mentions, of a disabled version as well; tags are replaced as a whole."""
        refusal = self._refusal(request, "update/action", Role.VAULT_OFFICER)
        if refusal:
            return refusal
        body = await self._body(request, read_update)
        if isinstance(body, web.Response):
            return body
        name, version = request.match_info["name"], request.match_info.get("version")
        try:
            old = self._find(name, version)
        except KeyError:
            return not_found(name, version)
        new = replace(
            old,
            tags=old.tags if body.tags is None else body.tags,
            content_type=old.content_type if body.content_type is None else body.content_type,
            enabled=old.enabled if body.enabled is None else body.enabled,
            expires=body.expires or old.expires,
            not_before=body.not_before or old.not_before,
            updated=self._clock.now(),
        )
        self._replace(new)
        return web.json_response(item(self.origin, new, with_version=True))

    async def _refuse_deletion(self, request: web.Request) -> web.Response:
        return self._refusal(request, "delete") or forbidden_by_rbac("delete")

    @staticmethod
    async def _body(request: web.Request, read: Callable[[bytes], SecretBody]) -> SecretBody | web.Response:
        if request.content_type != "application/json":
            return error(415, "UnsupportedMediaType", "The content type must be application/json")
        try:
            return read(await request.read())
        except BadBody as bad:
            return error(400, "BadParameter", f"{bad}.")

    def _refusal(self, request: web.Request, action: str, *roles: Role) -> web.Response | None:
        """Say why the request is not served, in the order in which the service looks; who writes may read as well."""
        match self._entra.check(request, self.resource, *(roles or (Role.VAULT, Role.VAULT_OFFICER))):
            case Access.NO_TOKEN:
                return self._challenge("AKV10000: Request is missing a Bearer or PoP token.")
            case Access.INVALID_TOKEN:
                return self._challenge("AKV10022: Invalid audience, or the token cannot be validated.")
            case Access.MISSING_ROLE:
                return forbidden_by_rbac(action)
        if "api-version" not in request.query:
            return error(400, "BadParameter", "api-version must be specified")
        return None

    def _challenge(self, message: str) -> web.Response:
        response = error(401, "Unauthorized", message)
        authority = f"https://login.microsoftonline.com/{TENANT_ID}"
        response.headers["WWW-Authenticate"] = f'Bearer authorization="{authority}", resource="{self.resource}"'
        return response

    def _find(self, name: str, version: str | None = None) -> Version:
        versions = self._secrets[name]
        if version is None:
            return versions[-1]
        for one in versions:
            if one.version == version:
                return one
        raise KeyError(version)

    def _replace(self, new: Version) -> None:
        versions = self._secrets[new.name]
        versions[[one.version for one in versions].index(new.version)] = new

    def _due(self, one: Version) -> EventType | None:
        """Return what the clock says of a version by now."""
        now = self._clock.now()
        if one.expires is None or now < one.expires - _NEAR:
            return None
        return EventType.EXPIRED if now >= one.expires else EventType.NEAR_EXPIRY

    async def _announce_if_due(self, one: Version) -> None:
        due = self._due(one)
        if due is not None and (one.version, due) not in self._announced:
            await self._announce(one, due)

    async def _announce(self, one: Version, event_type: EventType) -> None:
        self._announced.add((one.version, event_type))
        about = Subject(
            f"{self.origin}/secrets/{one.name}/{one.version}", one.name, one.version, one.not_before, one.expires
        )
        await self._deliver(self.events.message(event_type, about, self._clock.now()))
