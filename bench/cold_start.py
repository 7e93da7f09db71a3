"""Importing the app and putting it together, each time in a fresh process as a new instance does."""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

from bench.table import Measure

ROOT = Path(__file__).resolve().parent.parent
_RUNS = 5
_PROBE = """
import json, resource, sys, time

def look(began):
    took = (time.perf_counter() - began) * 1000
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return {"ms": took, "modules": len(sys.modules), "mb": peak}

began = time.perf_counter()
import function_app
imported = look(began)
from functions.worker import pratique
began = time.perf_counter()
product = pratique()
composed = look(began)
import asyncio
asyncio.run(product.close())
print(json.dumps([imported, composed]))
"""
_ENVIRONMENT = {
    "KEY_VAULT_URL": "https://kv.vault.example",
    "AzureWebJobsStorage": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=c2VjcmV0;EndpointSuffix=x.example",
    "LOG_ANALYTICS_WORKSPACE_ID": "5a5a5a5a-0000-0000-0000-00000000005a",
    "TEAMS_WEBHOOK_URL": "https://teams.example/hook",
    "MAIL_SENDER": "pratique@contoso.example",
    "MAIL_RECIPIENTS": "team@contoso.example",
}


def cold_start() -> list[Measure]:
    """Measure import and composition; a first run, which may have to compile, is not counted.

    A child's peak memory is at least its parent's, so this runs before anything large is loaded.
    """
    runs = [_run() for _ in range(_RUNS + 1)][1:]
    stages = list(zip(*runs, strict=True))
    names = (f"import function_app (median of {_RUNS})", f"compose() (median of {_RUNS})")
    return [
        Measure(
            name,
            median(stage["ms"] for stage in measured),
            f"{measured[0]['modules']:.0f} modules in all, peak RSS {median(stage['mb'] for stage in measured):.0f} MB",
        )
        for name, measured in zip(names, stages, strict=True)
    ]


def _run() -> list[dict[str, float]]:
    done = subprocess.run(
        [sys.executable, "-c", _PROBE],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), **_ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        message = f"the probe failed:\n{done.stderr}"
        raise RuntimeError(message)
    stages: list[dict[str, float]] = json.loads(done.stdout)
    return stages
