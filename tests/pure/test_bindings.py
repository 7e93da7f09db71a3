"""A token is bound by tags, inherited by newer versions, and goes to no host but its own."""

from datetime import timedelta

import pytest

from shared.errors import Refused
from shared.tokens.bindings import (
    Binding,
    SecretVersion,
    binding_of,
    origin_of,
    problems_of,
    require_rotated_key,
    require_trusted_host,
    usable,
)
from shared.tokens.keys import ROTATED, granted
from shared.tokens.vendors import catalogue
from tests.pure.material import MINUTE, SP, T0

TAGS = {"pratique-service-principal": SP, "pratique-vendor": "druva", "pratique-tenant-url": "https://good.example/v2"}


def _version(
    version: str, *, tags: dict[str, str] | None = None, enabled: bool = True, **dates: object
) -> SecretVersion:
    valid = {"created": T0, "expires": None, "not_before": None, **dates}
    return SecretVersion(name="token", version=version, enabled=enabled, tags=tags or {}, **valid)  # type: ignore[arg-type]


def _bound(*, url: str = "", vendor: str = "") -> Binding:
    return Binding("token", SP, "SecretToken", vendor, url)


def test_an_untagged_newer_version_inherits_the_binding() -> None:
    """A person who pastes a token sets no tags; the newest tagged version speaks for the name."""
    versions = [_version("3"), _version("2"), _version("1", tags=TAGS)]
    binding = binding_of(versions)
    assert binding == Binding("token", SP, "SecretToken", "druva", "https://good.example/v2")


def test_the_newest_tagged_version_binds() -> None:
    """Tags replace those of older versions whole, even where they say less."""
    newer = {"pratique-service-principal": f" {SP[::-1]} ", "pratique-key": "Password", "pratique-vendor": " DRUVA "}
    binding = binding_of([_version("3"), _version("2", tags=newer), _version("1", tags=TAGS)])
    assert binding == Binding("token", SP[::-1], "Password", "druva", "")


@pytest.mark.parametrize(
    "tags", [{}, {"pratique-service-principal": " "}, {"pratique-vendor": "druva"}, {"Pratique": SP}]
)
def test_without_our_tag_nothing_is_bound(tags: dict[str, str]) -> None:
    """A blank service principal is none, and other tags bind nothing."""
    assert binding_of([_version("1", tags=tags)]) is None
    assert binding_of([]) is None


@pytest.mark.parametrize(
    ("version", "valid"),
    [
        (_version("1"), True),
        (_version("1", enabled=False), False),
        (_version("1", expires=T0), False),
        (_version("1", expires=T0 + timedelta.resolution), True),
        (_version("1", not_before=T0), True),
        (_version("1", not_before=T0 + timedelta.resolution), False),
        (_version("1", enabled=False, expires=T0 + MINUTE), False),
    ],
)
def test_only_versions_valid_now_are_usable(version: SecretVersion, *, valid: bool) -> None:
    """Disabled, expired and not yet valid versions are passed over; validity begins at its moment and ends at its."""
    assert usable([version], T0) == ([version] if valid else [])


def test_usable_versions_keep_their_order() -> None:
    """The newest that can be used is the first."""
    versions = [_version("4", enabled=False), _version("3"), _version("2", expires=T0), _version("1")]
    assert [version.version for version in usable(versions, T0)] == ["3", "1"]


@pytest.mark.parametrize(
    "address",
    [
        "https://good.example",
        "https://good.example/",
        "https://good.example/other/path?x=1",
        "https://GOOD.example/v2",
        "HTTPS://good.example/v2",
        "https://good.example./v2",
        "https://good.example:443/v2",
        "  https://good.example/v2\n",
    ],
)
def test_the_pinned_host_is_trusted_however_it_is_written(address: str) -> None:
    """Case, a trailing dot, the default port and the path do not make another host."""
    require_trusted_host(_bound(url="https://good.example/v2"), address)
    require_trusted_host(_bound(url=address), "https://good.example/v2")


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/v2",
        "https://good.example.evil.example/v2",
        "https://evil.example/good.example",
        "https://evilgood.example/v2",
        "https://sub.good.example/v2",
        "https://good.example:8443/v2",
        "https://good.example:0/v2",
        "https://good.example@evil.example/v2",
        "https://good.example:443@evil.example/v2",
        "https://@evil.example",
        "https://evil.example@good.example/v2",
        "https://good.example\\@evil.example/v2",
        "https://evil.example\\.good.example/v2",
        "https://evil.example#@good.example",
        "https://evil.example?@good.example",
        "https://\uff47ood.example/v2",
        "http://good.example/v2",
        "//good.example/v2",
        "good.example/v2",
        "https:good.example",
        "https:///good.example",
        "https://[::1",
        "https://good.example:99999/v2",
        "https://good.example:port/v2",
        "https://.",
        "*",
        "",
        " ",
    ],
)
def test_no_other_address_is_trusted(address: str) -> None:
    """Other hosts, ports and schemes, user information and unreadable addresses are refused, as job's or as pin."""
    with pytest.raises(Refused):
        require_trusted_host(_bound(url="https://good.example/v2"), address)
    with pytest.raises(Refused):
        require_trusted_host(_bound(url=address or "x"), "https://good.example/v2")
    with pytest.raises(Refused):
        require_trusted_host(_bound(vendor="druva"), address)


