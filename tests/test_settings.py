"""Every setting is in one table, is read by the code, and says its name, never a secret, when it is wrong."""

import ast
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.settings_page import EXAMPLE, PAGE, local_settings, settings_page
from shared.errors import InvalidSetting
from shared.settings import TABLE, Mode, acting, load, table

ROOT = Path(__file__).resolve().parent.parent
NAMES = {row.name for row in table()}
SECRETS = {row.name for row in table() if row.secret}
WHOLE = {"KEY_VAULT_URL": "https://kv.vault.example", "AzureWebJobsStorage": "UseDevelopmentStorage=true"}
SP = "4f6cbd2b-5d7c-4b0c-9b3e-5f6f0a2d1c11"
_SETTING_NAME = re.compile(r"(?:[A-Z][A-Z0-9]*_[A-Z0-9_]+|AzureWebJobsStorage(?:__\w+)?)")


def _host() -> dict[str, Any]:
    whole: dict[str, Any] = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    return whole


def _named_in_settings() -> set[str]:
    """Return the names that `shared/settings.py` asks for, from its text."""
    tree = ast.parse((ROOT / "shared" / "settings.py").read_text(encoding="utf-8"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in texts if _SETTING_NAME.fullmatch(text)}


def _named_in_triggers() -> set[str]:
    """Return the names that the host resolves for the triggers: `%NAME%` and connections."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "functions").glob("*.py")]
    found = [match for text in sources for match in re.findall(r"\"%(\w+)%\"|connection=\"(\w+)\"", text)]
    return {name for match in found for name in match if name}


def test_the_code_reads_exactly_the_tables_names() -> None:
    """No setting is read that the table does not explain, and none is explained that nothing reads."""
    assert _named_in_settings() | _named_in_triggers() == NAMES


def test_nothing_else_reads_the_environment() -> None:
    """The product's only way to its settings is the table; composition hands the environment over."""
    readers = [
        str(path.relative_to(ROOT))
        for folder in ("shared", "functions")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"\benviron\b|\bgetenv\b", path.read_text(encoding="utf-8"))
    ]
    assert readers == ["shared/composition.py"]


def test_every_row_of_the_table_is_whole() -> None:
    """Each name once, each with its meaning; what is required or secret has no default."""
    rows = json.loads(TABLE.read_text(encoding="utf-8"))["settings"]
    assert len({row["name"] for row in rows}) == len(rows)
    for row in rows:
        assert row.keys() <= {"group", "name", "meaning", "default", "required", "secret"}
        assert row["group"].strip()
        assert row["meaning"].strip()
        assert not row.get("default") or not (row.get("required") or row.get("secret"))


def test_the_page_and_the_example_are_the_tables() -> None:
    """When this fails: run `python -m cli.settings_page`."""
    assert PAGE.read_text(encoding="utf-8") == settings_page()
    assert EXAMPLE.read_text(encoding="utf-8") == local_settings()


def test_the_example_starts_as_it_stands() -> None:
    """Core Tools' settings hold every default, no secret, and all that triggers resolve; the loader takes them."""
    values = json.loads(EXAMPLE.read_text(encoding="utf-8"))["Values"]
    assert load(values) == load({name: values[name] for name in WHOLE})
    assert _named_in_triggers() <= values.keys()
    assert {name for name in SECRETS if values[name]} == {"AzureWebJobsStorage"}
    assert values["AzureWebJobsStorage"] == "UseDevelopmentStorage=true"


def test_defaults_are_cautious() -> None:
    """With nothing but what is required: observe, the public clouds' addresses, no mail, no Teams, no log query."""
    read = load(WHOLE)
    assert (read.mode, read.acting, read.attempts_per_day) == (Mode.OBSERVE, True, 2)
    assert read.graph_base_url == "https://graph.microsoft.com/v1.0"
    channels = [read.workspace_id, read.mail_sender, read.mail_recipients, read.teams_webhook_url]
    assert not any([*channels, read.merge_accepted, read.mode_by_application])
    assert read.step < read.lease


