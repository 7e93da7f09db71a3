"""The SQL API of an emulated Snowflake account, which runs one statement: the one that generates a SCIM token.

Sources: `SYSTEM$GENERATE_SCIM_ACCESS_TOKEN`, "Snowflake SQL API reference", "Authenticating to the server"
(docs.snowflake.com). Errors 390144 (JWT), 391903 (User-Agent), 001003 and 002003 (SQL) are as public clients record
them. Assumed: every other code and wording, and that a JWT may be a minute ahead of the server's clock.
"""

import base64
import hashlib
import json
import re
import secrets
import uuid
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import Any, override

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from emulator.clock import Clock
from emulator.targets import Target
from emulator.vendor_apis.common import Handler, Problem, VendorApi, bearer

_ACCOUNT, _USER, _ROLE = "CONTOSO-MAIN", "PRATIQUE", "AAD_PROVISIONER"
_LIFETIME = timedelta(days=181)
_LONGEST_JWT, _AHEAD = 3600, 60
_STATEMENT = re.compile(r"\s*select\s+system\$generate_scim_access_token\('([^']*)'\)\s*;?\s*", re.IGNORECASE)
_USER_AGENT = re.compile(r"[\w.-]+/[\w.-]+.*")
_MEMBERS = ("statement", "timeout", "database", "schema", "warehouse", "role", "bindings", "parameters")


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Snowflake(VendorApi):
    """One account with a SCIM integration, and a user whose public key it knows."""

    def __init__(self, target: Target, clock: Clock) -> None:
        super().__init__(target, clock)
        self.subject = "AAD_PROVISIONING"
        self.running = 0
        """How many looks at a statement find it running still."""
        self._statements: dict[str, tuple[int, str]] = {}
        pem = _key().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        login = {"account": f"{_ACCOUNT}.west-europe.azure", "user": _USER.lower(), "private_key": pem.decode()}
        self.credential = json.dumps({**login, "role": _ROLE})

    @override
    def doors(self) -> Iterable[tuple[str, str, Handler]]:
        return [
            ("POST", "/api/v2/statements", self._run),
            ("GET", "/api/v2/statements/{handle}", self._look),
        ]

    @override
    def wording(self, problem: Problem) -> dict[str, Any]:
        return {"code": problem.code, "message": problem.message}

    async def _run(self, request: web.Request) -> web.Response:
        self._admit(request)
        body = await self.body(request, *_MEMBERS)
        if body.get("role", _ROLE) != _ROLE:
            raise Problem(422, "390189", "The requested role does not exist or is not authorized.")
        statement = body.get("statement")
        asked = _STATEMENT.fullmatch(statement) if isinstance(statement, str) else None
        if asked is None:
            raise Problem(422, "001003", "SQL compilation error: syntax error.")
        if asked[1] != self.subject:
            raise Problem(422, "002003", "SQL compilation error: the integration does not exist or is not authorized.")
        made = self.issue("", f"ver:1-hint:{secrets.randbelow(10**9)}-ETMs{secrets.token_hex(40)}", "", _LIFETIME)
        handle = str(uuid.uuid4())
        self._statements[handle] = (self.running, made.value)
        return self._result(handle)

    async def _look(self, request: web.Request) -> web.Response:
        self._admit(request)
        handle = request.match_info["handle"]
        if handle not in self._statements:
            raise Problem(404, "391404", "There is no such statement.")
        running, value = self._statements[handle]
        self._statements[handle] = (max(running - 1, 0), value)
        return self._result(handle)

    def _result(self, handle: str) -> web.Response:
        running, value = self._statements[handle]
        known = {"statementHandle": handle, "statementStatusUrl": f"/api/v2/statements/{handle}"}
        if running:
            said = "Asynchronous execution in progress."
            return self.answer({"code": "333334", "message": said, **known}, 202)
        columns = [{"name": "SYSTEM$GENERATE_SCIM_ACCESS_TOKEN", "type": "text", "nullable": True}]
        meta = {"numRows": 1, "format": "jsonv2", "rowType": columns, "partitionInfo": [{"rowCount": 1}]}
        done = {"code": "090001", "sqlState": "00000", "message": "Statement executed successfully."}
        created = int(self.clock.now().timestamp() * 1000)
        return self.answer({"resultSetMetaData": meta, "data": [[value]], "createdOn": created, **done, **known})

    def _admit(self, request: web.Request) -> None:
        if not _USER_AGENT.fullmatch(request.headers.get("User-Agent", "")):
            raise Problem(400, "391903", "The User-Agent header must name an application and its version.")
        if request.headers.get("X-Snowflake-Authorization-Token-Type") != "KEYPAIR_JWT":
            raise Problem(401, "390303", "The token is no OAuth access token.")
        if not bearer(request):
            raise Problem(401, "390201", "The authorization header is missing.")
        if not self._signed_well(bearer(request)):
            raise Problem(401, "390144", "JWT token is invalid.")

    def _signed_well(self, token: str) -> bool:
        unchecked = {"verify_exp": False, "verify_iat": False, "require": ["iss", "sub", "iat", "exp"]}
        try:
            claims = jwt.decode(token, _key().public_key(), algorithms=["RS256"], options=unchecked)  # type: ignore[arg-type]
        except jwt.PyJWTError:
            return False
        public = (
            _key()
            .public_key()
            .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        fingerprint = base64.b64encode(hashlib.sha256(public).digest()).decode()
        subject = f"{_ACCOUNT}.{_USER}"
        if (claims["iss"], claims["sub"]) != (f"{subject}.SHA256:{fingerprint}", subject):
            return False
        now, begins, ends = self.clock.now().timestamp(), int(claims["iat"]), int(claims["exp"])
        return begins <= now + _AHEAD and now < ends <= begins + _LONGEST_JWT
