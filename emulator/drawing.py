"""Draws Teams cards and mails as pictures with headless Chromium, so that people and tests can look at them.

The card is drawn by Microsoft's own renderer (npm `adaptivecards`), which also tells what it could not parse. Chromium
is driven over the DevTools protocol: one start draws any number of pictures, each as high as its content.
"""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from emulator.drawing_page import card_page

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # a picture never needs the network
    "--remote-debugging-port=0",
)
_START_LIMIT = 30.0
_DRAW_LIMIT = 30.0
_MEASURE = """(async () => {
  if (document.readyState !== "complete") await new Promise(done => addEventListener("load", done));
  if (document.getElementById("card")?.childElementCount === 0) throw new Error(window.failure ?? "the card is empty");
  const count = selector => (document.getElementById("card") ?? document.body).querySelectorAll(selector).length;
  return {
    events: window.outcome?.events ?? [],
    failures: window.outcome?.failures ?? [],
    links: count("a[href]"),
    formatted: count("strong, em, code, s, pre, blockquote, ul, ol, h2, h3, h4, h5, h6, hr, img"),
    text: (document.getElementById("card") ?? document.body).innerText,
    overflows: document.documentElement.scrollWidth > innerWidth,
    height: Math.ceil(document.documentElement.getBoundingClientRect().height),
  };
})()"""


@dataclass(frozen=True, slots=True)
class DrawResult:
    """What came of a drawing: the picture, and what the page said about itself."""

    png: Path
    height: int
    events: tuple[str, ...]
    failures: tuple[str, ...]
    links: int
    formatted: int
    overflows: bool
    text: str


class DrawingError(RuntimeError):
    """Chromium could not start, or the page could not be drawn."""


class Drawing:
    """One running Chromium that draws pictures one after the other."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, session_id: str, folder: Path) -> None:
        self._socket = socket
        self._session_id = session_id
        self._folder = folder
        self._last_id = 0

    async def card(self, envelope: dict[str, Any], png: Path, *, dark: bool = False, width: int = 560) -> DrawResult:
        """Draw the card in a Teams envelope, in the light or the dark theme."""
        return await self._draw(
            card_page(envelope["attachments"][0]["content"], dark=dark), png, dark=dark, width=width
        )

    async def mail(self, html: str, png: Path, *, dark: bool = False, width: int = 680) -> DrawResult:
        """Draw the HTML of a mail, as a client in light or dark mode shows it."""
        return await self._draw(html, png, dark=dark, width=width)

    async def _draw(self, html: str, png: Path, *, dark: bool, width: int) -> DrawResult:
        page = self._folder / "page.html"
        page.write_text(html, encoding="utf-8")
        async with asyncio.timeout(_DRAW_LIMIT):
            await self._size(width, 200)
            scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
            await self._call("Emulation.setEmulatedMedia", features=[scheme])
            navigated = await self._call("Page.navigate", url=page.as_uri())
            if "errorText" in navigated:
                raise DrawingError(f"the page could not be opened: {navigated['errorText']}")
            seen = await self._evaluate(_MEASURE)
            await self._size(width, seen["height"])
            shot = await self._call("Page.captureScreenshot", format="png")
        await asyncio.to_thread(png.write_bytes, base64.b64decode(shot["data"]))
        return DrawResult(
            png=png,
            height=seen["height"],
            events=tuple(seen["events"]),
            failures=tuple(seen["failures"]),
            links=seen["links"],
            formatted=seen["formatted"],
            overflows=seen["overflows"],
            text=seen["text"],
        )

    async def _size(self, width: int, height: int) -> None:
        await self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2, mobile=False
        )

    async def _evaluate(self, expression: str) -> dict[str, Any]:
        answer = await self._call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise DrawingError(f"the page failed: {answer['exceptionDetails']}")
        value: dict[str, Any] = answer["result"]["value"]
        return value

    async def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._last_id += 1
        return await _command(self._socket, self._last_id, method, params, self._session_id)


async def draw_card(envelope: dict[str, Any], png: Path, *, dark: bool = False) -> DrawResult | None:
    """Draw one card; return None where there is no Chromium."""
    async with open_drawing() as drawing:
        return await drawing.card(envelope, png, dark=dark) if drawing else None


async def draw_mail(html: str, png: Path, *, dark: bool = False) -> DrawResult | None:
    """Draw one mail; return None where there is no Chromium."""
    async with open_drawing() as drawing:
        return await drawing.mail(html, png, dark=dark) if drawing else None


def find_chromium() -> str | None:
    """Return the Chromium or Chrome found on PATH."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


@contextlib.asynccontextmanager
async def open_drawing() -> AsyncGenerator[Drawing | None]:
    """Start Chromium with an empty profile of its own and end it afterwards; give None where there is none."""
    chromium = find_chromium()
    if chromium is None:
        yield None
        return
    # Chromium's helpers may still write to the profile while they end.
    with tempfile.TemporaryDirectory(prefix="pratique-drawing-", ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            chromium,
            *_FLAGS,
            f"--user-data-dir={folder}/profile",
            "about:blank",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            address = await _devtools_address(Path(folder) / "profile", process)
            async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
                yield Drawing(socket, await _attach(socket), Path(folder))
        finally:
            await _end(process)


async def _devtools_address(profile: Path, process: asyncio.subprocess.Process) -> str:
    """Wait until Chromium has written where it listens."""
    written = profile / "DevToolsActivePort"
    async with asyncio.timeout(_START_LIMIT):
        while process.returncode is None:
            lines = written.read_text().splitlines() if written.exists() else []
            if len(lines) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            await asyncio.sleep(0.02)
    raise DrawingError(f"Chromium ended at once with code {process.returncode}")


async def _attach(socket: aiohttp.ClientWebSocketResponse) -> str:
    """Open a page and return the session that commands it; ids below zero never meet those of `Drawing`."""
    target = await _command(socket, -1, "Target.createTarget", {"url": "about:blank"})
    attached = await _command(socket, -2, "Target.attachToTarget", {"targetId": target["targetId"], "flatten": True})
    session_id: str = attached["sessionId"]
    return session_id


async def _command(
    socket: aiohttp.ClientWebSocketResponse,
    number: int,
    method: str,
    params: dict[str, Any],
    session_id: str | None = None,
) -> dict[str, Any]:
    """Send one DevTools command and return its result, passing over the events that arrive before it."""
    message = {"id": number, "method": method, "params": params}
    await socket.send_json(message | ({"sessionId": session_id} if session_id else {}))
    while True:
        answer: dict[str, Any] = json.loads(await socket.receive_str(timeout=_DRAW_LIMIT))
        if answer.get("id") != number:
            continue
        if "error" in answer:
            raise DrawingError(f"{method}: {answer['error'].get('message')}")
        result: dict[str, Any] = answer["result"]
        return result


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the browser with all its helpers, which share the process group that it was started in."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
