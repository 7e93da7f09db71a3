"""What is particular about each vendor."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from emulator.faults import Status
from emulator.vendor_apis.auth0 import Auth0 as EmulatedAuth0
from emulator.vendor_apis.databricks import Databricks as EmulatedDatabricks
from emulator.vendor_apis.hcp_terraform import HcpTerraform as EmulatedHcpTerraform
from emulator.vendor_apis.snowflake import Snowflake as EmulatedSnowflake
from shared.errors import NotFound, Refused, RefusedByVendor, ServiceError, Unavailable
from shared.redaction import SecretValue
from shared.tokens.vendors.minting import MintRequest
from shared.tokens.vendors.snowflake import Snowflake, _without_region
from tests.minting.conftest import LABEL, START, staged


async def test_databricks_lifetimes(state_dir: Path) -> None:
    """The lifetime is asked for in seconds; the default is the workspace's; -1 means never; too long is refused."""
    async with staged("databricks", state_dir) as scene:
        asked = await scene.minter.mint(scene.request(lifetime=timedelta(days=90)), scene.credential)
        assert asked.expires == START + timedelta(days=90)
        default = await scene.minter.mint(scene.request(lifetime=None), scene.credential)
        assert default.expires == START + timedelta(days=730)
        assert isinstance(scene.api, EmulatedDatabricks)
        scene.api.default_lifetime = None
        endless = await scene.minter.mint(scene.request(lifetime=None), scene.credential)
        assert endless.expires is None
        with pytest.raises(ServiceError, match="INVALID_PARAMETER_VALUE"):
            await scene.minter.mint(scene.request(lifetime=timedelta(days=731)), scene.credential)
        assert {one.label for one in scene.api.minted} == {LABEL}


async def test_databricks_quota(state_dir: Path) -> None:
    """A full quota is told by its name; 600 tokens fit into one answer all the same."""
    async with staged("databricks", state_dir) as scene:
        for number in range(599):
            scene.api.issue(f"{number:064}", f"value-{number}", "a comment of some length, as people write them", None)
        ours = await scene.minter.mint(scene.request(), scene.credential)
        with pytest.raises(ServiceError, match="QUOTA_EXCEEDED"):
            await scene.minter.mint(scene.request(), scene.credential)
        assert await scene.minter.made(scene.request(), scene.credential) == (ours.token_id,)


async def test_databricks_404_of_another_kind(state_dir: Path) -> None:
    """A 404 that does not speak of the token, as from a proxy, does not count as revoked."""
    async with staged("databricks", state_dir) as scene:
        minted = await scene.minter.mint(scene.request(), scene.credential)
        scene.faults.add(scene.target.name, "POST", "delete", Status(404, body={"error_code": "ENDPOINT_NOT_FOUND"}))
        with pytest.raises(NotFound):
            await scene.minter.revoke(scene.request(), scene.credential, minted.token_id)
        assert await scene.opens(minted.value.reveal())


@pytest.mark.parametrize("days", [30, 31, 180, 364, 365])
async def test_hcp_terraform_lifetimes(state_dir: Path, days: int) -> None:
    """30 to 365 days work, even when the vendor's clock is some minutes off; the end is near what was asked for."""
    async with staged("hcp_terraform", state_dir) as scene:
        for minutes in (-20, 20):
            request = scene.request(lifetime=timedelta(days=days), now=START + timedelta(minutes=minutes))
            minted = await scene.minter.mint(request, scene.credential)
            assert minted.expires is not None
            assert abs(minted.expires - (START + timedelta(days=days))) < timedelta(hours=2)
        default = await scene.minter.mint(scene.request(lifetime=None), scene.credential)
        assert default.expires == START + timedelta(days=365)


async def test_hcp_terraform_refuses_other_lifetimes(state_dir: Path) -> None:
    """Nothing is sent for a lifetime that the page rules out."""
    async with staged("hcp_terraform", state_dir) as scene:
        for days in (1, 29, 366):
            with pytest.raises(Refused, match="30 to 365 days"):
                await scene.minter.mint(scene.request(lifetime=timedelta(days=days)), scene.credential)
        assert scene.requests == []


