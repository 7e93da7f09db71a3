"""Entra's part of the tenant: managed-identity tokens that carry roles, and the check every service makes of them.

Graph application permissions travel in the token's `roles` claim as they do in reality. Azure RBAC roles (Key Vault,
Log Analytics) do not: there the services ask Azure. Here all of them travel in the token, which keeps one rule for
every service: wrong audience is 401, missing role is 403.
"""

import secrets
from datetime import timedelta
from enum import StrEnum

import jwt
from aiohttp import web

from emulator.clock import Clock

TENANT_ID = "11111111-1111-1111-1111-111111111111"
CLIENT_ID = "1de00000-0000-4000-8000-000000000002"
"""Client id of the one managed identity."""
IDENTITY_ID = "1de00000-0000-4000-8000-000000000001"
"""Object id of the service principal of the one managed identity."""
_LIFETIME = timedelta(hours=24)


class Role(StrEnum):
    """The roles that an identity can hold; every route of every service demands one of them."""

    SYNCHRONIZATION = "Synchronization.ReadWrite.All"
    APPLICATIONS = "Application.Read.All"
    OWNED = "Application.ReadWrite.OwnedBy"
    """In place of the two above for applications that the identity owns; Graph alone knows which."""
    AUDIT_LOG = "AuditLog.Read.All"
    USERS = "User.Read.All"
    MAIL = "Mail.Send"
    LOGS = "Log Analytics Reader"
    VAULT = "Key Vault Secrets User"
    VAULT_OFFICER = "Key Vault Secrets Officer"


DEFAULT_ROLES = frozenset(Role) - {Role.OWNED, Role.VAULT_OFFICER}
"""What the product's identity holds unless it is to write into the vault, which is what the officer's role is for, or
may do what it does to applications that it owns and to no others."""


class Access(StrEnum):
    """What a service finds when it looks at a request's token."""

    GRANTED = "granted"
    NO_TOKEN = "no_token"
    INVALID_TOKEN = "invalid_token"
    MISSING_ROLE = "missing_role"


class Entra:
    """Issues and checks tokens; `roles` may be changed at any time and counts for tokens already issued."""

    def __init__(self, clock: Clock) -> None:
        self.roles: set[Role] = set(DEFAULT_ROLES)
        self.identity_header = secrets.token_hex(16)
        self.user_assigned = False
        """Whether the identity is a user-assigned one, and there is no other: then a request must name it."""
        self._clock = clock
        self._key = secrets.token_hex(32)

    def check(self, request: web.Request, audience: str, *roles: Role) -> Access:
        """Say whether the request's bearer token is for this audience and carries one of the roles."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            return Access.NO_TOKEN
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=["HS256"],
                audience=audience,
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except jwt.PyJWTError:
            return Access.INVALID_TOKEN
        held = set(claims["roles"]) & self.roles
        return Access.MISSING_ROLE if held.isdisjoint(roles) else Access.GRANTED

    def routes(self) -> list[web.AbstractRouteDef]:
        """Serve the managed-identity endpoint of App Service (`IDENTITY_ENDPOINT`, api-version 2019-08-01)."""
        return [web.get("/msi/token", self._managed_identity)]

    async def _managed_identity(self, request: web.Request) -> web.Response:
        if request.headers.get("X-IDENTITY-HEADER") != self.identity_header:
            return web.json_response(
                {"statusCode": 401, "message": "X-IDENTITY-HEADER is missing or wrong"}, status=401
            )
        if request.query.get("client_id", "" if self.user_assigned else CLIENT_ID) != CLIENT_ID:
            message = (
                "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
            )
            return web.json_response({"statusCode": 400, "message": message}, status=400)
        resource = request.query.get("resource", "")
        if not resource:
            return web.json_response({"statusCode": 400, "message": "resource is required"}, status=400)
        now = self._clock.now()
        expires = int((now + _LIFETIME).timestamp())
        claims = {
            "aud": resource.rstrip("/"),
            "iss": f"https://sts.windows.net/{TENANT_ID}/",
            "tid": TENANT_ID,
            "oid": IDENTITY_ID,
            "appid": CLIENT_ID,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": expires,
            "roles": sorted(self.roles),
        }
        token = jwt.encode(claims, self._key, algorithm="HS256")
        return web.json_response(
            {
                "access_token": token,
                "expires_on": str(expires),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": CLIENT_ID,
            }
        )
