"""Whether people can be told: Teams and mail. Nothing is sent unless a test is asked for."""

from collections.abc import AsyncIterator

from shared.clients.permissions import Permission
from shared.clients.signed_in import Caller
from shared.doctor.found import Found, Mark
from shared.doctor.mend import Names
from shared.errors import MissingPermission, NotFound, ServiceError
from shared.notices.notice import Notice, NoticeKind
from shared.remediation.services import Services


async def channels(services: Services, caller: Caller | None, names: Names, *, send_test: bool) -> AsyncIterator[Found]:
    """Look at every channel; with a test, send one notice by each."""
    yield await _teams(services, names, signed_in=caller is not None)
    yield _mail(services, caller, names)
    if send_test:
        async for one in _sent(services, names):
            yield one


async def _teams(services: Services, names: Names, *, signed_in: bool) -> Found:
    settings, subject = services.settings, "Teams"
    if settings.teams_webhook_url is not None:
        return Found(Mark.FINE, subject, "the address is a setting, which is for development only")
    name = settings.teams_webhook_secret
    if not name:
        mend = (*names.store("teams-workflow"), *names.setting("TEAMS_WEBHOOK_SECRET", "teams-workflow"))
        if settings.mail_sender and settings.mail_recipients:
            return Found(Mark.LOOK, subject, "no workflow is set up; mail alone tells people", mend)
        return Found(Mark.MISSING, subject, "no workflow is set up, and no mail: nobody is told anything", mend)
    if not signed_in:
        return Found(Mark.LOOK, subject, f"the secret {name} was not looked at")
    try:
        address = await services.vault.newest_value(name)
    except NotFound:
        return Found(Mark.MISSING, subject, f"the vault has no secret {name}", names.store(name))
    except ServiceError as error:
        mend = names.grant(error.permission) if isinstance(error, MissingPermission) else ()
        return Found(Mark.MISSING, subject, f"the secret {name} could not be read: {error}", mend)
    if not address.reveal().strip().startswith("https://"):
        return Found(Mark.MISSING, subject, f"the secret {name} is no https address", names.store(name))
    return Found(Mark.FINE, subject, f"the secret {name} holds an address; --send-test posts to it")


def _mail(services: Services, caller: Caller | None, names: Names) -> Found:
    settings, subject = services.settings, "Mail"
    if not settings.mail_sender and not settings.mail_recipients:
        return Found(Mark.FINE, subject, "is off (MAIL_SENDER is empty)")
    if not settings.mail_sender or not settings.mail_recipients:
        name = "MAIL_RECIPIENTS" if settings.mail_sender else "MAIL_SENDER"
        return Found(Mark.MISSING, subject, f"{name} is empty, so none is sent", names.setting(name, "<address>"))
    if caller is not None and caller.permissions is not None and Permission.MAIL not in caller.permissions:
        text = f"The token does not show {Permission.MAIL}; Exchange's own grant never shows there: --send-test tells."
        return Found(Mark.LOOK, subject, text, names.grant(Permission.MAIL))
    return Found(Mark.FINE, subject, f"from {settings.mail_sender}; --send-test sends one")


async def _sent(services: Services, names: Names) -> AsyncIterator[Found]:
    notice = Notice(
        kind=NoticeKind.FOUND,
        subject="Pratique",
        headline="This is a test",
        summary="Somebody asked the doctor whether notices arrive. Nothing has happened, and nothing is to be done.",
        facts=(),
        done=(),
        next_steps=(),
        links=(),
        said="",
        reference="",
        at=services.clock.now(),
    )
    untold = services.teller.untold(notice)
    _, failures = await services.teller.send(untold)
    for name in untold.channels:
        error = failures.get(name)
        if error is None:
            yield Found(Mark.FINE, "Test", f"sent by {name}")
        else:
            mend = names.grant(error.permission) if isinstance(error, MissingPermission) else ()
            yield Found(Mark.MISSING, "Test", f"{name}: {error}", mend)
