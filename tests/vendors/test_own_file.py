"""An organization's own `vendors.json` adds to the catalogue or overrides it; a broken one gets one clear sentence."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.tokens.vendors import (
    Auth,
    Confidence,
    InvalidCatalogue,
    Lifetime,
    Obtain,
    Overlap,
    Vendor,
    catalogue,
    read_catalogue,
)

MARK = "s3cr3t-marker-a9f1"
ENTRY: dict[str, Any] = {"name": "Contoso", "hosts": ["scim.contoso.com"]}


def _read(folder: Path, text: str | bytes) -> dict[str, Vendor]:
    path = folder / "vendors.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_catalogue(path)


def _with(folder: Path, **fields: Any) -> Vendor:
    return _read(folder, json.dumps({"vendors": {"contoso": {**ENTRY, **fields}}}))["contoso"]


def _refused(folder: Path, text: str | bytes) -> InvalidCatalogue:
    with pytest.raises(InvalidCatalogue) as caught:
        _read(folder, text)
    said = str(caught.value)
    assert said.startswith("The vendor catalogue vendors.json cannot be used: ")
    assert said.count("\n") == 0
    assert len(said) < 600
    assert caught.value.__cause__ is None
    assert MARK not in said
    return caught.value


def test_an_entry_may_say_almost_nothing(tmp_path: Path) -> None:
    """What is left out counts as not known, and a token as made in a console."""
    vendor = _with(tmp_path)
    assert vendor == Vendor(
        key="contoso",
        name="Contoso",
        gallery=(),
        hosts=("scim.contoso.com",),
        auth=Auth.UNKNOWN,
        keys=(),
        lifetime=None,
        lifetime_kind=Lifetime.UNKNOWN,
        overlap=Overlap.UNKNOWN,
        window=None,
        obtain=Obtain.CONSOLE,
        adapter="",
        console="",
        revoke="",
        cautions=(),
        confidence=Confidence.UNKNOWN,
        sources=(),
    )


def test_an_entry_may_say_everything(tmp_path: Path) -> None:
    """Days and hours become lengths of time."""
    vendor = _with(
        tmp_path,
        gallery=["Contoso HR"],
        auth="client_credentials",
        keys=["ClientIdentifier", "ClientSecret"],
        lifetime="fixed",
        lifetime_days=90,
        overlap="window",
        window_hours=36,
        obtain="api",
        adapter="auth0",
        console="Settings > Tokens",
        revoke="Delete it.",
        cautions=["Mind the gap."],
        confidence="documented",
        sources=["Contoso handbook"],
    )
    assert (vendor.expires_in, vendor.window) == (timedelta(days=90), timedelta(hours=36))
    assert (vendor.auth, vendor.obtain, vendor.adapter) == (Auth.CLIENT_CREDENTIALS, Obtain.API, "auth0")
    assert _with(tmp_path, lifetime="endless").expires_in is None


def test_own_entries_add_and_replace_whole(tmp_path: Path) -> None:
    """Ours stay, a new one joins them, and one with our key keeps nothing of ours."""
    own = {"contoso": ENTRY, "druva": {"name": "Druva", "hosts": ["druva.contoso.com"]}}
    found = _read(tmp_path, json.dumps({"$comment": "ours", "vendors": own}))
    assert set(found) == {*catalogue(), "contoso"}
    assert found["druva"].hosts == ("druva.contoso.com",)
    assert found["druva"].overlap is Overlap.UNKNOWN
    assert found["snowflake"] == catalogue()["snowflake"]


@pytest.mark.parametrize("text", ['{"vendors": {}}', b'\xef\xbb\xbf{"vendors": {}}'])
def test_an_own_file_may_be_empty_and_may_begin_with_a_byte_order_mark(tmp_path: Path, text: str | bytes) -> None:
    """Editors on Windows write one."""
    assert set(_read(tmp_path, text)) == set(catalogue())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        (f'{{"vendors": {{"{MARK}"', "not JSON"),
        (b"\xff\xfe", "UTF-8"),
        ("[" * 100_000, "nested too deeply"),
        ('{"vendors": {}, "n": 1' + "0" * 5000 + "}", "not JSON"),
        (b" " * (10 * 1024 * 1024), "larger than 1024 KiB"),
        ("[]", "must be "),
        ("null", "must be "),
        (f'"{MARK}"', "must be "),
        ("{}", "field 'vendors', it is missing"),
        ('{"vendors": []}', "field 'vendors', it must be an object"),
        ('{"vendor": {}, "vendors": {}}', "field 'vendor', it is no field"),
        ('{"vendors": {}, "vendors": {}}', "field 'vendors', it stands there twice"),
        ('{"vendors": {"a": {}, "a": {}}}', "entry 'a', it stands there twice"),
        ('{"vendors": {"a": {"name": "A", "name": "B"}}}', "entry 'a', field 'name', it stands there twice"),
        (f'{{"vendors": {{"a": "{MARK}"}}}}', "entry 'a', it must be an object"),
        ('{"vendors": {"Contoso HR": {"name": "A", "gallery": ["A"]}}}', "entry 'Contoso HR', its key must be"),
        ('{"vendors": {"a\\n": {"name": "A", "gallery": ["A"]}}}', r"entry 'a\n', its key must be"),
        ('{"vendors": {"a": {"hosts": ["a.b.example"]}}}', "entry 'a', field 'name', it is missing"),
        ('{"vendors": {"a": {"name": "A"}}}', "entry 'a', it names neither hosts nor gallery"),
    ],
    ids=range(21),
)
def test_a_file_that_cannot_be_used_is_told_in_one_sentence(tmp_path: Path, text: str | bytes, words: str) -> None:
    """It names the file, the entry and the field, and repeats nothing of what the file contains."""
    assert words in str(_refused(tmp_path, text))


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"name": 7}, "name", "must be text in one line that is not empty"),
        ({"name": " "}, "name", "must be text in one line that is not empty"),
        ({"name": f"{MARK}\n# head"}, "name", "must be text in one line that is not empty"),
        ({"hosts": "scim.contoso.com"}, "hosts", "must be hosts that a token may go to"),
        ({"hosts": []}, "hosts", "must be hosts"),
        ({"gallery": [], "hosts": ["a.b.example"]}, "gallery", "must be names"),
        ({"token": MARK}, "token", "no field that the schema knows"),
        ({"auth": MARK}, "auth", "must be one of bearer, basic"),
        ({"keys": ["BaseAddress"]}, "keys[0]", "must be one of SecretToken"),
        ({"lifetime": "fixed"}, "lifetime_days", "is missing"),
        ({"lifetime_days": 5, "lifetime": "endless"}, "lifetime_days", "must be left out where the lifetime"),
        ({"lifetime_days": 5}, "lifetime_days", "must be left out where the lifetime"),
        ({"lifetime": "fixed", "lifetime_days": 0}, "lifetime_days", "must be whole days"),
        ({"lifetime": "fixed", "lifetime_days": -3}, "lifetime_days", "must be whole days"),
        ({"lifetime": "fixed", "lifetime_days": 1.5}, "lifetime_days", "must be whole days"),
        ({"lifetime": "fixed", "lifetime_days": True}, "lifetime_days", "must be whole days"),
        ({"lifetime": "fixed", "lifetime_days": "90"}, "lifetime_days", "must be whole days"),
        ({"lifetime": "fixed", "lifetime_days": 10**9}, "lifetime_days", "must be whole days"),
        ({"overlap": "window"}, "window_hours", "is missing"),
        ({"overlap": "none", "window_hours": 4}, "window_hours", "must be left out where the overlap"),
        ({"overlap": "window", "window_hours": 0}, "window_hours", "must be whole hours"),
        ({"overlap": False}, "overlap", "must be one of none, window, coexist, unknown"),
        ({"adapter": "auth0"}, "obtain", "is missing"),
        ({"adapter": "auth0", "obtain": "console"}, "obtain", "must be one of api"),
        ({"adapter": MARK, "obtain": "api"}, "adapter", "must be one of databricks"),
        ({"cautions": ["a", "b", "c", "d"]}, "cautions", "at most three"),
        ({"sources": "a page"}, "sources", "must be the pages"),
        ({"console": "x" * 301}, "console", "at most 300"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, fields: dict[str, Any], field: str, words: str) -> None:
    """With what it must be, in words."""
    error = _refused(tmp_path, json.dumps({"vendors": {"contoso": {**ENTRY, **fields}}}))
    assert (error.entry, error.field) == ("contoso", field)
    assert words in str(error)


@pytest.mark.parametrize(
    "host",
    [
        "*", "*.com", "*.*", "*.co.uk", "x-*.com.au", "a.*", "*.b.*.example.com", "**.example.com", "contoso.*.com",
        "https://scim.contoso.com", "scim.contoso.com:8443", "scim.contoso.com/scim", "user@scim.contoso.com",
        "SCIM.contoso.com", "scim.contoso.com.", ".contoso.com", "scim..com", "-a.example.com", "a-.example.com",
        "localhost", "10.0.0.1", "[::1]", "scim contoso.com", "scim.contoso.com\n", "scim.cöntoso.com", "", 7, None,
        "a." * 200 + "com", f"{MARK}_x.example.com", "a" * 64 + ".example.com",
    ],
)  # fmt: skip
def test_no_host_but_a_plain_one_or_a_narrow_pattern_is_taken(tmp_path: Path, host: object) -> None:
    """A pattern that half the world's hosts match, or an address, would send tokens astray or match nothing."""
    error = _refused(tmp_path, json.dumps({"vendors": {"contoso": {"name": "C", "hosts": ["ok.example.com", host]}}}))
    assert (error.entry, error.field) == ("contoso", "hosts[1]")
    assert "must be a host name in lower case" in str(error)


