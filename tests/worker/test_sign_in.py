"""With App Service authentication in front: who may call which route, as the platform's header says, and without it."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from emulator.azurite import Storage
from tests.host.running import FUNCTION_KEY
from tests.worker.serving import Serving, payload, serving

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("worker-sign-in")]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["True", ""])
async def site(
    request: pytest.FixtureRequest, state_dir: Path, account: Storage, app: Path
) -> AsyncIterator[tuple[Serving, bool]]:
    """Run the app as where sign-in is on, which the platform says by a setting of its own, and as where it is off."""
    async with serving(state_dir, account, app, WEBSITE_AUTH_ENABLED=request.param) as running:
        yield running, bool(request.param)


def caller(*roles: str) -> dict[str, str]:
    """Return the header that the platform adds, or that anybody may send where it does not."""
    claims = [{"typ": "roles", "val": role} for role in roles]
    whole = {"auth_typ": "aad", "claims": claims, "name_typ": "name", "role_typ": "roles"}
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(whole).encode()).decode()}


async def test_the_secure_webhook_is_open_to_azure_monitor_alone(site: tuple[Serving, bool]) -> None:
    """Without a key: heard with its role where sign-in is on, else 401, a forged header included."""
    served, on = site
    body = payload("alert-log-search", service_principal_id=served.story.druva.service_principal.id).encode()

    async def ask(**headers: str) -> int:
        return (await served.host.request("POST", "/api/alerts/secure", headers=headers, body=body))[0]

    webhook = "ActionGroupsSecureWebhook"
    assert await ask(**caller(webhook)) == (202 if on else 401)
    assert await ask() == 401
    assert await ask(**caller("Pratique.Operator")) == 401
    assert await ask(**caller(webhook.lower())) == 401
    assert await ask(**FUNCTION_KEY) == 401
    by_key = await served.host.request("POST", "/api/alerts", headers=FUNCTION_KEY, body=body)
    assert by_key[0] == 202
    await served.until_quiet()


async def test_operators_need_their_role_besides_the_key_where_there_is_sign_in(site: tuple[Serving, bool]) -> None:
    """Never the role without the key; where sign-in is off the key alone, whatever the header says."""
    served, on = site
    for path in ("/api/jobs", "/api/tokens"):
        for headers, allowed in (
            ({**FUNCTION_KEY, **caller("Pratique.Operator")}, True),
            ({**FUNCTION_KEY, **caller("ActionGroupsSecureWebhook")}, not on),
            (FUNCTION_KEY, not on),
        ):
            status, text, _ = await served.host.request("GET", path, headers=headers)
            assert status == (200 if allowed else 403), text
            assert allowed or "Pratique.Operator" in text
        assert (await served.host.request("GET", path, headers=caller("Pratique.Operator")))[0] == 401


async def test_the_service_examines_itself(site: tuple[Serving, bool]) -> None:
    """`GET /api/doctor` looks with the service's own identity and says that nothing is missing."""
    served, _ = site
    headers = {**FUNCTION_KEY, **caller("Pratique.Operator")}
    status, text, _ = await served.host.request("GET", "/api/doctor", headers=headers)
    answer = json.loads(text)
    assert (status, answer["complete"]) == (200, True), text
    assert {"Jobs", "Vault", "Storage"} <= {one["subject"] for one in answer["findings"]}