@pytest.mark.parametrize("name", [row.name for row in table() if row.required])
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_required_setting_must_be_there(name: str, value: str | None) -> None:
    """Absent, empty and blank are the same."""
    environment = {key: text for key, text in WHOLE.items() if key != name} | (
        {name: value} if value is not None else {}
    )
    with pytest.raises(InvalidSetting, match=name):
        load(environment)


def test_storage_is_reached_by_connection_or_identity() -> None:
    """Either the connection string or both endpoints."""
    queue, tables = "AzureWebJobsStorage__queueServiceUri", "AzureWebJobsStorage__tableServiceUri"
    identity = {queue: "https://a.queue.core.windows.net", tables: "https://a.table.core.windows.net"}
    vault = {"KEY_VAULT_URL": WHOLE["KEY_VAULT_URL"]}
    assert load({**vault, **identity}).storage_connection is None
    for missing in (queue, tables):
        with pytest.raises(InvalidSetting, match="AzureWebJobsStorage"):
            load({**vault, **{name: value for name, value in identity.items() if name != missing}})


@pytest.mark.parametrize(
    "name", ["GRAPH_BASE_URL", "LOGS_ENDPOINT", "KEY_VAULT_URL", "ENTRA_PORTAL_URL", "TEAMS_WEBHOOK_URL"]
)
@pytest.mark.parametrize(
    "value",
    ["http://kv.example", "kv.example", "https://", "https://[", "https://kv.example:port", "https://kv:0", "x"],
)
def test_addresses_are_https(name: str, value: str) -> None:
    """Anything else is refused at once and not at the first call."""
    with pytest.raises(InvalidSetting, match=name) as raised:
        load({**WHOLE, name: value})
    assert raised.value.name == name
    assert name not in SECRETS or len(value) == 1 or value not in str(raised.value)


@pytest.mark.parametrize("end", ["queueServiceUri", "tableServiceUri"])
@pytest.mark.parametrize("value", ["http://a.queue.core.windows.net", "notaurl", "https://", "https://["])
def test_the_addresses_of_storage_are_https(end: str, value: str) -> None:
    """The one that is wrong is named at once: without this, the storage client tries it for a minute and a half."""
    uris = dict.fromkeys(("queueServiceUri", "tableServiceUri"), "https://a.queue.core.windows.net")
    environment = {f"AzureWebJobsStorage__{name}": text for name, text in {**uris, end: value}.items()}
    for more in ({}, {"AzureWebJobsStorage": WHOLE["AzureWebJobsStorage"]}):
        with pytest.raises(InvalidSetting, match=f"AzureWebJobsStorage__{end}"):
            load({"KEY_VAULT_URL": WHOLE["KEY_VAULT_URL"], **environment, **more})


@pytest.mark.parametrize(
    "value", [f"/subscriptions/{SP}/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/w", "w", SP[1:]]
)
def test_the_workspace_is_named_by_the_id_that_queries_ask_for(value: str) -> None:
    """A resource id would be answered 404 at the first query."""
    with pytest.raises(InvalidSetting, match=r"LOG_ANALYTICS_WORKSPACE_ID.*customer id.*not its resource id"):
        load({**WHOLE, "LOG_ANALYTICS_WORKSPACE_ID": value})
    assert load({**WHOLE, "LOG_ANALYTICS_WORKSPACE_ID": SP.upper()}).workspace_id == SP


@pytest.mark.parametrize(
    "value",
    ["https://x.example/hook?sig=c2VjcmV0LXZhbHVl", "a/c2VjcmV0LXZhbHVl", "c2VjcmV0LXZhbHVl_", "é", "x" * 128, "a b"],
)
def test_the_name_of_the_secret_is_a_name(value: str) -> None:
    """An address in its place is a secret in itself: it is refused, and said nowhere."""
    with pytest.raises(InvalidSetting, match="TEAMS_WEBHOOK_SECRET") as raised:
        load({**WHOLE, "TEAMS_WEBHOOK_SECRET": value})
    assert value not in str(raised.value)
    assert "c2VjcmV0" not in str(raised.value)
    assert load({**WHOLE, "TEAMS_WEBHOOK_SECRET": "x" * 127}).teams_webhook_secret == "x" * 127


