"""Targets that ask for a password, or for an access token of their own, are provisioned with the keys saved for it."""

import asyncio
import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.clock import ManualClock
from emulator.doors import Door, credential_in
from emulator.engine import users_named
from emulator.faults import DropRequest, RecordedRequest, Reset, Status
from emulator.settings import EmulatorSettings
from emulator.sign_in import SignIn, sign_in
from emulator.targets import Behaviour, Target
from emulator.tenant import Application, EmbeddedTenant
from tests.emulator.conftest import Caller, calling, cycle, job_path, secrets_path

REJECTED = "SystemForCrossDomainIdentityManagementCredentialValidationFailure"
MISSING = "SystemForCrossDomainIdentityManagementInvalidCredentials"
UNAVAILABLE = "CredentialValidationUnavailable"
OTHER_DOORS = (Door.BASIC, Door.CLIENT_CREDENTIALS)
NOBODY = {"filter": 'userName eq "nobody"'}


def basic(name: str, secret: str) -> str:
    """Write a Basic header."""
    return f"Basic {base64.b64encode(f'{name}:{secret}'.encode()).decode()}"


async def add(tenant: EmbeddedTenant, door: Door) -> Application:
    """Register an application behind this door, with two users."""
    return await tenant.add_application("Box", door=door, users=users_named("Box", 2))


async def save(tenant: EmbeddedTenant, clock: ManualClock, application: Application, pairs: Mapping[str, str]) -> None:
    """Save pairs and let them settle."""
    tenant.directory.secrets.put(application.service_principal.id, pairs)
    await clock.advance(timedelta(seconds=tenant.settings.secrets_settle))


async def verdict(caller: Caller, application: Application, pairs: Mapping[str, str] | None = None) -> str:
    """Test what is saved, or these pairs with the target's address; return the error's code, empty when they pass."""
    body: dict[str, Any] = {"useSavedCredentials": True}
    if pairs is not None:
        named = {"BaseAddress": application.target.tenant_url, **pairs}
        body = {"credentials": [{"key": key, "value": value} for key, value in named.items()]}
    response = await caller.graph("POST", job_path(application, "/validateCredentials"), body)
    return "" if response.status_code == 204 else str(response.json()["error"]["code"])


async def access(caller: Caller, target: Target, authorization: str, **form: str) -> httpx.Response:
    """Ask a target's token endpoint."""
    headers = {"Authorization": authorization} if authorization else {}
    return await caller.http.post(target.token_url, data=form, headers=headers)


@pytest.mark.parametrize("door", Door)
async def test_cycles_run_behind_every_door_until_its_credentials_end_and_new_ones_are_saved(
    tenant: EmbeddedTenant, clock: ManualClock, door: Door
) -> None:
    """Good pairs provision; expired ones quarantine the job with the code of a refused token; new ones heal it."""
    application = await add(tenant, door)
    job, target = application.job, application.target
    await cycle(tenant, clock)
    assert (job.code, len(target.users())) == ("Active", 2)
    target.expire_tokens()
    await cycle(tenant, clock)
    assert job.quarantine is not None
    assert job.quarantine.error is not None
    assert (job.quarantine.reason, job.quarantine.error.code) == ("EncounteredQuarantineException", REJECTED)
    assert "Response Status Code: Unauthorized" in job.quarantine.error.message
    await save(tenant, clock, application, target.issue_credentials())
    await cycle(tenant, clock)
    assert job.code == "Active"


@pytest.mark.parametrize("door", Door)
async def test_a_candidate_is_tested_without_being_saved(caller: Caller, tenant: EmbeddedTenant, door: Door) -> None:
    """New pairs pass while the saved ones are dead; made-up ones are rejected."""
    application = await add(tenant, door)
    assert await verdict(caller, application) == ""
    application.target.revoke_tokens()
    assert await verdict(caller, application) == REJECTED
    fresh = application.target.issue_credentials()
    assert await verdict(caller, application, fresh) == ""
    assert await verdict(caller, application, dict.fromkeys(fresh, "wrong")) == REJECTED
    assert tenant.directory.secret_saves == []


