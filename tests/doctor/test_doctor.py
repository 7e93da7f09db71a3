"""The doctor names each thing that is missing, with what mends it, and changes nothing that is not our own."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from emulator.entra import IDENTITY_ID, Role
from shared.clients.permissions import Permission
from shared.detection.signal import QUEUE, VAULT_EVENTS_QUEUE
from shared.doctor.found import Mark
from shared.doctor.stored import QUEUES, TABLES
from tests.doctor.conftest import about, examined, missing
from tests.tokens.conftest import MARK, Desk, bound

ROOT = Path(__file__).parents[2]


async def test_where_all_is_there_nothing_is_missing(desk: Desk) -> None:
    """The embedded tenant as it starts; what has not happened yet is only worth a look."""
    found = await examined(desk)
    assert missing(found) == {}
    looks = {one.subject for one in found if one.mark is Mark.LOOK}
    assert {"AuditLogs", "AADProvisioningLogs", "Bindings"} <= looks
    assert {"Mode", "Sign-in", "Applications", "Jobs", "Vault", "Teams", "Mail", "Storage"} <= {
        one.subject for one in found if one.mark is Mark.FINE
    }


@pytest.mark.parametrize(
    ("role", "settings", "command"),
    [
        (Role.APPLICATIONS, {}, f"grant.sh --principal-id {IDENTITY_ID}"),
        (Role.SYNCHRONIZATION, {}, f"grant.sh --principal-id {IDENTITY_ID}"),
        (Role.VAULT, {}, '--role "Key Vault Secrets User" --scope "$(az keyvault show -n kv-x'),
        (Role.LOGS, {}, '--role "Log Analytics Reader" --scope /subscriptions/x/workspace'),
        (Role.AUDIT_LOG, {"LOG_ANALYTICS_WORKSPACE_ID": ""}, "--only-extra --audit-log"),
        (Role.VAULT_OFFICER, {"PRATIQUE_MINT": "on"}, "azd env set PRATIQUE_MINTING true"),
    ],
)
async def test_each_permission_that_is_missing_is_named_with_what_grants_it(
    desk: Desk, role: Role, settings: Mapping[str, str], command: str
) -> None:
    """Exactly the part that needs it is missing."""
    desk.tenant.entra.roles.discard(role)
    found = await examined(desk, settings)
    (one,) = missing(found).values()
    assert str(role) in one.text
    assert any(command in line for line in one.mend), one.mend
    if "grant.sh" in command:
        assert one.mend[-1] == "az functionapp restart -g rg-x -n func-x"  # the token holds the roles of before


async def test_mail_that_the_token_does_not_show_is_worth_a_look_and_a_test_tells(desk: Desk) -> None:
    """Exchange's grant never shows in a token, so it is no fault; a test mail that is refused is one."""
    desk.tenant.entra.roles.discard(Role.MAIL)
    look = about(await examined(desk), "Mail")
    assert (look.mark, str(Permission.MAIL) in look.text) == (Mark.LOOK, True)
    assert desk.tenant.inboxes.teams == []
    refused = missing(await examined(desk, send_test=True))
    assert str(Permission.MAIL) in refused["Test"].text
    assert len(desk.tenant.inboxes.teams) == 1


async def test_reading_alone_is_not_enough(desk: Desk) -> None:
    """A caller who can read every job there is, but whose token lacks the permission to change them, is found out."""
    desk.tenant.entra.roles = {Role.APPLICATIONS, Role.OWNED, Role.VAULT, Role.LOGS, Role.MAIL}
    desk.tenant.directory.owned |= set(desk.tenant.directory.service_principals)
    found = missing(await examined(desk))
    assert found.keys() == {"Jobs"}
    assert "not changed or tested: the token lacks Synchronization.ReadWrite.All" in found["Jobs"].text


@pytest.mark.parametrize(
    ("settings", "subject", "words"),
    [
        ({"TEAMS_WEBHOOK_URL": "", "MAIL_SENDER": "", "MAIL_RECIPIENTS": ""}, "Teams", "nobody is told"),
        ({"TEAMS_WEBHOOK_URL": "", "TEAMS_WEBHOOK_SECRET": "workflow"}, "Teams", "the vault has no secret workflow"),
        ({"MAIL_RECIPIENTS": ""}, "Mail", "MAIL_RECIPIENTS is empty"),
        ({"PRATIQUE_APPLICATIONS": "owned"}, "Applications", "The identity owns none"),
        ({"PRATIQUE_APPLICATIONS": IDENTITY_ID}, "Applications", IDENTITY_ID),
    ],
)  # fmt: skip
async def test_what_is_not_set_up_is_missing(desk: Desk, settings: Mapping[str, str], subject: str, words: str) -> None:
    """Each alone, with something to do about it."""
    (one,) = missing(await examined(desk, settings)).values()
    assert one.subject == subject
    assert words in one.text
    assert one.mend


