"""The provisioning service's SCIM connector: real requests with saved or candidate credentials, and what they mean.

Public sources of codes and messages: entra-docs, "Quarantine status" and "Analyze provisioning logs"; Broadcom
KB 430118; snipe-it issue 11913. All of them tell of secret tokens: that a refused password, or a token endpoint that
refuses a client, reads just the same is assumed.
"""

import ssl
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx

from emulator.changes import Property, StepKind
from emulator.jobs import SyncError, User
from emulator.sign_in import SignIn, sign_in

NOTHING = "none"
"""The action of a user whom the target has already, as wanted."""
_PREFIX = "SystemForCrossDomainIdentityManagement"
REJECTED = f"{_PREFIX}CredentialValidationFailure"
MISSING = f"{_PREFIX}InvalidCredentials"
INCOMPATIBLE = f"{_PREFIX}ServiceIncompatible"
UNAVAILABLE = "CredentialValidationUnavailable"
_LOOPBACK = {"127.0.0.1", "localhost"}
_SCIM = "application/scim+json"
_ENTRY_CODES = {
    403: "InsufficientRights",
    409: "EntryConflict",
    404: "EntryNotFound",
    422: "UnprocessableEntity",
    429: "TooManyRequests",
    500: "InternalServerError",
    501: "NotImplemented",
}


class Trouble(StrEnum):
    """How far a failure reaches."""

    CREDENTIALS = "credentials"
    NONCOMPLIANT = "noncompliant"
    UNAVAILABLE = "unavailable"
    ENTRY = "entry"


class ConnectorError(Exception):
    """A request to a target that did not end as it should."""

    def __init__(
        self, trouble: Trouble, error: SyncError, action: str = "other", failed_at: StepKind = StepKind.EXPORT
    ) -> None:
        super().__init__(error.code)
        self.trouble = trouble
        self.error = error
        self.action = action
        self.failed_at = failed_at


@dataclass(frozen=True, slots=True)
class Written:
    """What was done for a user at the target."""

    action: str
    target_id: str
    properties: tuple[Property, ...] = ()