@pytest.mark.parametrize("name", ["PRATIQUE_ATTEMPTS_PER_DAY", "PRATIQUE_PATIENCE_INTERVALS"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "two", "1000", "9" * 5000, "²", "1e2", "nan"])
def test_counts_are_whole_and_within_reason(name: str, value: str) -> None:
    """From 1 to 999."""
    with pytest.raises(InvalidSetting, match=name):
        load({**WHOLE, name: value})


@pytest.mark.parametrize("name", ["LOOK_AGAIN", "RETRY", "SETTLE", "LEASE", "STEP", "AUDIT_OVERLAP"])
@pytest.mark.parametrize("value", ["0", "-1", "0.0001", "1e-9", "nan", "inf", "2592001", "1e400", "PT5M", "five"])
def test_times_are_seconds_within_reason(name: str, value: str) -> None:
    """From a millisecond to thirty days."""
    with pytest.raises(InvalidSetting, match=f"PRATIQUE_{name}"):
        load({**WHOLE, f"PRATIQUE_{name}": value})


@pytest.mark.parametrize(
    ("step", "lease", "fits"), [("299", "300", True), ("300", "300", False), ("301", "300", False)]
)
def test_a_step_is_shorter_than_the_lease(step: str, lease: str, *, fits: bool) -> None:
    """A step that may outlive the lease could act beside somebody else."""
    environment = {**WHOLE, "PRATIQUE_STEP": step, "PRATIQUE_LEASE": lease}
    if fits:
        assert load(environment).step < timedelta(seconds=300)
        return
    with pytest.raises(InvalidSetting, match="PRATIQUE_STEP"):
        load(environment)


@pytest.mark.parametrize("value", ["act!", "propose", "on", "true"])
@pytest.mark.parametrize("name", ["PRATIQUE_MODE", "PRATIQUE_MODE_BY_APPLICATION", "PRATIQUE_ACTING"])
def test_words_that_allow_acting_are_read_strictly(name: str, value: str) -> None:
    """A word that is not known is refused, never taken for one that allows more."""
    values = {"PRATIQUE_MODE_BY_APPLICATION": f"{SP}={value}", "PRATIQUE_ACTING": f"{value}!"}
    with pytest.raises(InvalidSetting, match=name):
        load({**WHOLE, name: values.get(name, value)})


def test_an_exception_to_the_mode_needs_its_equals_sign() -> None:
    """A bare identifier says nothing about the mode."""
    with pytest.raises(InvalidSetting, match="PRATIQUE_MODE_BY_APPLICATION"):
        load({**WHOLE, "PRATIQUE_MODE_BY_APPLICATION": SP})


@pytest.mark.parametrize("entry", ["Druva", "", SP[:-1], f"{SP}/x", "*"])
def test_what_is_said_of_one_application_names_it_by_its_object_id(entry: str) -> None:
    """A display name would match nothing, and the application would be acted on against what was written."""
    for name, value in (
        ("PRATIQUE_MODE_BY_APPLICATION", f"{SP}=observe, {entry}=observe"),
        ("PRATIQUE_MERGE_ACCEPTED", f"{SP}, {entry or 'x'}"),
    ):
        with pytest.raises(InvalidSetting, match=name):
            load({**WHOLE, name: value})


def test_merging_is_accepted_for_the_applications_that_are_named() -> None:
    """In any case, and for no other."""
    read = load({**WHOLE, "PRATIQUE_MERGE_ACCEPTED": f" {SP.upper()} ,"})
    assert read.accepts_merge(SP)
    assert not read.accepts_merge(SP.replace("4f6c", "4f6d"))


