"""How the demo is watched: a table that changes in place on a terminal, plain lines anywhere else."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.words import Standing

_APPLICATIONS = 8
_EVENTS = 9
_WIDTH = 78


@dataclass(frozen=True, slots=True)
class Line:
    """One application: its name, what Entra shows, and where Pratique stands."""

    application: str
    entra: str
    standing: Standing
    cause: str


class Screen(Protocol):
    """Is told what happens."""

    def say(self, text: str, style: str = "") -> None:
        """Tell an event."""
        ...

    def show(self, lines: Sequence[Line]) -> None:
        """Show how all applications stand now."""
        ...


class PlainScreen:
    """One line an event, with the seconds since the beginning."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()

    def say(self, text: str, style: str = "") -> None:
        """Write the event."""
        del style
        self._console.print(f"{time.monotonic() - self._began:5.1f} s  {text}", soft_wrap=True)

    def show(self, lines: Sequence[Line]) -> None:
        """Write nothing: events tell what changes."""


class LiveScreen:
    """A table of fixed height with the latest events below it."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._began = time.monotonic()
        self._lines: Sequence[Line] = ()
        self._events: deque[Text] = deque([Text("")] * _EVENTS, maxlen=_EVENTS)

    def say(self, text: str, style: str = "") -> None:
        """Add the event below the others."""
        seconds = time.monotonic() - self._began
        line = Text(f"  {seconds:5.1f} s  ", "dim", no_wrap=True, overflow="ellipsis")
        self._events.append(line.append(text, style or "default"))
        self._draw()

    def show(self, lines: Sequence[Line]) -> None:
        """Draw the table anew."""
        self._lines = lines
        self._draw()

    def _draw(self) -> None:
        seconds = int(time.monotonic() - self._began)
        title = Table.grid(expand=True)
        title.add_column(ratio=1)
        title.add_column(justify="right")
        title.add_row(Text("  Pratique", "bold").append(" · demo", "dim"), Text(f"{seconds} s  ", "dim"))
        table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim", width=_WIDTH)
        table.add_column("", width=3, justify="right")
        for name, width in (("Application", 17), ("In Entra", 11), ("Pratique", 39)):
            table.add_column(name, width=width, no_wrap=True, overflow="ellipsis")
        for line in self._lines:
            mark = Text(line.standing.mark, line.standing.style)
            words = Text(line.standing.words, line.standing.style).append(
                f" · {line.cause}" if line.cause else "", "dim"
            )
            entra = Text(line.entra, "red" if line.entra == "quarantine" else "dim")
            table.add_row(mark, line.application, entra, words)
        for _ in range(_APPLICATIONS - len(self._lines)):
            table.add_row("", "", "", "")
        self._live.update(Group("", title, "", table, "", *self._events, ""), refresh=True)


@contextmanager
def screen_on(console: Console) -> Iterator[Screen]:
    """Give the screen that fits; what it drew in place is gone afterwards, the report takes its room."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield PlainScreen(console)
        return
    with Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop") as live:
        yield LiveScreen(live)
