"""Every trigger, fired under the real worker with what the documentation says it is fired with."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from emulator.story import DRUVA_SECRET
from shared.detection.signal import QUEUE, VAULT_EVENTS_QUEUE, News, Signal, Source
from tests.host.running import FUNCTION_KEY, MASTER_KEY, until
from tests.worker.serving import Serving, payload

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("worker-triggers")]


async def test_the_sweep_timer_opens_an_incident_that_the_due_timer_keeps_in_sight(served: Serving) -> None:
    """`sweep_jobs` puts a quarantined job on the queue; `enqueue_due` has it looked at again once that is due."""
    application = served.story.legacy_hr
    served.story.quarantine_legacy_hr()
    await served.press("sweep_jobs")
    await served.until_state(application, "needs_person")
    before = served.looks(application)

    async def looked_again() -> bool:
        await served.press("enqueue_due")
        return served.looks(application) > before

    await until(looked_again, seconds=60)


async def test_the_audit_timer_opens_an_incident(served: Serving) -> None:
    """`query_audit_log` finds the quarantine's record in Log Analytics and puts the job on the queue."""
    served.story.expire_miro()
    await until(lambda: served.story.miro.job.quarantine is not None, seconds=60)

    async def opened() -> bool:
        await served.press("query_audit_log")
        await served.until_quiet()
        return bool(await served.state(served.story.miro))

    await until(opened, seconds=60)
    await served.until_state(served.story.miro, "needs_person")


@pytest.mark.parametrize("name", ["alert-log-search", "alert-log-search-window"])
async def test_a_log_search_alert_opens_an_incident(served: Serving, name: str) -> None:
    """With the service principal as a dimension, or without and with a window that is then queried."""
    split = name == "alert-log-search"
    application = served.story.contoso_intranet if split else served.story.workplace
    served.story.break_contoso_intranet() if split else served.story.empty_workplace()
    await until(lambda: application.job.quarantine is not None, seconds=60)

    async def opened() -> bool:  # the record in the log becomes visible a little later
        status, answer = await served.alert(payload(name, service_principal_id=application.service_principal.id))
        assert status == 202
        assert not split or answer == {"signals": 1}
        await served.until_quiet()
        return await served.state(application) in ("waiting", "needs_person")

    await until(opened, seconds=60)


def _as(form: str, text: str) -> str:
    match form:
        case "base64":
            return base64.b64encode(text.encode()).decode()
        case "list":
            return json.dumps([json.loads(text)])
        case _:
            return text


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("vault-event-grid", "plain"),
        ("vault-event-grid", "base64"),
        ("vault-event-grid", "list"),
        ("vault-cloud-event", "plain"),
        ("vault-cloud-event", "base64"),
    ],
)
async def test_a_key_vault_event_brings_a_look_at_the_job_that_the_secret_serves(
    served: Serving, name: str, form: str
) -> None:
    """In both Event Grid schemas, with the oddities of the docs, plain or base64, alone or in a list of one."""
    before = served.looks(served.story.druva)
    await served.put(VAULT_EVENTS_QUEUE, _as(form, payload(name, secret=DRUVA_SECRET)))
    await served.until_looked(served.story.druva, before)
    await served.until_quiet()
    assert await served.rejected(VAULT_EVENTS_QUEUE) == []


async def test_a_signal_on_the_queue_brings_one_look_and_its_double_none(served: Serving) -> None:
    """News that is older than the last look was seen by that look."""
    application = served.story.healthy[0]
    ids = application.service_principal.id, application.job.id
    signal = Signal(*ids, Source.SWEEP, News.RELEASED, datetime.now(UTC) - timedelta(seconds=1))
    await served.put(QUEUE, signal.to_message())
    await served.until_quiet()
    await served.put(QUEUE, signal.to_message())
    await served.until_quiet()
    assert served.looks(application) == 1


async def test_a_person_gets_a_look_and_an_answer(served: Serving) -> None:
    """`POST /api/jobs/{sp}/{job}/reconcile` says what was seen; `GET /api/jobs` lists every job of the tenant."""
    application = served.story.healthy[1]
    status, answer = await served.reconcile(application.service_principal.id, application.job.id)
    assert (status, answer["handled"], answer["incident"]) == (200, "looked", None)
    assert served.looks(application) == 1
    listed = await served.jobs()
    assert {job["application"] for job in listed["jobs"]} == set(served.tenant.applications)
    assert listed["blind"] == []


async def test_queue_functions_can_be_started_by_hand(served: Serving) -> None:
    """`POST /admin/functions/{name}` with the message as input does what the queue does."""
    application = served.story.healthy[2]
    ids = application.service_principal.id, application.job.id
    await served.press("reconcile_job", Signal(*ids, Source.PERSON, News.ASKED, datetime.now(UTC)).to_message())
    assert served.looks(application) == 1
    before = served.looks(served.story.druva)
    await served.press("hear_vault_event", payload("vault-event-grid", secret=DRUVA_SECRET))
    await served.until_looked(served.story.druva, before)


async def test_every_route_asks_for_a_function_key(served: Serving) -> None:
    """Without a key, or with a wrong one, the answer is 401; a function key starts no timer."""
    routes = [
        ("GET", "/api/jobs"),
        ("GET", "/api/doctor"),
        ("POST", "/api/alerts"),
        ("POST", "/api/jobs/a/b/reconcile"),
    ]
    for method, path in routes:
        for headers in ({}, {"x-functions-key": "wrong"}):
            assert (await served.host.request(method, path, headers=headers))[0] == 401
    assert (await served.host.request("POST", "/admin/functions/sweep_jobs", headers=FUNCTION_KEY))[0] == 401
    assert (await served.host.request("GET", "/api/jobs", headers=MASTER_KEY))[0] == 200
