"""An app that watches another application: whatever is asked or queued about Druva, it is left alone, and says so."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from emulator.azurite import Storage
from shared.detection.signal import QUEUE, News, Signal, Source
from tests.host.running import FUNCTION_KEY
from tests.worker.serving import Serving, serving

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("worker-not-watched")]

_OTHER = "9bb0f679-a883-4a6f-8260-35b491b8b8c8"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def elsewhere(state_dir: Path, account: Storage, app: Path) -> AsyncIterator[Serving]:
    """Run the app, which may act, with another application named than any of the tenant's."""
    async with serving(state_dir, account, app, PRATIQUE_APPLICATIONS=_OTHER) as running:
        yield running
        assert running.errors() == []


@pytest.mark.parametrize(
    ("method", "end", "body"),
    [
        ("POST", "reconcile", b""),
        ("POST", "rotate", b""),
        ("POST", "rotate", b'{"dry_run": true}'),
        ("GET", "diagnosis", b""),
        ("POST", "try", json.dumps({"user": _OTHER}).encode()),
    ],
)
async def test_what_is_asked_by_hand_is_forbidden_and_says_what_would_allow_it(
    elsewhere: Serving, method: str, end: str, body: bytes
) -> None:
    """403 and not 503, for trying again helps nobody; Graph is not asked."""
    job, asked = elsewhere.story.druva.job, len(elsewhere.tenant.requests)
    path = f"/api/jobs/{job.service_principal_id}/{job.id}/{end}"
    status, text, _ = await elsewhere.host.request(method, path, headers=FUNCTION_KEY, body=body)
    assert status == 403, text
    said = json.loads(text)["error"]
    assert f"add {job.service_principal_id} to PRATIQUE_APPLICATIONS" in said
    assert len(elsewhere.tenant.requests) == asked


async def test_what_is_on_the_queue_already_is_passed_over(elsewhere: Serving) -> None:
    """It is taken off, tried once and rejected nowhere; Graph is not asked."""
    job, asked = elsewhere.story.druva.job, len(elsewhere.tenant.requests)
    signals = [Signal(job.service_principal_id, job.id, Source.SWEEP, news, datetime.now(UTC)) for news in News]
    await elsewhere.put(QUEUE, *(signal.to_message() for signal in signals))
    await elsewhere.until_quiet()
    assert len(elsewhere.tenant.requests) == asked
    assert (await elsewhere.rejected(QUEUE), await elsewhere.length(f"{QUEUE}-poison")) == ([], 0)
