"""The product as a command uses it: put together from the environment, closed in the end, its log kept quiet."""

import json
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from rich.console import Console

from shared.composition import Pratique, compose
from shared.incidents.incident import Incident, IncidentState

_IN_HAND = (IncidentState.ACTING, IncidentState.LIFTED)


@asynccontextmanager
async def product() -> AsyncIterator[Pratique]:
    """Put the product together.

    Raises:
        InvalidSetting: a setting is missing or unreadable.
    """
    # A command says in its own words what became of it; without a handler, libraries would write beside them.
    logging.getLogger().addHandler(logging.NullHandler())
    pratique = compose()
    try:
        yield pratique
    finally:
        await pratique.close()


def needs_person(incident: Incident | None, *, quarantined: bool) -> bool:
    """Say whether somebody has to do something about a job."""
    state = incident.state if incident else IncidentState.CLEAR
    return state is IncidentState.GAVE_UP or (quarantined and state not in _IN_HAND)


def print_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def console() -> Console:
    """Return the terminal, or plain text where there is none; text from outside is never read as markup."""
    return Console(highlight=False, markup=False, emoji=False)