class Connector:
    """Speaks SCIM to targets; leaves loopback under no circumstances."""

    def __init__(self, tls: ssl.SSLContext, timeout: float, *, echo_token: bool) -> None:
        self._client = httpx.AsyncClient(verify=tls, timeout=timeout, trust_env=False)
        self._echo_token = echo_token

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def validate(self, credentials: Mapping[str, str]) -> None:
        """Ask for a user who cannot exist: a 200 with a list means that the credentials are good."""
        response = await self._send("GET", "/Users", credentials, params=_user_name_is(str(uuid.uuid4())))
        self._require_good(response)
        _resources(response)

    async def provision(self, user: User, credentials: Mapping[str, str]) -> Written:
        """Create the user, or update the name of the one that the target has."""
        found = await self._find(user, credentials)
        if found is not None:
            return await self._update(user, found, credentials)
        body = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "externalId": user.id,
            "userName": user.user_name,
            "displayName": user.display_name,
            "active": True,
        }
        response = self._entry(await self._send("POST", "/Users", credentials, json=body), "create")
        names = ("userName", "displayName", "externalId", "active")
        return Written("create", _created(response), tuple(Property(name, None, str(body[name])) for name in names))

    async def _update(self, user: User, found: Mapping[str, Any], credentials: Mapping[str, str]) -> Written:
        identifier, old = str(found["id"]), found.get("displayName")
        if old == user.display_name:
            return Written(NOTHING, identifier)
        await self._patch(identifier, "displayName", user.display_name, credentials, "update")
        return Written("update", identifier, (Property("displayName", old, user.display_name),))

    async def set_manager(self, target_id: str, manager_id: str, credentials: Mapping[str, str]) -> None:
        """Refer to another user of the target as the manager."""
        path = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
        await self._patch(target_id, path, {"value": manager_id}, credentials, "update")

    async def disable(self, user: User, credentials: Mapping[str, str]) -> str | None:
        """Set a leaver inactive; return the identifier, or nothing where the target has no such user."""
        found = await self._find(user, credentials)
        if found is None:
            return None
        await self._patch(str(found["id"]), "active", False, credentials, "disable")
        return str(found["id"])

    async def _patch(self, target_id: str, path: str, value: Any, credentials: Mapping[str, str], action: str) -> None:
        body = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": path, "value": value}],
        }
        self._entry(await self._send("PATCH", f"/Users/{target_id}", credentials, json=body), action)

    async def _find(self, user: User, credentials: Mapping[str, str]) -> Mapping[str, Any] | None:
        response = await self._send("GET", "/Users", credentials, params=_user_name_is(user.user_name))
        found = _resources(self._entry(response, "other", StepKind.MATCHING))
        if any(str(one.get("userName", "")).casefold() != user.user_name.casefold() for one in found):
            text = f"The target returned {len(found)} entries where one was asked for by a filter."
            raise _unmatched(f"{_PREFIX}MultipleEntriesInResponse", text)
        if len(found) > 1:
            text = (
                "The operation couldn't be completed because more than one user in the target application was found "
                "with the configured matching attributes."
            )
            raise _unmatched("DuplicateTargetEntries", text)
        return found[0] if found else None

    async def _send(
        self,
        method: str,
        path: str,
        credentials: Mapping[str, str],
        *,
        params: dict[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        base, way_in = credentials.get("BaseAddress", ""), sign_in(credentials)
        if way_in is None:
            raise _nowhere()
        _require_reachable(base)
        authorization = await self._access(way_in) if way_in.token_url else way_in.authorization
        headers = {"Accept": _SCIM, "Authorization": authorization}
        if json is not None:
            headers["Content-Type"] = _SCIM
        request = self._client.build_request(method, base.rstrip("/") + path, params=params, json=json, headers=headers)
        return await self._answer(request, base)

    async def _access(self, way_in: SignIn) -> str:
        """Buy an access token, every time anew, and return the header that it makes."""
        _require_reachable(way_in.token_url)
        headers = {"Accept": "application/json", "Authorization": way_in.authorization}
        form = {"grant_type": "client_credentials"}
        request = self._client.build_request("POST", way_in.token_url, data=form, headers=headers)
        response = await self._answer(request, way_in.token_url)
        self._require_good(response)
        try:
            return f"Bearer {response.json()['access_token']}"
        except (ValueError, TypeError, KeyError) as error:
            text = f"The response could not be parsed as an access token. Resource: {way_in.token_url}"
            raise ConnectorError(Trouble.NONCOMPLIANT, SyncError(INCOMPATIBLE, text)) from error

    async def _answer(self, request: httpx.Request, address: str) -> httpx.Response:
        try:
            return await self._client.send(request)
        except httpx.TimeoutException as error:
            raise _unavailable(f"The request to {address} timed out.") from error
        except httpx.TransportError as error:
            raise _unavailable(f"An error occurred while sending the request to {address}.") from error

    def _require_good(self, response: httpx.Response) -> None:
        """Pass a good answer; judge any other as what it says of the credentials, or of the target as a whole."""
        if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise ConnectorError(Trouble.CREDENTIALS, SyncError(REJECTED, self._unexpected(response)))
        if response.status_code == HTTPStatus.NOT_FOUND:
            raise ConnectorError(
                Trouble.NONCOMPLIANT,
                SyncError(
                    REJECTED,
                    "An HTTP/404 Not Found response was returned rather than the expected HTTP/200 OK response. To "
                    "address this issue, ensure that the tenant URL is correct. The request was: "
                    f"{response.request.method} {response.request.url}",
                ),
            )
        if response.status_code >= 500 or response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            raise ConnectorError(Trouble.UNAVAILABLE, SyncError(UNAVAILABLE, self._unexpected(response)))
        if not response.is_success:
            raise ConnectorError(Trouble.NONCOMPLIANT, SyncError(INCOMPATIBLE, self._unexpected(response)))

    def _entry(self, response: httpx.Response, action: str, failed_at: StepKind = StepKind.EXPORT) -> httpx.Response:
        """Pass a good answer on; judge any other as this one entry's failure, save for a refused credential."""
        if response.is_success:
            return response
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            raise ConnectorError(Trouble.CREDENTIALS, SyncError(REJECTED, self._unexpected(response)))
        code = _ENTRY_CODES.get(response.status_code, INCOMPATIBLE)
        text = (
            f"StatusCode: {_status_word(response)} Message: Processing of the HTTP request resulted in an exception. "
            f"Please see the HTTP response returned by the 'Response' property of this exception for details. "
            f"Web Response: {response.text}."
        )
        raise ConnectorError(Trouble.ENTRY, SyncError(code, text), action, failed_at)

    def _unexpected(self, response: httpx.Response) -> str:
        request = response.request
        sent = f" Request Headers: Authorization: {request.headers['Authorization']}" if self._echo_token else ""
        headers = "; ".join(f"{name}: {value}" for name, value in response.headers.items())
        return (
            "While attempting to validate our authorization to access your application, we received this unexpected "
            f"response: Received response from Web resource. Resource: {request.url} Operation: {request.method}{sent} "
            f"Response Status Code: {_status_word(response)} Response Headers: {headers} "
            f"Response Content: {response.text}. Please check the service and try again."
        )


def _user_name_is(name: str) -> dict[str, str]:
    return {"filter": f'userName eq "{name}"'}


def _resources(response: httpx.Response) -> list[Mapping[str, Any]]:
    """Read a list response, or say that this is none."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind.endswith("json"):
        text = (
            f"The response has the unexpected content type '{kind}' where application/scim+json is due. "
            f"Resource: {response.request.url} Response Content: {response.text[:500]}"
        )
        raise ConnectorError(Trouble.NONCOMPLIANT, SyncError(INCOMPATIBLE, text))
    try:
        body = response.json()
        total, resources = body["totalResults"], body.get("Resources", [])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        text = f"The response could not be parsed as a list of resources. Resource: {response.request.url}"
        raise ConnectorError(Trouble.NONCOMPLIANT, SyncError(INCOMPATIBLE, text)) from error
    return list(resources) if total else []


def _created(response: httpx.Response) -> str:
    try:
        return str(response.json()["id"])
    except (ValueError, TypeError, KeyError) as error:
        text = f"We are not able to deserialize the resource received from your SCIM endpoint: {response.text[:500]}"
        raise ConnectorError(Trouble.ENTRY, SyncError(INCOMPATIBLE, text), "create") from error


def _unmatched(code: str, text: str) -> ConnectorError:
    return ConnectorError(Trouble.ENTRY, SyncError(code, text), failed_at=StepKind.MATCHING)


def _status_word(response: httpx.Response) -> str:
    """Name a status as .NET does: `Unauthorized`, `BadRequest`."""
    try:
        return HTTPStatus(response.status_code).phrase.replace(" ", "")
    except ValueError:
        return str(response.status_code)


def _require_reachable(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname:
        raise _nowhere()
    if parts.hostname not in _LOOPBACK:
        raise _unavailable(f"The remote name could not be resolved: '{parts.hostname}'")


def _nowhere() -> ConnectorError:
    text = "Please provide a valid tenant URL for your application."
    return ConnectorError(Trouble.CREDENTIALS, SyncError(MISSING, text))


def _unavailable(message: str) -> ConnectorError:
    return ConnectorError(Trouble.UNAVAILABLE, SyncError(UNAVAILABLE, message))
