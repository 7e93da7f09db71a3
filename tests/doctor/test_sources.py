"""What the service wrote down itself: blind sources, late timers, alerts that were heard, messages set aside."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from azure.storage.queue.aio import QueueServiceClient

from emulator.entra import Role
from shared.detection.signal import Source
from shared.doctor.found import Mark
from shared.doctor.stored import SET_ASIDE
from shared.errors import MissingPermission
from tests.doctor.conftest import OUTPUTS, about, examined, missing
from tests.tokens.conftest import Desk

_STREAM = "az functionapp show -g rg-x -n func-x"


async def ran(desk: Desk, source: Source, ago: timedelta) -> None:
    """Write down that a timer ran, as it does itself."""
    at = desk.product.services.clock.now() - ago
    await desk.product.doctor.storage.table("pratiquesources").merge("source", source, {"worked_at": at})


@pytest.mark.parametrize(
    ("source", "hours", "mark"),
    [
        (Source.SWEEP, 0.9, Mark.FINE),
        (Source.SWEEP, 1.1, Mark.LOOK),  # SWEEP_SCHEDULE may be an hour, or six
        (Source.SWEEP, 27, Mark.MISSING),
        (Source.AUDIT_LOG, 0.9, Mark.FINE),
        (Source.AUDIT_LOG, 1.1, Mark.LOOK),
        (Source.AUDIT_LOG, 27, Mark.MISSING),
        (Source.FORECAST, 25, Mark.FINE),
        (Source.FORECAST, 27, Mark.LOOK),
        (Source.FORECAST, 24 * 8 + 1, Mark.MISSING),
    ],
)
async def test_a_timer_that_is_late_is_told(desk: Desk, source: Source, hours: float, mark: Mark) -> None:
    """First as something that its schedule may explain, later as missing, with what shows whether the app runs."""
    await ran(desk, source, timedelta(hours=hours))
    one = about(await examined(desk), source.replace("_", " ").capitalize())
    assert one.mark is mark
    assert "ast ran 20" in one.text
    assert mark is Mark.FINE or (one.mend[0].startswith(_STREAM), one.mend[1]) == (
        True,
        "az functionapp restart -g rg-x -n func-x",
    )


@pytest.mark.parametrize(("at_desk", "mark"), [(True, Mark.LOOK), (False, Mark.MISSING)])
async def test_a_timer_that_never_ran_is_missing_where_there_is_a_deployment(
    desk: Desk, at_desk: bool, mark: Mark
) -> None:
    """At a plain desk there may be none; a forecast has a day's time everywhere."""
    found = await examined(desk, at_desk=at_desk)
    assert {about(found, "Sweep").mark, about(found, "Audit log").mark} == {mark}
    assert about(found, "Forecast").mark is Mark.LOOK
    assert about(found, "Sweep").mend[0].startswith(_STREAM)


async def test_the_audit_query_is_not_missed_where_there_is_no_workspace(desk: Desk) -> None:
    """It has nothing to query, and its timer does nothing."""
    found = await examined(desk, {"LOG_ANALYTICS_WORKSPACE_ID": ""}, at_desk=False)
    assert "Audit log" not in {one.subject for one in found}


async def test_a_sweep_that_ran_and_a_source_that_is_blind_are_told(desk: Desk) -> None:
    """The sweep is noted even though it found no news; what blinds a source has its mend, for the service."""
    await desk.product.ears.sweep()
    desk.tenant.entra.roles.discard(Role.LOGS)
    with pytest.raises(MissingPermission):
        await desk.product.ears.query_audit_log()
    desk.tenant.entra.roles.add(Role.LOGS)
    other = "aaaaaaaa-0000-0000-0000-000000000001"
    for identity in (OUTPUTS["PRATIQUE_IDENTITY_PRINCIPAL_ID"], other):
        outputs = {**OUTPUTS, "PRATIQUE_IDENTITY_PRINCIPAL_ID": identity}
        found = await examined(desk, {"PRATIQUE_IDENTITY": identity}, outputs=outputs)
        blind = about(found, "Audit log")
        assert (blind.mark, "The missing permission is Log Analytics Reader." in blind.text) == (Mark.MISSING, True)
        assert ".)." not in blind.text
        (command,) = blind.mend
        assert f"--assignee-object-id {identity} " in command
        assert '--role "Log Analytics Reader"' in command
        assert (about(found, "Sweep").mark, about(found, "Sweep").text[:8]) == (Mark.FINE, "last ran")


@pytest.mark.parametrize(
    ("settings", "outputs", "at_desk", "mark", "words"),
    [
        ({"WEBSITE_AUTH_ENABLED": "True"}, {}, False, Mark.FINE, "sign-in is on"),
        ({}, {}, False, Mark.LOOK, "Sign-in is off: alerts come by mail alone"),
        ({"PRATIQUE_SIGN_IN": "required"}, {}, False, Mark.LOOK, "App Service does not say that it is on"),
        ({}, {}, True, Mark.LOOK, "is not seen from a desk"),
        ({}, {**OUTPUTS, "SIGN_IN_CLIENT_ID": "x", "SIGN_IN_IDENTIFIER_URI": "api://x"}, False, Mark.FINE, "is on"),
        ({}, OUTPUTS, True, Mark.LOOK, "Sign-in is off"),
    ],
)
async def test_how_alerts_arrive_is_told_and_is_never_missing(
    desk: Desk, settings: Mapping[str, str], outputs: Mapping[str, str], at_desk: bool, mark: Mark, words: str
) -> None:
    """They always come by mail, so a webhook is worth a look at most."""
    one = about(await examined(desk, settings, outputs=outputs, at_desk=at_desk), "Alerts")
    assert (one.mark, words in one.text, one.text.endswith("; none was heard yet")) == (mark, True, True)
    assert one.mend == ("docs/deploy.md, Sign-in and the alert webhook",)


async def test_when_an_alert_was_last_heard_is_told(desk: Desk) -> None:
    """From the source's own row."""
    await ran(desk, Source.ALERT, timedelta(days=3))
    heard = desk.product.services.clock.now() - timedelta(days=3)
    assert f"; the last was heard {heard:%Y-%m-%d}" in about(await examined(desk), "Alerts").text


async def test_messages_that_were_set_aside_are_counted(desk: Desk) -> None:
    """Nobody takes them; a queue that is not there holds none, and is not made."""
    assert "Messages" not in {one.subject for one in await examined(desk)}
    async with QueueServiceClient.from_connection_string(desk.environment["AzureWebJobsStorage"]) as queues:
        poison = queues.get_queue_client("pratique-signals-poison")
        assert "pratique-signals-poison" not in [one.name async for one in queues.list_queues()]
        await poison.create_queue()
        for text in ("one", "two"):
            await poison.send_message(text)
        await queues.get_queue_client("pratique-vault-events-rejected").send_message("three")
        one = about(await examined(desk), "Messages")
        assert one.mark is Mark.LOOK
        assert "about 2 in pratique-signals-poison, about 1 in pratique-vault-events-rejected" in one.text
        assert one.mend == ("docs/operations.md, Messages were set aside",)
    assert len(SET_ASIDE) == 4
    assert missing(await examined(desk)) == {}
