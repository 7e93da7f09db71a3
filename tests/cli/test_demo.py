"""The demo tells the truth: it passes when the story came true, fails when it did not, and leaves nothing behind."""

import asyncio
import fcntl
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cli.demo.keep import Kept, clear, draw, leaks
from cli.demo.records import Records
from cli.demo.story_says import FATES, Beginning, differences
from emulator.directory import Restart
from emulator.drawing import find_chromium
from emulator.story import DRUVA, MIRO, build_story
from emulator.tenant import EmbeddedTenant
from tests.cli.running import Ran, interrupt, line_with, living_with, run, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Demo:
    """A demo that ran: how it ended, its document, and the folder that it kept."""

    def __init__(self, ran: Ran, folder: Path) -> None:
        self.ran = ran
        self.folder = folder
        self.document: dict[str, Any] = json.loads(ran.out)

    def incident(self, application: str) -> dict[str, Any]:
        """Return the one incident of an application."""
        (found,) = [incident for incident in self.document["incidents"] if incident["app"] == application]
        return dict(found)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shown(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Run the demo once for all tests that look at what it shows, in whichever test process comes first."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if base.name.startswith("popen-") else base) / "shown-demo"
    shared.mkdir(exist_ok=True)
    result, folder = shared / "result.json", shared / "kept"
    with (shared / "lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        if not result.exists():
            arguments = ("demo", "--json", "--no-pictures", "--deadline", "120", "--keep", str(folder))
            ran = await run(*arguments, settings={"TMPDIR": str(shared)})
            assert living_with(str(shared)) == []
            result.write_text(json.dumps(asdict(ran)))
    return Demo(Ran(**json.loads(result.read_text())), folder)


async def test_every_outcome_is_what_the_story_says(shown: Demo) -> None:
    """Exit code 0; Druva is recovered by one save and one restart of the quarantine alone; others are let be."""
    assert shown.ran.code == 0, shown.ran.err
    assert {name: incident["outcome"] for name in FATES if (incident := shown.incident(name))} == {
        name: fate.outcome for name, fate in FATES.items()
    }
    assert {name: shown.incident(name)["cause"] for name in FATES} == {name: fate.cause for name, fate in FATES.items()}
    druva = shown.incident(DRUVA)
    assert druva["actions"] == ["save", "restart"]
    assert 0 < druva["seconds_to_action"] < 120
    assert [incident["actions"] for incident in shown.document["incidents"] if incident["app"] != DRUVA] == [[]] * 4
    assert shown.incident(MIRO)["seconds_to_action"] is None
    assert shown.document["restarts"] == [
        {"job_id": druva["job_id"], "body": {"criteria": {"resetScope": "QuarantineState"}}}
    ]
    assert shown.document["widened_restarts"] == 0
    (save,) = shown.document["secrets_saved"]
    assert save["service_principal_id"] == druva["service_principal_id"]
    assert "SecretToken" in save["keys"]
    assert shown.document["notices"] == {"teams": 7, "mail": 7}
    assert shown.document["sources_heard"] == ["alert", "audit_log", "sweep", "vault"]


async def test_standard_output_is_one_document_and_the_rest_goes_to_standard_error(shown: Demo) -> None:
    """A script reads standard output; a person reads progress, table and verdict on the other stream."""
    assert json.loads(shown.ran.out) == json.loads((shown.folder / "demo.json").read_text())
    assert "The operator presses New Token" in shown.ran.err
    assert "Every outcome is what the story says." in shown.ran.err


async def test_every_card_and_mail_is_kept_and_holds_no_token(shown: Demo) -> None:
    """Seven cards and seven mails lie side by side; no token (all begin alike) stands in anything kept."""
    cards, mails = sorted(shown.folder.glob("*.card.json")), sorted(shown.folder.glob("*.mail.html"))
    assert [card.name.partition(".")[0] for card in cards] == [mail.name.partition(".")[0] for mail in mails]
    assert len(cards) == 7
    assert all(json.loads(card.read_text())["type"] == "message" for card in cards)
    everything = [shown.ran.out, shown.ran.err, *(file.read_text() for file in shown.folder.iterdir())]
    assert not [text for text in everything if "scim_" in text.replace("scim_noncompliance", "")]


@pytest.mark.skipif(find_chromium() is None, reason="no Chromium on PATH: nothing can be drawn")
async def test_a_card_and_a_mail_are_drawn(shown: Demo) -> None:
    """Where Chromium is present, each becomes a picture beside it."""
    card, mail = shown.folder / "druva-3-recovered.card.json", shown.folder / "druva-3-recovered.mail.html"
    kept = [Kept("card", card, json.loads(card.read_text())), Kept("mail", mail, None)]
    assert await draw(kept) == ""
    assert [one.picture.read_bytes()[:4] for one in kept] == [b"\x89PNG"] * 2


async def test_a_product_that_may_not_act_makes_the_demo_fail_and_say_so(tmp_path: Path) -> None:
    """With PRATIQUE_ACTING=off nothing is saved or restarted; the exit code is 1 and Druva is named."""
    folder = tmp_path / "kept"
    settings = {"PRATIQUE_ACTING": "off", "TMPDIR": str(tmp_path)}
    ran = await run("demo", "--json", "--no-pictures", "--deadline", "6", "--keep", str(folder), settings=settings)
    assert ran.code == 1
    document = json.loads(ran.out)
    assert document["restarts"] == document["secrets_saved"] == []
    assert "Not what the story says" in ran.err
    assert "\n    Druva: " in ran.err
    assert living_with(str(tmp_path)) == []


async def test_ctrl_c_ends_everything_that_was_started(tmp_path: Path) -> None:
    """In the middle of the demo, Ctrl-C ends host and storage as well, without a traceback."""
    arguments = ("demo", "--no-pictures", "--keep", str(tmp_path / "kept"))
    async with running(*arguments, settings={"TMPDIR": str(tmp_path)}) as process:
        await line_with(process.stdout, "their cycles run")
        assert living_with(str(tmp_path)) != []
        ran = await interrupt(process)
    assert ran.code == 130
    assert ran.err == ""
    assert living_with(str(tmp_path)) == []


async def test_what_the_tenant_knows_weighs_more_than_the_products_rows(state_dir: Path) -> None:
    """Without a product every incident is missed; a widened restart and a save for Miro are told apart and named."""
    async with EmbeddedTenant(state_dir) as tenant:
        story = await build_story(tenant)
        beginning = Beginning.of(story)
        story.strike()
        found = differences(story, beginning, Records({}, ()))
        assert {f"{name}: has no incident." for name in FATES} <= set(found)
        assert "No news was heard through vault." in found
        widened = {"criteria": {"resetScope": "Full"}}
        tenant.directory.restarts.append(Restart(story.druva.job.id, widened, True, tenant.clock.now(), 204))
        tenant.directory.secrets.put(story.miro.service_principal.id, {"SecretToken": "another"})
        added = set(differences(story, beginning, Records({}, ()))) - set(found)
        assert any("was restarted with {'criteria': {'resetScope': 'Full'}}" in text for text in added)
        assert "Credentials of other applications were saved 1 times." in added


async def test_a_token_in_anything_kept_is_found(state_dir: Path, tmp_path: Path) -> None:
    """The search for secrets can fail: a token in a file and in a text is found, and only there."""
    async with EmbeddedTenant(state_dir) as tenant:
        story = await build_story(tenant)
        beginning = Beginning.of(story)
        (tmp_path / "host.log").write_text(f"sent {beginning.settings[MIRO]['SecretToken']}")
        (tmp_path / "demo.json").write_text("{}")
        assert leaks(story, beginning, tmp_path, "all is well") == ["A secret value stands in host.log."]
        (tmp_path / "host.log").write_text("")
        assert leaks(story, beginning, tmp_path, tenant.inboxes.teams_url) == ["A secret value stands in the output."]


async def test_only_the_demos_own_files_are_replaced(tmp_path: Path) -> None:
    """A folder that is given may hold other files; they stay, whatever an earlier demo left goes."""
    other, left = tmp_path / "notes.txt", tmp_path / "miro-1-needs-you.card.json"
    other.write_text("mine")
    left.write_text("{}")
    clear(tmp_path)
    assert other.exists()
    assert not left.exists()
