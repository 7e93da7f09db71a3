"""The end of the demo: what came of each application, the proof, and where everything is kept."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.demo.document import seconds_to_action
from cli.demo.keep import Kept
from cli.demo.play import Played
from cli.demo.story_says import name_of
from cli.home import shown
from cli.words import standing
from emulator.story import Story
from emulator.tenant import Application

_DONE = {"save": "token saved", "restart": "lifted"}


def report(
    console: Console, story: Story, played: Played, kept: Sequence[Kept], folder: Path, no_pictures: str
) -> None:
    """Print the final table, what the tenant received, and the paths."""
    console.print()
    console.print(Text("  Pratique", "bold").append(" · what came of it", "dim"))
    console.print()
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    table.add_column("", width=3, justify="right")
    table.add_column("Application", width=16, no_wrap=True)
    table.add_column("Cause", width=20, no_wrap=True)
    table.add_column("Done", width=19, no_wrap=True)
    table.add_column("After", width=5, justify="right", no_wrap=True)
    table.add_column("Outcome", no_wrap=True)
    for application in story.applications:
        table.add_row(*_row(application, played))
    console.print(table)
    console.print()
    _print_facts(console, story, played)
    _print_kept(console, kept, folder, no_pictures)


def _row(application: Application, played: Played) -> tuple[Text, ...]:
    record = played.records.by_job.get(application.job.id)
    stands = standing(record.incident if record else None, quarantined=application.job.quarantine is not None)
    mark, name = Text(stands.mark, stands.style), Text(name_of(application), "bold" if record else "")
    if record is None:
        return mark, name, Text("–", "dim"), Text("nothing", "dim"), Text("–", "dim"), Text(stands.words, stands.style)
    seconds = seconds_to_action(record, played.token_came_at)
    acts = ", ".join(_DONE.get(entry.action, entry.action) for entry in record.acts)
    return (
        mark,
        name,
        Text(record.incident.cause),
        Text(acts) if acts else Text("people told", "dim"),
        Text(f"{seconds:.1f} s" if seconds is not None else "–", "" if seconds is not None else "dim"),
        Text(record.outcome.replace("_", " "), stands.style),
    )


def _print_facts(console: Console, story: Story, played: Played) -> None:
    directory, inboxes = story.tenant.directory, story.tenant.inboxes
    widened = sum(restart.widened for restart in directory.restarts)
    facts = (
        ("Restarts", f"{len(directory.restarts)}, of which wider than the quarantine: {widened}"),
        ("Tokens saved", f"{len(directory.secret_saves)}"),
        ("People told", f"{len(inboxes.teams)} cards in Teams, {len(inboxes.mails)} mails"),
        ("News through", ", ".join(name.replace("_", " ") for name in played.records.sources_heard) or "no source"),
    )
    for name, value in facts:
        console.print(Text(f"  {name:<14}", "dim").append(value, "default"))
    console.print()


def _print_kept(console: Console, kept: Sequence[Kept], folder: Path, no_pictures: str) -> None:
    """Name each file once: a card and the mail that says the same differ in their endings only."""
    pictures = f" ({no_pictures})" if no_pictures else ", drawn in .png"
    console.print(Text(f"  Kept in {shown(folder)}", "bold").append(f": cards and mails{pictures}", "dim"))
    for name in dict.fromkeys(one.name for one in kept):
        endings = [file for one in kept if one.name == name for file in (one.file, one.picture) if file.exists()]
        line = Text(f"  {name}", "default").append("  " + "  ".join(_ending(file) for file in endings), "dim")
        console.print(line, soft_wrap=True)
    console.print(Text("  host.log", "default").append("  what the functions host logged", "dim"))
    console.print()


def _ending(file: Path) -> str:
    return "." + ".".join(file.name.split(".")[-2:])


def verdict(console: Console, found: Sequence[str]) -> None:
    """Print whether everything is as the story says, and what is not."""
    if not found:
        console.print(Text("  ✓ Every outcome is what the story says.", "bold green"))
    else:
        console.print(Text("  ■ Not what the story says:", "bold red"))
        for sentence in found:
            console.print(Padding(Text(sentence), (0, 2, 0, 4), expand=False))
    console.print()
