"""The Token API 2.0 of an emulated Databricks workspace: personal access tokens that open SCIM.

Source: Databricks Token API 2.0 (docs.databricks.com); error codes `RESOURCE_DOES_NOT_EXIST`, `QUOTA_EXCEEDED` and
`INVALID_PARAMETER_VALUE` of the REST API reference; 401 and 403 as public clients record them. Assumed: 400 for
unknown members and for `QUOTA_EXCEEDED`, and that a lifetime above 730 days is refused.
"""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, override

from aiohttp import web

from emulator.clock import Clock
from emulator.targets import Target
from emulator.vendor_apis.common import Handler, Minting, Problem, VendorApi, bearer

_QUOTA = 600
_LONGEST = timedelta(days=730)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Databricks(VendorApi):
    """One workspace, whose admin's token is the credential."""

    def __init__(self, target: Target, clock: Clock) -> None:
        super().__init__(target, clock)
        self.credential = _value()
        self.quota = _QUOTA
        self.default_lifetime: timedelta | None = _LONGEST
        """Of tokens that name none; older pages say that they live for ever."""

    @override
    def doors(self) -> Iterable[tuple[str, str, Handler]]:
        base = "/api/2.0/token"
        return [
            ("POST", f"{base}/create", self._create),
            ("GET", f"{base}/list", self._list),
            ("POST", f"{base}/delete", self._delete),
        ]

    @override
    def wording(self, problem: Problem) -> dict[str, Any]:
        return {"error_code": problem.code, "message": problem.message}

    async def _create(self, request: web.Request) -> web.Response:
        self._admit(request)
        body = await self.body(request, "lifetime_seconds", "comment")
        seconds, comment = body.get("lifetime_seconds"), body.get("comment", "")
        if not isinstance(comment, str):
            raise Problem(400, "INVALID_PARAMETER_VALUE", "comment must be a string.")
        valid_for = self.default_lifetime if seconds is None else _lifetime(seconds)
        if len(self.live()) >= self.quota:
            raise Problem(400, "QUOTA_EXCEEDED", f"The quota of {self.quota} tokens is exceeded.")
        made = self.issue(secrets.token_hex(32), _value(), comment, valid_for)
        return self.answer({"token_value": made.value, "token_info": _info(made)})

    async def _list(self, request: web.Request) -> web.Response:
        self._admit(request)
        live = self.live()
        return self.answer({"token_infos": [_info(one) for one in live]} if live else {})

    async def _delete(self, request: web.Request) -> web.Response:
        self._admit(request)
        token_id = (await self.body(request, "token_id")).get("token_id")
        if not isinstance(token_id, str) or not self.revoke(token_id, self.live()):
            raise Problem(404, "RESOURCE_DOES_NOT_EXIST", f"Token with ID {token_id} does not exist.")
        return self.answer({})

    def _admit(self, request: web.Request) -> None:
        token = bearer(request)
        if not token:
            raise Problem(401, "401", "Credential was not sent or was of an unsupported type for this API.")
        if token != self.credential:
            raise Problem(403, "403", "Invalid access token.")


def _lifetime(seconds: object) -> timedelta:
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 < seconds <= _LONGEST.total_seconds():
        raise Problem(400, "INVALID_PARAMETER_VALUE", "lifetime_seconds is outside what this workspace allows.")
    return timedelta(seconds=seconds)


def _value() -> str:
    return f"dapi{secrets.token_hex(16)}"


def _info(one: Minting) -> dict[str, Any]:
    expires = -1 if one.expires is None else _milliseconds(one.expires)
    created = _milliseconds(one.at)
    return {"token_id": one.token_id, "creation_time": created, "expiry_time": expires, "comment": one.label}


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
