"""The product as a command uses it: put together from the environment, closed in the end, its log kept quiet."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.composition import Pratique, compose
from shared.incidents.incident import Incident, IncidentState

_IN_HAND = (IncidentState.ACTING, IncidentState.LIFTED, IncidentState.WATCHING)


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
