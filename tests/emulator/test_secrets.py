"""Credentials are tested against the target for real, saved late, and never shown."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from emulator.clock import ManualClock
from emulator.faults import Reset, Status
from emulator.settings import EmulatorSettings, SecretsPut
from emulator.targets import Behaviour
from emulator.tenant import Application, EmbeddedTenant
from tests.emulator.conftest import Caller, calling, job_path, secrets_path

SAVED = {"useSavedCredentials": True}


@pytest.fixture
async def application(tenant: EmbeddedTenant) -> Application:
    """Return an application whose saved credentials are good."""
    return await tenant.add_application("Box", other_secrets={"ClientSecret": "other", "UserName": "svc"})


def pairs(credentials: Mapping[str, str]) -> list[dict[str, str]]:
    """Write credentials as Graph takes them."""
    return [{"key": key, "value": value} for key, value in credentials.items()]


async def shown(caller: Caller, application: Application) -> dict[str, str]:
    """Read what GET shows of the saved credentials."""
    response = await caller.graph("GET", secrets_path(application))
    return {pair["key"]: pair["value"] for pair in response.json()["value"]}


async def validate(caller: Caller, application: Application, body: Mapping[str, Any]) -> tuple[int, str, str]:
    """Ask for a test of credentials; return status, code and message."""
    response = await caller.graph("POST", job_path(application, "/validateCredentials"), body)
    error = response.json()["error"] if response.content else {"code": "", "message": ""}
    return response.status_code, error["code"], error["message"]


def candidate(application: Application, token: str) -> dict[str, Any]:
    """Return the body that tests a token which is not saved."""
    credentials = {"BaseAddress": application.target.tenant_url, "SecretToken": token}
    return {"credentials": pairs(credentials), "useSavedCredentials": False}


async def test_secret_values_read_as_a_star(caller: Caller, application: Application) -> None:
    """Tokens and client secrets are masked; settings are readable."""
    values = await shown(caller, application)
    assert (values["SecretToken"], values["ClientSecret"]) == ("*", "*")
    assert (values["UserName"], values["BaseAddress"]) == ("svc", application.target.tenant_url)


async def test_names_are_readable_and_what_opens_a_door_is_not(caller: Caller, tenant: EmbeddedTenant) -> None:
    """User and client names and addresses are shown; passwords, secrets, keys and the tokens of a grant are stars."""
    hidden = {"Password", "ClientSecret", "AppKey", "ConsumerSecret", "TokenKey", "Oauth2ClientSecret"}
    hidden |= {"Oauth2AccessToken", "Oauth2RefreshToken", "Oauth2AuthorizationCode", "ConnectionString"}
    readable = {"UserName", "ClientIdentifier", "Oauth2ClientId", "ConsumerKey", "Oauth2TokenExchangeUri", "CompanyId"}
    application = await tenant.add_application("Zoom", other_secrets=dict.fromkeys(hidden | readable, "value"))
    values = await shown(caller, application)
    assert {key for key in hidden | readable if values[key] == "*"} == hidden
    assert {values[key] for key in readable} == {"value"}


async def test_a_save_settles_late(
    caller: Caller, application: Application, tenant: EmbeddedTenant, clock: ManualClock
) -> None:
    """Reads and tests see what was saved before until the delay has passed, and the new from then on."""
    url = f"{application.target.origin}/elsewhere"
    body = {"value": pairs({"BaseAddress": url})}
    assert (await caller.graph("PUT", secrets_path(application), body)).status_code == 204
    assert (await shown(caller, application))["BaseAddress"] == application.target.tenant_url
    assert (await validate(caller, application, SAVED))[0] == 204
    await clock.advance(timedelta(seconds=tenant.settings.secrets_settle))
    assert (await shown(caller, application))["BaseAddress"] == url
    (save,) = tenant.directory.secret_saves
    assert (save.service_principal_id, save.keys) == (application.service_principal.id, ("BaseAddress",))


@pytest.mark.parametrize(("mode", "kept"), [(SecretsPut.MERGE, True), (SecretsPut.REPLACE, False)])
async def test_put_merges_or_replaces(
    state_dir: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, mode: SecretsPut, kept: bool
) -> None:
    """The setting decides what becomes of keys that a PUT does not name; an empty value removes its key."""
    settings = EmulatorSettings(secrets_put=mode, secrets_settle=0)
    async with (
        EmbeddedTenant(state_dir, settings=settings, clock=clock) as tenant,
        calling(tenant, monkeypatch) as caller,
    ):
        application = await tenant.add_application("Box", other_secrets={"ClientSecret": "other", "UserName": "svc"})
        body = {"value": pairs({"SecretToken": "new", "UserName": ""})}
        assert (await caller.graph("PUT", secrets_path(application), body)).status_code == 204
        saved = tenant.directory.secrets.effective(application.service_principal.id)
        assert saved["SecretToken"] == "new"
        assert "UserName" not in saved
        assert ("ClientSecret" in saved, "SyncNotificationSettings" in saved) == (kept, kept)


async def test_a_star_is_saved_as_a_star(
    caller: Caller, application: Application, tenant: EmbeddedTenant, clock: ManualClock
) -> None:
    """Sending back what GET showed destroys the token: the trap is kept."""
    values = await shown(caller, application)
    await caller.graph("PUT", secrets_path(application), {"value": pairs(values)})
    await clock.advance(timedelta(seconds=tenant.settings.secrets_settle))
    assert tenant.directory.secrets.effective(application.service_principal.id)["SecretToken"] == "*"
    assert (await validate(caller, application, SAVED))[0] == 400


@pytest.mark.parametrize(
    ("value", "status", "code"),
    [
        ([{"key": "secretToken", "value": "x"}], 500, "InternalError"),
        ([{"key": "SyncNotificationSettings", "value": ""}], 400, "UnknownError"),
        ([{"value": "x"}], 400, "BadRequest"),
        ([{"key": "SecretToken", "value": "x", "more": 1}], 400, "BadRequest"),
        ("SecretToken", 400, "BadRequest"),
    ],
)
async def test_what_cannot_be_saved_is_refused(
    caller: Caller, application: Application, tenant: EmbeddedTenant, value: Any, status: int, code: str
) -> None:
    """A wrong key, shape or settings blob changes nothing and is answered as reported."""
    response = await caller.graph("PUT", secrets_path(application), {"value": value})
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert tenant.directory.secret_saves == []


async def test_a_candidate_is_tested_without_being_saved(
    caller: Caller, application: Application, tenant: EmbeddedTenant
) -> None:
    """A good candidate passes while the saved token is dead, and the target saw exactly that candidate."""
    application.target.expire_tokens()
    token = application.target.issue_token()
    assert (await validate(caller, application, candidate(application, token)))[0] == 204
    assert application.target.authorizations[-1] == f"Bearer {token}"
    status, code, message = await validate(caller, application, SAVED)
    assert (status, code) == (400, "SystemForCrossDomainIdentityManagementCredentialValidationFailure")
    assert "Response Status Code: Unauthorized" in message
    assert "Bearer" not in message
    assert tenant.directory.secret_saves == []


async def test_a_target_may_echo_the_token(
    state_dir: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the setting, the error message carries the token that was sent."""
    async with (
        EmbeddedTenant(state_dir, settings=EmulatorSettings(echo_token=True), clock=clock) as tenant,
        calling(tenant, monkeypatch) as caller,
    ):
        application = await tenant.add_application("Box")
        _, _, message = await validate(caller, application, candidate(application, "marker-7c1"))
        assert "Authorization: Bearer marker-7c1" in message


