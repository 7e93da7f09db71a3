"""A hundred thousand failures of one job: what it takes to summarise them where they lie and tell them on a page."""

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from pathlib import Path

from bench.cold_start import ROOT
from bench.table import Measure
from emulator.engine import users_named
from emulator.jobs import SyncError
from emulator.settings import EmulatorSettings
from emulator.tenant import Application, EmbeddedTenant

_ROWS, _USERS = 100_000, 60_000
_REASON = "EncounteredEscrowProportionThreshold"
_TAKEN = SyncError("EntryConflict", "A user with this e-mail address already exists (scimType: uniqueness).")
_ERRORS = (
    _TAKEN,
    _TAKEN,
    SyncError("MandatoryFieldsMissing", "Schema validation failed: Required attribute 'familyName' is missing."),
    SyncError("InsufficientRights", "License limit reached: there are no available licenses for this user."),
)
_STORAGE = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=c2VjcmV0;EndpointSuffix=x.example"
_PATIENCE = {"PRATIQUE_STEP": "60", "PRATIQUE_LEASE": "120"}
# The product runs in a process of its own: the workspace that executes the query is in this one. What it measures
# first, with no failures there, is what any gathering takes.
_PROBE = """
import asyncio, json, sys, time, tracemalloc
from shared.composition import compose
from shared.diagnosis.report import to_markdown

async def diagnose(product):
    tracemalloc.start()
    began = time.perf_counter()
    findings = await product.diagnostician.diagnose(*sys.argv[1:])
    took = (time.perf_counter() - began) * 1000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    evidence = findings.evidence
    groups = [(g.code, g.step, g.count, g.users, g.samples) for g in evidence.failures]
    print(json.dumps({
        "ms": took, "peak_mb": peak / 2**20, "failures": sum(g.count for g in evidence.failures),
        "groups": len(groups), "answer_bytes": len(json.dumps(groups).encode()),
        "report_bytes": len(to_markdown(findings).encode()), "report_lines": to_markdown(findings).count("\\n"),
        "cause": findings.diagnosis.cause, "blind": list(findings.diagnosis.blind),
    }), flush=True)

async def main():
    product = compose()
    try:
        await diagnose(product)  # imports what is imported late
        await diagnose(product)
        sys.stdin.readline()
        await diagnose(product)
    finally:
        await product.close()

asyncio.run(main())
"""


async def failures(state_dir: Path, environment: Mapping[str, str]) -> list[Measure]:
    """Measure a deep diagnosis of one job without failures and with a hundred thousand of them."""
    settings = EmulatorSettings(ingestion_delay=0.0)
    async with EmbeddedTenant(state_dir, settings=settings) as tenant:
        application = await tenant.add_application("Contoso", users=users_named("Contoso", 3))
        tenant.engine.impose(application.job.id, _REASON, None)
        storage = {"AzureWebJobsStorage": _STORAGE}
        return await _measure(tenant, application, {**environment, **storage, **tenant.environment(), **_PATIENCE})


async def _measure(tenant: EmbeddedTenant, application: Application, environment: Mapping[str, str]) -> list[Measure]:
    ids = application.service_principal.id, application.job.id
    product = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PROBE, *ids),
        cwd=ROOT,
        env={**environment, "PYTHONPATH": str(ROOT)},
        stdin=PIPE,
        stdout=PIPE,
    )
    assert product.stdin is not None  # noqa: S101 -- it is piped
    assert product.stdout is not None  # noqa: S101 -- it is piped
    await product.stdout.readline()
    quiet = json.loads(await product.stdout.readline())
    began = time.perf_counter()
    tenant.records.flood(application, _ROWS, _ERRORS, users=_USERS)
    written = (time.perf_counter() - began) * 1000
    product.stdin.write(b"\n")
    flooded = json.loads(await product.stdout.readline())
    if await product.wait() or flooded["failures"] != _ROWS or flooded["blind"]:
        message = f"the failures were not summarised: {flooded}"
        raise RuntimeError(message)
    told = f"{flooded['groups']} groups in {flooded['answer_bytes']:,} bytes"
    page = f"{flooded['report_lines']} lines, {flooded['report_bytes']:,} bytes of Markdown: {flooded['cause']}"
    return [
        Measure("deep diagnosis, no failures", quiet["ms"], f"peak while gathering {quiet['peak_mb']:.1f} MB"),
        Measure(
            f"deep diagnosis, {_ROWS:,} failures (the workspace's part included)",
            flooded["ms"],
            f"peak while gathering {flooded['peak_mb']:.1f} MB; {told}",
        ),
        Measure("  its report", None, page),
        Measure("  writing the rows into the workspace", written, "the embedded tenant's part"),
    ]
