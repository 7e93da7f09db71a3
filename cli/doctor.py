"""`pratique doctor`: what is missing for the service to do its work, and the command that mends it."""

import os

from rich.console import Console
from rich.text import Text

from cli.errors import ExitCode
from cli.output import below, print_json, terminal
from cli.product import product
from shared.diagnosis.report import plain
from shared.doctor.found import Found, Mark, whole
from shared.doctor.mend import Names
from shared.doctor.setting import change
from shared.errors import InvalidSetting

_MARKS = {Mark.FINE: ("✓", "green"), Mark.LOOK: ("▲", "yellow"), Mark.MISSING: ("✗", "red")}


async def doctor(*, azure: bool, send_test: bool, as_json: bool) -> int:
    """Print what was found and tell by the exit code whether anything is missing, or a setting is wrong."""
    readable = True
    try:
        async with product() as pratique:
            names = Names.of(pratique.settings, os.environ if azure else {})
            settings = Found(Mark.FINE, "Settings", "can all be read")
            found = (settings, *await pratique.doctor.examine(names, send_test=send_test, desk=not azure))
    except InvalidSetting as error:
        mend = (f"export {error.name}=<value>   # at a desk", *change(error.name, "<value>"))
        found = (Found(Mark.MISSING, "Settings", f"{error} All of them: docs/settings.md", mend),)
        readable = False
    if as_json:
        print_json(whole(found))
    else:
        _print(terminal(), found)
    if not readable:
        return ExitCode.WRONG_USE
    return ExitCode.NEEDS_YOU if any(one.mark is Mark.MISSING for one in found) else ExitCode.FINE


def _print(screen: Console, found: tuple[Found, ...]) -> None:
    missing = sum(one.mark is Mark.MISSING for one in found)
    looks = sum(one.mark is Mark.LOOK for one in found)
    line = Text(f"  {len(found)} finding{'' if len(found) == 1 else 's'}", "bold")
    line.append(f" · {missing} missing" if missing else " · nothing missing", "red" if missing else "green")
    screen.print()
    screen.print(line.append(f" · {looks} to look at", "yellow") if looks else line)
    screen.print()
    for one in found:
        mark, style = _MARKS[one.mark]
        title = Text(f"  {mark} ", style).append(f"{one.subject:<20}", "" if one.mark is Mark.FINE else "bold")
        if one.mark is Mark.FINE:
            screen.print(title.append(plain(one.text), "dim"))
            continue
        screen.print(title)
        screen.print(below(plain(one.text)))
        for command in one.mend:
            # Never wrapped, so that it can be copied
            screen.print(Text(f"    {plain(command)}", "cyan"), soft_wrap=True)
    screen.print()
