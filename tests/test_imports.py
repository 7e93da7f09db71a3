"""What a cold start loads: a new instance must not pay for what the first invocation does not use.

Each claim is tried in a fresh interpreter. Budgets are what was measured, with five in a hundred to spare; a budget
that breaks means that an import moved to where every cold start pays for it.
"""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES_AT_IMPORT = 1248  # measured: 1,189
MODULES_AFTER_COMPOSE = 1315  # measured: 1,253
SDK_AFTER_RESTART_BODY = 14  # measured: 13 of `msgraph.generated`, against more than 1,200 with a first typed answer
RESTART_MODELS = {
    "msgraph.generated.models",
    "msgraph.generated.models.synchronization_job_restart_criteria",
    "msgraph.generated.models.synchronization_job_restart_scope",
}

# httpx loads these for its own command line where they happen to be installed; they are not in requirements.txt.
_DEVELOPMENT_ONLY = ("click", "rich", "pygments", "markdown_it", "mdurl")
_SCRIPT = """
import asyncio, json, sys

def loaded():
    stages.append(sorted(sys.modules))

stages = []
import function_app
loaded()
from functions.worker import pratique
product = pratique()
loaded()

async def restart():
    from shared.errors import Unavailable

    try:
        await product.services.graph.lift_quarantine("sp", "job")
    except Unavailable as error:  # the body is made and compared before a token is asked for
        assert error.service == "Microsoft Entra ID", error
    loaded()
    await product.close()

asyncio.run(restart())
print(json.dumps(stages))
"""
_ENVIRONMENT = {
    "KEY_VAULT_URL": "https://kv.vault.example",
    "AzureWebJobsStorage": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=c2VjcmV0;EndpointSuffix=x.example",
    "LOG_ANALYTICS_WORKSPACE_ID": "22222222-2222-2222-2222-222222222222",
    "TEAMS_WEBHOOK_URL": "https://teams.example/hook",
    "MAIL_SENDER": "pratique@contoso.example",
    "MAIL_RECIPIENTS": "team@contoso.example",
    "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential",  # finds nothing in this environment and contacts nobody
}


@cache
def _stages() -> tuple[frozenset[str], ...]:
    """Return the modules loaded after import, after composition and after making a restart body."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **_ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return tuple(frozenset(stage) for stage in json.loads(done.stdout))


def _loaded(stage: int, *packages: str) -> set[str]:
    """Return the modules of these packages that a stage has loaded."""
    return {
        module
        for module in _stages()[stage]
        if module in packages or module.startswith(tuple(f"{p}." for p in packages))
    }


def _counted(stage: int) -> int:
    return len(_stages()[stage]) - len(_loaded(stage, *_DEVELOPMENT_ONLY))


IMPORTED, COMPOSED, RESTARTED = range(3)
pytestmark = pytest.mark.xdist_group("imports")


@pytest.mark.parametrize("stage", [IMPORTED, COMPOSED, RESTARTED])
def test_the_product_loads_neither_its_emulator_nor_its_command_line(stage: int) -> None:
    """Neither at import, nor once composed, nor while it acts; nor pytest and the like."""
    assert not _loaded(stage, "emulator", "cli", "tests", "bench", "pytest", "hypothesis", "trustme")


@pytest.mark.parametrize("stage", [IMPORTED, COMPOSED])
def test_a_start_loads_none_of_the_sdks_models(stage: int) -> None:
    """Importing and composing leave the SDK's models and builders alone; only its two empty packages are there."""
    assert not _loaded(stage, "msgraph.generated.models")
    assert len(_loaded(stage, "msgraph.generated")) <= 2


def test_a_restart_body_loads_a_handful_of_models() -> None:
    """Exactly the criteria and their scope, and the few builders on the way to them."""
    assert _loaded(RESTARTED, "msgraph.generated.models") == RESTART_MODELS
    assert len(_loaded(RESTARTED, "msgraph.generated")) <= SDK_AFTER_RESTART_BODY


@pytest.mark.parametrize("stage", [IMPORTED, COMPOSED])
def test_what_draws_notices_waits_for_the_first_notice(stage: int) -> None:
    """Templates, the card and the mail are not needed to hear and to look."""
    assert not _loaded(stage, "jinja2", "shared.notices.card", "shared.notices.mail")


@pytest.mark.parametrize(("stage", "budget"), [(IMPORTED, MODULES_AT_IMPORT), (COMPOSED, MODULES_AFTER_COMPOSE)])
def test_the_number_of_modules_stays_within_its_budget(stage: int, budget: int) -> None:
    """Counted without what only a development machine has; a budget far too wide would guard nothing."""
    assert budget * 0.85 < _counted(stage) <= budget