async def test_hcp_terraform_outsider(state_dir: Path) -> None:
    """Who is no owner is answered 404 and told why; to revoke with such a token does not count as "gone already"."""
    async with staged("hcp_terraform", state_dir) as scene:
        assert isinstance(scene.api, EmulatedHcpTerraform)
        outsider = SecretValue(scene.api.outsider)
        minted = await scene.minter.mint(scene.request(), scene.credential)
        for act in (
            scene.minter.mint(scene.request(), outsider),
            scene.minter.made(scene.request(), outsider),
            scene.minter.revoke(scene.request(), outsider, minted.token_id),
        ):
            with pytest.raises(NotFound, match="owners team"):
                await act
        assert await scene.opens(minted.value.reveal())


async def test_hcp_terraform_404_for_a_token_that_is_listed(state_dir: Path) -> None:
    """A 404 is not believed while the list still holds the token."""
    async with staged("hcp_terraform", state_dir) as scene:
        minted = await scene.minter.mint(scene.request(), scene.credential)
        scene.faults.add(scene.target.name, "DELETE", ".", Status(404))
        with pytest.raises(NotFound):
            await scene.minter.revoke(scene.request(), scene.credential, minted.token_id)


async def test_snowflake_statement(state_dir: Path) -> None:
    """One statement with the role is sent, signed for ten minutes; the end is 180 days after the request."""
    async with staged("snowflake", state_dir) as scene:
        minted = await scene.minter.mint(scene.request(lifetime=None), scene.credential)
        assert (minted.token_id, minted.expires) == ("", START + timedelta(days=180))
        (sent,) = scene.requests
        assert json.loads(sent.body) == {
            "statement": "select system$generate_scim_access_token('AAD_PROVISIONING')",
            "role": "AAD_PROVISIONER",
        }


@pytest.mark.parametrize("account", ["contoso-main", "CONTOSO-MAIN.west-europe.azure", "Contoso-Main.us-east-1"])
async def test_snowflake_account_names(state_dir: Path, account: str) -> None:
    """The account is named in capitals and without its region, whichever way the credential spells it."""
    async with staged("snowflake", state_dir) as scene:
        login = {**json.loads(scene.api.credential), "account": account, "user": "Pratique"}
        del login["role"]
        minted = await scene.minter.mint(scene.request(), SecretValue(json.dumps(login)))
        assert await scene.opens(minted.value.reveal())


@pytest.mark.parametrize(
    ("account", "named"),
    [
        ("a.b.c", "a"),
        ("org-name", "org-name"),
        ("org-name.global", "org"),
        ("", ""),
        ("name.west.global-x", "name.west.global"),
    ],
)
def test_snowflake_regions(account: str, named: str) -> None:
    """The region goes as Snowflake's own example takes it away, the odd rule for "global" included."""
    assert _without_region(account) == named


async def test_snowflake_signs_for_its_time(state_dir: Path) -> None:
    """What was signed for another hour is refused, so the injected clock is what counts."""
    async with staged("snowflake", state_dir) as scene:
        for minutes in (-11, 2):
            request = scene.request(now=START + timedelta(minutes=minutes))
            with pytest.raises(RefusedByVendor, match="390144"):
                await scene.minter.mint(request, scene.credential)


async def test_snowflake_role(state_dir: Path) -> None:
    """A role that the user does not have is the vendor's refusal, which is told."""
    async with staged("snowflake", state_dir) as scene:
        login = {**json.loads(scene.api.credential), "role": "NOBODY"}
        with pytest.raises(ServiceError, match="role"):
            await scene.minter.mint(scene.request(), SecretValue(json.dumps(login)))


@pytest.mark.parametrize(("running", "ends"), [(1, True), (4, True), (5, True), (6, False)])
async def test_snowflake_statement_that_takes_long(state_dir: Path, running: int, ends: bool) -> None:
    """A statement that still runs is looked at five times; then nobody knows whether a token was made."""
    async with staged("snowflake", state_dir) as scene:
        assert isinstance(scene.api, EmulatedSnowflake)
        scene.api.running = running
        patient = Snowflake(scene.client, pause=0)
        if ends:
            minted = await patient.mint(scene.request(), scene.credential)
            assert await scene.opens(minted.value.reveal())
        else:
            with pytest.raises(Unavailable, match="StillRunning"):
                await patient.mint(scene.request(), scene.credential)
        assert len(scene.target.api_authorizations) == 1 + min(running, 5)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503])
async def test_snowflake_look_that_is_refused(state_dir: Path, status: int) -> None:
    """A refused look does not mean that the statement failed: the outcome is unknown."""
    async with staged("snowflake", state_dir) as scene:
        assert isinstance(scene.api, EmulatedSnowflake)
        scene.api.running = 1
        scene.faults.add(scene.target.name, "GET", ".", Status(status))
        with pytest.raises(Unavailable):
            await Snowflake(scene.client, pause=0).mint(scene.request(), scene.credential)


