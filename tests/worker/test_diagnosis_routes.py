"""`diagnosis` and `try` over HTTP, under the real worker: what a caller gets, good and bad."""

from typing import Any

import pytest

from tests.host.running import FUNCTION_KEY
from tests.worker.serving import Serving

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("worker-diagnosis")]

_USER = "9bb0f679-a883-4a6f-8260-35b491b8b8c8"


async def _call(served: Serving, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
    status, text, _ = await served.host.request(method, f"/api/jobs/{path}", headers=FUNCTION_KEY, body=body or b"")
    return status, text


def _path(served: Serving, end: str) -> str:
    job = served.story.druva.job
    return f"{job.service_principal_id}/{job.id}/{end}"


async def test_a_diagnosis_is_json_or_markdown(served: Serving) -> None:
    """The same findings in both forms; another form is refused, and a job that nobody knows is 404."""
    status, text = await _call(served, "GET", _path(served, "diagnosis"))
    assert (status, '"cause"' in text) == (200, True)
    status, text = await _call(served, "GET", _path(served, "diagnosis?format=markdown"))
    assert (status, text.startswith("## Provisioning of `Druva`")) == (200, True)
    assert (await _call(served, "GET", _path(served, "diagnosis?format=xml")))[0] == 400
    assert (await _call(served, "GET", f"{_USER}/nojob/diagnosis"))[0] == 404


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"user": "somebody"}', b'{"user": 3}', b"\xff"])
async def test_a_try_without_a_user_is_refused(served: Serving, body: Any) -> None:
    """A body that names no object id is 400, and nothing is asked of Graph."""
    before = len(served.tenant.requests)
    assert (await _call(served, "POST", _path(served, "try"), body))[0] == 400
    assert not [one for one in served.tenant.requests[before:] if "provisionOnDemand" in one.path]


async def test_a_try_says_what_happened(served: Serving) -> None:
    """A user of the job gets a result; one whom nobody knows is 404."""
    user = served.story.druva.job.users[0].id
    status, text = await _call(served, "POST", _path(served, "try"), f'{{"user": "{user}"}}'.encode())
    assert status == 200, text
    assert user in text
    assert (await _call(served, "POST", _path(served, "try"), f'{{"user": "{_USER}"}}'.encode()))[0] == 404
