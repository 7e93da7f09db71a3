"""Binding by hand writes exactly the tags that were wished for, and refuses what cannot be meant before it writes."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.entra import Role
from emulator.tenant import Application
from shared.errors import MissingPermission, Refused
from shared.jobs.model import ServicePrincipal
from shared.tokens.binding_by_hand import BindingByHand, BoundByHand, next_steps
from shared.tokens.bindings import SecretVersion, binding_of, problems_of, require_trusted_host
from shared.tokens.keys import DEFAULT_KEY, ROTATED
from shared.tokens.wish import BINDING_TAGS, Wish, tags_for
from tests.tokens.conftest import MARK, Desk, bound

_NOW = datetime.now(UTC)
_NEXT_YEAR = f"{_NOW + timedelta(days=365):%Y-%m-%d}"
_PRINCIPAL = ServicePrincipal(str(uuid.uuid4()), "", "Contoso")
_ADDRESS = "https://scim.contoso.example/v2"


async def _bind(desk: Desk, secret: str, application: Application, wish: Wish | None = None) -> BoundByHand:
    services = desk.product.services
    principal = await services.graph.service_principal(application.service_principal.id)
    use_case = BindingByHand(services.graph, services.vault, services.vault_writer, services.clock)
    return await use_case.bind(secret, principal, wish or Wish())


@pytest.fixture
def officer(desk: Desk) -> Desk:
    """Return the desk of a person who may write into the vault."""
    desk.tenant.entra.roles.add(Role.VAULT_OFFICER)
    return desk


def _writes(desk: Desk) -> list[str]:
    return [one.path for one in desk.tenant.requests if one.service == "vault" and one.method != "GET"]


async def test_vendor_and_tenant_url_are_found_out(officer: Desk) -> None:
    """By the application's name, and the job's own address without its query; both are named as found."""
    url = "https://127.0.0.1:8443/scim/?aadOptscim062020"
    application = await officer.tenant.add_application("Druva", tenant_url=url)
    await officer.put("druva-token", {})
    done = await _bind(officer, "druva-token", application)
    tags = {
        "pratique-service-principal": application.service_principal.id,
        "pratique-vendor": "druva",
        "pratique-tenant-url": "https://127.0.0.1:8443/scim/",
    }
    assert officer.tags("druva-token") == tags
    assert done.found == {"pratique-vendor", "pratique-tenant-url"}


async def test_the_job_s_host_says_more_about_the_vendor_than_the_application_s_name(officer: Desk) -> None:
    """An application that is named after one vendor and sends to another's host is the other's."""
    application = await officer.tenant.add_application("Druva", tenant_url="https://www.figma.com/scim")
    await officer.put("token", {})
    await _bind(officer, "token", application)
    assert officer.tags("token")["pratique-vendor"] == "figma"


async def test_everything_that_is_wished_for_is_written_and_nothing_else_changes(officer: Desk) -> None:
    """Key, owner, date and minting become tags; value, dates and other tags of the version stay; one request writes."""
    application = await officer.tenant.add_application("Contoso", other_secrets={"UserName": "somebody"})
    await officer.put("api-credential", {})
    version = await officer.put("token", {"team": "identity"})
    before = officer.tenant.vault._find("token")
    wish = Wish(
        key="UserName",
        vendor="Databricks-Workspace",
        owner="owner@contoso.example",
        expires=_NEXT_YEAR,
        mint_secret="api-credential",
        mint_for="connection",
    )
    done = await _bind(officer, "TOKEN", application, wish)
    after = officer.tenant.vault._find("token")
    more = {"owner": wish.owner, "expires": _NEXT_YEAR, "mint": "api-credential", "mint-for": "connection"}
    ours = bound(application, key="UserName", vendor="databricks-workspace", **more)
    assert after.tags == {**ours, "team": "identity"}
    assert (after.value, after.version, after.enabled, after.created) == (
        before.value,
        version,
        before.enabled,
        before.created,
    )
    assert len(_writes(officer)) == 1
    assert (done.tags, done.kept) == (ours, 1)
    assert MARK not in json.dumps([*next_steps(done), repr(done)])


async def test_what_the_product_now_reads_is_what_was_wished_for(officer: Desk) -> None:
    """The inventory finds nothing wrong with the binding."""
    application = await officer.tenant.add_application("Contoso")
    await officer.put("token", {})
    await _bind(officer, "token", application, Wish(expires=_NEXT_YEAR, owner="owner@contoso.example"))
    (held,) = (await officer.product.inventory.read()).held
    assert held.findings == ()
    assert held.secret is not None
    assert held.secret.binding.owner == "owner@contoso.example"


async def test_earlier_tags_are_inherited_from_the_version_that_binds(officer: Desk) -> None:
    """A bare newer version takes over what is not said anew, but not a date, which speaks for its own version."""
    application = await officer.tenant.add_application("Contoso")
    old = bound(application, owner="old@contoso.example", vendor="druva", expires="2020-01-01")
    await officer.put("token", {**old, "team": "old"}, age=timedelta(days=3))
    await officer.put("token", {"pratique-rotation": "r1", "pratique-token-id": "t1"})
    await _bind(officer, "token", application, Wish(owner="new@contoso.example"))
    ours = bound(application, owner="new@contoso.example", vendor="druva")
    assert officer.tags("token") == {**ours, "pratique-rotation": "r1", "pratique-token-id": "t1"}


async def test_a_reset_drops_what_is_not_said_and_keeps_the_marks_of_a_minted_version(officer: Desk) -> None:
    """Without its token id, a minted version could never be revoked; it is no part of the binding."""
    first, second = [await officer.tenant.add_application(name) for name in ("First", "Second")]
    tags = bound(first, owner="old@contoso.example", vendor="druva")
    await officer.put("token", {**tags, "pratique-token-id": "t1", "team": "identity"})
    with pytest.raises(Refused, match="another application"):
        await _bind(officer, "token", second)
    await _bind(officer, "token", second, Wish(reset=True))
    assert officer.tags("token") == {**bound(second), "pratique-token-id": "t1", "team": "identity"}


@pytest.mark.parametrize(
    ("secret", "wish", "says"),
    [
        ("tokn", Wish(), "no secret tokn. Is it one of these: token"),
        ("no/name", Wish(), "no name of a Key Vault secret"),
        ("token", Wish(key="BaseAddress"), "pratique-key is 'BaseAddress', which is no credential"),
        ("token", Wish(key="Sesame"), "pratique-key is 'Sesame', which is no credential"),
        ("token", Wish(vendor="drvua"), "the key 'drvua'. Is it one of these: druva"),
        ("token", Wish(tenant_url="https://elsewhere.example/scim"), "meant for https://elsewhere.example/scim"),
        ("token", Wish(tenant_url="http://127.0.0.1/scim"), "pratique-tenant-url is no https address"),
        ("token", Wish(owner="somebody"), "pratique-owner is no mail address"),
        ("token", Wish(expires="tomorrow"), "'tomorrow' is no date"),
        ("token", Wish(expires="2020-02-02"), "2020-02-02 is past"),
        ("token", Wish(expires="2999-01-01T00:00:00"), "is no date"),
        ("token", Wish(mint_secret="api", vendor="druva"), "no secret api"),
        ("token", Wish(mint_secret="token", vendor="databricks-workspace"), "in a secret of its own"),
        ("token", Wish(mint_secret="other", vendor="druva"), "the vendor has no minting adapter"),
        ("token", Wish(mint_for="something"), "not the secret"),
        ("token", Wish(mint_for="x" * 300, mint_secret="other", vendor="auth0"), "at most 256 characters"),
        ("token", Wish(mint_for="a\x1b[2Jb", mint_secret="other", vendor="auth0"), "printable"),
        ("crowded", Wish(), "more than the 15 tags"),
    ],
)
async def test_what_cannot_be_meant_is_refused_before_anything_is_written(
    officer: Desk, secret: str, wish: Wish, says: str
) -> None:
    """One sentence says what is wrong."""
    application = await officer.tenant.add_application("Contoso")
    for name, tags in {"token": {}, "other": {}, "crowded": {f"t{number}": "" for number in range(14)}}.items():
        await officer.put(name, tags)
    with pytest.raises(Refused) as refused:
        await _bind(officer, secret, application, wish)
    assert says in str(refused.value)
    assert str(refused.value)[0].isupper() or str(refused.value).startswith(("'", "pratique-", "2020"))
    assert str(refused.value).endswith((".", "?"))
    assert _writes(officer) == []


async def test_an_application_without_a_job_is_refused(officer: Desk) -> None:
    """Nothing would ever be saved for it."""
    await officer.put("token", {})
    jobless = officer.tenant.directory.add_service_principal("Contoso Jobless")
    services = officer.product.services
    use_case = BindingByHand(services.graph, services.vault, services.vault_writer, services.clock)
    with pytest.raises(Refused, match="no synchronization job"):
        await use_case.bind("token", await services.graph.service_principal(jobless.id), Wish())
    assert _writes(officer) == []


async def test_a_key_that_another_secret_serves_is_refused(officer: Desk) -> None:
    """Two secrets for one key would both be distrusted; another key of the same application is free."""
    application = await officer.tenant.add_application("Contoso", other_secrets={"UserName": "somebody"})
    await officer.put("first", bound(application))
    await officer.put("second", {})
    with pytest.raises(Refused, match="SecretToken of this application is bound to secret first already"):
        await _bind(officer, "second", application)
    assert _writes(officer) == []
    await _bind(officer, "second", application, Wish(key="UserName"))
    assert officer.tags("second")["pratique-key"] == "UserName"


async def test_access_that_an_administrator_granted_takes_no_secret(officer: Desk) -> None:
    """Nothing can be pasted where Entra holds tokens of an OAuth grant."""
    application = await officer.tenant.add_application("Contoso", oauth=True)
    await officer.put("token", {})
    with pytest.raises(Refused, match="OAuth"):
        await _bind(officer, "token", application)
    assert _writes(officer) == []


async def test_an_address_that_cannot_be_read_is_refused(officer: Desk) -> None:
    """Where nobody knows the host that a token would go to, no rotation would ever be allowed."""
    application = await officer.tenant.add_application("Contoso", tenant_url="http://plain.example")
    await officer.put("token", {})
    with pytest.raises(Refused, match="tenant URL cannot be read"):
        await _bind(officer, "token", application)
    assert _writes(officer) == []


async def test_without_the_officer_s_role_nothing_is_written_and_the_role_is_named(desk: Desk) -> None:
    """The role that reads is not enough."""
    application = await desk.tenant.add_application("Contoso")
    await desk.put("token", {"team": "identity"})
    with pytest.raises(MissingPermission, match="Key Vault Secrets Officer"):
        await _bind(desk, "token", application)
    assert desk.tags("token") == {"team": "identity"}


_TAGS = st.dictionaries(
    st.sampled_from([*BINDING_TAGS, "pratique-rotation", "team"]),
    st.one_of(st.text(max_size=20), st.sampled_from([_PRINCIPAL.id, _ADDRESS, *sorted(ROTATED)])),
)
_WISHES = st.builds(
    Wish,
    key=st.sampled_from(["", "SecretToken", "Password", "BaseAddress", " "]),
    vendor=st.sampled_from(["", "druva", "Auth0", "nobody"]),
    tenant_url=st.sampled_from(["", _ADDRESS, "https://elsewhere.example", "ftp://x"]),
    owner=st.one_of(st.just(""), st.emails(), st.text(max_size=8)),
    expires=st.one_of(st.just(""), st.just(_NEXT_YEAR), st.text(max_size=12)),
    mint_secret=st.sampled_from(["", "api"]),
    mint_for=st.sampled_from(["", "it"]),
    reset=st.booleans(),
)


def _version(tags: Mapping[str, str], age: int) -> SecretVersion:
    return SecretVersion("token", f"v{age}", True, _NOW - timedelta(days=age), None, None, tags)


@given(newest=_TAGS, older=_TAGS, wish=_WISHES)
def test_whatever_was_there_and_is_wished_for_the_tags_bind_or_are_refused(
    newest: dict[str, str], older: dict[str, str], wish: Wish
) -> None:
    """The tags that come out are ours alone, have no problem, and bind to this application and never to another."""
    versions = [_version(newest, 0), _version(older, 1)]
    try:
        tags, found = tags_for(versions, _PRINCIPAL, _ADDRESS, wish, _NOW)
    except Refused:
        return
    assert set(tags) <= set(BINDING_TAGS)
    assert found <= set(tags)
    assert problems_of(tags) == ()
    binding = binding_of([_version(tags, 0)])
    assert binding is not None
    assert binding.service_principal_id == _PRINCIPAL.id
    assert binding.credential_key == (wish.key.strip() or binding.credential_key)
    assert tags.get("pratique-key") != DEFAULT_KEY, "what holds without a tag needs none"
    assert all(tags.get(tag) in (value, value.lower(), None) for tag, value in wish.tags().items())


@given(wish=_WISHES)
def test_a_reset_forgets_everything_that_was_there(wish: Wish) -> None:
    """The outcome is that of a secret without tags."""
    there = {"pratique-owner": "a@contoso.example", "pratique-vendor": "druva", "pratique-key": "Password"}
    wish = Wish(**{name: getattr(wish, name) for name in Wish.__slots__ if name != "reset"}, reset=True)

    def outcome(tags: Mapping[str, str]) -> object:
        try:
            return tags_for([_version(tags, 0)], _PRINCIPAL, _ADDRESS, wish, _NOW)
        except Refused as refusal:
            return str(refusal)

    assert outcome({**there, "pratique-service-principal": _PRINCIPAL.id}) == outcome({})


def test_a_pin_that_was_found_out_is_one_that_lets_the_token_go_to_the_job() -> None:
    """What is found out is never what a rotation would refuse."""
    for address in (_ADDRESS, "https://contoso.example:8443", "https://contoso.example/scim/?a=b#c"):
        tags, found = tags_for([_version({}, 0)], _PRINCIPAL, address, Wish(), _NOW)
        binding = binding_of([_version(tags, 0)])
        assert binding is not None
        require_trusted_host(binding, address)
        assert "pratique-tenant-url" in found
        assert "?" not in binding.tenant_url
