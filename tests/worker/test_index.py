"""What the real worker runtime finds in the app, and what the host asks of its settings."""

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from emulator.azurite import Storage
from shared.detection.signal import QUEUE, VAULT_EVENTS_QUEUE
from tests.host.running import ROOT, refused
from tests.worker.serving import NEVER, base_environment

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("worker-index")]

_INDEX = """
import asyncio, json, pathlib
from emulator.host.worker import Worker
async def main():
    worker = Worker(pathlib.Path(__import__("sys").argv[1]))
    await worker.start()
    print(json.dumps({f.name: [dict(b.settings) for b in (f.trigger, *f.inputs, *f.outputs)]
                      for f in worker.functions.values()}))
    worker.stop()
asyncio.run(main())
"""
_SCHEDULES = {"SWEEP_SCHEDULE": NEVER, "AUDIT_SCHEDULE": NEVER, "DUE_SCHEDULE": NEVER, "FORECAST_SCHEDULE": NEVER}


async def _indexed() -> Mapping[str, list[dict[str, Any]]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _INDEX,
        str(ROOT),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, log = await process.communicate()
    assert process.returncode == 0, log.decode()
    return dict(json.loads(out.splitlines()[-1]))


async def test_the_worker_indexes_exactly_these_functions_with_their_triggers() -> None:
    """Names, trigger types, queues, routes, methods, key levels and schedules are these and no others."""
    functions = await _indexed()
    triggers = {name: bindings[0] for name, bindings in functions.items()}
    timers = {name: one["schedule"] for name, one in triggers.items() if one["type"] == "timerTrigger"}
    queues = {name: one["queueName"] for name, one in triggers.items() if one["type"] == "queueTrigger"}
    routes = {
        name: (one["methods"], one["route"], one["authLevel"])
        for name, one in triggers.items()
        if one["type"] == "httpTrigger"
    }
    assert timers == {
        "sweep_jobs": "%SWEEP_SCHEDULE%",
        "query_audit_log": "%AUDIT_SCHEDULE%",
        "enqueue_due": "%DUE_SCHEDULE%",
        "forecast_tokens": "%FORECAST_SCHEDULE%",
    }
    assert queues == {"reconcile_job": QUEUE, "hear_vault_event": VAULT_EVENTS_QUEUE}
    assert routes == {
        "azure_monitor_alert": (["POST"], "alerts", "FUNCTION"),
        "azure_monitor_secure_alert": (["POST"], "alerts/secure", "ANONYMOUS"),
        "doctor": (["GET"], "doctor", "FUNCTION"),
        "list_jobs": (["GET"], "jobs", "FUNCTION"),
        "reconcile_by_hand": (["POST"], "jobs/{servicePrincipalId}/{jobId}/reconcile", "FUNCTION"),
        "list_tokens": (["GET"], "tokens", "FUNCTION"),
        "rotate_by_hand": (["POST"], "jobs/{servicePrincipalId}/{jobId}/rotate", "FUNCTION"),
        "diagnosis": (["GET"], "jobs/{servicePrincipalId}/{jobId}/diagnosis", "FUNCTION"),
        "try_user": (["POST"], "jobs/{servicePrincipalId}/{jobId}/try", "FUNCTION"),
    }
    assert len(functions) == len(timers) + len(queues) + len(routes)
    assert {one["connection"] for one in triggers.values() if "connection" in one} == {"AzureWebJobsStorage"}
    others = [binding["type"] for bindings in functions.values() for binding in bindings[1:]]
    assert others == ["http"] * len(routes)


async def test_a_missing_schedule_is_refused_by_name(account: Storage) -> None:
    """The host does not start, and says which function lacks which setting."""
    timers = {
        "SWEEP_SCHEDULE": "sweep_jobs",
        "AUDIT_SCHEDULE": "query_audit_log",
        "DUE_SCHEDULE": "enqueue_due",
        "FORECAST_SCHEDULE": "forecast_tokens",
    }

    async def without(setting: str) -> tuple[int, str]:
        settings = {name: value for name, value in _SCHEDULES.items() if name != setting}
        return await refused(ROOT, {**base_environment(account), **settings})

    for (setting, function), (code, log) in zip(
        timers.items(), await asyncio.gather(*(without(setting) for setting in timers)), strict=True
    ):
        assert code == 1
        assert f"function {function}: schedule names the app setting {setting}, which is not set" in log