def test_the_mode_of_an_application_goes_before_the_tenants() -> None:
    """Identifiers are compared without case, blanks do not matter."""
    read = load({**WHOLE, "PRATIQUE_MODE": "Act", "PRATIQUE_MODE_BY_APPLICATION": f" {SP.upper()} = Observe , "})
    assert read.mode_for(SP) is read.mode_for(SP.upper()) is Mode.OBSERVE
    assert read.mode_for("another") is Mode.ACT


@pytest.mark.parametrize(("value", "expected"), [("on", True), ("", True), (" OFF ", False), ("Off", False)])
def test_the_switch(value: str, *, expected: bool) -> None:
    """On unless it says off, in any case."""
    assert acting({"PRATIQUE_ACTING": value}) is expected
    assert load({**WHOLE, "PRATIQUE_ACTING": value}).acting is expected


@pytest.mark.parametrize(("value", "expected"), [("", False), (" Off", False), ("Required", True)])
def test_sign_in_is_demanded_by_a_word_of_ours(value: str, *, expected: bool) -> None:
    """Nothing that the platform may forget to say switches it off."""
    assert load({**WHOLE, "PRATIQUE_SIGN_IN": value}).sign_in_required is expected


@pytest.mark.parametrize("value", ["on", "true", "require", "optional", "required!"])
def test_words_that_would_leave_sign_in_open_are_refused(value: str) -> None:
    """A word that is not understood is no word for leaving the door open."""
    with pytest.raises(InvalidSetting, match="PRATIQUE_SIGN_IN must be off or required"):
        load({**WHOLE, "PRATIQUE_SIGN_IN": value})


@pytest.mark.parametrize("value", ["False", "0", "1", "yes", "", "on", "True!"])
def test_the_platforms_word_is_true_and_no_other(value: str) -> None:
    """Anything else is no promise that it wrote the header."""
    assert not load({**WHOLE, "WEBSITE_AUTH_ENABLED": value}).signed_in
    assert load({**WHOLE, "WEBSITE_AUTH_ENABLED": "True"}).signed_in


def test_secrets_never_show() -> None:
    """Neither in the settings' own text nor in the words about another setting that is wrong."""
    secret = "AccountKey=c2VjcmV0LXZhbHVl"
    environment = {**WHOLE, **dict.fromkeys(SECRETS, f"https://host.example/{secret}")}
    assert "c2VjcmV0" not in repr(load(environment))
    with pytest.raises(InvalidSetting) as raised:
        load({**environment, "PRATIQUE_MODE": "x"})
    assert "c2VjcmV0" not in str(raised.value)


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(st.sampled_from(sorted(NAMES)), st.text(max_size=12), max_size=4))
def test_any_values_are_read_or_refused_by_name(values: dict[str, str]) -> None:
    """No value raises anything but `InvalidSetting`, which names a setting of the table."""
    try:
        read = load({**WHOLE, **values})
    except InvalidSetting as error:
        named = error.name
    else:
        named = "AzureWebJobsStorage"
        assert read.step < read.lease
    assert named in NAMES


def test_host_json_says_how_the_queues_are_written() -> None:
    """The product puts plain text on its queues, so the host must not expect base64 (docs: queue `messageEncoding`)."""
    queues = _host()["extensions"]["queues"]
    assert queues["messageEncoding"] == "none"
    assert queues["maxDequeueCount"] > 1
    assert queues["newBatchThreshold"] <= queues["batchSize"]


def test_host_json_gives_one_look_its_lease() -> None:
    """A function may run for as long as a look holds its service principal, and one step fits well within."""
    hours, minutes, seconds = (int(part) for part in _host()["functionTimeout"].split(":"))
    timeout = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    assert load(WHOLE).step < timeout
    assert load(WHOLE).lease <= timeout


def test_host_json_keeps_the_documented_addresses_and_bundle() -> None:
    """Routes begin with `api`, and the bundle is of the major versions that know these triggers."""
    assert _host()["version"] == "2.0"
    assert _host()["extensions"]["http"] == {"routePrefix": "api"}
    assert _host()["extensionBundle"] == {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.*, 5.0.0)"}
