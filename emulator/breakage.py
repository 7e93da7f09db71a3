"""How a target can be broken: each way stands in front of the real SCIM server and lets through what it does not break.

Error bodies are worded as vendors word them. Sources: RFC 7644, 3.12; the SCIM pages of Atlassian, GitLab and Pulumi.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count
from typing import Any

from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse

_SCIM = "application/scim+json"
_PAGE = "<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>"


class Breakage(StrEnum):
    """One way in which a target fails."""

    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND_FOR_EMPTY = "not_found_for_empty"
    SERVER_ERROR = "server_error"
    TOO_MANY_REQUESTS = "too_many_requests"
    SLOW = "slow"
    UNTRUSTED_CERTIFICATE = "untrusted_certificate"
    REFUSED = "refused"
    WRONG_CONTENT_TYPE = "wrong_content_type"
    HTML_PAGE = "html_page"
    FILTER_REJECTED = "filter_rejected"
    FILTER_IGNORED = "filter_ignored"
    PATCH_MISSING = "patch_missing"
    DUPLICATE_MATCHES = "duplicate_matches"
    READ_ONLY_ACCOUNT = "read_only_account"
    REQUIRED_MISSING = "required_missing"
    INVALID_VALUE = "invalid_value"
    UNIQUENESS = "uniqueness"
    IMMUTABLE = "immutable"
    INVALID_PATH = "invalid_path"
    INVALID_DOMAIN = "invalid_domain"
    DOMAIN_NOT_ALLOWED = "domain_not_allowed"
    LICENCE_LIMIT = "licence_limit"
    PAYMENT_REQUIRED = "payment_required"
    MEMBER_UNRESOLVED = "member_unresolved"
    WRITE_HTML_PAGE = "write_html_page"
    MIXED = "mixed"
    """Every write is refused for another one of the reasons above, in turn."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the target answers."""

    status: int
    body: bytes | None
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Refusal:
    """How the target refuses a write."""

    status: int
    detail: str
    scim_type: str = ""


_WRITES = {
    Breakage.READ_ONLY_ACCOUNT: _Refusal(403, "You do not have permission to perform this operation."),
    Breakage.REQUIRED_MISSING: _Refusal(
        400, "Schema validation failed: name.familyName: Required attribute 'familyName' is missing."
    ),
    Breakage.INVALID_VALUE: _Refusal(400, "displayName must not exceed 20 characters.", "invalidValue"),
    Breakage.UNIQUENESS: _Refusal(409, "A user with this e-mail address already exists.", "uniqueness"),
    Breakage.IMMUTABLE: _Refusal(400, "Attribute 'displayName' is immutable.", "mutability"),
    Breakage.INVALID_PATH: _Refusal(400, "Unknown path: displayName.", "invalidPath"),
    Breakage.INVALID_DOMAIN: _Refusal(400, "The domain contoso.example is not verified for this organization."),
    Breakage.DOMAIN_NOT_ALLOWED: _Refusal(
        412, "The member's email address is not allowed for this group. Check with your administrator."
    ),
    Breakage.LICENCE_LIMIT: _Refusal(403, "License limit reached: there are no available licenses for this user."),
    Breakage.PAYMENT_REQUIRED: _Refusal(402, "Your subscription has no seats left."),
    Breakage.MEMBER_UNRESOLVED: _Refusal(
        400, "The manager could not be resolved: no such user in this organization.", "invalidValue"
    ),
}
_IN_TURN = (
    Breakage.REQUIRED_MISSING,
    Breakage.UNIQUENESS,
    Breakage.INVALID_PATH,
    Breakage.DOMAIN_NOT_ALLOWED,
    Breakage.LICENCE_LIMIT,
)
_turns = count()


def answer(breakage: Breakage | None, request: ScimRequest, serve: Callable[[ScimRequest], ScimResponse]) -> Reply:
    """Answer as a target that is broken this way, or not at all; the SCIM server answers what is not broken."""
    instead = _instead(breakage, request)
    if instead is not None:
        return instead
    if breakage is Breakage.FILTER_IGNORED:
        query = {name: value for name, value in request.query.items() if name != "filter"}
        request = replace(request, query=query)
    reply = serve(request)
    body = reply.body
    if breakage is Breakage.NOT_FOUND_FOR_EMPTY and body is not None and body.get("totalResults") == 0:
        return _error(404, "Not found")
    if breakage is Breakage.DUPLICATE_MATCHES and body is not None and "totalResults" in body:
        body = _doubled(body, str(request.query.get("filter", "")))
    if breakage is Breakage.PATCH_MISSING and body is not None and "ServiceProviderConfig" in request.path:
        body = {**body, "patch": {"supported": False}}
    headers = dict(reply.headers)
    if breakage is Breakage.WRONG_CONTENT_TYPE:
        headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        headers["Content-Type"] = "text/html; charset=utf-8"
    return Reply(reply.status, None if body is None else json.dumps(body).encode(), headers)


def _instead(breakage: Breakage | None, request: ScimRequest) -> Reply | None:
    match breakage:
        case Breakage.UNAUTHORIZED:
            return _error(401, "Authorization failure. The authorization header is invalid or missing.")
        case Breakage.FORBIDDEN:
            return _error(403, "The account behind this token does not have permission to manage users.")
        case Breakage.SERVER_ERROR:
            return _error(503, "The service is temporarily unavailable.")
        case Breakage.TOO_MANY_REQUESTS:
            return _error(429, "Rate limit exceeded.", headers={"Retry-After": "30"})
        case Breakage.HTML_PAGE:
            return Reply(200, _PAGE.encode(), {"Content-Type": "text/html; charset=utf-8"})
        case Breakage.FILTER_REJECTED if request.query.get("filter"):
            return _error(400, "Resource [USER] invalid filter", "invalidFilter")
        case Breakage.PATCH_MISSING if request.method == "PATCH":
            return _error(501, "PATCH is not implemented.")
    return _refused_write(breakage, request) if request.method in {"POST", "PUT", "PATCH"} else None


def _refused_write(breakage: Breakage | None, request: ScimRequest) -> Reply | None:
    if breakage is Breakage.WRITE_HTML_PAGE:
        return Reply(500, _PAGE.encode(), {"Content-Type": "text/html; charset=utf-8"})
    if breakage is Breakage.MEMBER_UNRESOLVED and b"manager" not in (request.body or b""):
        return None
    if breakage is Breakage.IMMUTABLE and request.method == "POST":
        return None
    if breakage is Breakage.MIXED:
        breakage = _IN_TURN[next(_turns) % len(_IN_TURN)]
    refusal = None if breakage is None else _WRITES.get(breakage)
    return None if refusal is None else _error(refusal.status, refusal.detail, refusal.scim_type)


def _error(status: int, detail: str, scim_type: str = "", headers: Mapping[str, str] | None = None) -> Reply:
    body: dict[str, Any] = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": str(status),
        "detail": detail,
    }
    if scim_type:
        body["scimType"] = scim_type
    return Reply(status, json.dumps(body).encode(), {"Content-Type": _SCIM, **(headers or {})})


def _doubled(body: dict[str, Any], text: str) -> dict[str, Any]:
    """Show two resources with the name that was asked for; a name that cannot exist still gives none."""
    name = text.partition('"')[2].rstrip('"')
    if "@" not in name:
        return body
    twins = [
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": f"twin-{number}", "userName": name}
        for number in (1, 2)
    ]
    return {**body, "totalResults": 2, "itemsPerPage": 2, "Resources": twins}