def test_an_unreadable_pin_trusts_no_unreadable_address() -> None:
    """Two addresses that cannot be read are not the same host."""
    with pytest.raises(Refused):
        require_trusted_host(_bound(url="https://."), "https://.")


@pytest.mark.parametrize("vendor", ["", "nobody-knows"])
def test_without_pin_and_vendor_no_host_is_trusted(vendor: str) -> None:
    """A binding that says nothing about the host allows none."""
    with pytest.raises(Refused, match="neither"):
        require_trusted_host(_bound(vendor=vendor), "https://good.example/v2")


@pytest.mark.parametrize("host", sorted(catalogue()["druva"].hosts))
def test_a_vendors_hosts_are_trusted(host: str) -> None:
    """On the default port only, however the host is written."""
    require_trusted_host(_bound(vendor="druva"), f"https://{host.upper()}./scim")
    for other in (f"https://{host}:8443/scim", f"https://{host}.evil.example", f"https://x@{host}", f"http://{host}"):
        with pytest.raises(Refused):
            require_trusted_host(_bound(vendor="druva"), other)


def test_a_pin_outranks_the_vendors_hosts() -> None:
    """Whoever pins a tenant URL means that one alone."""
    host = min(catalogue()["druva"].hosts)
    with pytest.raises(Refused):
        require_trusted_host(_bound(url="https://good.example", vendor="druva"), f"https://{host}")


def test_the_catalogues_hosts_are_written_as_they_are_compared() -> None:
    """Lower case and no trailing dot, or they would never match; keys in lower case too."""
    for key, vendor in catalogue().items():
        assert key == key.lower()
        assert all(host == host.lower().strip(". /") and ":" not in host for host in vendor.hosts)


def test_how_a_token_is_minted_is_bound_as_well() -> None:
    """The names of the minting credential and of what it mints for are inherited with the rest."""
    tags = {**TAGS, "pratique-mint": " mint-it ", "pratique-mint-for": "con_1"}
    binding = binding_of([_version("2"), _version("1", tags=tags)])
    assert binding is not None
    assert (binding.mint_secret, binding.mint_for) == ("mint-it", "con_1")


@pytest.mark.parametrize("owner", ["nobody", "a@b", "a@b.example, c@d.example", "a b@c.example", "<a@b.example>", "@"])
def test_an_owner_that_is_no_mail_address_is_none(owner: str) -> None:
    """A notice goes to one address or to the team; the tag cannot smuggle in others."""
    binding = binding_of([_version("1", tags={**TAGS, "pratique-owner": owner})])
    assert binding is not None
    assert binding.owner == ""
    assert any("pratique-owner" in text for text in problems_of({**TAGS, "pratique-owner": owner}))


def test_an_application_is_the_same_in_capitals() -> None:
    """Graph writes an object id in small letters; a person may paste it otherwise, and it is one application."""
    binding = binding_of([_version("1", tags={"pratique-service-principal": SP.upper()})])
    assert binding is not None
    assert binding.service_principal_id == SP


@pytest.mark.parametrize(
    "key", ["BaseAddress", "SyncAll", "SyncNotificationSettings", "secrettoken", "Oauth2AccessToken"]
)
def test_what_is_no_credential_is_never_saved(key: str) -> None:
    """An address would send every credential elsewhere; a setting, a grant or another spelling is no credential."""
    binding = Binding("token", SP, key, "", "https://good.example")
    with pytest.raises(Refused, match=key):
        require_rotated_key(binding)
    assert any(key in text for text in problems_of({**TAGS, "pratique-key": key}))


def test_every_key_that_we_save_is_a_credential_or_names_one() -> None:
    """No address, no setting, nothing of a grant is among them."""
    assert not {key for key in ROTATED if key.endswith(("Uri", "Url", "Address", "Settings")) or "AccessToken" in key}
    assert granted(frozenset({"BaseAddress", "Oauth2AccessToken", "Oauth2RefreshToken"}))
    assert not granted(frozenset({"BaseAddress", "Oauth2AccessToken", "SecretToken"}))
    assert not granted(frozenset({"BaseAddress"}))


def test_the_problems_of_tags_are_named() -> None:
    """Whoever binds a secret by hand is told of each mistake; good tags have none."""
    assert problems_of(TAGS) == ()
    bad = {
        "pratique-service-principal": "Druva",
        "pratique-tenant-url": "http://good.example",
        "pratique-vendor": "druwa",
        "pratique-mint": "mint-it",
    }
    for name in bad:
        assert any(text.startswith(name) for text in problems_of({**TAGS, **bad})), name
    unpinned = {"pratique-service-principal": SP, "pratique-vendor": "snowflake", "pratique-mint": "mint-it"}
    assert any("unpinned" in text for text in problems_of(unpinned))


@pytest.mark.parametrize(
    "address", ["https://a.example:0x1", "https://[", "https://u@a.example", "a.example", "https:///v2"]
)
def test_an_address_that_names_no_host_has_no_origin(address: str) -> None:
    """Unreadable, with user information, without a scheme or a host."""
    assert origin_of(address) is None
