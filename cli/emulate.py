"""`pratique emulator`: the embedded tenant on its own, and the settings that point Pratique at it."""

import asyncio
import sys

from cli.errors import ExitCode
from cli.ground import ground
from cli.output import print_json


async def emulate(*, story: bool, as_json: bool) -> int:
    """Run until stopped; standard output holds the settings and nothing else."""
    async with ground() as stands:
        settings = {**stands.settings, "NO_PROXY": "127.0.0.1,localhost"}
        if as_json:
            print_json(settings)
        else:
            for name, value in settings.items():
                sys.stdout.write(f"export {name}={_quoted(value)}\n")
            sys.stdout.flush()
        _say("The embedded tenant runs: eight applications, all healthy so far. Ctrl-C ends it.")
        if story:
            await stands.story.first_cycles()
            stands.story.strike()
            _say("The story has begun: five of them run into quarantine within seconds.")
        await asyncio.Event().wait()
    return ExitCode.FINE


def _quoted(value: str) -> str:
    """Quote for a POSIX shell, always, so that every line looks alike."""
    inner = value.replace("'", "'\\''")
    return f"'{inner}'"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