@pytest.mark.parametrize("door", OTHER_DOORS)
async def test_halves_that_do_not_belong_together_open_nothing(
    caller: Caller, tenant: EmbeddedTenant, door: Door
) -> None:
    """The name of one credential with the secret of another is rejected; where the vendor keeps the name, it is not."""
    application = await add(tenant, door)
    first, second = application.target.issue_credentials(), application.target.issue_credentials()
    name_key, secret_key = first
    assert first[name_key] != second[name_key]
    assert await verdict(caller, application, {**first, secret_key: second[secret_key]}) == REJECTED
    assert await verdict(caller, application, {name_key: first[name_key]}) == MISSING
    third = application.target.issue_credentials(name=first[name_key])
    assert third[name_key] == first[name_key]
    assert await verdict(caller, application, third) == ""


@pytest.mark.parametrize("door", Door)
async def test_what_a_new_credential_does_to_the_old_is_the_same_behind_every_door(
    clock: ManualClock, door: Door
) -> None:
    """Both live, the old one dies, or it lives on for a day; and validity ends by the clock."""
    for behaviour, at_once, a_day_later in (
        (Behaviour.STANDARD, True, True),
        (Behaviour.DRUVA, False, False),
        (Behaviour.WINDOW, True, False),
    ):
        target = Target("x", clock, behaviour, door=door)
        old, new = (":".join(target.issue_credentials().values()) for _ in range(2))
        assert (target.accepts(old), target.accepts(new)) == (at_once, True)
        await clock.advance(timedelta(days=1))
        assert (target.accepts(old), target.accepts(new)) == (a_day_later, True)
        brief = ":".join(target.issue_credentials(timedelta(hours=1)).values())
        await clock.advance(timedelta(hours=1))
        assert not target.accepts(brief)


async def test_each_door_takes_its_own_scheme_only(caller: Caller, tenant: EmbeddedTenant) -> None:
    """A password is no bearer token, a client's secret is no password, and every header sent is kept."""
    for door in OTHER_DOORS:
        target = (await tenant.add_application(door, door=door)).target
        name, secret = target.issue_credentials().values()
        wrong = [f"Bearer {name}:{secret}", f"Bearer {secret}", "Basic", "Basic ???", basic(name, "wrong"), ""]
        if door is Door.CLIENT_CREDENTIALS:
            wrong.append(basic(name, secret))
        for authorization in wrong:
            answer = await caller.http.get(
                f"{target.tenant_url}/Users", params=NOBODY, headers={"Authorization": authorization}
            )
            assert answer.status_code == 401, authorization
        assert target.authorizations == wrong
        with pytest.raises(ValueError, match="takes no secret token"):
            target.issue_token()


async def test_a_client_buys_an_access_token_that_ends_after_an_hour_or_with_its_secret(
    caller: Caller, tenant: EmbeddedTenant, clock: ManualClock
) -> None:
    """The endpoint answers as RFC 6749 says; the token opens the door until its hour is over or the client is gone."""
    target = (await add(tenant, Door.CLIENT_CREDENTIALS)).target
    client = basic(*target.issue_credentials().values())

    async def opened(token: str) -> bool:
        headers = {"Authorization": f"Bearer {token}"}
        answer = await caller.http.get(f"{target.tenant_url}/Users", params=NOBODY, headers=headers)
        return answer.status_code == 200

    answer = await access(caller, target, client, grant_type="client_credentials")
    body = answer.json()
    assert (answer.status_code, body["token_type"], body["expires_in"]) == (200, "Bearer", 3600)
    assert answer.headers["cache-control"] == "no-store"
    assert target.authorizations == [client]
    assert await opened(body["access_token"])
    await clock.advance(timedelta(hours=1))
    assert not await opened(body["access_token"])
    newer = (await access(caller, target, client, grant_type="client_credentials")).json()["access_token"]
    assert await opened(newer)
    target.revoke_tokens()
    assert not await opened(newer)


async def test_the_token_endpoint_refuses_what_the_standard_does(caller: Caller, tenant: EmbeddedTenant) -> None:
    """A client it does not know is 401; another grant, a form without one or with two, and no form are 400."""
    target = (await add(tenant, Door.CLIENT_CREDENTIALS)).target
    client = basic(*target.issue_credentials().values())
    for authorization in ("", basic("who", "knows"), "Bearer x"):
        refused = await access(caller, target, authorization, grant_type="client_credentials")
        assert (refused.status_code, refused.json()) == (401, {"error": "invalid_client"})
        assert refused.headers["www-authenticate"] == "Basic"
    other = await access(caller, target, client, grant_type="password")
    assert (other.status_code, other.json()) == (400, {"error": "unsupported_grant_type"})
    headers = {"Authorization": client, "Content-Type": "application/x-www-form-urlencoded"}
    for headers_sent, content in (
        (headers, ""),
        (headers, "grant_type=client_credentials&grant_type=client_credentials"),
        ({**headers, "Content-Type": "application/json"}, '{"grant_type": "client_credentials"}'),
    ):
        answer = await caller.http.post(target.token_url, content=content, headers=headers_sent)
        assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