async def test_the_address_of_the_workflow_is_read_and_never_shown(desk: Desk) -> None:
    """A secret that is no address is missing; neither is in the text."""
    settings = {"TEAMS_WEBHOOK_URL": "", "TEAMS_WEBHOOK_SECRET": "workflow"}
    await desk.put("workflow", {}, value=f"https://teams.example/{MARK}")
    good = await examined(desk, settings)
    await desk.put("workflow", {}, value=f"http://{MARK}")
    bad = await examined(desk, settings)
    assert missing(good) == {}
    assert missing(bad).keys() == {"Teams"}
    assert MARK not in repr(good) + repr(bad)


async def test_an_address_stored_with_its_line_end_is_posted_to(desk: Desk) -> None:
    """`az keyvault secret set --file` stores the end of the line that every editor writes."""
    await desk.put("workflow", {}, value=f"{desk.tenant.inboxes.teams_url}\n")
    found = await examined(desk, {"TEAMS_WEBHOOK_URL": "", "TEAMS_WEBHOOK_SECRET": "workflow"}, send_test=True)
    assert missing(found) == {}
    assert len(desk.tenant.inboxes.teams) == 1


async def test_a_test_without_a_channel_says_that_none_was_sent(desk: Desk) -> None:
    """Silence would read as sent."""
    settings = {"TEAMS_WEBHOOK_URL": "", "MAIL_SENDER": "", "MAIL_RECIPIENTS": ""}
    assert "there is no channel" in missing(await examined(desk, settings, send_test=True))["Test"].text


async def test_without_a_token_the_rest_is_still_looked_at(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign-in is missing; storage by connection string is not."""
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    found = await examined(desk)
    assert missing(found).keys() == {"Sign-in"}
    assert "ManagedIdentityCredential" in about(found, "Sign-in").text
    assert about(found, "Bindings").mark is Mark.LOOK
    assert {"Storage", "Mode"} <= {one.subject for one in found if one.mark is Mark.FINE}


async def test_acting_that_is_switched_off_is_told(desk: Desk) -> None:
    """Whoever wonders why nothing is done finds the switch, and what switches it on again."""
    one = about(await examined(desk, {"PRATIQUE_ACTING": "off", "PRATIQUE_MODE": "act"}), "Mode")
    assert (one.mark, one.mend) == (Mark.LOOK, ("azd env set PRATIQUE_ACTING on && azd provision",))


async def test_ownership_alone_is_told_with_what_a_restart_was_seen_to_need(desk: Desk) -> None:
    """A hint, no fault; where the wide permission is held there is nothing to say."""
    application = desk.tenant.applications["Contoso"].service_principal
    owner = {"PRATIQUE_APPLICATIONS": application.id}
    assert [one.mark for one in await examined(desk, owner) if one.subject == "Jobs"] == [Mark.FINE]
    desk.tenant.directory.owned.add(application.id)
    desk.tenant.entra.roles = {Role.OWNED, Role.VAULT, Role.LOGS, Role.MAIL}
    found = await examined(desk, owner)
    assert missing(found) == {}
    (hint,) = [one for one in found if one.subject == "Jobs" and one.mark is Mark.LOOK]
    assert "401; the notice then names Synchronization.ReadWrite.All." in hint.text


async def test_access_that_an_administrator_granted_is_no_fault(desk: Desk) -> None:
    """No secret can be bound to it, so nobody can do anything about it."""
    desk.tenant.directory.service_principals.clear()
    await desk.tenant.add_application("Slack")
    one = about(await examined(desk), "Bindings")
    assert (one.mark, one.text) == (Mark.FINE, "1 credential, nothing wrong with their keeping")


async def test_nothing_is_changed_and_no_row_is_left(desk: Desk) -> None:
    """Graph and vault are only read, but for asking to write a secret that is not there; no test of a credential."""
    application = desk.tenant.applications["Contoso"]
    await desk.put("contoso", bound(application))
    desk.tenant.entra.roles.add(Role.VAULT_OFFICER)
    asked = len(desk.tenant.requests)
    assert missing(await examined(desk, {"PRATIQUE_MINT": "on"})) == {}
    writing = [one for one in desk.tenant.requests[asked:] if one.method != "GET" and one.service != "logs"]
    assert {(one.service, one.method, one.status) for one in writing} == {
        ("graph", "POST", 200),
        ("vault", "PATCH", 404),
    }
    assert all(one.path.endswith("/$batch") for one in writing if one.service == "graph")
    assert await desk.product.doctor.storage.table("pratiqueheard").get("doctor", "doctor") is None


def test_the_tables_that_are_looked_at_are_those_of_the_code() -> None:
    """A table that is added to the code is looked at too, and so is every queue that we write to."""
    sources = [path.read_text("utf-8") for path in (ROOT / "shared").rglob("*.py")]
    assert set(TABLES) == {name for text in sources for name in re.findall(r'storage\.table\(\s*"(\w+)"', text)}
    assert set(QUEUES) == {name for queue in (QUEUE, VAULT_EVENTS_QUEUE) for name in (queue, f"{queue}-rejected")}
