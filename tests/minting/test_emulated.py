"""The emulated APIs are as strict as the vendors' pages: a request that is wrong in one way is refused for that."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from emulator.vendor_apis.auth0 import Auth0
from emulator.vendor_apis.hcp_terraform import HcpTerraform
from tests.minting.conftest import START, Scene, staged

JSON_API = "application/vnd.api+json"


async def send(
    scene: Scene, method: str, path: str, token: str | None, body: Any = None, **headers: str
) -> httpx.Response:
    """Send a request as anybody could."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    content = body if isinstance(body, str) or body is None else json.dumps(body)
    sent.setdefault("Content-Type", "application/json")
    return await scene.browser.request(method, scene.target.origin + path, headers=sent, content=content)


@pytest.fixture
async def databricks(state_dir: Path) -> AsyncIterator[Scene]:
    """Return a workspace."""
    async with staged("databricks", state_dir) as scene:
        yield scene


@pytest.fixture
async def terraform(state_dir: Path) -> AsyncIterator[Scene]:
    """Return an organization."""
    async with staged("hcp_terraform", state_dir) as scene:
        yield scene


@pytest.fixture
async def snowflake(state_dir: Path) -> AsyncIterator[Scene]:
    """Return an account."""
    async with staged("snowflake", state_dir) as scene:
        yield scene


@pytest.fixture
async def auth0(state_dir: Path) -> AsyncIterator[Scene]:
    """Return a tenant."""
    async with staged("auth0", state_dir) as scene:
        yield scene


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 200, None),
        ({"comment": "x", "lifetime_seconds": 60}, 200, None),
        ({"comment": 5}, 400, "INVALID_PARAMETER_VALUE"),
        ({"lifetime_seconds": 0}, 400, "INVALID_PARAMETER_VALUE"),
        ({"lifetime_seconds": "60"}, 400, "INVALID_PARAMETER_VALUE"),
        ({"lifetime_seconds": True}, 400, "INVALID_PARAMETER_VALUE"),
        ({"lifetime_seconds": 731 * 86400}, 400, "INVALID_PARAMETER_VALUE"),
        ({"lifetime": 60}, 400, "MALFORMED_REQUEST"),
        ([], 400, "MALFORMED_REQUEST"),
        ("{", 400, "MALFORMED_REQUEST"),
    ],
)
async def test_databricks_create(databricks: Scene, body: Any, status: int, code: str | None) -> None:
    """Only what the page names is taken; a refusal makes no token."""
    answer = await send(databricks, "POST", "/api/2.0/token/create", databricks.api.credential, body)
    assert (answer.status_code, answer.json().get("error_code")) == (status, code)
    assert len(databricks.api.minted) == (status == 200)


async def test_databricks_credentials(databricks: Scene) -> None:
    """No token is 401, a wrong one 403, on every door; a form is no JSON."""
    minted = databricks.api.issue("id", "scim-token", "", None)
    for method, path in (("POST", "create"), ("GET", "list"), ("POST", "delete")):
        url = f"/api/2.0/token/{path}"
        assert (await send(databricks, method, url, None, {})).status_code == 401
        for wrong in ("wrong", minted.value):
            assert (await send(databricks, method, url, wrong, {})).status_code == 403
    form = "application/x-www-form-urlencoded"
    url = "/api/2.0/token/create"
    answer = await send(databricks, "POST", url, databricks.api.credential, "comment=x", Content_Type=form)
    assert answer.status_code == 415


async def test_databricks_delete(databricks: Scene) -> None:
    """What is not there, or is no id, does not exist."""
    for body in ({"token_id": "unknown"}, {"token_id": 5}, {}):
        answer = await send(databricks, "POST", "/api/2.0/token/delete", databricks.api.credential, body)
        assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


def token_body(**attributes: Any) -> dict[str, Any]:
    """Return the body that creates an HCP Terraform token."""
    return {"data": {"type": "authentication-tokens", "attributes": attributes}}


def at(**ahead: float) -> str:
    """Return a moment so far ahead of the start, as the page writes it."""
    return (START + timedelta(**ahead)).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (token_body(), 201),
        (token_body(description=None), 201),
        (token_body(**{"description": "x", "expired-at": at(days=30)}), 201),
        (token_body(**{"expired-at": at(days=365)}), 201),
        (token_body(**{"expired-at": at(days=30, seconds=-1)}), 400),
        (token_body(**{"expired-at": at(days=365, seconds=1)}), 400),
        (token_body(**{"expired-at": at(days=-5)}), 400),
        (token_body(**{"expired-at": "next year"}), 400),
        (token_body(**{"expired-at": None}), 400),
        (token_body(**{"expired-at": at(days=60).removesuffix("Z")}), 400),
        (token_body(expires=1), 400),
        (token_body(description=5), 422),
        ({"data": {"type": "tokens"}}, 422),
        ({"data": {"attributes": {}}}, 422),
        ({"data": []}, 400),
        ({}, 400),
    ],
)
async def test_terraform_create(terraform: Scene, body: Any, status: int) -> None:
    """The type is needed, the date must be UTC and 30 to 365 days ahead, and nothing else is taken."""
    path = f"/api/v2/scim-configurations/{terraform.api.subject}/authentication-tokens"
    answer = await send(terraform, "POST", path, terraform.api.credential, body, Content_Type=JSON_API)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith(JSON_API)
    assert len(terraform.api.minted) == (status == 201)


