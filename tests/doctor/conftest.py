"""A tenant whose engine does not run, and the doctor beside it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

from emulator.azurite import Storage
from emulator.entra import IDENTITY_ID
from shared.composition import compose
from shared.doctor.found import Found, Mark
from shared.doctor.mend import Names
from tests.product.conftest import clean_storage
from tests.tokens.conftest import Desk, opened

__all__ = ["clean_storage"]

OUTPUTS = MappingProxyType(
    {
        "AZURE_FUNCTION_NAME": "func-x",
        "AZURE_RESOURCE_GROUP": "rg-x",
        "AZURE_LOCATION": "westeurope",
        "AZURE_KEY_VAULT_NAME": "kv-x",
        "PRATIQUE_IDENTITY_PRINCIPAL_ID": IDENTITY_ID,
        "PRATIQUE_WORKSPACE_ID": "/subscriptions/x/workspace",
    }
)


@pytest.fixture
async def desk(state_dir: Path, clean_storage: Storage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Return a tenant with one application, whose engine does not run, and the product."""
    async with opened(state_dir, clean_storage, monkeypatch) as one:
        await one.tenant.add_application("Contoso")
        yield one


async def examined(
    desk: Desk,
    settings: Mapping[str, str] = MappingProxyType({}),
    *,
    outputs: Mapping[str, str] = OUTPUTS,
    send_test: bool = False,
    at_desk: bool = True,
    seconds: float = 25,
) -> list[Found]:
    """Examine with a product of its own, for a token that was issued keeps the roles of then."""
    product = compose({**desk.environment, **settings})
    try:
        names = Names.of(product.settings, outputs)
        doctor = replace(product.doctor, deadline=timedelta(seconds=seconds))
        return list(await doctor.examine(names, send_test=send_test, desk=at_desk))
    finally:
        await product.close()


def missing(found: list[Found]) -> dict[str, Found]:
    """Return what is missing, by its subject."""
    return {one.subject: one for one in found if one.mark is Mark.MISSING}


def about(found: list[Found], subject: str) -> Found:
    """Return the one finding about a subject."""
    (one,) = [it for it in found if it.subject == subject]
    return one
