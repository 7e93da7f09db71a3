"""`tokens`, `tokens bind` and `rotate` against an embedded tenant: what is printed, what is changed, how they end.

Most run in this process, as `main` runs them; what the shell sees is claimed of a child process.
"""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.data.tables.aio import TableServiceClient

from cli.bind import _grant, bind
from cli.errors import CommandError, ExitCode, UsageError
from cli.rotate import _went_well, rotate
from cli.tokens import tokens
from emulator.azurite import Storage
from emulator.entra import Role
from emulator.tenant import Application
from shared.incidents.incident import Attempt, AttemptStep, Incident, IncidentState
from shared.remediation.reconcile import Handled, Report
from shared.tokens.wish import Wish
from tests.cli.running import Ran, run
from tests.tokens.conftest import MARK, Desk, bound, opened

_QUICK = {"PRATIQUE_MODE": "act", "PRATIQUE_SETTLE": "0.3", "PRATIQUE_RETRY": "0.3", "COLUMNS": "80"}
_FAR = datetime.now(UTC) + timedelta(days=300)


@pytest.fixture
async def desk(state_dir: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Return a tenant whose product may act; nothing in the vault is what Entra has."""
    async with opened(state_dir, storage, monkeypatch, **_QUICK) as one:
        yield one


@pytest.fixture
async def contoso(desk: Desk) -> Application:
    """Return an application whose bound secret holds a good token that is newer than the one in Entra."""
    application = await desk.tenant.add_application("Contoso", token=f"{MARK}-saved")
    fresh = application.target.issue_token(value=f"{MARK}-fresh")
    await desk.put("contoso-token", bound(application), value=fresh, expires=_FAR)
    return application


def _saved(desk: Desk, application: Application) -> str:
    return desk.tenant.directory.secrets.effective(application.service_principal.id)["SecretToken"]


async def _shell(desk: Desk, *arguments: str) -> Ran:
    """Run a command as a shell does; nothing secret, and nothing like a crash, is in what it says."""
    ran = await run(*arguments, settings=desk.environment)
    said = ran.out + ran.err
    assert MARK not in said
    assert desk.tenant.entra.identity_header not in said
    assert "Traceback" not in said
    return ran


async def test_credentials_that_are_well_end_with_0(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """One that Entra has, and one that an administrator granted, about which nobody can do anything."""
    application = await desk.tenant.add_application("Contoso")
    await desk.tenant.add_application("Slack", oauth=True)
    version = await desk.put("contoso-token", bound(application), expires=_FAR)
    await desk.learn(application, "contoso-token", applied=version, proven_at=datetime.now(UTC))
    assert await tokens(as_json=False) is ExitCode.FINE
    said = capsys.readouterr().out
    assert "2 credentials · all well" in said
    assert "secret contoso-token · Entra has the newest, proven by a cycle" in said
    assert "An administrator grants the access (OAuth)" in said


async def test_the_list_says_of_each_credential_what_people_ask(desk: Desk) -> None:
    """Secret and key, the end and how it is known, the vendor's way, what Entra has, the owner; findings beneath."""
    druva = await desk.tenant.add_application("Druva")
    tags = bound(druva, vendor="druva", owner="owner@contoso.example", key="UserName")
    await desk.put("druva-token", tags, age=timedelta(days=360))
    await desk.learn(druva, "druva-token", applied="another")
    await desk.tenant.add_application("Contoso")
    await desk.put("unrelated", {})
    ran = await _shell(desk, "tokens")
    assert (ran.code, ran.err) == (1, "")
    lines = [line.strip() for line in ran.out.splitlines()]
    ends = datetime.now(UTC) + timedelta(days=5)
    assert "2 credentials · 2 need a person" in lines
    assert f"▲ Druva                    ends {ends:%d %b %Y}, in 4 days" in lines
    assert "secret druva-token for UserName · Entra has an older version" in lines
    assert "Druva: a new token ends the old one at once" in lines
    assert "end by the vendor's lifetime of a token · owner owner@contoso.example" in lines
    assert "Entra was given an older version than the newest." in lines
    assert lines.index("▲ Contoso                  no secret") > lines.index(
        "Druva: a new token ends the old one at once"
    )
    assert "unrelated" in lines
    assert max(map(len, ran.out.splitlines())) <= 80


async def test_the_list_in_json_is_one_document(contoso: Application, capsys: pytest.CaptureFixture[str]) -> None:
    """The same as `GET /api/tokens` gives; exit code 0, for an end that is known is no finding."""
    assert await tokens(as_json=True) is ExitCode.FINE
    said = capsys.readouterr().out
    assert MARK not in said
    (one,) = json.loads(said)["credentials"]
    assert (one["application"], one["secret"], one["ends_by"]) == (
        "Contoso",
        "contoso-token",
        "the version's expiry date",
    )
    assert one["service_principal_id"] == contoso.service_principal.id


async def test_a_list_that_cannot_be_read_is_none(desk: Desk) -> None:
    """One line names the missing permission, and nothing is on standard output; exit code 1."""
    desk.tenant.entra.roles.discard(Role.VAULT)
    ran = await _shell(desk, "tokens", "--json")
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert "Key Vault Secrets User" in ran.err


async def test_bind_writes_the_tags_and_shows_what_it_found_out(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """The pin stands on the screen with a word that it was found out; so does what happens next."""
    desk.tenant.entra.roles.add(Role.VAULT_OFFICER)
    application = await desk.tenant.add_application("Contoso HR")
    await desk.put("hr-token", {"team": "identity"})
    assert await bind("hr-token", "contoso hr", Wish(owner="o@contoso.example"), as_json=False) is ExitCode.FINE
    assert desk.tags("hr-token") == {**bound(application, owner="o@contoso.example"), "team": "identity"}
    said = " ".join(capsys.readouterr().out.split())
    assert f"pratique-tenant-url = {application.target.tenant_url} (found out: check it)" in said
    assert "1 other tag kept" in said
    assert "bind with --expires" in said
    assert "./pratique rotate 'Contoso HR' --dry-run" in said
    assert MARK not in said


async def test_bind_from_the_shell_takes_every_option(desk: Desk) -> None:
    """Each option becomes its tag, and `--json` may stand before the action; exit code 0."""
    desk.tenant.entra.roles.add(Role.VAULT_OFFICER)
    application = await desk.tenant.add_application("Contoso")
    await desk.put("token", bound(application, key="Password"))
    await desk.put("api-credential", {})
    options = {
        "key": "AppKey",
        "vendor": "auth0",
        "tenant-url": application.target.tenant_url,
        "owner": "o@contoso.example",
        "expires": f"{_FAR:%Y-%m-%d}",
        "mint": "api-credential",
        "mint-for": "con_1",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    ran = await _shell(desk, "tokens", "--json", "bind", "token", "contoso", "--reset", *arguments)
    assert ran.code == 0, ran.err
    tags = {f"pratique-{name}": value for name, value in options.items()}
    assert desk.tags("token") == {**tags, "pratique-service-principal": application.service_principal.id}
    document = json.loads(ran.out)
    assert document["tags"] == desk.tags("token")
    assert document["found_out"] == []


async def test_bind_without_the_role_names_it_and_the_command_that_grants_it(desk: Desk) -> None:
    """It says that the role is for the person; exit code 1, nothing written."""
    await desk.tenant.add_application("Contoso")
    await desk.put("token", {})
    with pytest.raises(CommandError, match="you need Key Vault Secrets Officer") as failed:
        await bind("token", "Contoso", Wish(), as_json=False)
    assert failed.value.code is ExitCode.NEEDS_YOU
    assert 'az role assignment create --role "Key Vault Secrets Officer" --assignee' in str(failed.value)
    assert desk.tags("token") == {}


def test_the_command_names_the_vault_and_lets_no_address_into_the_shell() -> None:
    """The vault's name is the first label of its address; where that is no such name, a placeholder stands."""
    assert "az keyvault show --name kv-identity --query" in _grant("https://kv-identity.vault.azure.net")
    assert "--name <vault> --query" in _grant("https://127.0.0.1:8443")
    assert "rm" not in _grant("https://a;rm.vault.azure.net")


async def test_bind_refuses_what_cannot_be_meant_as_wrong_use(desk: Desk, contoso: Application) -> None:
    """Exit code 2, nothing written."""
    before = desk.tags("contoso-token")
    wish = Wish(tenant_url="https://x.example")
    with pytest.raises(UsageError, match=r"meant for https://x\.example"):
        await bind("contoso-token", contoso.service_principal.id, wish, as_json=False)
    assert desk.tags("contoso-token") == before


async def _tables(storage: Storage) -> list[object]:
    """Return all rows of all tables."""
    rows: list[object] = []
    async with TableServiceClient.from_connection_string(storage.connection_string) as tables:
        async for table in tables.list_tables():
            rows += [dict(row) async for row in tables.get_table_client(table.name).list_entities()]
    return rows


async def test_a_dry_run_says_each_step_and_changes_nothing(
    desk: Desk, contoso: Application, storage: Storage, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would save and prove; Graph is only read and asked to test, the vault only read, no row is written."""
    rows, asked = await _tables(storage), len(desk.tenant.requests)
    assert await rotate("Contoso", None, dry_run=True, as_json=False) is ExitCode.FINE
    said = capsys.readouterr().out
    for step in ("✓ vault", "✓ test", "▸ would save", "▸ would test saved", "▸ would watch", "Nothing was changed."):
        assert step in said
    assert MARK not in said
    assert _saved(desk, contoso) == f"{MARK}-saved"
    changing = [
        one.path
        for one in desk.tenant.requests[asked:]
        if one.method != "GET" and "/validateCredentials" not in one.path
    ]
    assert changing == []
    assert await _tables(storage) == rows


async def test_a_dry_run_says_what_stands_in_the_way(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a bound secret: why not, and what to do, numbered; exit code 1."""
    await desk.tenant.add_application("Fabrikam")
    assert await rotate("Fabrikam", None, dry_run=True, as_json=False) is ExitCode.NEEDS_YOU
    said = capsys.readouterr().out
    assert "✗ would not save  No secret in the vault is bound to this application." in said
    assert "1. Make a new SCIM token" in said


async def test_a_dry_run_says_that_the_mode_forbids(
    contoso: Application, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole setting that would allow it is on the screen, and no step would be taken; exit code 1."""
    monkeypatch.setenv("PRATIQUE_MODE", "observe")
    assert await rotate("Contoso", None, dry_run=True, as_json=False) is ExitCode.NEEDS_YOU
    said = capsys.readouterr().out
    assert "✗ mode" in said
    assert "▸" not in said
    assert f"PRATIQUE_MODE_BY_APPLICATION={contoso.service_principal.id}=act" in "".join(said.split())


async def test_a_dry_run_of_what_is_done_ends_with_0(
    desk: Desk, contoso: Application, capsys: pytest.CaptureFixture[str]
) -> None:
    """Entra has the newest, and nobody is needed; until a newer one comes that is past its date already."""
    newest = desk.tenant.vault._find("contoso-token").version
    await desk.learn(contoso, "contoso-token", applied=newest)
    assert await rotate("Contoso", None, dry_run=True, as_json=True) is ExitCode.FINE
    document = json.loads(capsys.readouterr().out)
    assert document["up_to_date"] is True
    assert document["jobs"][0]["steps"][-1]["verdict"] == "would_not"
    await desk.put("contoso-token", {}, age=timedelta(minutes=1), expires=datetime.now(UTC) - timedelta(days=1))
    assert await rotate("Contoso", None, dry_run=True, as_json=False) is ExitCode.NEEDS_YOU


async def test_a_rotation_gives_entra_the_newest(
    desk: Desk, contoso: Application, capsys: pytest.CaptureFixture[str]
) -> None:
    """Saved by one command, from the shell; a second command finds nothing left to do. Exit code 0 both times."""
    ran = await _shell(desk, "rotate", "contoso")
    assert ran.code == 0, ran.out + ran.err
    assert "✓ saved the newest token from the vault" in ran.out
    assert "new credential saved, not proven yet" in ran.out
    assert _saved(desk, contoso) == f"{MARK}-fresh"
    assert desk.tenant.directory.restarts == []
    assert await rotate("Contoso", None, dry_run=False, as_json=True) is ExitCode.FINE
    assert json.loads(capsys.readouterr().out)["up_to_date"] is True
    assert len(desk.tenant.directory.secret_saves) == 1


async def test_one_of_several_jobs_is_enough(
    desk: Desk, contoso: Application, capsys: pytest.CaptureFixture[str]
) -> None:
    """They share the credential: one is taken, and it is saved once."""
    desk.tenant.directory.add_job(contoso.service_principal, "scim", [])
    assert await rotate("Contoso", None, dry_run=False, as_json=True) is ExitCode.FINE
    assert len(json.loads(capsys.readouterr().out)["jobs"]) == 1
    assert len(desk.tenant.directory.secret_saves) == 1


async def test_a_rejected_version_is_not_saved_and_needs_somebody(
    desk: Desk, contoso: Application, capsys: pytest.CaptureFixture[str]
) -> None:
    """What Entra has stays; the note says why, and the exit code is 1."""
    await desk.put("contoso-token", {}, value=f"{MARK}-mistyped", age=timedelta(minutes=1))
    assert await rotate("Contoso", None, dry_run=False, as_json=False) is ExitCode.NEEDS_YOU
    said = " ".join(capsys.readouterr().out.split())
    assert "The target rejects the newest version of secret contoso-token; nothing was saved" in said
    assert _saved(desk, contoso) == f"{MARK}-saved"


@pytest.mark.parametrize("setting", [("PRATIQUE_MODE", "observe"), ("PRATIQUE_ACTING", "off")])
async def test_a_rotation_obeys_mode_and_switch(
    desk: Desk, contoso: Application, monkeypatch: pytest.MonkeyPatch, setting: tuple[str, str]
) -> None:
    """Refused with the setting's name before a row or a request could change anything; exit code 1."""
    monkeypatch.setenv(*setting)
    with pytest.raises(CommandError, match=setting[0]) as refused:
        await rotate("Contoso", None, dry_run=False, as_json=False)
    assert refused.value.code is ExitCode.NEEDS_YOU
    assert await desk.product.services.incidents.get(contoso.service_principal.id, contoso.job.id) is None
    assert _saved(desk, contoso) == f"{MARK}-saved"


async def test_a_rotation_while_somebody_acts_is_kept_for_later(
    desk: Desk, contoso: Application, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said, parked with what was asked for, and the exit code is 1, for it is not done."""
    services = desk.product.services
    lease = await services.leases.acquire(contoso.service_principal.id)
    assert lease is not None
    assert await rotate("Contoso", None, dry_run=False, as_json=False) is ExitCode.NEEDS_YOU
    assert "kept for later" in " ".join(capsys.readouterr().out.split())
    await services.leases.release(lease)
    later = services.clock.now() + timedelta(hours=1)
    parked = [signal async for signal in services.parked.take_due(later)]
    assert [(signal.job_id, signal.news) for signal in parked if signal.job_id == contoso.job.id] == [
        (contoso.job.id, "rotate")
    ]


@pytest.mark.parametrize(
    ("handled", "state", "undoing", "newest", "well"),
    [
        (Handled.LOOKED, IncidentState.LIFTED, False, False, True),
        (Handled.LOOKED, IncidentState.LIFTED, True, False, False),
        (Handled.LOOKED, IncidentState.WATCHING, True, False, False),
        (Handled.LOOKED, IncidentState.CLEAR, False, True, True),
        (Handled.LOOKED, IncidentState.CLEAR, False, False, False),
        (Handled.LOOKED, IncidentState.NEEDS_PERSON, False, True, False),
        (Handled.LOOKED, IncidentState.GAVE_UP, False, True, False),
        (Handled.UNSEEN, IncidentState.CLEAR, False, True, False),
        (Handled.BUSY, IncidentState.CLEAR, False, True, False),
    ],
)
def test_the_exit_code_asks_for_somebody_unless_the_credential_is_in_its_place(
    handled: Handled, state: IncidentState, undoing: bool, newest: bool, well: bool
) -> None:
    """A quarantine that was lifted needs no newer credential; one that was put back is not what was asked for."""
    attempt = Attempt("a", datetime.now(UTC), AttemptStep.WATCH, undoing=undoing)
    assert _went_well(Report(handled, Incident("sp", "job", state=state, attempt=attempt)), newest=newest) is well


@pytest.mark.parametrize("arguments", [("Nobody", None), ("Contoso", "another")])
async def test_what_is_not_there_is_wrong_use(
    desk: Desk, contoso: Application, arguments: tuple[str, str | None]
) -> None:
    """An unknown application or job is refused, dry or not, with what there is instead."""
    for dry_run in (True, False):
        with pytest.raises(UsageError, match=r"Contoso"):
            await rotate(*arguments, dry_run=dry_run, as_json=False)
    assert _saved(desk, contoso) == f"{MARK}-saved"


@pytest.mark.parametrize("command", [("tokens",), ("tokens", "bind"), ("rotate",)])
async def test_help_fits_and_says_what_the_exit_codes_mean(command: tuple[str, ...]) -> None:
    """In 80 columns, with the usage of this very command."""
    ran = await run(*command, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"usage: pratique {' '.join(command)} ")
    assert "exit codes:" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80
