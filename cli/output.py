"""How commands write: one JSON document, or plain words on a terminal."""

import json
import sys
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text


def print_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
    sys.stdout.flush()


def terminal(*, errors: bool = False) -> Console:
    """Return the terminal, or plain text where there is none; text from outside is never read as markup."""
    return Console(highlight=False, markup=False, emoji=False, stderr=errors)


def below(text: str, style: str = "") -> Padding:
    """Return a paragraph that stands below a marked line, in line with that line's words."""
    return Padding(Text(text, style), (0, 2, 0, 4), expand=False)
