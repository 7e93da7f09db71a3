"""Microsoft Graph through its SDK: URLs, credentials and retries of reads from there, answers kept raw.

The SDK's typed answers turn values they do not know into None and import 1,222 modules with the first one; its error
type throws bodies away. So every answer is taken as the plain HTTP response (kiota's `NativeResponseHandler`). Writes
are sent once: the SDK would send a failing POST four times, and repeating a write is decided by reconcile alone.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ClientAuthenticationError
from kiota_abstractions.api_client_builder import register_default_serializer
from kiota_abstractions.method import Method
from kiota_abstractions.native_response_handler import NativeResponseHandler
from kiota_abstractions.request_information import RequestInformation
from kiota_abstractions.request_option import RequestOption
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from kiota_http.middleware.options import ResponseHandlerOption, RetryHandlerOption
from kiota_serialization_json.json_serialization_writer_factory import JsonSerializationWriterFactory
from msgraph.graph_request_adapter import GraphRequestAdapter, options
from msgraph_core import GraphClientFactory

from shared.clients.permissions import Permission
from shared.errors import MissingPermission, NotFound, NotOwned, ServiceError, Throttled, Unavailable
from shared.redaction import SecretValue, redact

SERVICE = "Microsoft Graph"
_READ_RETRIES = RetryHandlerOption(delay=0, max_retries=3)
_NEVER_RETRY = RetryHandlerOption(delay=0, max_retries=0, should_retry=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer: its status, its JSON body (empty when there is none) and how long to wait, if it said so."""

    status: int
    body: Mapping[str, Any]
    retry_after: timedelta | None


class GraphTransport:
    """Sends requests that the SDK's builders made and hands back plain answers."""

    def __init__(self, base_url: str, credential: AsyncTokenCredential, deadline: timedelta) -> None:
        parts = urlsplit(base_url)
        origin = f"{parts.scheme}://{parts.netloc}"
        authentication = AzureIdentityAuthenticationProvider(
            # kiota names the synchronous protocol; it awaits what an asynchronous credential returns
            cast("Any", credential),
            scopes=[f"{origin}/.default"],
            allowed_hosts=[parts.hostname or ""],
        )
        seconds = deadline.total_seconds()
        plain = httpx.AsyncClient(timeout=httpx.Timeout(seconds, connect=min(seconds, 30)), http2=True)
        # Graph's middleware wraps these and never closes them, so they are closed here.
        wrapped = [plain._transport, *plain._mounts.values()]  # noqa: SLF001 -- httpx offers no other way to them
        self._wrapped = [transport for transport in wrapped if transport is not None]
        self._http = GraphClientFactory.create_with_default_middleware(client=plain, options=options)
        self.adapter = GraphRequestAdapter(authentication, self._http)
        self.adapter.base_url = base_url
        register_default_serializer(JsonSerializationWriterFactory)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
        for transport in self._wrapped:
            await transport.aclose()

    async def read(self, request: RequestInformation, operation: str, permission: Permission) -> Mapping[str, Any]:
        """Send a read and return its JSON body; throttling and 503/504 are tried again a few times.

        Raises:
            ServiceError: of the kind that fits the answer.
        """
        answer = await self._send(request, operation, _READ_RETRIES)
        require_success(answer, operation, permission)
        return answer.body

    async def write(self, request: RequestInformation, operation: str) -> Answer:
        """Send a write exactly once and return whatever was answered.

        Raises:
            Unavailable: there was no answer; whether the write happened is unknown.
        """
        return await self._send(request, operation, _NEVER_RETRY)

    async def follow(self, next_link: str, operation: str, permission: Permission) -> Mapping[str, Any]:
        """Read the next page from the address that Graph gave.

        Raises:
            ServiceError: the address leaves Graph's own host, or as `read` does.
        """
        if urlsplit(next_link).netloc != urlsplit(str(self.adapter.base_url)).netloc:
            raise ServiceError(SERVICE, operation, None, "", "a next page was offered on another host")
        request = RequestInformation()
        request.http_method = Method.GET
        request.url = next_link
        return await self.read(request, operation, permission)

    async def _send(self, request: RequestInformation, operation: str, retries: RequestOption) -> Answer:
        request.headers.try_add("Accept", "application/json")
        request.add_request_options([ResponseHandlerOption(NativeResponseHandler()), retries])
        try:
            response = cast("httpx.Response", await self.adapter.send_primitive_async(request, "bytes", {}))
        except httpx.HTTPError as error:
            raise Unavailable(SERVICE, operation, None, type(error).__name__, redact(str(error))) from error
        except ClientAuthenticationError as error:
            raise Unavailable("Microsoft Entra ID", "issue a token", None, type(error).__name__, "") from error
        return Answer(response.status_code, _json(response), _retry_after(response.headers))


def json_request(
    method: Method, url_template: str, parameters: Mapping[str, str], body: Mapping[str, Any]
) -> RequestInformation:
    """Make a request whose body is exactly this JSON.

    The SDK's typed bodies cannot carry a credential key that its enumeration lacks (the key is silently dropped), so
    bodies that must keep such keys are written by hand; the address still comes from the SDK.
    """
    request = RequestInformation(method, url_template, dict(parameters))
    request.set_stream_content(json.dumps(body).encode(), "application/json")
    return request


def require_success(answer: Answer, operation: str, permission: Permission, sent: Iterable[SecretValue] = ()) -> None:
    """Raise the error that fits an answer other than 2xx; its text has lost the secrets that were sent.

    Raises:
        MissingPermission: 403, or the 401 `UnknownError` that restart gives to a caller whose permission is too small:
            to one with `Application.ReadWrite.OwnedBy`, which the table allows it, and then it is the wider permission
            that is missing (microsoft-graph-docs-contrib issue 8800).
        NotFound: 404.
        Throttled: 429.
        Unavailable: 5xx.
        ServiceError: anything else.
    """
    status = answer.status
    if status < 300:
        return
    code, message = error_of(answer.body)
    message = redact(message, sent)
    match status:
        case 403 if permission is Permission.OWNED:
            raise NotOwned(SERVICE, operation, status, code, message, permission)
        case 403:
            raise MissingPermission(SERVICE, operation, status, code, message, permission)
        case 401 if code == "UnknownError":
            permission = Permission.SYNCHRONIZATION if permission is Permission.OWNED else permission
            raise MissingPermission(SERVICE, operation, status, code, message, permission)
        case 404:
            raise NotFound(SERVICE, operation, status, code, message)
        case 429:
            raise Throttled(SERVICE, operation, status, message, answer.retry_after)
        case _ if status >= 500:
            raise Unavailable(SERVICE, operation, status, code, message)
        case _:
            raise ServiceError(SERVICE, operation, status, code, message)


def error_of(body: Mapping[str, Any]) -> tuple[str, str]:
    """Return code and message of an error body, unwrapping an error that travels as JSON inside the message.

    Source: msgraph-metadata issue 347 (`UnknownError` whose message holds the real error as a JSON text).
    """
    error = body.get("error")
    if not isinstance(error, Mapping):
        return "", ""
    code, message = str(error.get("code") or ""), str(error.get("message") or "")
    try:
        inner = json.loads(message).get("error")
    except (ValueError, AttributeError):
        inner = None
    if isinstance(inner, Mapping):
        return str(inner.get("code") or code), str(inner.get("message") or "")
    return code, message


def _json(response: httpx.Response) -> Mapping[str, Any]:
    if not response.content:
        return {}
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, Mapping) else {}


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    text = headers.get("Retry-After", "")
    return timedelta(seconds=int(text)) if text.isdecimal() else None
