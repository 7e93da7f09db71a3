"""`scan`, `reconcile`, `emulator` and `serve` against an embedded tenant."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from emulator.azurite import azurite
from emulator.entra import Role
from emulator.settings import EmulatorSettings
from emulator.story import CONTOSO_INTRANET, DRUVA, LEGACY_HR, MIRO, WORKPLACE, Story, build_story
from emulator.tenant import EmbeddedTenant
from tests.cli.running import Ran, interrupt, line_with, run, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

_FALLEN = {DRUVA, MIRO, CONTOSO_INTRANET, WORKPLACE, LEGACY_HR}
_QUICK = {"PRATIQUE_SETTLE": "0.8", "PRATIQUE_RETRY": "0.3"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def story(state_dir: Path) -> AsyncIterator[Story]:
    """Run the story's tenant with storage of its own, all applications healthy."""
    settings = EmulatorSettings(cycle_interval=0.6, quarantine_intervals=(500.0,), secrets_settle=0.2)
    async with (
        azurite() as storage,
        EmbeddedTenant(state_dir, settings=settings, storage_connection=storage.connection_string) as tenant,
    ):
        built = await build_story(tenant)
        tenant.start_engine()
        await built.first_cycles()
        yield built


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fallen(story: Story) -> Story:
    """Let everything befall, and wait until five jobs are quarantined."""
    story.strike()
    async with asyncio.timeout(30):
        for application in story.applications[: len(_FALLEN)]:
            while application.job.quarantine is None:  # noqa: ASYNC110 -- the engine has no event to wait for
                await asyncio.sleep(0.02)
    return story


async def pratique(story: Story, *arguments: str, **settings: str) -> Ran:
    """Run a command against the tenant; no secret may be in what it says, and nothing like a crash."""
    ran = await run(*arguments, settings={**story.tenant.environment(), **_QUICK, **settings})
    said = ran.out + ran.err
    tokens = [
        story.tenant.directory.secrets.effective(one.service_principal.id)["SecretToken"] for one in story.applications
    ]
    assert not [secret for secret in (*tokens, story.tenant.entra.identity_header) if secret in said]
    assert "Traceback" not in said
    return ran


async def test_a_healthy_tenant_scans_as_all_well(story: Story) -> None:
    """Every job is listed and the exit code is 0."""
    ran = await pratique(story, "scan")
    assert (ran.code, ran.err) == (0, "")
    assert "8 synchronization jobs · all well" in ran.out


async def test_a_scan_shows_each_quarantine_and_asks_for_people(fallen: Story) -> None:
    """Five jobs are in quarantine with reason and time; nobody has looked at them, so the exit code is 1."""
    ran = await pratique(fallen, "scan")
    assert (ran.code, ran.err) == (1, "")
    assert "5 in quarantine" in ran.out
    assert "TooManyDeletes, since " in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80


async def test_a_scan_in_json_is_one_document(fallen: Story) -> None:
    """The document lists every job with its state, as `GET /api/jobs` does."""
    ran = await pratique(fallen, "scan", "--json")
    document = json.loads(ran.out)
    assert ran.code == 1
    assert len(document["jobs"]) == 8
    assert {job["application"] for job in document["jobs"] if job["quarantined"]} == _FALLEN
    assert document["blind"] == []


async def test_reconcile_observes_unless_it_may_act(fallen: Story) -> None:
    """By display name in any case; in the default mode the incident is opened and nothing is changed outside."""
    ran = await pratique(fallen, "reconcile", "druva")
    assert (ran.code, ran.err) == (1, "")
    assert "The mode is observe" in ran.out
    assert fallen.tenant.directory.secret_saves == []
    assert fallen.tenant.directory.restarts == []
    scanned = await pratique(fallen, "scan")
    assert "observed · invalid_credentials" in scanned.out


async def test_reconcile_repairs_in_act_mode(fallen: Story) -> None:
    """By service principal id, with a new token in the vault: saved, lifted, and printed as one document."""
    await fallen.paste_new_druva_token()
    druva = fallen.druva
    ran = await pratique(
        fallen, "reconcile", druva.service_principal.id, "--job", druva.job.id, "--json", PRATIQUE_MODE="act"
    )
    document = json.loads(ran.out)
    assert ran.code == 0, ran.err
    assert document["application"] == DRUVA
    (job,) = document["jobs"]
    assert job["job_id"] == druva.job.id
    assert job["actions"][-3:] == ["attempt", "save", "restart"]
    assert job["incident"]["state"] == "lifted"
    assert len(fallen.tenant.directory.restarts) == 1