@pytest.mark.parametrize(
    "host",
    ["scim.contoso.com", "contoso.co", "*.contoso.com", "*.scim.co.uk", "scim.*.contoso.com", "ws-*.contoso.com",
     "*-scim.contoso.com", "xn--contso-xxa.example", "a.b.c.d.e.f.contoso.com"],
)  # fmt: skip
def test_ordinary_hosts_are_taken(tmp_path: Path, host: str) -> None:
    """Names, leading patterns, and patterns in one label."""
    vendor = _with(tmp_path, hosts=[host])
    assert vendor.hosts == (host,)
    assert (vendor.names_host if "*" not in host else vendor.shares_host)(host.replace("*", "acme"))


def test_a_file_that_is_not_there_or_is_a_folder_is_told_too(tmp_path: Path) -> None:
    """With the system's reason, and without the path."""
    for path in (tmp_path / "gone.json", tmp_path):
        with pytest.raises(InvalidCatalogue, match="it cannot be read") as caught:
            read_catalogue(path)
        assert str(tmp_path.parent) not in str(caught.value)


_NAMES = st.sampled_from(
    ["name", "hosts", "gallery", "lifetime", "lifetime_days", "overlap", "window_hours", "keys", "x"]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES | st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entry=_JSON, key=st.text(max_size=6) | st.just("contoso"))
def test_whatever_an_own_file_contains_it_is_read_or_refused(tmp_path: Path, entry: object, key: str) -> None:
    """No other error ever comes out of it, and what is read has the types that the product relies on."""
    path = tmp_path / "vendors.json"
    path.write_text(json.dumps({"vendors": {key: entry}}), encoding="utf-8")
    try:
        vendor = read_catalogue(path)[key]
    except InvalidCatalogue:
        return
    assert vendor.hosts or vendor.gallery
    assert all(isinstance(text, str) for text in (vendor.name, *vendor.hosts, *vendor.gallery, *vendor.keys))