async def test_auth0_scopes(state_dir: Path) -> None:
    """A new token may do what the connection's tokens may; the first one what Entra needs."""
    async with staged("auth0", state_dir) as scene:
        assert isinstance(scene.api, EmulatedAuth0)
        first = await scene.minter.mint(scene.request(), scene.credential)
        entra_needs = ["delete:users", "get:users", "patch:users", "post:users"]
        assert scene.api.scopes[first.token_id] == entra_needs
        scene.api.scopes[first.token_id] = ["get:users", "get:groups"]
        second = await scene.minter.mint(scene.request(), scene.credential)
        assert scene.api.scopes[second.token_id] == ["get:groups", "get:users"]


async def test_auth0_lets_two_tokens_live(state_dir: Path) -> None:
    """A third is refused until one of the two is revoked."""
    async with staged("auth0", state_dir) as scene:
        first = await scene.minter.mint(scene.request(), scene.credential)
        await scene.minter.mint(scene.request(), scene.credential)
        with pytest.raises(ServiceError, match="two active SCIM tokens"):
            await scene.minter.mint(scene.request(), scene.credential)
        await scene.minter.revoke(scene.request(), scene.credential, first.token_id)
        await scene.minter.mint(scene.request(), scene.credential)


async def test_auth0_lifetimes(state_dir: Path) -> None:
    """900 seconds or less are not sent; without a lifetime the token never expires."""
    async with staged("auth0", state_dir) as scene:
        for seconds in (1, 900, 900.5):
            with pytest.raises(Refused, match="900 seconds"):
                await scene.minter.mint(scene.request(lifetime=timedelta(seconds=seconds)), scene.credential)
        assert scene.requests == []
        short = await scene.minter.mint(scene.request(lifetime=timedelta(seconds=901)), scene.credential)
        assert short.expires == START + timedelta(seconds=901)
        endless = await scene.minter.mint(scene.request(lifetime=None), scene.credential)
        assert endless.expires is None


async def test_auth0_permissions(state_dir: Path) -> None:
    """An application without a permission is refused, and the permissions are named."""
    async with staged("auth0", state_dir) as scene:
        assert isinstance(scene.api, EmulatedAuth0)
        minted = await scene.minter.mint(scene.request(), scene.credential)
        for missing in ("create:scim_token", "read:scim_token"):
            scene.api.permissions = {"create:scim_token", "read:scim_token", "delete:scim_token"} - {missing}
            with pytest.raises(RefusedByVendor, match=missing):
                await scene.minter.mint(scene.request(), scene.credential)
        scene.api.permissions = {"create:scim_token"}
        with pytest.raises(RefusedByVendor, match="delete:scim_token"):
            await scene.minter.revoke(scene.request(), scene.credential, minted.token_id)


async def test_auth0_audience(state_dir: Path) -> None:
    """A credential may name the audience, for tenants behind a domain of their own; a wrong one is refused."""
    async with staged("auth0", state_dir) as scene:
        client = json.loads(scene.api.credential)
        right = {**client, "audience": f"{scene.target.origin}/api/v2/"}
        minted = await scene.minter.mint(scene.request(), SecretValue(json.dumps(right)))
        assert await scene.opens(minted.value.reveal())
        wrong = {**client, "audience": "https://elsewhere.example/api/v2/"}
        with pytest.raises(RefusedByVendor, match="client id"):
            await scene.minter.mint(scene.request(), SecretValue(json.dumps(wrong)))


@pytest.mark.parametrize("label", ["", "   ", "a\nb", "x" * 201, "é"])
def test_a_request_needs_a_label(label: str) -> None:
    """A blank label would recognise everybody's tokens that have no comment."""
    with pytest.raises(Refused, match="label"):
        MintRequest("https://x.example", "", label, None, START)


def test_a_request_needs_a_positive_lifetime_and_an_aware_time() -> None:
    """Neither zero seconds nor a time without its zone is asked for."""
    for lifetime in (timedelta(), timedelta(seconds=-1), timedelta(milliseconds=900)):
        with pytest.raises(Refused, match="lifetime"):
            MintRequest("https://x.example", "", LABEL, lifetime, START)
    with pytest.raises(Refused, match="time zone"):
        MintRequest("https://x.example", "", LABEL, None, datetime(2030, 1, 1, tzinfo=UTC).replace(tzinfo=None))
