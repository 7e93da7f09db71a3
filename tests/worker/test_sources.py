"""Each of the four sources alone leads to the recovery; what the audit log tells late, twice or in part."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.storage.queue.aio import QueueServiceClient

from emulator.azurite import Storage
from emulator.tenant import Application
from shared.composition import Pratique
from shared.detection.alert import Ignored
from shared.detection.signal import VAULT_EVENTS_QUEUE, Source
from shared.errors import Unavailable
from shared.incidents.incident import IncidentState
from shared.remediation.reconcile import Handled
from tests.product.conftest import Stage, until
from tests.worker.serving import ALWAYS, PATIENT, looks, payload, serving

_QUARANTINE_ONLY = {"criteria": {"resetScope": "QuarantineState"}}


async def _sweep(product: Pratique, _application: Application) -> int:
    return await product.ears.sweep()


async def _audit(product: Pratique, _application: Application) -> int:
    return await product.ears.query_audit_log()


async def _alert(product: Pratique, application: Application) -> int:
    body = payload("alert-log-search", service_principal_id=application.service_principal.id)
    heard = await product.ears.alert(body.encode())
    assert not isinstance(heard, Ignored)
    return heard


@pytest.mark.parametrize(
    ("source", "hear"), [(Source.SWEEP, _sweep), (Source.AUDIT_LOG, _audit), (Source.ALERT, _alert)]
)
async def test_one_source_alone_leads_to_the_recovery(
    stage: Stage, source: Source, hear: Callable[[Pratique, Application], Awaitable[int]]
) -> None:
    """Sweep, audit log or alert alone: one save, one quarantine-only restart, a proven recovery."""
    product, druva = stage.product(**PATIENT), stage.story.druva
    await stage.strike_druva()

    async def heard() -> bool:
        return await hear(product, druva) > 0

    await until(heard, seconds=60)
    await stage.watch(product, druva, IncidentState.RECOVERED)
    assert {seen.name for seen in await product.overview.sources() if seen.heard_at} == {source}
    _repaired_once(stage, druva)


@pytest.mark.xdist_group("worker-vault")
@pytest.mark.asyncio(loop_scope="module")
async def test_a_vault_event_alone_leads_to_the_recovery(state_dir: Path, account: Storage, app: Path) -> None:
    """Under the real host, with sweep, log query and alert disabled and the new version put after the quarantine."""
    others = ("sweep_jobs", "query_audit_log", "azure_monitor_alert")
    async with serving(state_dir, account, app, schedule=ALWAYS, disabled=others) as served:
        druva = served.story.druva
        served.story.expire_druva()
        await until(lambda: druva.job.quarantine is not None, seconds=60)
        assert await served.state(druva) == ""
        await served.story.paste_new_druva_token()
        await served.until_state(druva, "recovered")
        assert [restart.body for restart in served.tenant.directory.restarts] == [_QUARANTINE_ONLY]
        assert len(served.tenant.directory.secret_saves) == 1
        assert served.errors() == []
        assert not [name for name in others if served.host.lines(name, "started by")]


def _repaired_once(stage: Stage, application: Application) -> None:
    directory = stage.tenant.directory
    assert [restart.body for restart in directory.restarts] == [_QUARANTINE_ONLY]
    assert [restart.job_id for restart in directory.restarts] == [application.job.id]
    assert [save.service_principal_id for save in directory.secret_saves] == [application.service_principal.id]


def _quarantine_row(stage: Stage, application: Application, **changes: Any) -> Mapping[str, Any]:
    principal = application.service_principal
    return {
        "TimeGenerated": stage.tenant.clock.now(),
        "Id": "Sync_5f3c_QUARANTINE_1",
        "LoggedByService": "Account Provisioning",
        "Category": "ProvisioningManagement",
        "OperationName": "Quarantine",
        "ResultReason": "This run profile is being quarantined because of: EncounteredQuarantineException",
        "TargetResources": [{"id": principal.id, "displayName": principal.display_name, "type": "ServicePrincipal"}],
        **changes,
    }


async def _silence_the_vault(stage: Stage) -> None:
    async with QueueServiceClient.from_connection_string(stage.storage.connection_string) as queues:
        await queues.get_queue_client(VAULT_EVENTS_QUEUE).clear_messages()


async def test_an_audit_row_that_arrives_after_its_window_is_heard_in_a_later_one(stage: Stage) -> None:
    """The first window covers the row's time, but the row is not there yet; a later window reaches back to it."""
    product, miro = stage.product(), stage.story.miro
    await _silence_the_vault(stage)
    stage.tenant.logs.write("AuditLogs", _quarantine_row(stage, miro), delay=1.0)
    assert await product.ears.query_audit_log() == 0

    async def heard() -> bool:
        return await product.ears.query_audit_log() == 1

    await until(heard, seconds=60)
    assert [report.handled for report in await stage.drain(product)] == [Handled.LOOKED]
    assert looks(stage.tenant, miro) == 1


async def test_an_audit_row_later_than_the_overlap_is_left_to_the_sweep(stage: Stage) -> None:
    """The overlap is the setting that says how late a row may be; a row beyond it is not heard from the log."""
    product, miro = stage.product(PRATIQUE_AUDIT_OVERLAP="5"), stage.story.miro
    assert await product.ears.query_audit_log() == 0
    old = stage.tenant.clock.now() - timedelta(seconds=30)
    stage.tenant.logs.write("AuditLogs", _quarantine_row(stage, miro, TimeGenerated=old), delay=0)
    assert await product.ears.query_audit_log() == 0
    stage.tenant.logs.write("AuditLogs", _quarantine_row(stage, miro), delay=0)
    assert await product.ears.query_audit_log() == 1


async def test_an_audit_row_in_two_overlapping_windows_costs_one_look(stage: Stage) -> None:
    """Also when the second window is asked by another instance."""
    product, other, miro = stage.product(), stage.product(), stage.story.miro
    await _silence_the_vault(stage)
    stage.tenant.logs.write("AuditLogs", _quarantine_row(stage, miro), delay=0)
    assert [await one.ears.query_audit_log() for one in (product, other, product)] == [1, 0, 0]
    await stage.drain(product)
    assert looks(stage.tenant, miro) == 1
    queries = [request for request in stage.tenant.requests if request.service == "logs"]
    assert [request.status for request in queries] == [200, 200, 200]


async def test_a_part_of_the_log_is_no_answer_but_blindness(stage: Stage) -> None:
    """A partial result hears nothing and says that the log cannot be seen; the next whole one loses no row."""
    product, miro = stage.product(), stage.story.miro
    stage.tenant.logs.write("AuditLogs", _quarantine_row(stage, miro), delay=0)
    stage.tenant.logs.partial_next = 1
    with pytest.raises(Unavailable, match="answer the whole query"):
        await product.ears.query_audit_log()
    (blind,) = [source for source in await product.overview.sources() if source.blind]
    assert blind.name == Source.AUDIT_LOG
    assert "whole query" in blind.why
    assert await product.ears.query_audit_log() == 1
    assert not [source for source in await product.overview.sources() if source.blind]
