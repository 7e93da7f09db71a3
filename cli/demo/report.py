"""The end of the demo: what came of each application, the proof, and where everything is kept."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.demo.document import seconds_to_action
from cli.demo.keep import Kept
from cli.demo.play import Played
from cli.demo.story_says import name_of
from cli.home import shown
from cli.output import below
from cli.words import standing
from emulator.story import Story
from emulator.tenant import Application

_DONE = {"save": "saved", "restart": "lifted"}


def report(
    console: Console, story: Story, played: Played, kept: Sequence[Kept], folder: Path, no_pictures: str
) -> None:
    """Print the final table, what the tenant received, and the paths."""
    console.print()
    console.print(Text("  Pratique", "bold").append(" · what came of it", "dim"))
    console.print()
    table = Table(box=None, padding=(0, 1, 0, 0), show_edge=False, header_style="dim")
    for title, width in (("    Application", 21), ("Cause", 20), ("Done", 14)):
        table.add_column(title, width=width, no_wrap=True, overflow="ellipsis")
    table.add_column("Seconds", width=7, justify="right")
    table.add_column(" Outcome", width=13, no_wrap=True)
    for application in story.applications:
        table.add_row(*_row(application, played))
    console.print(table)
    console.print()
    _print_facts(console, story, played)
    _print_kept(console, kept, folder, no_pictures)


def _row(application: Application, played: Played) -> tuple[Text, ...]:
    record = played.records.by_job.get(application.job.id)
    stands = standing(record.incident if record else None, quarantined=application.job.quarantine is not None)
    name = Text(f"  {stands.mark} ", stands.style).append(name_of(application), "bold" if record else "default")
    if record is None:
        return name, Text("·", "dim"), Text("nothing", "dim"), Text("·", "dim"), Text(f" {stands.words}", stands.style)
    seconds = seconds_to_action(record, played.token_came_at)
    acts = ", ".join(_DONE.get(entry.action, entry.action) for entry in record.acts)
    return (
        name,
        Text(record.incident.cause),
        Text(acts) if acts else Text("people told", "dim"),
        Text(f"{seconds:.1f}") if seconds is not None else Text("·", "dim"),
        Text(f" {record.outcome.replace('_', ' ')}", stands.style),
    )


def _print_facts(console: Console, story: Story, played: Played) -> None:
    directory, inboxes = story.tenant.directory, story.tenant.inboxes
    widened = sum(restart.widened for restart in directory.restarts)
    facts = (
        ("Seconds", "from the new token's arrival in the vault to the first action"),
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
    width = max((len(one.name) for one in kept), default=0)
    for name in sorted({one.name for one in kept}):
        endings = [file for one in kept if one.name == name for file in (one.file, one.picture) if file.exists()]
        line = Text(f"    {name:<{width}}").append("  " + "  ".join(_ending(file) for file in endings), "dim")
        console.print(line, soft_wrap=True)
    console.print(Text(f"    {'host.log':<{width}}").append("  what the functions host logged", "dim"))
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
            console.print(below(sentence))
    console.print()
