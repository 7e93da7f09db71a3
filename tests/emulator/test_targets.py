"""Targets are real SCIM services whose tokens expire, and some are odd in the ways that vendors are."""

import time
from datetime import timedelta

from emulator.clock import ManualClock
from emulator.engine import users_named
from emulator.story import CONTOSO_INTRANET, DRUVA, DRUVA_SECRET, LEGACY_HR, MIRO_SECRET, WORKPLACE, build_story
from emulator.targets import Behaviour, Target
from emulator.tenant import EmbeddedTenant
from tests.emulator.conftest import Caller, cycle

NOBODY = {"filter": 'userName eq "nobody"'}


async def list_status(caller: Caller, target: Target, token: str) -> int:
    """Ask the target for a user who does not exist, and return the status."""
    url = f"{target.tenant_url}/Users"
    response = await caller.http.get(url, params=NOBODY, headers={"Authorization": f"Bearer {token}"})
    assert response.headers["content-type"].startswith("application/scim+json")
    return response.status_code


async def test_a_token_expires_by_the_clock(caller: Caller, tenant: EmbeddedTenant, clock: ManualClock) -> None:
    """A token works until its time, an unknown one never, and every header sent is kept."""
    target = (await tenant.add_application("Box")).target
    token = target.issue_token(timedelta(days=30))
    assert await list_status(caller, target, token) == 200
    assert await list_status(caller, target, "unknown") == 401
    await clock.advance(timedelta(days=30))
    assert await list_status(caller, target, token) == 401
    assert target.authorizations == [f"Bearer {token}", "Bearer unknown", f"Bearer {token}"]
    assert target.request_count == len(tenant.target_requests) == 3


async def test_several_tokens_live_at_once_but_not_at_druva(caller: Caller, tenant: EmbeddedTenant) -> None:
    """A new token leaves the others alone, or the old one a while; at Druva it kills the old one at once."""
    for behaviour, old_status in ((Behaviour.STANDARD, 200), (Behaviour.WINDOW, 200), (Behaviour.DRUVA, 401)):
        target = (await tenant.add_application(behaviour, behaviour=behaviour)).target
        old, new = target.issue_token(), target.issue_token()
        assert await list_status(caller, target, old) == old_status
        assert await list_status(caller, target, new) == 200


async def test_a_druva_token_lives_a_year(tenant: EmbeddedTenant, clock: ManualClock) -> None:
    """365 days after it was issued the token is dead."""
    target = (await tenant.add_application(DRUVA, behaviour=Behaviour.DRUVA)).target
    token = target.issue_token()
    await clock.advance(timedelta(days=364))
    assert target.accepts(token)
    await clock.advance(timedelta(days=1))
    assert not target.accepts(token)


async def test_an_old_token_lives_on_for_a_window_and_no_longer_than_it_would_have(
    tenant: EmbeddedTenant, clock: ManualClock
) -> None:
    """A day from the first token after it, unless its own end comes before; the window can be another."""
    target = (await tenant.add_application("Chainguard", behaviour=Behaviour.WINDOW)).target
    brief, lasting = target.issue_token(timedelta(hours=30)), target.issue_token()
    await clock.advance(timedelta(hours=10))
    newest = target.issue_token()
    assert [target.accepts(one) for one in (brief, lasting, newest)] == [True, True, True]
    await clock.advance(timedelta(hours=14))
    assert [target.accepts(one) for one in (brief, lasting, newest)] == [False, True, True]
    await clock.advance(timedelta(hours=10))
    assert [target.accepts(one) for one in (brief, lasting, newest)] == [False, False, True]
    target.window = timedelta(minutes=1)
    target.issue_token()
    await clock.advance(timedelta(minutes=1))
    assert not target.accepts(newest)


async def test_revoking_refuses_what_was_issued_and_not_what_is_issued_after(
    caller: Caller, tenant: EmbeddedTenant
) -> None:
    """Early revocation: every token so far is refused at once, the next one works."""
    target = (await tenant.add_application("Box")).target
    old = [target.issue_token(), target.issue_token(timedelta(days=30))]
    target.revoke_tokens()
    assert [await list_status(caller, target, token) for token in old] == [401, 401]
    assert await list_status(caller, target, target.issue_token()) == 200


async def test_404_where_an_empty_list_is_due(caller: Caller, tenant: EmbeddedTenant) -> None:
    """Only the empty list turns into 404; a refused token stays 401."""
    application = await tenant.add_application("Intranet", behaviour=Behaviour.NOT_FOUND_FOR_EMPTY)
    token = application.target.issue_token()
    assert await list_status(caller, application.target, token) == 404
    assert await list_status(caller, application.target, "wrong") == 401


async def test_a_base_path_of_its_own(tenant: EmbeddedTenant, clock: ManualClock) -> None:
    """A tenant URL may have any path; the SCIM server works below it."""
    application = await tenant.add_application("Box", base_path="/api/scim", users=users_named("Box", 2))
    assert application.target.tenant_url == f"{application.target.origin}/api/scim"
    await cycle(tenant, clock)
    names = {user["userName"] for user in application.target.users()}
    assert names == {"box.user1@contoso.example", "box.user2@contoso.example"}


async def test_the_story_unfolds(tenant: EmbeddedTenant, clock: ManualClock) -> None:
    """Eight healthy applications; five are struck, each with its own reason; the three others stay well."""
    started = time.monotonic()
    story = await build_story(tenant)
    assert time.monotonic() - started < 2
    await cycle(tenant, clock)
    assert {one.job.code for one in tenant.applications.values()} == {"Active"}
    story.strike()
    await cycle(tenant, clock)
    reasons = {
        name: one.job.quarantine.reason for name, one in tenant.applications.items() if one.job.quarantine is not None
    }
    assert reasons == {
        "Druva": "EncounteredQuarantineException",
        "Miro": "EncounteredQuarantineException",
        CONTOSO_INTRANET: "EncounteredQuarantineException",
        WORKPLACE: "TooManyDeletes",
        LEGACY_HR: "QuarantinedOnDemand",
    }
    assert len(story.healthy) == 3
    version = await story.paste_new_druva_token()
    assert story.druva.target.accepts(tenant.vault.value(DRUVA_SECRET, version))
    assert len(tenant.vault_events) == 1


async def test_the_storys_first_secrets_are_older_than_the_product(tenant: EmbeddedTenant, clock: ManualClock) -> None:
    """Druva's and Miro's secrets were put 300 days ago, and nobody was told; Druva's token has 65 days left."""
    story = await build_story(tenant)
    for name in (DRUVA_SECRET, MIRO_SECRET):
        (first,) = tenant.vault.versions(name)
        assert clock.now() - first.created == timedelta(days=300)
        assert first.tags["pratique-service-principal"]
    assert tenant.vault_events == []
    token = tenant.vault.value(DRUVA_SECRET)
    await clock.advance(timedelta(days=64))
    assert story.druva.target.accepts(token)
    await clock.advance(timedelta(days=1))
    assert not story.druva.target.accepts(token)