async def test_what_is_unknown_is_refused_with_suggestions(fallen: Story) -> None:
    """A misspelt name gets the nearest ones, an unknown job the application's jobs: one line, exit code 2."""
    misspelt = await pratique(fallen, "reconcile", "Drvua", "--json")
    assert (misspelt.code, misspelt.out) == (2, "")
    assert misspelt.err.count("\n") == 1
    assert "Druva" in misspelt.err
    job = await pratique(fallen, "reconcile", MIRO, "--job", "nonsense")
    assert job.code == 2
    assert fallen.miro.job.id in job.err


async def test_a_name_that_two_applications_share_must_be_told_by_its_id(fallen: Story) -> None:
    """Both ids are named; exit code 2."""
    twins = [fallen.tenant.directory.add_service_principal("Twins") for _ in range(2)]
    ran = await pratique(fallen, "reconcile", "twins")
    assert ran.code == 2
    assert all(twin.id in ran.err for twin in twins)
    for twin in twins:
        del fallen.tenant.directory.service_principals[twin.id]


@pytest.mark.parametrize("command", [("scan",), ("reconcile", MIRO)])
async def test_a_missing_permission_is_named(fallen: Story, command: tuple[str, ...]) -> None:
    """Graph's 403 ends in one line with the permission to grant, and exit code 1."""
    fallen.tenant.entra.roles.discard(Role.SYNCHRONIZATION)
    try:
        ran = await pratique(fallen, *command)
    finally:
        fallen.tenant.entra.roles.add(Role.SYNCHRONIZATION)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    assert "Synchronization.ReadWrite.All" in ran.err


async def test_a_missing_setting_is_named() -> None:
    """One line names the setting; exit code 2, nothing on standard output."""
    ran = await run("scan", "--json")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert "KEY_VAULT_URL" in ran.err


async def test_a_malformed_setting_ends_in_one_line_without_its_value() -> None:
    """A connection string is a secret: it is not repeated."""
    ran = await run(
        "scan", settings={"KEY_VAULT_URL": "https://v.example", "AzureWebJobsStorage": "AccountKey=hunter22"}
    )
    assert ran.code in {1, 2}
    assert ran.err.count("\n") == 1
    assert "hunter22" not in ran.err


@pytest.mark.parametrize("command", ["", "scan", "reconcile", "emulator", "serve", "demo"])
async def test_help_says_what_the_exit_codes_mean(command: str) -> None:
    """Every help fits 80 columns and explains the exit codes."""
    ran = await run(*([command] if command else []), "--help")
    assert (ran.code, ran.err) == (0, "")
    assert "exit codes:" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80


async def test_the_emulator_prints_settings_that_work_and_ends_with_ctrl_c() -> None:
    """Its settings point a scan at eight jobs; standard output holds nothing else; Ctrl-C is a good end."""
    async with running("emulator") as process:
        await line_with(process.stderr, "eight applications")
        assert process.stdout is not None
        exported = (await process.stdout.read(20_000)).decode().splitlines()
        pairs = [line.removeprefix("export ").split("=", 1) for line in exported]
        settings = {name: value.strip("'") for name, value in pairs}
        scanned = await run("scan", "--json", settings=settings)
        assert len(json.loads(scanned.out)["jobs"]) == 8
        ran = await interrupt(process)
    assert (ran.code, ran.out, ran.err) == (0, "", "")


async def test_serve_prints_addresses_that_work() -> None:
    """The jobs are served with the key; a command makes Druva's token expire; Ctrl-C is a good end."""
    async with running("serve", "--port", "0") as process:
        jobs = await line_with(process.stdout, "/api/jobs")
        expire = (await line_with(process.stdout, "/expire-druva")).split()[3]
        async with aiohttp.ClientSession() as session:
            async with session.get(jobs, headers={"x-functions-key": "local-function-key"}) as response:
                assert len((await response.json())["jobs"]) == 8
            async with session.post(expire) as response:
                assert await response.text() == "expire-druva: done\n"
        await line_with(process.stdout, "Needs you     Druva")
        ran = await interrupt(process)
    assert (ran.code, ran.err) == (0, "")
