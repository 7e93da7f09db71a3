"""The table of settings as docs/settings.md and local.settings.json.example show it.

`python -m cli.settings_page` writes both.
"""

import json
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from shared.settings import TABLE, Setting, table

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "settings.md"
EXAMPLE = ROOT / "local.settings.json.example"
_HEAD = """# Settings

<!-- written by python -m cli.settings_page from infra/settings.json -->

App settings are environment variables. One that is missing or unreadable stops every invocation with its name. In Azure
they come from `infra/main.bicep`: the defaults of this table, what you put into `otherSettings`, and what only the
deployment knows; [what to set with azd](deploy.md#what-can-be-set). At a desk copy `local.settings.json.example`
([Core Tools](local-host.md#the-same-folder-with-core-tools-not-run-here)), or export them.

Times are seconds unless the name says otherwise. Schedules are NCRONTAB (six fields, UTC), and must be present: the
host resolves them itself.
"""
_HOST = """
## Read by the host and by azure-identity

The deployment sets these; a desk needs none of them.

| name | meaning |
|---|---|
"""
_NOT_LOCAL = ("AzureWebJobsStorage__", "WEBSITE_")
_LOCAL = {"AzureWebJobsStorage": "UseDevelopmentStorage=true", "KEY_VAULT_URL": "https://<vault>.vault.azure.net"}


def settings_page() -> str:
    """Return the page in Markdown: every setting by group, then what the host reads."""
    groups = "".join(_group(name, rows) for name, rows in groupby(table(), key=lambda row: row.group))
    host = json.loads(TABLE.read_text(encoding="utf-8"))["host"]
    return _HEAD + groups + _HOST + "".join(f"| `{row['name']}` | {row['meaning']} |\n" for row in host)


def local_settings() -> str:
    """Return settings for Azure Functions Core Tools: every default, an Azurite on its usual ports, a vault to name."""
    values = {row.name: _LOCAL.get(row.name, row.default) for row in table() if not row.name.startswith(_NOT_LOCAL)}
    whole = {"IsEncrypted": False, "Values": {"FUNCTIONS_WORKER_RUNTIME": "python", **values}}
    return json.dumps(whole, indent=2) + "\n"


def _group(name: str, rows: Iterable[Setting]) -> str:
    lines = [f"\n## {name}\n", "\n", "| name | default | meaning |\n", "|---|---|---|\n"]
    return "".join([*lines, *(f"| `{row.name}` | {_default(row)} | {_meaning(row)} |\n" for row in rows)])


def _default(row: Setting) -> str:
    if row.required:
        return "**required**"
    return f"`{row.default}`" if row.default else "none"


def _meaning(row: Setting) -> str:
    text = row.meaning.replace("<", r"\<")  # else Markdown takes it for a tag
    return f"{text} (a secret: never shown)" if row.secret else text


if __name__ == "__main__":
    PAGE.write_text(settings_page(), encoding="utf-8")
    EXAMPLE.write_text(local_settings(), encoding="utf-8")
