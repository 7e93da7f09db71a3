"""Whatever is sent to a trigger is answered or set aside with its reason, and what follows it is handled."""

import base64
import json
from datetime import UTC, datetime

import pytest

from emulator.story import DRUVA_SECRET
from shared.detection.signal import QUEUE, VAULT_EVENTS_QUEUE, News, Signal, Source
from tests.host.running import FUNCTION_KEY
from tests.worker.serving import QUEUES, Serving, payload

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("worker-garbage")]

_TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJkcnV2YSJ9.c2lnbmF0dXJl"
_SECRET = "hunter2hunter2"
_UNKNOWN = "99999999-9999-4999-8999-999999999999"
_LARGEST = 48 * 1024  # what a queue takes of plain text once it is inside XML and base64
_RECORD_LIMIT = 16 * 1024

_ANYWHERE = {
    "not JSON": "quarantine! Bearer " + _TOKEN,
    "half of it": '{"v": 1, "service_principal_id": "a',
    "blank": " ",
    "a list": json.dumps([1, 2, {"token": _SECRET}]),
    "a number": "42",
    "a long number": "9" * 6000,
    "null": "null",
    "not a number": "NaN",
    "nested deeply": "[" * 10_000,
    "objects nested deeply": '{"a":' * 9_000,
    "huge": json.dumps({"token": _SECRET, "text": "x" * _LARGEST}),
    "huge and slow to search": "a-" * (_LARGEST // 2),
    "huge and full of tokens": f"token={_SECRET} " * (_LARGEST // 22),
    "base64 of no text": base64.b64encode(bytes(range(128, 256))).decode(),
    "broken text": "\ufffd\ufffd\u202e\u2028",
}


def _signal(**changes: object) -> str:
    raw = json.loads(Signal(_UNKNOWN, "scim.job", Source.SWEEP, News.QUARANTINED, datetime.now(UTC)).to_message())
    return json.dumps({**raw, **changes})


_SIGNALS = {
    **_ANYWHERE,
    "another version": _signal(v=2),
    "no version": _signal(v=None),
    "a slash": _signal(service_principal_id="a/b"),
    "another address": _signal(job_id=".."),
    "a query": _signal(job_id="job?x=1"),
    "a backslash": _signal(service_principal_id="a\\b"),
    "an encoded slash": _signal(job_id="a%2Fb"),
    "a control character": _signal(job_id="job\u0000\n"),
    "a number for an id": _signal(job_id=7),
    "an endless id": _signal(job_id="x" * 3000),
    "an empty id": _signal(service_principal_id=""),
    "another source": _signal(source="rumour"),
    "other news": _signal(news=["quarantined"]),
    "no time": _signal(news_at="yesterday"),
    "before time": _signal(news_at="0001-01-01T00:00:00+14:00"),
    "after time": _signal(news_at="9999-12-31T23:59:59+00:00"),
    "a token for a time": _signal(news_at=_TOKEN),
    "a secret": _signal(v=9, password=_SECRET),
}


def _event(**changes: object) -> str:
    return json.dumps({**json.loads(payload("vault-event-grid", secret=DRUVA_SECRET)), **changes})


_EVENTS = {
    **_ANYWHERE,
    "two events": json.dumps([json.loads(_event()), json.loads(_event())]),
    "no kind": _event(eventType=None),
    "a number for a kind": _event(eventType=3),
    "no time": _event(eventTime=None),
    "after time": _event(eventTime="9999-12-31T23:59:59-10:00"),
    "no secret": _event(data={"token": _SECRET}, subject=""),
    "no data": _event(data=[{"password": _SECRET}], subject="no/secret"),
    "an address that is none": _event(data={"Id": "https://[broken/secrets/x"}, subject="*"),
    "a name that no vault has": _event(data={"Id": "https://a.vault.azure.net/secrets/gehei\u00dfnis"}),
    "an endless name": _event(data={"ObjectName": "x" * 128}),
    "a secret beside it": _event(eventType=None, api_key=_SECRET),
}


async def _good_signal_is_handled(served: Serving) -> None:
    application = served.story.healthy[0]
    before = served.looks(application)
    ids = application.service_principal.id, application.job.id
    await served.put(QUEUE, Signal(*ids, Source.PERSON, News.ASKED, datetime.now(UTC)).to_message())
    await served.until_looked(application, before)


async def _nothing_broke(served: Serving) -> None:
    await served.until_quiet()
    assert served.errors() == []
    assert [queue for queue in QUEUES if await served.length(f"{queue}-poison")] == []
    assert [line for line in served.host.log if "Traceback" in line] == []


async def _all_rejected(served: Serving, queue: str, garbage: dict[str, str]) -> None:
    await served.put(queue, *garbage.values())
    await served.until_quiet()
    records = []
    while taken := await served.rejected(queue):
        records += taken
    assert len(records) == len(garbage)
    for record in records:
        assert datetime.fromisoformat(record["at"]).tzinfo is not None
        assert record["reason"]
        assert len(json.dumps(record)) < _RECORD_LIMIT
        assert _SECRET not in record["message"]
        assert _TOKEN not in record["message"]
        assert _TOKEN[:20] not in record["reason"]
    began = [record["message"][:9] for record in records]
    assert all(text[:9] in began for text in ("quarantine!", "[[[[[[[[[", "a-a-a-a-a"))


async def test_garbage_on_the_signal_queue_is_set_aside_with_its_reason(served: Serving) -> None:
    """Every unreadable signal becomes one redacted record; nothing is retried, and the next signal is handled."""
    await _all_rejected(served, QUEUE, _SIGNALS)
    await _good_signal_is_handled(served)
    await _nothing_broke(served)


async def test_garbage_on_the_vault_queue_is_set_aside_with_its_reason(served: Serving) -> None:
    """Every unreadable event becomes one redacted record; nothing is retried, and the next event is handled."""
    await _all_rejected(served, VAULT_EVENTS_QUEUE, _EVENTS)
    before = served.looks(served.story.druva)
    await served.put(VAULT_EVENTS_QUEUE, payload("vault-event-grid", secret=DRUVA_SECRET))
    await served.until_looked(served.story.druva, before)
    await _nothing_broke(served)


async def test_what_a_queue_itself_cannot_carry_is_set_aside_when_started_by_hand(served: Serving) -> None:
    """Empty messages and control characters reach queue functions only by the admin route."""
    for function, queue in (("reconcile_job", QUEUE), ("hear_vault_event", VAULT_EVENTS_QUEUE)):
        for message in ("", "\u0000\u0001", "\x1b[31m" + _TOKEN):
            await served.press(function, message)
        records = await served.rejected(queue)
        assert len(records) == 3
        assert _TOKEN not in str(records)
    await _nothing_broke(served)


async def test_vault_events_that_are_not_ours_are_passed_over(served: Serving) -> None:
    """A secret that serves no application, one that is gone, and a certificate: no record, no signal, no error."""
    await served.tenant.vault.put("database-password", "unrelated")  # announces itself
    before = served.looks(served.story.druva)
    await served.put(
        VAULT_EVENTS_QUEUE,
        payload("vault-event-grid", secret="database-password"),
        payload("vault-cloud-event", secret="gone-since"),
        payload("vault-certificate", secret=DRUVA_SECRET),
    )
    await served.until_quiet()
    assert await served.rejected(VAULT_EVENTS_QUEUE) == []
    assert served.looks(served.story.druva) == before
    await _nothing_broke(served)


async def test_garbage_sent_as_an_alert_is_answered_400_with_the_reason(served: Serving) -> None:
    """Whatever the bytes are; the next alert is heard."""
    alert = payload("alert-log-search", service_principal_id=served.story.druva.service_principal.id)
    common = json.loads(alert)
    condition = common["data"]["alertContext"]["condition"]
    condition["windowStartTime"] = "2199-01-01T00:00:00Z"
    timeless = json.loads(payload("alert-log-search", now="", begin="0001-01-01T00:00:00+14:00"))
    garbage = [
        b"",
        bytes(range(256)),
        b"\xff\xfe" + alert.encode()[:99],
        *(text.encode() for text in _ANYWHERE.values()),
        json.dumps({"schemaId": "azureMonitorCommonAlertSchema"}).encode(),
        json.dumps({"schemaId": "azureMonitorCommonAlertSchema", "data": [1]}).encode(),
        payload("alert-metric-old-schema").encode(),
        payload("vault-event-grid", secret=DRUVA_SECRET).encode(),
        json.dumps(common).encode(),
        json.dumps(timeless).encode(),
        b"[" * 1_000_000,
    ]
    for body in garbage:
        status, answer = await served.alert(body)
        assert status == 400, body[:80]
        assert answer["error"]
        assert _SECRET not in str(answer)
        assert _TOKEN not in str(answer)
    assert await served.alert(alert) == (202, {"signals": 1})
    await _nothing_broke(served)


async def test_alerts_that_are_not_news_are_answered_and_ignored(served: Serving) -> None:
    """A resolved alert and a metric alert are answered 200 with the reason, so that Azure Monitor does not retry."""
    ours = served.story.druva.service_principal.id
    resolved = payload("alert-log-search", service_principal_id=ours).replace('"Fired"', '"Resolved"')
    for body in (resolved, payload("alert-metric", service_principal_id=ours)):
        status, answer = await served.alert(body)
        assert (status, set(answer)) == (200, {"ignored"})
    await _nothing_broke(served)


@pytest.mark.parametrize("named", [_UNKNOWN, "no-id", "../users", "x" * 5000, "\u0000", ".."])
async def test_an_alert_that_names_nobody_known_signals_nothing(served: Serving, named: str) -> None:
    """Another rule's service principal, or a value that is no id at all, is answered 202 with no signals."""
    text = payload("alert-log-search", service_principal_id=json.dumps(named)[1:-1])
    assert await served.alert(text) == (202, {"signals": 0})
    assert (await served.jobs())["blind"] == []
    await _nothing_broke(served)


@pytest.mark.parametrize(
    ("service_principal_id", "job_id"),
    [("a%2Fb", "job"), ("..%5C..", "job"), (_UNKNOWN, "%00"), (_UNKNOWN, "a%1Bb"), (_UNKNOWN, "x" * 401)],
)
async def test_a_look_at_what_cannot_be_a_job_is_refused(
    served: Serving, service_principal_id: str, job_id: str
) -> None:
    """Slashes, control characters and endless ids are answered 400, and Graph is not asked."""
    asked = len(served.tenant.requests)
    status, answer = await served.reconcile(service_principal_id, job_id)
    assert status == 400
    assert "identifier" in answer["error"]
    assert len(served.tenant.requests) == asked
    await _nothing_broke(served)


async def test_a_job_that_nobody_knows_is_answered_404_and_passed_over_on_the_queue(served: Serving) -> None:
    """Ids that could be a job's but are none's: Graph is asked once, nothing is kept, nothing is retried."""
    status, answer = await served.reconcile(_UNKNOWN, "scim.job")
    assert (status, answer["incident"]) == (404, None)
    asked = len(served.tenant.requests)
    await served.put(QUEUE, _signal())
    await served.until_quiet()
    assert [request.status for request in served.tenant.requests[asked:]] == [404]
    assert await served.rejected(QUEUE) == []
    await _nothing_broke(served)


async def test_bodies_where_none_is_due_change_nothing(served: Serving) -> None:
    """`GET /api/jobs` and the look by hand read no body, so garbage in one is harmless."""
    status, text, _ = await served.host.request("GET", "/api/jobs", headers=FUNCTION_KEY, body=b"\xff{")
    assert (status, len(json.loads(text)["jobs"])) == (200, len(served.tenant.applications))
    await _nothing_broke(served)
