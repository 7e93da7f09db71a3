"""Whether people can be told: Teams and mail. Nothing is sent unless a test is asked for."""

from collections.abc import AsyncIterator

from shared.clients.permissions import Permission
from shared.doctor.found import Found, Mark
from shared.doctor.part import About, Look
from shared.doctor.refusal import refused
from shared.doctor.setting import change
from shared.doctor.words import told
from shared.errors import MissingPermission, NotFound, ServiceError
from shared.notices.notice import Notice, NoticeKind


async def channels(look: Look) -> AsyncIterator[Found]:
    """Look at every channel."""
    yield await _teams(look)
    yield _mail(look)


async def _teams(look: Look) -> Found:
    settings, names, subject = look.services.settings, look.names, "Teams"
    if settings.teams_webhook_url is not None:
        return Found(Mark.FINE, subject, "the address is a setting, which is for development only")
    name = settings.teams_webhook_secret
    if not name:
        mend = (*names.store("teams-workflow"), *change("TEAMS_WEBHOOK_SECRET", "teams-workflow"))
        if settings.mail_sender and settings.mail_recipients:
            return Found(Mark.LOOK, subject, "no workflow is set up; mail alone tells people", mend)
        return Found(Mark.MISSING, subject, "no workflow is set up, and no mail: nobody is told anything", mend)
    if look.lacks(About.SIGN_IN, About.VAULT):
        return Found(Mark.LOOK, subject, f"the secret {name} was not looked at")
    try:
        address = await look.services.vault.newest_value(name)
    except NotFound:
        return Found(Mark.MISSING, subject, f"the vault has no secret {name}", names.store(name))
    except ServiceError as error:
        return refused(subject, error, names, barred=False)
    if not address.reveal().strip().startswith("https://"):
        return Found(Mark.MISSING, subject, f"the secret {name} is no https address", names.store(name))
    return Found(Mark.FINE, subject, f"the secret {name} holds an address; --send-test posts to it")


def _mail(look: Look) -> Found:
    settings, caller, subject = look.services.settings, look.caller, "Mail"
    if not settings.mail_sender and not settings.mail_recipients:
        return Found(Mark.FINE, subject, "is off (MAIL_SENDER is empty)")
    if not settings.mail_sender or not settings.mail_recipients:
        name = "MAIL_RECIPIENTS" if settings.mail_sender else "MAIL_SENDER"
        return Found(Mark.MISSING, subject, f"{name} is empty, so none is sent", change(name, "<address>"))
    if caller is not None and caller.permissions is not None and Permission.MAIL not in caller.permissions:
        text = f"The token does not show {Permission.MAIL}; Exchange's own grant never shows there: --send-test tells."
        return Found(Mark.LOOK, subject, text, look.names.grant(Permission.MAIL))
    return Found(Mark.FINE, subject, f"from {settings.mail_sender}; --send-test sends one")


async def send_test(look: Look) -> AsyncIterator[Found]:
    """Send one notice by every channel, where that was asked for."""
    if not look.send_test:
        return
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
        at=look.services.clock.now(),
    )
    untold = look.services.teller.untold(notice)
    if not untold.channels:
        yield Found(Mark.MISSING, About.TEST, "nothing was sent: there is no channel to send by")
    _, failures = await look.services.teller.send(untold)
    for name in untold.channels:
        error = failures.get(name)
        if error is None:
            yield Found(Mark.FINE, About.TEST, f"sent by {name}")
        else:
            mend = look.names.grant(error.permission) if isinstance(error, MissingPermission) else ()
            yield Found(Mark.MISSING, About.TEST, f"{name}: {told(error)}", mend)
