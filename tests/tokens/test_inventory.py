"""The inventory finds everything that can be wrong with a credential's keeping, and takes blindness for no answer."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from emulator.entra import Role
from emulator.faults import Status
from shared.errors import MissingPermission, ServiceError
from shared.tokens.findings import FindingKind
from shared.tokens.inventory import Held, Stock
from tests.tokens.conftest import MARK, Desk, bound

_SOON, _FAR = (datetime.now(UTC).replace(microsecond=0) + timedelta(days=days) for days in (3, 300))
_PAST = datetime.now(UTC) - timedelta(days=2)


async def _one_of_each(desk: Desk) -> dict[str, set[FindingKind]]:
    """Fill the tenant with one application for each finding, and one without any; return what must be found."""
    kinds = FindingKind
    names = ("Well", "No Secret", "Twice", "Tags", "Host", "Disabled", "Endless", "Ended", "Revoked", "Refused", "Late")
    apps = {name: await desk.tenant.add_application(f"Contoso {name}") for name in (*names, "Slack")}
    versions: dict[str, str] = {}
    for name, secret in {"Well": "well", "Revoked": "revoked", "Refused": "refused", "Late": "late"}.items():
        versions[secret] = await desk.put(secret, bound(apps[name]), expires=_FAR)
    await desk.learn(apps["Well"], "well", applied=versions["well"])
    await desk.learn(apps["Revoked"], "revoked", applied=versions["revoked"], revoked_at=_PAST)
    await desk.learn(apps["Refused"], "refused", rejected=versions["refused"])
    await desk.learn(apps["Late"], "late", applied="an-older-version")
    for secret in ("twice-a", "twice-b"):
        await desk.put(secret, bound(apps["Twice"]), expires=_FAR)
    await desk.put("tags", bound(apps["Tags"], owner="nobody"), expires=_FAR)
    await desk.put("host", bound(apps["Host"], tenant_url="https://elsewhere.example/scim"), expires=_FAR)
    await desk.put("disabled", bound(apps["Disabled"]), enabled=False, expires=_FAR)
    await desk.put("endless", bound(apps["Endless"]))
    await desk.put("ended", bound(apps["Ended"], expires=f"{_PAST:%Y-%m-%d}"))
    jobless = desk.tenant.directory.add_service_principal("Contoso Jobless")
    await desk.put("jobless", {"pratique-service-principal": jobless.id}, expires=_FAR)
    await desk.put("orphan", {"pratique-service-principal": str(uuid.uuid4())}, expires=_FAR)
    return {
        "Contoso Well": set(),
        "Contoso No Secret": {kinds.UNBOUND},
        "Contoso Twice": {kinds.BOUND_TWICE},
        "Contoso Tags": {kinds.BAD_TAGS},
        "Contoso Host": {kinds.HOST},
        "Contoso Disabled": {kinds.NO_VERSION},
        "Contoso Endless": {kinds.EXPIRY_UNKNOWN},
        "Contoso Ended": {kinds.EXPIRED},
        "Contoso Revoked": {kinds.REVOKED},
        "Contoso Refused": {kinds.REJECTED},
        "Contoso Late": {kinds.NOT_APPLIED},
        "Contoso Slack": {kinds.GRANTED},
        "jobless": {kinds.NO_JOB},
        "orphan": {kinds.NO_APPLICATION},
    }


def _found(stock: Stock) -> Mapping[str, set[FindingKind]]:
    return {held.name: {finding.kind for finding in held.findings} for held in stock.held}


def _held(stock: Stock, name: str) -> Held:
    return next(held for held in stock.held if held.name == name)


async def test_each_kind_of_finding_is_found_where_it_is_and_nowhere_else(desk: Desk) -> None:
    """Every kind that there is, each at the one credential that has it; a credential that is well has none."""
    expected = await _one_of_each(desk)
    stock = await desk.product.inventory.read()
    assert _found(stock) == expected
    assert set().union(*expected.values()) == set(FindingKind)
    assert all(finding.text.endswith(".") for held in stock.held for finding in held.findings)


async def test_no_value_of_a_secret_is_read_or_shown(desk: Desk) -> None:
    """Only lists are asked of the vault, and no value is in the document that leaves."""
    await _one_of_each(desk)
    document = json.dumps((await desk.product.inventory.read()).to_dict())
    asked = {request.path.partition("?")[0] for request in desk.tenant.requests if request.service == "vault"}
    assert asked
    assert all(path == "/secrets" or path.endswith("/versions") for path in asked), asked
    assert MARK not in document


async def test_nothing_is_changed_by_reading(desk: Desk) -> None:
    """Every request is a GET, or Graph's batch of GETs."""
    await _one_of_each(desk)
    await desk.product.inventory.read()
    asked = {(request.method, request.path) for request in desk.tenant.requests}
    assert all(method == "GET" or path.endswith("/$batch") for method, path in asked), asked


async def test_the_nearest_end_comes_first_and_unknown_ends_last(desk: Desk) -> None:
    """Whichever of the known dates is nearest counts; what has none stands at the end."""
    for name, tags, expires in (
        ("Later", {}, _FAR),
        ("Unknown", {}, None),
        ("Tagged", {"expires": f"{_SOON:%Y-%m-%d}"}, _FAR),
    ):
        application = await desk.tenant.add_application(name)
        await desk.put(f"{name.lower()}-token", bound(application, **tags), expires=expires)
    stock = await desk.product.inventory.read()
    assert [held.name for held in stock.held] == ["Tagged", "Later", "Unknown"]
    assert [one["days_left"] for one in stock.to_dict()["credentials"]] == [2, 299, None]
    assert _held(stock, "Tagged").expiry.at == _SOON.replace(hour=0, minute=0, second=0)


async def test_secrets_that_nobody_bound_are_named_and_minting_credentials_are_not(desk: Desk) -> None:
    """A secret that another binding mints with serves somebody, though it carries no tags of ours."""
    application = await desk.tenant.add_application("Minting")
    await desk.put("minted", bound(application, vendor="databricks-workspace", mint="api-credential"), expires=_FAR)
    await desk.put("api-credential", {})
    await desk.put("unrelated", {"team": "payroll"})
    assert (await desk.product.inventory.read()).loose == ("unrelated",)


@pytest.mark.parametrize("role", [Role.VAULT, Role.SYNCHRONIZATION, Role.APPLICATIONS])
async def test_a_missing_permission_is_no_empty_list(desk: Desk, role: Role) -> None:
    """Whoever cannot see says so, and names what is missing."""
    await desk.tenant.add_application("Contoso")
    desk.tenant.entra.roles.discard(role)
    with pytest.raises(MissingPermission, match=str(role)):
        await desk.product.inventory.read()


async def test_one_secret_that_cannot_be_read_is_no_shorter_list(desk: Desk) -> None:
    """A vault that fails in the middle fails the whole."""
    for name in ("One", "Two"):
        await desk.put(name, bound(await desk.tenant.add_application(name)), expires=_FAR)
    desk.tenant.faults.add("vault", "GET", "/secrets/Two/versions", Status(400))
    with pytest.raises(ServiceError):
        await desk.product.inventory.read()
