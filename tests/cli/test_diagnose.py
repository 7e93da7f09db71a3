"""`diagnose` and `try` against an embedded tenant whose jobs have fallen, and the same over the use cases' answers."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from emulator.azurite import azurite
from emulator.settings import EmulatorSettings
from emulator.story import DRUVA, MIRO, WORKPLACE, Story, build_story
from emulator.tenant import EmbeddedTenant
from shared.composition import compose
from shared.errors import LeaseLost, Refused
from shared.incidents.incident import Incident
from shared.remediation.on_demand import TRY, UsedUp
from tests.cli.running import ROOT, Ran, environment, run

pytestmark = pytest.mark.asyncio(loop_scope="module")

_QUICK = {"PRATIQUE_SETTLE": "0.8", "PRATIQUE_RETRY": "0.3", "PRATIQUE_PROBE": "off"}
_USER = "9bb0f679-a883-4a6f-8260-35b491b8b8c8"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def story(state_dir: Path) -> AsyncIterator[Story]:
    """Run the story's tenant with storage of its own until Druva's token has expired."""
    settings = EmulatorSettings(cycle_interval=0.6, quarantine_intervals=(500.0,), secrets_settle=0.2)
    async with (
        azurite() as storage,
        EmbeddedTenant(state_dir, settings=settings, storage_connection=storage.connection_string) as tenant,
    ):
        built = await build_story(tenant)
        tenant.start_engine()
        await built.first_cycles()
        built.strike()
        async with asyncio.timeout(30):
            while built.druva.job.quarantine is None:  # noqa: ASYNC110 -- the engine has no event to wait for
                await asyncio.sleep(0.02)
        yield built


def _tries(story: Story, since: int) -> list[str]:
    paths = [request.path for request in story.tenant.requests[since:]]
    return [path for path in paths if path.endswith("/provisionOnDemand")]


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


async def test_diagnose_names_the_cause_and_what_to_do(story: Story) -> None:
    """Druva's token is rejected: the cause, the vendor's console and the countdown are on the page; exit code 1."""
    ran = await pratique(story, "diagnose", DRUVA)
    assert ran.code == 1, ran.err
    text = " ".join(ran.out.split())
    assert "Cause: invalid_credentials" in text
    assert "Test of the saved credential: rejected" in text
    assert "Users > User Provisioning" in text
    assert "Entra disables the job on" in text


async def test_diagnose_as_json_is_one_document(story: Story) -> None:
    """Parts, causes and remedies are JSON; an application is found by its id too."""
    ran = await pratique(story, "diagnose", story.druva.service_principal.id, "--json")
    (job,) = json.loads(ran.out)["jobs"]
    assert job["cause"] == "invalid_credentials"
    assert job["may_rotate"] is True
    assert {part["part"]: part["sight"] for part in job["evidence"]}["job"] == "read"
    assert job["remedies"][0]["steps"][0]["where"].startswith("Druva: ")


async def test_diagnose_as_markdown_fits_a_ticket(story: Story) -> None:
    """It begins with a heading and carries the link."""
    ran = await pratique(story, "diagnose", MIRO, "--markdown")
    assert ran.out.startswith("## Provisioning of `Miro`")
    assert "[Open the provisioning page](https://" in ran.out


async def test_diagnose_changes_nothing(story: Story) -> None:
    """No request that could change a job or its secrets leaves."""
    before = len(story.tenant.requests)
    await pratique(story, "diagnose", WORKPLACE)
    asked = story.tenant.requests[before:]
    writes = [request for request in asked if request.service == "graph" and request.method != "GET"]
    assert all("validateCredentials" in request.path for request in writes)


@pytest.mark.parametrize("arguments", [("Nobody",), (DRUVA, "--job", "other"), (DRUVA, "--json", "--markdown")])
async def test_diagnose_of_what_is_not_there_is_wrong_use(story: Story, arguments: tuple[str, ...]) -> None:
    """One line says what is meant instead."""
    ran = await pratique(story, "diagnose", *arguments)
    assert ran.code == 2
    assert ran.out == ""


async def test_try_refuses_where_nobody_can_be_asked(story: Story) -> None:
    """Without a terminal and without --yes nothing is changed."""
    ran = await pratique(story, "try", DRUVA, _USER, PRATIQUE_MODE="act")
    assert ran.code == 2
    assert "--yes" in ran.err


@pytest.mark.parametrize("settings", [{"PRATIQUE_MODE": "observe"}, {"PRATIQUE_MODE": "act", "PRATIQUE_ACTING": "off"}])
async def test_try_obeys_mode_and_switch(story: Story, settings: dict[str, str]) -> None:
    """Refused before anything is asked of Graph but the application's name."""
    before = len(story.tenant.requests)
    ran = await pratique(story, "try", DRUVA, _USER, "--yes", **settings)
    assert ran.code == 1
    assert "PRATIQUE_" in ran.err
    assert not _tries(story, before)


