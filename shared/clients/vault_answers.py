"""What Key Vault's answers mean to those who read and to those who write: a version's properties, and errors.

A 403 may be for want of a role or for where the caller stands, which no role changes; the inner code or the text says
which. Sources: Key Vault docs, "REST API error codes" (403: the firewall's text) and "Diagnose private links
configuration issues" (`ForbiddenByFirewall`); for `ForbiddenByConnection` no page of Microsoft's, but answers of the
service in public issues (azure-cli 31406, secrets-store-csi-driver-provider-azure 873).
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.keyvault.secrets import SecretProperties

from shared.clients.azure_errors import error_of
from shared.clients.permissions import Permission
from shared.errors import MissingPermission, NotFound, ServiceError, Throttled, Unavailable
from shared.redaction import SecretValue, redact
from shared.tokens.bindings import SecretVersion

_SERVICE = "Key Vault"
CLOSED_NETWORK = frozenset({"ForbiddenByConnection", "ForbiddenByFirewall"})
"""The codes of an error that says where the caller stands is not let in."""
_CLOSED_WORDS = {
    "public network access is disabled": "ForbiddenByConnection",
    "connection is not an approved private link": "ForbiddenByConnection",
    "is not authorized and caller is not a trusted service": "ForbiddenByFirewall",
}


def read_version(properties: SecretProperties) -> SecretVersion:
    """Return a version as our own type; Key Vault gives no version id in a list of secrets."""
    return SecretVersion(
        name=properties.name or "",
        version=properties.version or "",
        enabled=bool(properties.enabled),
        created=properties.created_on or datetime.min.replace(tzinfo=UTC),
        expires=properties.expires_on,
        not_before=properties.not_before,
        tags=dict(properties.tags or {}),
    )


def is_disabled(error: AzureError) -> bool:
    """Say whether the answer was a refusal to show a disabled version, which no permission would change."""
    return "SecretDisabled" in str(error)


def translate(
    error: AzureError, operation: str, permission: Permission, known: Iterable[SecretValue] = ()
) -> ServiceError:
    """Return our own error for the SDK's.

    Args:
        error: what the SDK raised; its text may repeat what was sent.
        operation: what was tried, to follow "could not".
        permission: what a 403 asks for.
        known: values that were sent, none of which the text may hold.
    """
    if isinstance(error, ResourceNotFoundError):
        return NotFound(_SERVICE, operation, 404, "SecretNotFound", "")
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        code, message = (redact(text, known) for text in error_of(error))
        if error.status_code == 403 and (closed := _closed_network(error, message)):
            return Unavailable(_SERVICE, operation, 403, closed, message)
        if error.status_code == 403 and not is_disabled(error):
            return MissingPermission(_SERVICE, operation, 403, code, message, permission)
        if error.status_code == 429:
            return Throttled(_SERVICE, operation, 429, message, _retry_after(error))
        if 400 <= error.status_code < 500:
            return ServiceError(_SERVICE, operation, error.status_code, code, message)
        return Unavailable(_SERVICE, operation, error.status_code, code, message)
    return Unavailable(_SERVICE, operation, None, type(error).__name__, redact(str(error), known))


def _closed_network(error: HttpResponseError, message: str) -> str:
    """Return the code where the refusal is about the network; empty where it is not."""
    inner = error.error.innererror if error.error is not None else None
    code = str(inner.get("code") or "") if isinstance(inner, Mapping) else ""
    if code in CLOSED_NETWORK:
        return code
    return next((known for words, known in _CLOSED_WORDS.items() if words in message.lower()), "")


def _retry_after(error: HttpResponseError) -> timedelta | None:
    # What the SDK declares of a response leaves its headers out; every response of its transports has them.
    text = getattr(error.response, "headers", {}).get("Retry-After", "")
    return timedelta(seconds=int(text)) if text.isdecimal() else None
