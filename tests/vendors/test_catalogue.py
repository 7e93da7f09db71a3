"""Our own catalogue is whole, is what its schema says, and gives every vendor's facts with their sources."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from shared.diagnosis.causes import Cause
from shared.diagnosis.remedies import remedies, remedy
from shared.tokens.vendors import (
    Auth,
    Confidence,
    Lifetime,
    Obtain,
    Overlap,
    Vendor,
    catalogue,
    read_catalogue,
    vendor_for,
    vendor_named,
)
from shared.tokens.vendors.catalogue import OURS
from shared.tokens.vendors.own_file import SCHEMA

VENDORS = sorted(read_catalogue().values(), key=lambda vendor: vendor.key)
_ROOT = SCHEMA.parents[3]


def _named(key: str) -> Vendor:
    vendor = vendor_for(key)
    assert vendor is not None
    return vendor


def test_the_schema_is_one_and_our_catalogue_is_what_it_says() -> None:
    """Whoever edits our file is told by this test, not by a crash."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    errors = Draft202012Validator(schema).iter_errors(json.loads(OURS.read_text(encoding="utf-8")))
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_our_catalogue_names_no_vendor_twice() -> None:
    """JSON lets the last of two members with one name win in silence."""
    keys: list[str] = []

    def remember(members: list[tuple[str, object]]) -> dict[str, object]:
        assert len({name for name, _ in members}) == len(members)
        keys.extend(name for name, _ in members)
        return dict(members)

    json.loads(OURS.read_text(encoding="utf-8"), object_pairs_hook=remember)
    assert {vendor.key for vendor in VENDORS} <= set(keys)


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.key)
def test_every_entry_says_how_sure_it_is_and_who_says_so(vendor: Vendor) -> None:
    """No fact without a public source; what a person reads is short and is no markup."""
    assert vendor.sources
    assert vendor.confidence in (Confidence.DOCUMENTED, Confidence.INFERRED)
    assert len(vendor.cautions) <= 3
    assert all(len(caution) < 160 and caution.endswith(".") for caution in vendor.cautions)
    said = (vendor.name, vendor.console, vendor.revoke, *vendor.gallery, *vendor.cautions, *vendor.sources)
    assert not any(letter in text for text in said for letter in "<`|“”")


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.key)
def test_facts_of_an_entry_do_not_contradict_each_other(vendor: Vendor) -> None:
    """A length stands with its kind, an adapter with an API, granted keys with consent."""
    assert (vendor.window is not None) == (vendor.overlap is Overlap.WINDOW)
    assert vendor.expires_in is None or vendor.lifetime_kind is Lifetime.FIXED
    assert not vendor.adapter or vendor.obtain is Obtain.API
    assert (vendor.obtain is Obtain.OAUTH) == (vendor.auth is Auth.OAUTH_CODE) == ("Oauth2AccessToken" in vendor.keys)
    assert vendor.console or vendor.obtain is Obtain.NONE
    assert vendor.obtain not in (Obtain.OAUTH, Obtain.NONE) or vendor.cautions


def test_an_adapter_is_named_where_there_is_one() -> None:
    """Four vendors' APIs can be minted at, and each adapter belongs to one entry."""
    adapters = {vendor.adapter: vendor.key for vendor in VENDORS if vendor.adapter}
    assert adapters == {
        "databricks": "databricks-workspace",
        "hcp_terraform": "hcp-terraform",
        "snowflake": "snowflake",
        "auth0": "auth0",
    }


def test_what_is_known_of_druva_is_what_the_loop_relies_on() -> None:
    """A year, no overlap, a console, a warning before the button is pressed."""
    druva = _named("druva")
    assert (druva.expires_in, druva.overlap, druva.obtain) == (timedelta(days=365), Overlap.NONE, Obtain.CONSOLE)
    assert druva.keys == ("SecretToken",)
    assert "kills the old one at once" in druva.cautions[0]