async def test_only_a_target_with_that_door_has_a_token_endpoint(tenant: EmbeddedTenant, caller: Caller) -> None:
    """Elsewhere its path is not served."""
    for door in (Door.BEARER, Door.BASIC):
        target = (await tenant.add_application(door, door=door)).target
        assert (await access(caller, target, "", grant_type="client_credentials")).status_code == 501
    assert len(tenant.unserved) == 2
    tenant.unserved.clear()


async def test_the_saved_token_endpoint_is_used_or_else_the_targets_own(caller: Caller, tenant: EmbeddedTenant) -> None:
    """Its address is saved and readable; without it the endpoint of the target's origin is asked; nothing else is."""
    application = await add(tenant, Door.CLIENT_CREDENTIALS)
    response = await caller.graph("GET", secrets_path(application))
    shown = {pair["key"]: pair["value"] for pair in response.json()["value"]}
    assert shown["Oauth2TokenExchangeUri"] == application.target.token_url
    fresh = application.target.issue_credentials()
    assert await verdict(caller, application, fresh) == ""
    assert await verdict(caller, application, {**fresh, "Oauth2TokenExchangeUri": "http://127.0.0.1/x"}) == MISSING
    asked = application.target.request_count
    elsewhere = {**fresh, "Oauth2TokenExchangeUri": "https://login.vendor.example/token"}
    assert await verdict(caller, application, elsewhere) == UNAVAILABLE
    assert application.target.request_count == asked


async def test_a_token_endpoint_in_trouble_rejects_nothing(caller: Caller, tenant: EmbeddedTenant) -> None:
    """503, a lost connection and an answer without a token say nothing against the client; a 401 does."""
    application = await add(tenant, Door.CLIENT_CREDENTIALS)
    for fault, code in (
        (Status(503), UNAVAILABLE),
        (Status(429), UNAVAILABLE),
        (Reset(), UNAVAILABLE),
        (Status(200, body={"token": "x"}), "SystemForCrossDomainIdentityManagementServiceIncompatible"),
        (Status(401), REJECTED),
    ):
        tenant.faults.add("target:Box", "POST", "^/oauth2/token$", fault)
        assert await verdict(caller, application) == code
    assert await verdict(caller, application) == ""


async def test_a_token_endpoint_that_fails_amid_a_cycle_ends_it(tenant: EmbeddedTenant, clock: ManualClock) -> None:
    """Entries are not blamed for it: the cycle fails as one, and the next one succeeds."""
    application = await add(tenant, Door.CLIENT_CREDENTIALS)
    asked: list[str] = []

    async def drop_the_second(request: RecordedRequest) -> None:
        await asyncio.sleep(0)
        if request.path == "/oauth2/token":
            asked.append(request.path)
            if len(asked) == 2:
                raise DropRequest

    tenant.faults.before.append(drop_the_second)
    await cycle(tenant, clock)
    assert application.job.last is not None
    assert application.job.last.error is not None
    assert (application.job.last.error.code, tenant.records.provisioning) == (UNAVAILABLE, [])
    await cycle(tenant, clock)
    assert len(application.target.users()) == 2


@pytest.mark.parametrize("door", OTHER_DOORS)
async def test_a_careless_target_echoes_whatever_header_it_was_sent(
    state_dir: Any, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, door: Door
) -> None:
    """With the setting, the message carries the encoded password as it carries a token."""
    settings = EmulatorSettings(echo_token=True)
    async with (
        EmbeddedTenant(state_dir, settings=settings, clock=clock) as tenant,
        calling(tenant, monkeypatch) as caller,
    ):
        application = await add(tenant, door)
        keys = tuple(application.target.issue_credentials())
        pairs = {"BaseAddress": application.target.tenant_url, keys[0]: "who", keys[1]: "knows"}
        body = {"credentials": [{"key": key, "value": value} for key, value in pairs.items()]}
        response = await caller.graph("POST", job_path(application, "/validateCredentials"), body)
        assert f"Authorization: {basic('who', 'knows')}" in response.json()["error"]["message"]