async def test_terraform_credentials(terraform: Scene) -> None:
    """No or a wrong token is 401; a valid one of an outsider, or another configuration, is 404; plain JSON is 415."""
    assert isinstance(terraform.api, HcpTerraform)
    path = f"/api/v2/scim-configurations/{terraform.api.subject}/authentication-tokens"
    for token, status in ((None, 401), ("wrong", 401), (terraform.api.outsider, 404)):
        for method, where in (("POST", path), ("GET", path), ("DELETE", "/api/v2/authentication-tokens/at-1")):
            answer = await send(terraform, method, where, token, token_body(), Content_Type=JSON_API)
            assert answer.status_code == status
    credential = terraform.api.credential
    other = path.replace(terraform.api.subject, "scimconf-other")
    assert (await send(terraform, "GET", other, credential)).status_code == 404
    assert (await send(terraform, "POST", path, credential, token_body())).status_code == 415


async def test_terraform_pages(terraform: Scene) -> None:
    """20 tokens a page unless asked, 100 at most; values are never listed."""
    for number in range(105):
        terraform.api.issue(f"at-{number}", f"value-{number}", "x", None)
    path = f"/api/v2/scim-configurations/{terraform.api.subject}/authentication-tokens"
    for query, size, following in (
        ("", 20, 2),
        ("?page%5Bsize%5D=500", 100, 2),
        ("?page%5Bsize%5D=100&page%5Bnumber%5D=2", 5, None),
        ("?page%5Bnumber%5D=9", 0, None),
    ):
        answer = await send(terraform, "GET", path + query, terraform.api.credential)
        assert len(answer.json()["data"]) == size
        assert answer.json()["meta"]["pagination"]["next-page"] == following
        assert "value-" not in answer.text
    answer = await send(terraform, "GET", path + "?page%5Bsize%5D=0", terraform.api.credential)
    assert answer.status_code == 400


STATEMENT = {"statement": "select system$generate_scim_access_token('AAD_PROVISIONING')"}


@cache
def _key(pem: str) -> rsa.RSAPrivateKey:
    read = load_pem_private_key(pem.encode(), None)
    assert isinstance(read, rsa.RSAPrivateKey)
    return read


def signed(scene: Scene, *, key: rsa.RSAPrivateKey | None = None, algorithm: str = "RS256", **changes: Any) -> str:
    """Sign what the page asks for, with changes."""
    read = _key(json.loads(scene.api.credential)["private_key"])
    public = read.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    fingerprint = base64.b64encode(hashlib.sha256(public).digest()).decode()
    subject = "CONTOSO-MAIN.PRATIQUE"
    claims: dict[str, Any] = {
        "iss": f"{subject}.SHA256:{fingerprint}",
        "sub": subject,
        "iat": START,
        "exp": START + timedelta(minutes=59),
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, "k" * 32 if algorithm == "HS256" else key or read, algorithm=algorithm)


async def run(scene: Scene, token: str | None, body: Any = STATEMENT, **headers: str) -> tuple[int, str]:
    """Run a statement; return status and code."""
    kind = {"X_Snowflake_Authorization_Token_Type": "KEYPAIR_JWT", "User_Agent": "test/1"}
    answer = await send(scene, "POST", "/api/v2/statements", token, body, **{**kind, **headers})
    return answer.status_code, answer.json()["code"]


async def test_snowflake_claims(snowflake: Scene) -> None:
    """Issuer with the key's fingerprint, subject in capitals, times by the server's clock and an hour apart at most."""
    assert await run(snowflake, signed(snowflake)) == (200, "090001")
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    late: dict[str, datetime] = {"iat": START - timedelta(hours=2), "exp": START - timedelta(hours=1)}
    wrong: list[Mapping[str, Any]] = [
        {"iss": "CONTOSO-MAIN.PRATIQUE"},
        {"iss": "CONTOSO-MAIN.PRATIQUE.SHA256:" + base64.b64encode(bytes(32)).decode()},
        {"sub": "contoso-main.pratique"},
        {"sub": "CONTOSO-MAIN.OTHER"},
        {"exp": START + timedelta(hours=1, seconds=1)},
        {"iat": START + timedelta(minutes=2), "exp": START + timedelta(minutes=10)},
        late,
        {"exp": START},
        {"iat": None},
        {"exp": None},
        {"sub": None},
        {"iss": None},
        {"key": other},
        {"algorithm": "HS256"},
        {"algorithm": "RS512"},
    ]
    for changes in wrong:
        assert await run(snowflake, signed(snowflake, **changes)) == (401, "390144"), changes
    assert len(snowflake.api.minted) == 1


