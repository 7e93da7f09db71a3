"""Whether the catalogue of vendors can be read, and whether credentials are kept as they should be."""

from collections.abc import AsyncIterator

from shared.doctor.found import Found, Mark
from shared.doctor.part import About, Look
from shared.doctor.words import told
from shared.errors import ServiceError
from shared.tokens.findings import FindingKind
from shared.tokens.vendors import InvalidCatalogue, catalogue

_BIND = ("./pratique tokens", "./pratique tokens bind <secret> <application>")
_PAGE = "CONTRIBUTING.md, a vendor; the shape: shared/tokens/vendors/schema.json"
_MOST_NAMED = 8


async def vendors(look: Look) -> AsyncIterator[Found]:
    """Read the catalogue with the organization's own entries: a broken one stops whatever asks for a vendor."""
    del look
    try:
        yield Found(Mark.FINE, About.VENDORS, f"{len(catalogue())} known")
    except InvalidCatalogue as error:
        yield Found(Mark.MISSING, About.VENDORS, str(error), (_PAGE,), barred=True)


async def bindings(look: Look) -> AsyncIterator[Found]:
    """Look at every credential's findings; that an administrator granted the access is none."""
    if look.lacks(About.SIGN_IN, About.GRAPH, About.VAULT, About.STORAGE, About.VENDORS):
        text = "were not looked at: that takes Graph, the vault, storage and the vendors"
        yield Found(Mark.LOOK, About.BINDINGS, text)
        return
    try:
        stock = await look.inventory.read()
    except ServiceError as error:
        yield Found(Mark.LOOK, About.BINDINGS, f"could not be read: {told(error)}")
        return
    wrong = [one.name for one in stock.held if any(it.kind is not FindingKind.GRANTED for it in one.findings)]
    if not wrong:
        text = f"{_counted(len(stock.held))}, nothing wrong with their keeping"
        yield Found(Mark.FINE, About.BINDINGS, text)
        return
    named = ", ".join(wrong[:_MOST_NAMED]) + (" and others" if len(wrong) > _MOST_NAMED else "")
    text = f"{len(wrong)} of {_counted(len(stock.held))} with findings: {named}."
    yield Found(Mark.LOOK, About.BINDINGS, text, _BIND)


def _counted(number: int) -> str:
    return f"{number} credential{'' if number == 1 else 's'}"
