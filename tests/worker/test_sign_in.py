"""With App Service authentication in front: who may call which route, as the platform's header says, and without it."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import pytest_asyncio

import function_app
from emulator.azurite import Storage
from tests.host.running import FUNCTION_KEY
from tests.worker.serving import Serving, payload, serving

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("worker-sign-in")]


@dataclass(frozen=True)
class Site:
    """The running app, and what was said of sign-in: by the platform, and by our own setting."""

    served: Serving
    on: bool
    required: bool

    async def ask(self, method: str, path: str, *headers: dict[str, str], body: bytes = b"") -> tuple[int, str]:
        """Call a route with these headers; return status and text."""
        sent = {name: value for one in headers for name, value in one.items()}
        status, text, _ = await self.served.host.request(method, path, headers=sent, body=body)
        return status, text


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=[("True", "off"), ("True", "required"), ("False", "off"), ("", "required")],
    ids=["on", "on-required", "off", "unsaid-required"],
)
async def site(request: pytest.FixtureRequest, state_dir: Path, account: Storage, app: Path) -> AsyncIterator[Site]:
    """Run the app where the platform says that sign-in is on or does not, and where we demand it or do not."""
    word, wanted = request.param
    async with serving(state_dir, account, app, WEBSITE_AUTH_ENABLED=word, PRATIQUE_SIGN_IN=wanted) as running:
        yield Site(running, on=word == "True", required=wanted == "required")


@cache
def routes() -> tuple[tuple[str, str], ...]:
    """Return method and route of every HTTP function of the app but the two that hear alerts."""
    triggers = [one.get_trigger() for one in function_app.app.get_functions()]
    found = [one.get_dict_repr() for one in triggers if one is not None and one.type == "httpTrigger"]
    return tuple((one["methods"][0].value, one["route"]) for one in found if not one["route"].startswith("alerts"))


def caller(*roles: str) -> dict[str, str]:
    """Return the header that the platform adds, or that anybody may send where it does not."""
    claims = [{"typ": "roles", "val": role} for role in roles]
    whole = {"auth_typ": "aad", "claims": claims, "name_typ": "name", "role_typ": "roles"}
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(whole).encode()).decode()}


OPERATOR = "Pratique.Operator"
WEBHOOK = "ActionGroupsSecureWebhook"


async def test_the_secure_webhook_is_open_to_azure_monitor_alone(site: Site) -> None:
    """Without a key: heard with its role where sign-in is on, else 401, a forged header included."""
    body = payload("alert-log-search", service_principal_id=site.served.story.druva.service_principal.id).encode()

    async def ask(*headers: dict[str, str]) -> int:
        return (await site.ask("POST", "/api/alerts/secure", *headers, body=body))[0]

    assert await ask(caller(WEBHOOK)) == (202 if site.on else 401)
    assert await ask() == 401
    assert await ask(caller(OPERATOR)) == 401
    assert await ask(caller(WEBHOOK.lower())) == 401
    assert await ask(FUNCTION_KEY) == 401
    assert (await site.ask("POST", "/api/alerts", FUNCTION_KEY, body=body))[0] == 202
    await site.served.until_quiet()


async def test_every_route_for_people_is_guarded(site: Site) -> None:
    """Whatever the app has, alerts apart: no role, another role, and a header that nobody vouches for are refused."""
    assert len(routes()) >= 7
    if not site.on and not site.required:
        return  # the function key is the guard, as the next test shows
    ids = {"servicePrincipalId": site.served.story.druva.service_principal.id, "jobId": site.served.story.druva.job.id}
    headers: list[dict[str, str]] = [{}, caller(WEBHOOK), caller(OPERATOR.lower())]
    headers += [] if site.on else [caller(OPERATOR)]
    missing = OPERATOR if site.on else "WEBSITE_AUTH_ENABLED"
    asked = len(site.served.tenant.requests)
    for method, route in routes():
        for sent in headers:
            status, text = await site.ask(method, f"/api/{route.format(**ids)}", FUNCTION_KEY, sent)
            assert (status, missing in text) == (403, True), (method, route, sent)
    assert len(site.served.tenant.requests) == asked


async def test_operators_need_their_role_besides_the_key_where_there_is_sign_in(site: Site) -> None:
    """Never the role without the key; where neither platform nor setting speaks of sign-in, the key alone."""
    free = not site.on and not site.required
    for path in ("/api/jobs", "/api/tokens"):
        for sent, allowed in ((caller(OPERATOR), site.on or free), (caller(WEBHOOK), free), ({}, free)):
            status, text = await site.ask("GET", path, FUNCTION_KEY, sent)
            assert status == (200 if allowed else 403), text
        assert (await site.ask("GET", path, caller(OPERATOR)))[0] == 401


async def test_the_service_examines_itself(site: Site) -> None:
    """`GET /api/doctor` looks with the service's own identity and says that nothing is missing."""
    for timer in ("sweep_jobs", "query_audit_log"):  # a source that has never been read is missing
        await site.served.press(timer)
    status, text = await site.ask("GET", "/api/doctor", FUNCTION_KEY, caller(OPERATOR))
    if site.required and not site.on:
        assert status == 403
        return
    answer = json.loads(text)
    assert (status, answer["complete"]) == (200, True), text
    assert {"Jobs", "Vault", "Storage"} <= {one["subject"] for one in answer["findings"]}
