"""A door in front of the storage account's tables that lets every request pass and tells of each write."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession, web
from multidict import CIMultiDict
from yarl import URL

_WRITES = frozenset({"POST", "PUT", "MERGE", "PATCH"})
_TABLE = re.compile(r"/(pratiqueincidents|pratiquejournal)\b")
_NOT_PASSED_ON = ("Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive")


@asynccontextmanager
async def table_door(table_url: str, written: Callable[[str], None]) -> AsyncIterator[str]:
    """Serve the tables at another address; `written` hears of a write after it is applied, before it is answered.

    A write is named after what it records: `journal: <action>`, or `incident: <state> <step>, <n> to tell`.
    """
    origin = URL(table_url).origin()

    async def pass_on(request: web.Request) -> web.Response:
        body = await request.read()
        address = URL(f"{origin}{request.raw_path}", encoded=True)
        headers = _passed_on(request.headers)
        async with session.request(
            request.method, address, headers=headers, data=body, skip_auto_headers=("Accept", "Content-Type")
        ) as answer:
            content = await answer.read()
        table = _TABLE.search(request.path)
        if table and request.method in _WRITES and answer.status < 300:
            written(_name(table[1], json.loads(body)))
        return web.Response(status=answer.status, headers=_passed_on(answer.headers), body=content)

    async with ClientSession(auto_decompress=False) as session:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", pass_on)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0]
            yield f"http://{host}:{port}{URL(table_url).path}"
        finally:
            await runner.cleanup()
            await asyncio.sleep(0)


def _passed_on(headers: Any) -> CIMultiDict[str]:
    passed = CIMultiDict(headers)
    for name in _NOT_PASSED_ON:
        passed.popall(name, None)
    return passed


def _name(table: str, values: dict[str, Any]) -> str:
    if table == "pratiquejournal":
        return f"journal: {values['action']}"
    step = json.loads(values["attempt"])["step"] if values.get("attempt") else "-"
    return f"incident: {values['state']} {step}, {len(json.loads(values['untold']))} to tell"