async def test_try_asks_in_a_terminal_and_takes_no_for_an_answer(story: Story) -> None:
    """Anything but yes changes nothing."""
    before = len(story.tenant.requests)
    settings = {**story.tenant.environment(), **_QUICK, "PRATIQUE_MODE": "act"}
    terminal, inside = os.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", "try", DRUVA, story.druva.job.users[0].id),
            env=environment(settings),
            cwd=ROOT,
            stdin=inside,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        os.write(terminal, b"no\n")
        _, said = await asyncio.wait_for(process.communicate(), 60)
    finally:
        os.close(inside)
        os.close(terminal)
    assert process.returncode == 1
    assert b"This changes the target. [y/N]" in said
    assert b"Nothing was changed." in said
    assert not _tries(story, before)


async def test_try_shows_where_it_broke_and_why(story: Story) -> None:
    """With Druva's expired token the user stops at matching, and the cause and the remedy follow."""
    user = story.druva.job.users[0]
    before = len(story.tenant.requests)
    ran = await pratique(story, "try", DRUVA, user.id, "--yes", PRATIQUE_MODE="act")
    assert ran.code == 1, ran.err
    assert f"user {user.id}: Failure" in ran.out
    assert "Cause: invalid_credentials" in ran.out, ran.out
    asked = [(one.service, one.path) for one in story.tenant.requests[before:]]
    assert len(_tries(story, before)) == 1
    assert any(path.endswith("/schema") for _, path in asked)


async def test_try_takes_a_user_principal_name(story: Story) -> None:
    """A person knows names: the object id is looked up, and an unknown name is a clear error."""
    healthy = next(one for one in story.applications if one.job.quarantine is None and one.job.users)
    user, name = healthy.job.users[0], healthy.service_principal.display_name
    ran = await pratique(story, "try", name, user.user_name, "--yes", "--json", PRATIQUE_MODE="act")
    assert ran.code == 0, ran.out + ran.err
    assert json.loads(ran.out)["user_id"] == user.id
    unknown = await pratique(story, "try", name, "nobody@contoso.example", "--yes", PRATIQUE_MODE="act")
    assert unknown.code != 0
    assert "Traceback" not in unknown.err


async def test_try_shows_what_was_modified_and_no_more_of_the_user(story: Story) -> None:
    """In an application that works the try goes well; JSON holds attributes with both values, and no secret."""
    healthy = next(one for one in story.applications if one.job.quarantine is None and one.job.users)
    user = healthy.job.users[0]
    ran = await pratique(
        story, "try", healthy.service_principal.display_name, user.id, "--yes", "--json", PRATIQUE_MODE="act"
    )
    assert ran.code == 0, ran.out + ran.err
    tried = json.loads(ran.out)
    assert tried["user_id"] == user.id
    assert tried["result"] in ("Success", "Skipped")
    assert tried["steps"][0]["name"] == "EntryImport"
    assert tried["broke_at"] in ("", "EntrySynchronizationSkip")
    assert tried["cause"] == ""


async def test_try_of_a_user_whom_nobody_knows_fails_with_one_line(story: Story) -> None:
    """Graph's 404 is said as it is."""
    ran = await pratique(story, "try", DRUVA, _USER, "--yes", PRATIQUE_MODE="act")
    assert ran.code == 1
    assert "HTTP 404" in ran.err
    assert len(ran.err.splitlines()) == 1


async def test_try_obeys_lease_and_daily_limit(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """One who finds the lease taken, or the day's tries used up, does nothing."""
    settings = {**story.tenant.environment(), **_QUICK, "PRATIQUE_MODE": "act", "PRATIQUE_ATTEMPTS_PER_DAY": "2"}
    for name, value in story.tenant.environment().items():
        monkeypatch.setenv(name, value)
    ids = story.druva.service_principal.id, story.druva.job.id
    product = compose(settings)
    before = len(story.tenant.requests)
    try:
        lease = await product.services.leases.acquire(ids[0])
        assert lease is not None
        with pytest.raises(LeaseLost):
            await product.on_demand.try_user(*ids, _USER)
        await product.services.leases.release(lease)
        for _ in range(2):
            await product.services.journal.write(Incident(*ids), TRY, "user")
        with pytest.raises(UsedUp):
            await product.on_demand.try_user(*ids, _USER)
        settings["PRATIQUE_ACTING"] = "off"
        with pytest.raises(Refused, match="PRATIQUE_ACTING"):
            await product.on_demand.try_user(*ids, _USER)
        free = await product.services.leases.acquire(ids[0])
        assert free is not None, "the lease was given back"
        await product.services.leases.release(free)
    finally:
        await product.close()
    assert not _tries(story, before)