async def test_a_target_that_is_away_is_not_a_rejection(
    caller: Caller, application: Application, tenant: EmbeddedTenant
) -> None:
    """503, a lost connection and a foreign host are unavailable, never a validation failure."""
    for fault in (Status(503), Reset()):
        tenant.faults.add("target:Box", "GET", "/Users", fault)
        status, code, _ = await validate(caller, application, SAVED)
        assert (status, code) == (400, "CredentialValidationUnavailable")
    body = {"credentials": pairs({"BaseAddress": "https://scim.druva.example/v2", "SecretToken": "x"})}
    assert (await validate(caller, application, body))[1] == "CredentialValidationUnavailable"


async def test_a_404_is_told_as_a_wrong_tenant_url(caller: Caller, application: Application) -> None:
    """The code is that of a bad credential; only the message tells that it is the target."""
    application.target.behaviour = Behaviour.NOT_FOUND_FOR_EMPTY
    status, code, message = await validate(caller, application, SAVED)
    assert (status, code) == (400, "SystemForCrossDomainIdentityManagementCredentialValidationFailure")
    assert message.startswith("An HTTP/404 Not Found response was returned rather than the expected HTTP/200 OK")


async def test_an_incomplete_or_misspelt_candidate(caller: Caller, application: Application) -> None:
    """A missing tenant URL is an invalid credential; a misspelt key fails as an enumeration does."""
    only_token = {"credentials": pairs({"SecretToken": "x"})}
    status, code, message = await validate(caller, application, only_token)
    assert (status, code) == (400, "SystemForCrossDomainIdentityManagementInvalidCredentials")
    assert message == "Please provide a valid tenant URL for your application."
    misspelt = {"credentials": pairs({"secretToken": "x"})}
    expected = (500, "InternalError", "Requested value 'secretToken' was not found.")
    assert await validate(caller, application, misspelt) == expected