async def test_snowflake_headers(snowflake: Scene) -> None:
    """The kind of token and the user agent are needed; the body is JSON."""
    token = signed(snowflake)
    assert (await run(snowflake, None))[0] == 401
    assert (await run(snowflake, "wrong"))[0] == 401
    assert (await run(snowflake, token, X_Snowflake_Authorization_Token_Type="OAUTH"))[0] == 401
    assert await run(snowflake, token, User_Agent="nameless") == (400, "391903")
    assert (await run(snowflake, token, Content_Type="text/plain"))[0] == 415


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({**STATEMENT, "role": "AAD_PROVISIONER"}, 200, "090001"),
        ({"statement": STATEMENT["statement"].upper() + ";"}, 200, "090001"),
        ({"statement": STATEMENT["statement"].replace("AAD_", "aad_")}, 422, "002003"),
        ({"statement": "drop integration AAD_PROVISIONING"}, 422, "001003"),
        ({"statement": STATEMENT["statement"] + "; select 1"}, 422, "001003"),
        ({"statement": 5}, 422, "001003"),
        ({}, 422, "001003"),
        ({**STATEMENT, "role": "NOBODY"}, 422, "390189"),
        ({**STATEMENT, "sql": "x"}, 400, "MALFORMED_REQUEST"),
    ],
)
async def test_snowflake_statements(snowflake: Scene, body: Any, status: int, code: str) -> None:
    """One statement runs, in whatever case its words are; the integration's name is in capitals."""
    assert await run(snowflake, signed(snowflake), body) == (status, code)
    assert len(snowflake.api.minted) == (status == 200)


async def access(scene: Scene, **changes: str | None) -> httpx.Response:
    """Ask for an access token."""
    assert isinstance(scene.api, Auth0)
    form: dict[str, str | None] = {
        "grant_type": "client_credentials",
        "client_id": scene.api.client_id,
        "client_secret": scene.api.client_secret,
        "audience": f"{scene.target.origin}/api/v2/",
        **changes,
    }
    sent = {name: value for name, value in form.items() if value is not None}
    return await scene.browser.post(f"{scene.target.origin}/oauth/token", data=sent)


async def test_auth0_sign_in(auth0: Scene) -> None:
    """Client, secret, audience and grant must all be right; JSON is not what the flow's page shows."""
    assert (await access(auth0)).status_code == 200
    for changes, status in (
        ({"client_id": "other"}, 401),
        ({"client_secret": "wrong"}, 401),
        ({"audience": "https://elsewhere.example/api/v2/"}, 403),
        ({"grant_type": "password"}, 403),
        ({"audience": None}, 400),
        ({"scope": "x"}, 400),
    ):
        answer = await access(auth0, **changes)
        assert answer.status_code == status
        assert set(answer.json()) == {"error", "error_description"}
    answer = await auth0.browser.post(f"{auth0.target.origin}/oauth/token", json={})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 201),
        ({"scopes": ["get:users"], "token_lifetime": 901}, 201),
        ({"token_lifetime": None}, 201),
        ({"token_lifetime": 900}, 400),
        ({"token_lifetime": "901"}, 400),
        ({"token_lifetime": True}, 400),
        ({"scopes": []}, 400),
        ({"scopes": "get:users"}, 400),
        ({"scopes": ["eat:users"]}, 400),
        ({"lifetime": 901}, 400),
    ],
)
async def test_auth0_create(auth0: Scene, body: Any, status: int) -> None:
    """Scopes that there are, more than 900 seconds or for ever, and nothing else."""
    token = (await access(auth0)).json()["access_token"]
    path = f"/api/v2/connections/{auth0.api.subject}/scim-configuration/tokens"
    answer = await send(auth0, "POST", path, token, body)
    assert answer.status_code == status, answer.text
    assert len(auth0.api.minted) == (status == 201)


async def test_auth0_access(auth0: Scene) -> None:
    """An access token lasts a day, and opens only the connection that there is; the client's secret opens nothing."""
    assert isinstance(auth0.api, Auth0)
    token = (await access(auth0)).json()["access_token"]
    path = f"/api/v2/connections/{auth0.api.subject}/scim-configuration/tokens"
    assert (await send(auth0, "GET", path, token)).json() == []
    assert (await send(auth0, "GET", path.replace("con_", "con_x"), token)).status_code == 404
    assert (await send(auth0, "DELETE", f"{path}/tok_x", token)).status_code == 404
    for wrong in (None, "wrong", auth0.api.client_secret):
        assert (await send(auth0, "GET", path, wrong)).status_code == 401
    await auth0.clock.advance(timedelta(hours=24))
    assert (await send(auth0, "GET", path, token)).status_code == 401


async def test_a_door_that_there_is_not(databricks: Scene) -> None:
    """What the API does not serve is answered 501, as everywhere in the tenant, and counts as neither."""
    answer = await send(databricks, "GET", "/api/2.0/token/create", databricks.api.credential)
    assert answer.status_code == 501
    assert databricks.target.authorizations == databricks.target.api_authorizations == []
    assert databricks.unserved == ["target:databricks: GET /api/2.0/token/create"]
    databricks.unserved.clear()
