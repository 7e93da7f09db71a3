"""`pratique serve`: the product in the local functions host, and small commands that make things happen to it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from aiohttp import web

from cli.azure_monitor import watched_by_azure_monitor
from cli.errors import CommandError
from cli.functions_host import FUNCTION_KEY, FunctionsHost, functions_host, last_line
from cli.ground import Ground, ground
from cli.home import shown
from cli.notices import cards
from emulator.story import Story

_TICK = 0.2
_WELCOME = """
  Pratique watches the embedded tenant and acts on its own. Ctrl-C ends it.

  All jobs
    curl -H 'x-functions-key: {key}' \\
      {url}/api/jobs

  Make things happen
    curl -X POST {control}/expire-druva  # its token expires
    curl -X POST {control}/paste-druva   # a new one comes
    curl -X POST {control}/strike        # as in the demo

  The host's log is {log}. What people are told:
"""


async def serve(port: int, *, strike: bool) -> int:
    """Run until stopped, saying what people are told.

    Raises:
        CommandError: the functions host does not run, or no longer.
    """
    async with ground() as stands:
        log = stands.state / "serve.log"
        async with (
            functions_host(stands.settings, log, port) as host,
            _controls(stands.story) as control,
            watched_by_azure_monitor(stands.tenant, host),
        ):
            _say(_WELCOME.format(url=host.url, key=FUNCTION_KEY, control=control, log=shown(log)))
            if strike:
                await stands.story.first_cycles()
                stands.story.strike()
            await _tell(stands, host)
        raise CommandError(f"The functions host has ended: {last_line(log)} (all of it: {shown(log)})")


async def _tell(stands: Ground, host: FunctionsHost) -> None:
    """Say each card as it arrives, for as long as the host runs."""
    said = 0
    while host.process.returncode is None:
        for told, post in cards(stands.tenant.inboxes)[said:]:
            said += 1
            _say(f"  {_local(post.at):%H:%M:%S}  {told.label:<13} {told.subject}")
        await asyncio.sleep(_TICK)


@asynccontextmanager
async def _controls(story: Story) -> AsyncIterator[str]:
    """Serve the story's events on loopback and return their address."""

    async def happen(request: web.Request) -> web.Response:
        event = request.match_info["event"]
        match event:
            case "expire-druva":
                story.expire_druva()
            case "paste-druva":
                await story.paste_new_druva_token()
            case "strike":
                story.strike()
            case _:
                return web.Response(status=404, text="one of: expire-druva, paste-druva, strike\n")
        return web.Response(text=f"{event}: done\n")

    application = web.Application()
    application.router.add_post("/{event}", happen)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _local(moment: datetime) -> datetime:
    return moment.astimezone()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
