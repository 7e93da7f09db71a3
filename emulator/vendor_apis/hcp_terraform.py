"""The SCIM token endpoints of an emulated HCP Terraform organization.

Source: "SCIM tokens API reference" (developer.hashicorp.com/terraform/cloud-docs/api-docs/scim/tokens) and its
overview of the API (media type, pages, 401). Assumed: 422 for a body that is malformed otherwise than by its date, and
that expired tokens are listed until they are deleted.
"""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, override

from aiohttp import web

from emulator.clock import Clock
from emulator.targets import Target
from emulator.vendor_apis.common import Handler, Minting, Problem, VendorApi, bearer, checked, utc

_SHORTEST, _LONGEST = timedelta(days=30), timedelta(days=365)
_PAGE, _LARGEST_PAGE = 20, 100


class HcpTerraform(VendorApi):
    """One organization with a SCIM configuration; the credential belongs to its owners team."""

    media_type = "application/vnd.api+json"

    def __init__(self, target: Target, clock: Clock) -> None:
        super().__init__(target, clock)
        self.subject = f"scimconf-{secrets.token_hex(10)}"
        self.credential = _value()
        self.outsider = _value()
        """A valid token of somebody who is not of the owners team."""

    @override
    def doors(self) -> Iterable[tuple[str, str, Handler]]:
        tokens = "/api/v2/scim-configurations/{configuration}/authentication-tokens"
        return [
            ("POST", tokens, self._create),
            ("GET", tokens, self._list),
            ("DELETE", "/api/v2/authentication-tokens/{token}", self._delete),
        ]

    @override
    def wording(self, problem: Problem) -> dict[str, Any]:
        return {"errors": [{"status": str(problem.status), "title": problem.code, "detail": problem.message}]}

    async def _create(self, request: web.Request) -> web.Response:
        self._admit(request)
        body = await self.body(request, "data")
        data = checked(body.get("data"), "type", "attributes")
        if data.get("type") != "authentication-tokens":
            raise Problem(422, "unprocessable entity", "data.type must be authentication-tokens.")
        attributes = checked(data.get("attributes", {}), "description", "expired-at")
        description = attributes.get("description")
        if description is not None and not isinstance(description, str):
            raise Problem(422, "unprocessable entity", "data.attributes.description must be a string.")
        valid_for = self._valid_for(attributes)
        made = self.issue(f"at-{secrets.token_hex(8)}", _value(), description or "", valid_for)
        return self.answer({"data": _resource(made, shown=True)}, 201)

    async def _list(self, request: web.Request) -> web.Response:
        self._admit(request)
        number = _positive(request, "page[number]", 1)
        size = min(_positive(request, "page[size]", _PAGE), _LARGEST_PAGE)
        tokens = self.kept()
        pages = max(1, -(-len(tokens) // size))
        page = tokens[(number - 1) * size : number * size]
        pagination = {
            "current-page": number,
            "prev-page": number - 1 if number > 1 else None,
            "next-page": number + 1 if number < pages else None,
            "total-pages": pages,
            "total-count": len(tokens),
        }
        return self.answer({"data": [_resource(one) for one in page], "meta": {"pagination": pagination}})

    async def _delete(self, request: web.Request) -> web.Response:
        self._admit(request)
        if not self.revoke(request.match_info["token"], self.kept()):
            raise _missing()
        return web.Response(status=204)

    def _admit(self, request: web.Request) -> None:
        token = bearer(request)
        if token not in (self.credential, self.outsider):
            raise Problem(401, "unauthorized", "The token is missing or invalid.")
        if token == self.outsider or request.match_info.get("configuration", self.subject) != self.subject:
            raise _missing()

    def _valid_for(self, attributes: dict[str, Any]) -> timedelta:
        if "expired-at" not in attributes:
            return _LONGEST
        try:
            expires = datetime.fromisoformat(attributes["expired-at"])
        except (TypeError, ValueError):
            raise Problem(400, "bad request", "expired-at is not a valid date.") from None
        now = self.clock.now()
        if expires.utcoffset() != timedelta() or not _SHORTEST <= expires - now <= _LONGEST:
            raise Problem(400, "bad request", "expired-at must be UTC, 30 days to one year ahead.")
        return expires.astimezone(UTC) - now


def _missing() -> Problem:
    return Problem(404, "not found", "Not found, or you are not authorized to perform this action.")


def _positive(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise Problem(400, "bad request", f"{name} must be a positive number.")
    return int(text)


def _value() -> str:
    return f"{secrets.token_hex(7)}.atlasv1.{secrets.token_hex(33)}"


def _resource(one: Minting, *, shown: bool = False) -> dict[str, Any]:
    attributes = {
        "created-at": utc(one.at),
        "last-used-at": None,
        "description": one.label or None,
        "token": one.value if shown else None,
        "expired-at": utc(one.expires),
        "is-ttl-rejected": False,
    }
    return {"id": one.token_id, "type": "authentication-tokens", "attributes": attributes}
