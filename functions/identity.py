"""Who calls, as App Service authentication says it: the roles in the header `X-MS-CLIENT-PRINCIPAL`.

Only the platform may set that header, and only where sign-in is on; where it is off, anybody can send one. So it counts
only where the platform also says `WEBSITE_AUTH_ENABLED` (App Service docs, "Environment variables and app
settings": read-only, injected). Whether Flex Consumption injects it no page says. Without that word the secure webhook
is refused always, and people are where `PRATIQUE_SIGN_IN` is `required`, as the template sets it with sign-in; where it
is `off` too, nothing says that there is sign-in, and the function key alone lets people through.
The header's shape: App Service docs, "Work with user identities": base64 of `{"auth_typ", "claims": [{"typ", "val"}],
"name_typ", "role_typ"}`; a claim's type may be mapped to another name, so roles count under both of theirs.
"""

import base64
import json
from enum import StrEnum
from functools import wraps
from typing import Any

import azure.functions as func

from functions.answers import Handler, answer
from functions.worker import pratique

HEADER = "X-MS-CLIENT-PRINCIPAL"
_PROVIDER = "aad"
_ROLE_CLAIMS = {"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"}
_LONGEST = 64 * 1024
_NO_WORD = (
    "PRATIQUE_SIGN_IN is required, and App Service does not say that sign-in is on (WEBSITE_AUTH_ENABLED): "
    "nobody's role can be believed."
)


class CallerRole(StrEnum):
    """The roles of the application that callers sign in to (infra/entra/sign-in)."""

    WEBHOOK = "ActionGroupsSecureWebhook"
    """Azure Monitor's; it asks for this very name (Azure Monitor docs, "Action groups": secure webhook)."""
    OPERATOR = "Pratique.Operator"


def roles_of(header: str | None) -> frozenset[str]:
    """Return the roles that a header grants; none when it is absent, not Entra's, or in any part not as documented."""
    if not header or len(header) > _LONGEST:
        return frozenset()
    try:
        principal = json.loads(base64.b64decode(header, validate=True))
    except (ValueError, RecursionError):
        return frozenset()
    if not isinstance(principal, dict) or principal.get("auth_typ") != _PROVIDER:
        return frozenset()
    claims = principal.get("claims")
    if not isinstance(claims, list) or not all(map(_is_claim, claims)):
        return frozenset()
    return frozenset(claim["val"] for claim in claims if claim["typ"] in _ROLE_CLAIMS)


def signed_in_as(req: func.HttpRequest, role: CallerRole) -> bool:
    """Say whether the platform vouches for the caller, and the caller holds the role."""
    return pratique().settings.signed_in and role in roles_of(req.headers.get(HEADER))


def operators_only(handler: Handler) -> Handler:
    """Let only operators through where there is sign-in or must be; elsewhere the function key is the guard."""

    @wraps(handler)
    async def guarded(req: func.HttpRequest) -> func.HttpResponse:
        settings = pratique().settings
        if settings.sign_in_required and not settings.signed_in:
            return answer(403, {"error": _NO_WORD})
        if settings.signed_in and not signed_in_as(req, CallerRole.OPERATOR):
            return answer(403, {"error": f"The role {CallerRole.OPERATOR} is needed."})
        return await handler(req)

    return guarded


def _is_claim(claim: Any) -> bool:
    return isinstance(claim, dict) and isinstance(claim.get("typ"), str) and isinstance(claim.get("val"), str)
