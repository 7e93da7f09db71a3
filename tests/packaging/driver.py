"""Run in a bare interpreter: `driver.py FOLDER PLACE [imports]` indexes the app of an unpacked package.

FOLDER is the package. PLACE holds the worker and what drives it; in Azure the worker is no part of the app either. With
`imports` every import statement in the app's sources is carried out. Prints one JSON object: the functions, and the
files that the modules came from.
"""

import ast
import asyncio
import json
import sys
from pathlib import Path

folder = Path(sys.argv[1])
sys.path.insert(0, str(folder / ".python_packages" / "lib" / "site-packages"))
sys.path.append(sys.argv[2])


async def index() -> list[str]:
    """Index the app as the host does and return its functions."""
    from emulator.host.worker import Worker  # noqa: PLC0415 -- only now can it be found

    worker = Worker(folder)
    await worker.start()
    worker.stop()
    return sorted(worker.functions)


def import_everything() -> None:
    """Carry out every import statement, wherever it stands."""
    for source in (folder / "function_app.py", *folder.glob("functions/*.py"), *folder.glob("shared/**/*.py")):
        for node in ast.walk(ast.parse(source.read_bytes())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                exec(ast.unparse(node), {})  # noqa: S102 -- the app's own statements


functions = asyncio.run(index())
if "imports" in sys.argv:
    import_everything()
files = [module.__file__ for module in sys.modules.values() if getattr(module, "__file__", None)]
print(json.dumps({"functions": functions, "files": files}))
