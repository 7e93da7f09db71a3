"""Run by `cli.package.alone`: `driver FOLDER [imports] [request]` indexes the app of an unpacked package.

With `imports` every import statement in the app's sources is carried out. With `request` the product is put together
from the environment and reads all jobs from Graph. Prints one JSON object: the functions, the jobs, and the files that
the modules came from.
"""

import ast
import asyncio
import json
import sys
from importlib import import_module
from pathlib import Path

folder = Path(sys.argv[1])


async def index() -> list[str]:
    """Index the app as the host does and return its functions."""
    from emulator.host.worker import Worker  # noqa: PLC0415 -- an interpreter that has less must fail here, and say why

    worker = Worker(folder)
    await worker.start()
    worker.stop()
    return sorted(worker.functions)


async def read_jobs() -> list[str]:
    """Return the names of the applications whose jobs Graph shows."""
    product = import_module("functions.worker").pratique()
    try:
        read = import_module("shared.detection.sweep").all_jobs(product.services.graph)
        return sorted([application.display_name async for application, _ in read])
    finally:
        await product.close()


def import_everything() -> None:
    """Carry out every import statement, wherever it stands."""
    for source in (folder / "function_app.py", *folder.glob("functions/*.py"), *folder.glob("shared/**/*.py")):
        for node in ast.walk(ast.parse(source.read_bytes())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                exec(ast.unparse(node), {})  # noqa: S102 -- the app's own statements


found: dict[str, list[str]] = {"functions": asyncio.run(index())}
if "imports" in sys.argv:
    import_everything()
if "request" in sys.argv:
    found["jobs"] = asyncio.run(read_jobs())
    import_module("httpcore._async.http2")  # Graph speaks HTTP/2; the tenant here does not
found["files"] = [str(module.__file__) for module in sys.modules.values() if getattr(module, "__file__", None)]
print(json.dumps(found))
