"""Which hosts are a vendor's own, which its customers share, and which are somebody else's."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tokens.vendors import Vendor, catalogue

VENDORS = sorted(catalogue().values(), key=lambda vendor: vendor.key)
EXACT = sorted((vendor.key, host) for vendor in VENDORS for host in vendor.hosts if "*" not in host)
SHARED = sorted((vendor.key, host) for vendor in VENDORS for host in vendor.hosts if "*" in host)
_LABEL = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=12)


def _both(vendor: Vendor, host: str) -> tuple[bool, bool]:
    return vendor.names_host(host), vendor.shares_host(host)


@pytest.mark.parametrize(("key", "host"), EXACT)
def test_a_named_host_is_the_vendors_however_it_is_written(key: str, host: str) -> None:
    """Case and one trailing dot mean nothing to DNS; everything else means another host."""
    vendor = catalogue()[key]
    for same in (host, host.upper(), f"{host}.", host.title()):
        assert _both(vendor, same) == (True, False)
    for other in (f"evil-{host}", f"{host}.evil.example", f"{host}..", f" {host}", f"{host}:443", f"{host}\n", ""):
        assert not vendor.names_host(other)


@pytest.mark.parametrize(("key", "pattern"), SHARED)
def test_a_shared_host_is_never_named(key: str, pattern: str) -> None:
    """A customer's host matches and needs a pin; the suffix alone and look-alikes do not match."""
    vendor, suffix = catalogue()[key], pattern.partition("*")[2].partition(".")[2]
    host = pattern.replace("*", "acme-1")
    for same in (host, host.upper(), f"{host}."):
        assert _both(vendor, same) == (False, True)
    for other in (suffix, f"x{suffix}", f".{suffix}", f"{host}.evil.example", f"{host}..", f"acme/{host}", f"{host}\n"):
        assert not vendor.shares_host(other)


@pytest.mark.parametrize(
    ("key", "host", "expected"),
    [
        ("druva", "evil-apis.druva.com.evil.com", (False, False)),
        ("druva", "console.druva.com", (False, False)),
        ("snowflake", "acme.west-europe.azure.snowflakecomputing.com", (False, True)),
        ("snowflake", "xsnowflakecomputing.com", (False, False)),
        ("snowflake", "acme.xsnowflakecomputing.com", (False, False)),
        ("aws-iam-identity-center", "scim.eu-central-1.amazonaws.com", (False, True)),
        ("aws-iam-identity-center", "scim.evil.s3.amazonaws.com", (False, False)),
        ("aws-iam-identity-center", "evil.s3.amazonaws.com", (False, False)),
        ("github-enterprise-managed-users", "api.acme.ghe.com", (False, True)),
        ("cornerstone", "ws-acme.csod.com", (False, True)),
        ("cornerstone", "acme.csod.com", (False, False)),
        ("datadog", "app.datadoghq.com", (True, False)),
        ("datadog", "us3.datadoghq.com", (False, True)),
        ("notion", "www.notion.so", (True, False)),
        ("knowbe4", "training.\N{KELVIN SIGN}nowbe4.com", (False, False)),
    ],
)
def test_hosts_as_attackers_and_customers_write_them(key: str, host: str, expected: tuple[bool, bool]) -> None:
    """(named, shared) for hosts that are easily mistaken."""
    assert _both(catalogue()[key], host) == expected


@given(st.sampled_from(VENDORS), st.text(max_size=60))
def test_no_host_is_both_named_and_shared_and_garbage_is_neither(vendor: Vendor, host: str) -> None:
    """What is not written in a host's letters matches nothing."""
    named, shared = _both(vendor, host)
    assert not (named and shared)
    assert not (named or shared) or re.fullmatch(r"[A-Za-z0-9._-]+", host)


@given(st.sampled_from(SHARED), st.lists(_LABEL, min_size=1, max_size=3), st.lists(_LABEL, min_size=1, max_size=2))
def test_labels_before_the_suffix_are_free_and_labels_behind_it_are_not(
    entry: tuple[str, str], before: list[str], behind: list[str]
) -> None:
    """A leading `*.` stands for one label or more; nothing may follow the suffix."""
    key, pattern = entry
    vendor = catalogue()[key]
    if pattern.startswith("*."):
        assert vendor.shares_host(".".join((*before, pattern[2:]))) or vendor.names_host(
            ".".join((*before, pattern[2:]))
        )
    host = ".".join((pattern.replace("*", before[0]), *behind, "example"))
    assert _both(vendor, host) == (False, False)
