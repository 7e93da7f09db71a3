"""`GET /api/tokens` and `POST …/rotate` under the real worker: what a caller gets, good and bad."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from emulator.azurite import Storage
from emulator.entra import Role
from emulator.story import DRUVA, DRUVA_SECRET
from emulator.targets import Behaviour
from shared.composition import compose
from tests.host.running import FUNCTION_KEY, ROOT, RunningHost, host
from tests.product.conftest import FAST
from tests.worker.serving import NEVER, PATIENT, Serving

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("worker-tokens")]

_NOBODY = "9bb0f679-a883-4a6f-8260-35b491b8b8c8"
_SCHEDULES = dict.fromkeys(("SWEEP_SCHEDULE", "AUDIT_SCHEDULE", "DUE_SCHEDULE", "FORECAST_SCHEDULE"), NEVER)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def observing(served: Serving, account: Storage, app: Path) -> AsyncIterator[RunningHost]:
    """Run the app once more, in mode observe and deaf to the queues, against the same tenant and storage."""
    paths = {"PYTHONPATH": f"{app}{os.pathsep}{ROOT}"}
    settings = {**served.tenant.environment(), **FAST, **PATIENT, **_SCHEDULES, **paths, "PRATIQUE_MODE": "observe"}
    async with host(account, app=app, disabled=("reconcile_job", "hear_vault_event"), **settings) as running:
        yield running


async def _call(running: RunningHost, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
    status, text, _ = await running.request(method, f"/api/{path}", headers=FUNCTION_KEY, body=body)
    return status, json.loads(text)


def _rotate(served: Serving) -> str:
    job = served.story.druva.job
    return f"jobs/{job.service_principal_id}/{job.id}/rotate"


def _token(served: Serving) -> str:
    return served.tenant.directory.secrets.effective(served.story.druva.service_principal.id)["SecretToken"]


async def test_the_list_holds_every_credential_and_no_value(served: Serving) -> None:
    """Eight applications with their secrets and findings; the token itself is nowhere in it."""
    status, document = await _call(served.host, "GET", "tokens")
    assert status == 200, document
    held = {one["application"]: one for one in document["credentials"]}
    assert set(held) == {one.service_principal.display_name for one in served.story.applications}
    assert held[DRUVA]["secret"] == DRUVA_SECRET
    assert _token(served) not in json.dumps(document)


async def test_a_vault_that_cannot_be_read_is_503_and_names_the_permission(served: Serving) -> None:
    """Blindness is no empty list."""
    served.tenant.entra.roles.discard(Role.VAULT)
    try:
        status, document = await _call(served.host, "GET", "tokens")
    finally:
        served.tenant.entra.roles.add(Role.VAULT)
    assert (status, set(document)) == (503, {"error"})
    assert str(Role.VAULT) in document["error"]


async def test_a_dry_run_says_each_step_and_changes_nothing(served: Serving, observing: RunningHost) -> None:
    """Where acting is allowed it would save; in mode observe it says that the mode forbids it. Both are 200."""
    before = len(served.tenant.directory.secret_saves)
    for running, verdict in ((served.host, "would"), (observing, "would_not")):
        status, document = await _call(running, "POST", _rotate(served), b'{"dry_run": true}')
        assert status == 200, document
        steps = {step["step"]: step["verdict"] for step in document["steps"]}
        assert steps["test"] == "holds"
        assert steps["save"] == verdict
    assert len(served.tenant.directory.secret_saves) == before


async def test_any_other_body_is_refused(served: Serving) -> None:
    """400 with what the body may be; nothing is rotated by a caller who meant something else."""
    before = len(served.tenant.directory.secret_saves)
    for body in (b"[]", b"null", b"{", b'{"dry_run": "yes"}', b'{"dryrun": true}', b'{"dry_run": 1}', b"\xff"):
        status, document = await _call(served.host, "POST", _rotate(served), body)
        assert (status, "dry_run" in document["error"]) == (400, True), body
    assert len(served.tenant.directory.secret_saves) == before


async def test_mode_observe_forbids_a_rotation(served: Serving, observing: RunningHost) -> None:
    """403 with the setting that would allow it."""
    status, document = await _call(observing, "POST", _rotate(served), b"{}")
    assert status == 403
    assert "PRATIQUE_MODE_BY_APPLICATION" in document["error"]


async def test_a_job_that_nobody_knows_is_404(served: Serving) -> None:
    """Dry or not; an id that no signal may carry is 400."""
    for body in (b"", b'{"dry_run": true}'):
        status, _ = await _call(served.host, "POST", f"jobs/{_NOBODY}/nojob/rotate", body)
        assert status == 404, body
    assert (await _call(served.host, "POST", f"jobs/{_NOBODY}/%20/rotate"))[0] == 400


async def test_a_graph_that_cannot_be_asked_is_503(served: Serving) -> None:
    """Dry or not: nothing is said of a job that was not seen, and the log says why."""
    served.tenant.entra.roles.discard(Role.SYNCHRONIZATION)
    try:
        for body in (b"", b'{"dry_run": true}'):
            status, document = await _call(served.host, "POST", _rotate(served), body)
            assert status == 503, document
    finally:
        served.tenant.entra.roles.add(Role.SYNCHRONIZATION)
    said = served.errors()
    assert [str(Role.SYNCHRONIZATION) in line for line in said] == [True]
    served.host.log[:] = [line for line in served.host.log if line not in said]  # the rest must be free of errors


async def test_while_somebody_acts_a_rotation_is_kept_for_later(
    served: Serving, account: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """409 says that it is kept; nothing is saved meanwhile."""
    environment = {**served.tenant.environment(), **FAST, "AzureWebJobsStorage": account.connection_string}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    product, before = compose(environment), len(served.tenant.directory.secret_saves)
    try:
        lease = await product.services.leases.acquire(served.story.druva.service_principal.id)
        assert lease is not None
        status, document = await _call(served.host, "POST", _rotate(served))
        await product.services.leases.release(lease)
    finally:
        await product.close()
    assert (status, document["handled"]) == (409, "busy")
    assert "kept" in document["error"]
    assert len(served.tenant.directory.secret_saves) == before


async def test_a_rotation_gives_entra_the_newest(served: Serving) -> None:
    """By an empty body, before anything failed and with no news of it on any queue: 200, and Entra has the token."""
    served.story.druva.target.behaviour = Behaviour.STANDARD  # a new token lets the old one live: nothing fails
    fresh = served.story.druva.target.issue_token()
    await served.tenant.vault.put(DRUVA_SECRET, fresh, announce=False)
    assert _token(served) != fresh
    status, document = await _call(served.host, "POST", _rotate(served))
    assert status == 200, document
    assert document["handled"] == "looked"
    assert "save" in document["actions"]
    assert _token(served) == fresh
    assert fresh not in json.dumps(document)
    assert served.tenant.directory.restarts == []
