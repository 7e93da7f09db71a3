"""`pratique demo`: tenant, storage and functions host are started, the story is played, judged, shown, and all ends."""

import json
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.demo.document import document
from cli.demo.keep import clear, draw, keep, leaks
from cli.demo.play import Played, play
from cli.demo.records import RecordReader
from cli.demo.report import report, verdict
from cli.demo.screen import Screen, screen_on
from cli.demo.story_says import Beginning, differences
from cli.deployed import read_deployed
from cli.errors import ExitCode, UsageError
from cli.functions_host import functions_host
from cli.ground import Ground, ground
from cli.home import state_dir
from cli.output import print_json, terminal

_TOO_LATE = "The deadline passed before every outcome was what the story says."


async def demo(
    folder: Path | None,
    deadline: float,
    *,
    as_json: bool,
    pictures: bool,
    azure_settings: Path | None = None,
    package: Path | None = None,
) -> int:
    """Play the story and tell by the exit code whether every outcome is what it says.

    Args:
        folder: where everything is kept that people were told.
        deadline: seconds that the story may take.
        as_json: print one document instead of a table.
        pictures: draw cards and mails.
        azure_settings: settings of a deployment to start the app with.
        package: the package to take the app from.
    """
    deployed = None if azure_settings is None else read_deployed(azure_settings)
    folder = folder or state_dir() / "demo"
    clear(folder)
    console = terminal(errors=as_json)
    with screen_on(console) as screen:
        screen.say("Azurite and the embedded tenant start")
        async with ground(deployed) as stands:
            beginning = Beginning.of(stands.story)
            with _unpacked(package) as app:
                played = await _play(stands, beginning, folder, deadline, screen, app)
            found = differences(stands.story, beginning, played.records)
            if not played.in_time and not found:
                found = [_TOO_LATE]
            shown = document(stands.story, played.records, played.token_came_at)
            kept = keep(stands.story, folder)
            text = json.dumps(shown, indent=2, ensure_ascii=False)
            (folder / "demo.json").write_text(f"{text}\n", encoding="utf-8")
            found += leaks(stands.story, beginning, folder, *found)
        screen.say("All that was started has ended; cards and mails are drawn" if pictures else "All has ended")
        no_pictures = await draw(kept) if pictures else "no pictures: not asked for"
    if as_json:
        print_json(shown)
    report(console, stands.story, played, kept, folder, no_pictures)
    verdict(console, found)
    return ExitCode.NEEDS_YOU if found else ExitCode.FINE


async def _play(
    stands: Ground, beginning: Beginning, folder: Path, deadline: float, screen: Screen, app: Path | None
) -> Played:
    """Play it against the running app; what is returned was read after the app had come to its end."""
    reader = RecordReader(stands.storage.connection_string)
    try:
        screen.say("The functions host starts with the product in it")
        async with functions_host(stands.settings, folder / "host.log", package=app) as host:
            played = await play(stands.story, beginning, reader, host, screen, deadline)
        played.records = await reader.read()
        return played
    finally:
        await reader.close()


@contextmanager
def _unpacked(package: Path | None) -> Iterator[Path | None]:
    """Unpack a package for as long as the context lasts."""
    if package is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="pratique-") as folder:
        try:
            with zipfile.ZipFile(package) as archive:
                archive.extractall(folder)
        except zipfile.BadZipFile as error:
            raise UsageError(f"{package} is no package.") from error
        yield Path(folder)
