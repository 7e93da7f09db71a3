"""The table of rules as docs/diagnosis.md shows it: `./pratique classify --rules`.

`python -m cli.rules_page` writes it into that page.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.diagnosis.rules import TABLE

PAGE = Path(__file__).resolve().parent.parent / "docs" / "diagnosis.md"
BEGINS = "<!-- rules begin: written by ./pratique classify --rules -->"
ENDS = "<!-- rules end -->"
_LISTS = {"reason": "reason is", "code": "code ends in", "words": "text has", "application": "application has"}
_NUMBERS = {"status": "status is", "scim_type": "scimType is"}


def rules_page() -> str:
    """Return the table of rules in Markdown, in the order in which they are tried."""
    rules = tomllib.loads(TABLE.read_text(encoding="utf-8"))["rule"]
    rows = [_row(number, rule) for number, rule in enumerate(rules, 1)]
    return "\n".join(
        [
            BEGINS,
            "",
            "| # | rule | when | cause | confidence | why |",
            "|--:|---|---|---|---|---|",
            *rows,
            "",
            ENDS,
        ]
    )


def _row(number: int, rule: Mapping[str, Any]) -> str:
    when = [f"{words} {' or '.join(map(_code, rule[name]))}" for name, words in _LISTS.items() if rule.get(name)]
    when += [f"{words} {', '.join(map(str, rule[name]))}" for name, words in _NUMBERS.items() if rule.get(name)]
    refused = "; the credential was refused" if rule.get("credential_rejected") else ""
    cells = (
        str(number),
        f"`{rule['name']}`",
        " and ".join(when),
        f"`{rule['cause']}`{refused}",
        rule["confidence"],
        rule["why"],
    )
    return f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    padding = " " if "`" in text else ""
    escaped = text.replace("|", r"\|")
    return f"{fence}{padding}{escaped}{padding}{fence}"


def with_rules(page: str) -> str:
    """Return the page with the rules that are in force between its marks."""
    return page[: page.index(BEGINS)] + rules_page() + page[page.index(ENDS) + len(ENDS) :]


if __name__ == "__main__":
    PAGE.write_text(with_rules(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