def test_a_chosen_lifetime_proves_nothing() -> None:
    """It is a default or a maximum, and no date follows from it."""
    terraform = _named("hcp-terraform")
    assert terraform.lifetime == timedelta(days=365)
    assert terraform.expires_in is None
    assert _named("snowflake").expires_in == timedelta(days=180)
    assert _named("figma").expires_in is None


def test_a_key_is_found_however_it_is_written() -> None:
    """Tags are typed by people."""
    assert vendor_for(" Druva ") is catalogue()["druva"]
    assert vendor_for("") is None
    assert vendor_for("nobody-knows") is None


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Druva", "druva"),
        ("druva provisioning (EU)", "druva"),
        ("GitHub", "github-organization"),
        ("GitHub Enterprise Managed User (OIDC)", "github-enterprise-managed-users"),
        ("Prod - Zscaler Private Access (ZPA)", "zscaler-private-access"),
        ("1Password SCIM Bridge", "1password-bridge"),
    ],
)
def test_an_applications_name_hints_at_its_vendor(name: str, key: str) -> None:
    """Whole words count, and the longest name wins."""
    vendor = vendor_named(name)
    assert vendor is not None
    assert vendor.key == key


@pytest.mark.parametrize("name", ["", "Contoso", "Druvax", "Toolbox", "Azure Databricks SCIM Provisioning Connector"])
def test_an_applications_name_may_tell_nothing(name: str) -> None:
    """A part of a word is no name, and two vendors with the same name are none."""
    assert vendor_named(name) is None


def test_the_vendors_way_to_a_token_stands_only_where_a_token_is_the_remedy() -> None:
    """Who lacks licences is not sent to the button that kills the token."""
    druva = _named("druva")
    assert remedy(Cause.INVALID_CREDENTIALS, druva) != remedies()[Cause.INVALID_CREDENTIALS]
    for cause in set(Cause) - {Cause.INVALID_CREDENTIALS}:
        assert remedy(cause, druva) == remedies()[cause]


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.key)
def test_nobody_is_told_to_make_a_token_where_there_is_none(vendor: Vendor) -> None:
    """With consent or a password the step says so instead; elsewhere the first caution stands beside it."""
    generic, step = (found.steps[0] for found in (remedy(Cause.INVALID_CREDENTIALS, it) for it in (None, vendor)))
    made = generic.what in step.what
    assert made == (vendor.obtain not in (Obtain.OAUTH, Obtain.NONE))
    assert all(caution in step.what for caution in vendor.cautions[:1])
    assert step.where == (f"{vendor.name}: {vendor.console}" if vendor.console else generic.where)


def test_an_own_file_is_read_where_the_app_has_one_and_only_then_is_it_checked(tmp_path: Path) -> None:
    """It lies beside host.json; without it the checking library is not even imported."""
    for name in ("__init__.py", "errors.py", "tokens/__init__.py", "tokens/vendors"):
        to = tmp_path / "shared" / name
        to.parent.mkdir(parents=True, exist_ok=True)
        to.symlink_to(_ROOT / "shared" / name) if to.suffix else _copy(_ROOT / "shared" / name, to)
    script = (
        "import sys; from shared.tokens.vendors import catalogue;"
        "print('contoso' in catalogue(), 'druva' in catalogue(), 'jsonschema' in sys.modules)"
    )

    def run() -> str:
        return subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, check=True
        ).stdout.decode()

    assert run().split() == ["False", "True", "False"]
    (tmp_path / "vendors.json").write_text(
        '{"vendors": {"contoso": {"name": "C", "gallery": ["C"]}}}', encoding="utf-8"
    )
    assert run().split() == ["True", "True", "True"]


def _copy(folder: Path, to: Path) -> None:
    to.mkdir()
    for file in (*folder.glob("*.py"), *folder.glob("*.json")):
        (to / file.name).write_bytes(file.read_bytes())