async def test_a_granted_application_has_tokens_of_its_grant_and_no_secret_token(
    caller: Caller, tenant: EmbeddedTenant, clock: ManualClock
) -> None:
    """Both tokens are masked, cycles run with the access token until it ends, and no other door fits a grant."""
    application = await tenant.add_application("Box", oauth=True, users=users_named("Box", 2))
    response = await caller.graph("GET", secrets_path(application))
    shown = {pair["key"]: pair["value"] for pair in response.json()["value"]}
    assert (shown["Oauth2AccessToken"], shown["Oauth2RefreshToken"]) == ("*", "*")
    assert "SecretToken" not in shown
    await cycle(tenant, clock)
    saved = tenant.directory.secrets.effective(application.service_principal.id)
    assert set(application.target.authorizations) == {f"Bearer {saved['Oauth2AccessToken']}"}
    assert len(application.target.users()) == 2
    application.target.expire_tokens()
    await cycle(tenant, clock)
    assert application.job.quarantine is not None
    with pytest.raises(ValueError, match="takes no secret token"):
        await tenant.add_application("Other", oauth=True, door=Door.BASIC)
    with pytest.raises(ValueError, match="takes no secret token"):
        await tenant.add_application("Other", token="x", door=Door.BASIC)


async def test_a_vendors_api_stands_beside_the_target(tenant: EmbeddedTenant, caller: Caller) -> None:
    """What it mints opens the target's door; without a vendor there is no API."""
    application = await tenant.add_application("Databricks", vendor_api="databricks", base_path="/api/2.0/preview/scim")
    api = application.vendor_api
    assert api is not None
    headers = {"Authorization": f"Bearer {api.credential}"}
    minted = await caller.http.post(f"{application.target.origin}/api/2.0/token/create", json={}, headers=headers)
    assert await verdict(caller, application, {"SecretToken": minted.json()["token_value"]}) == ""
    assert (await tenant.add_application("Box")).vendor_api is None


def test_a_secret_token_goes_before_all_other_keys() -> None:
    """The scheme follows from the keys; half a pair is none, and a grant comes last."""
    token = {"SecretToken": "t"}
    password = {"UserName": "n", "Password": "p"}
    client = {"ClientIdentifier": "c", "ClientSecret": "s:+ ", "BaseAddress": "https://x.example/v2"}
    grant = {"Oauth2AccessToken": "g"}
    assert sign_in({**grant, **client, **password, **token}) == SignIn("Bearer t")
    assert sign_in({**grant, **client, **password}) == SignIn(basic("n", "p"))
    bought = SignIn(basic("c", quote_plus("s:+ ")), "https://x.example/oauth2/token")
    assert sign_in({**grant, **client}) == bought
    assert sign_in({**client, "UserName": "n"}) == bought
    assert sign_in({**grant, "ClientSecret": "s", "UserName": "n"}) == SignIn("Bearer g")
    assert sign_in({"UserName": "n", "ClientSecret": "s", "SecretToken": ""}) is None


_TEXT = st.characters(codec="utf-8")


@given(st.text(_TEXT, min_size=1).filter(lambda name: ":" not in name), st.text(_TEXT, min_size=1))
def test_any_name_and_secret_arrive_as_they_were_saved(name: str, secret: str) -> None:
    """What the connector writes into a header the door reads back, plain or form-encoded, whatever it holds."""
    plain = sign_in({"UserName": name, "Password": secret})
    client = sign_in({"ClientIdentifier": name, "ClientSecret": secret})
    assert plain is not None
    assert client is not None
    assert credential_in(plain.authorization) == f"{name}:{secret}"
    assert credential_in(client.authorization, encoded=True) == f"{name}:{secret}"


@given(st.text() | st.text().map(lambda text: f"Basic {text}") | st.binary().map(lambda raw: f"Basic {raw.hex()}"))
def test_no_header_breaks_a_door(authorization: str) -> None:
    """Whatever a header holds, it is a name and a secret, or nothing."""
    found = credential_in(authorization)
    assert found is None or ":" in found
