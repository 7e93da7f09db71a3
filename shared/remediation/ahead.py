"""Rotates the credential of a job that is well: the same sequence as in an incident, before there is one."""

from dataclasses import replace
from datetime import datetime

from shared.clock import new_id
from shared.detection.signal import News
from shared.errors import Refused
from shared.incidents.incident import Attempt, AttemptStep, Incident, IncidentState
from shared.remediation.attempt import begin, done_by, run
from shared.remediation.case import Case
from shared.remediation.limits import within_budget, within_limits
from shared.remediation.outcome import Ask, Later, Nothing, Want
from shared.remediation.prepare import prepare
from shared.settings import Mode
from shared.tokens.bound import bound_secrets, candidate
from shared.tokens.record import Retiring, TokenRecord

_TOPICS = 12


def want_of(news: News, before: str) -> Want:
    """Return what is asked for a job that is well: by this news, or by earlier news that no look could settle."""
    if news is News.ROTATE or before == Want.ASKED:
        return Want.ASKED
    return Want.ARRIVED if news is News.CREDENTIAL or before == Want.ARRIVED else Want.LOOK


async def rotate_ahead(case: Case, news: News) -> bool:
    """Begin a rotation when there is a newer credential, or one is to be minted; say whether the look is done."""
    services = case.services
    acting, mode = services.acting(), services.settings.mode_for(case.incident.service_principal_id)
    want = want_of(news, case.incident.wanted)
    # Whatever is written from here on, an error too, keeps what is wanted until it is settled.
    case.incident = replace(case.incident, wanted="" if want is Want.LOOK else str(want))
    if mode is not Mode.ACT or not acting:
        return want is not Want.LOOK and await _tell_arrival(case, acting=acting)
    prepared = await prepare(services, case.ids, want)
    match prepared:
        case Attempt():
            return await _begin(case, prepared)
        case Ask():
            await _named(case)
            notice = services.composer.needs_you(case.incident, prepared.why, prepared.next_steps, services.clock.now())
            await _remember(case, prepared.why, wanted="", **case.telling(prepared.topic, notice))
        case Later():
            again = prepared.until or case.in_(services.settings.retry)
            await _remember(case, prepared.why, next_look_at=again)
        case Nothing():
            case.incident = replace(case.incident, wanted="")
            if news is News.ROTATE:
                await _remember(case, f"There is nothing to rotate: {prepared.why}.")
                return True
            return False
    return True


async def _begin(case: Case, attempt: Attempt) -> bool:
    services = case.services
    if busy := await _sibling_in_attempt(case):
        await _remember(case, busy, next_look_at=case.in_(services.settings.retry))
        return True
    limit = await within_limits(services, case.incident, case.began) or await within_budget(services, case.began)
    if limit is not None:
        await _remember(case, limit, next_look_at=case.in_(services.settings.look_again))
        return True
    application = await services.graph.service_principal(case.incident.service_principal_id)
    case.incident = Incident(
        *case.ids,
        application=application.display_name,
        app_id=application.app_id,
        id=new_id(),
        opened_at=case.began,
        looked_at=case.began,
        untold=case.incident.untold,
    )
    await begin(case, attempt)
    await run(case, fresh=attempt.step is AttemptStep.SAVE)
    return True


async def _sibling_in_attempt(case: Case) -> str:
    """Say which other job of the application is being brought a credential; they share it, so one does it for all."""
    for row in await case.services.incidents.of(case.incident.service_principal_id):
        if row.job_id != case.incident.job_id and row.in_attempt:
            return f"A rotation for this application is under way at its job {row.job_id}."
    return ""


async def _tell_arrival(case: Case, *, acting: bool) -> bool:
    """Where we may not act, tell once that a newer version has come; it is wanted still when acting is allowed."""
    services = case.services
    try:
        secrets = await bound_secrets(services.vault, case.incident.service_principal_id)
    except Refused:
        return False  # the inventory says so; without an incident there is nothing to hold back
    now = services.clock.now()
    newest = []
    for secret in secrets:
        version = await candidate(services.vault, secret, now)
        record = await services.tokens.get(case.incident.service_principal_id, secret.binding.secret_name)
        if version is not None and version.version != record.applied and not record.refused(version.version):
            newest.append(version)
    if not newest:
        case.incident = replace(case.incident, wanted="")
        return False
    await _named(case)
    names = ", ".join(version.name for version in newest)
    hold = "The mode is observe" if acting else "Acting is switched off (PRATIQUE_ACTING=off)"
    why = f"A version of secret {names} is in the vault. {hold}: it is neither tested nor saved."
    allow = f"To allow it: PRATIQUE_MODE_BY_APPLICATION={case.incident.service_principal_id}=act."
    steps = (allow,) if acting else ("To allow it again: PRATIQUE_ACTING=on.",)
    notice = services.composer.arrived(case.incident, why, steps, now)
    topic = "arrived:" + ",".join(version.version for version in newest)
    # The switch is off for an hour; a mode is changed once, and the forecast brings up what waited for that.
    again = None if acting else case.in_(services.settings.look_again)
    await _remember(case, why, next_look_at=again, **case.telling(topic, notice))
    return True


async def proven(case: Case) -> None:
    """Keep that a good cycle has proven the attempt's credentials; a minted one's predecessor may now retire."""
    incident, services = case.incident, case.services
    attempt = incident.attempt
    if attempt is None:
        return
    now = services.clock.now()
    if not attempt.saving:
        for row in await services.tokens.of(incident.service_principal_id):
            await services.tokens.change(incident.service_principal_id, row.secret_name, TokenRecord.working)
    for ref in attempt.saving:
        retiring = [
            Retiring(old.version, now + services.settings.retire_after)
            for old in attempt.previous
            if attempt.mint_sent and old.secret_name == ref.secret_name and old.version != ref.version
        ]

        def change(row: TokenRecord, retiring: list[Retiring] = retiring, version: str = ref.version) -> TokenRecord:
            if row.applied != version:
                return row
            known = {one.version for one in row.retiring}
            added = tuple(one for one in retiring if one.version not in known)
            return replace(row, proven_at=now, retiring=(*row.retiring, *added))

        await services.tokens.change(incident.service_principal_id, ref.secret_name, change)


def once_more(case: Case) -> datetime | None:
    """Return when to look again after all: a still newer version was told of while the attempt was under way."""
    return case.in_(case.services.settings.retry) if case.incident.wanted else None


async def tell_proven(case: Case) -> None:
    """Close a rotation ahead of time: the new credential is in use, and a cycle has proven it."""
    now, attempt = case.services.clock.now(), case.incident.attempt
    done = done_by(attempt, restarted=False) if attempt else ()
    note, telling = "The credential was rotated before it failed, and a good cycle proves it.", {}
    if attempt is not None and attempt.undoing:  # that it was put back is told already
        note = "The credential that was put back works: a good cycle proves it."
    else:
        telling = case.telling("rotated", case.services.composer.rotated(case.incident, done, now))
    await case.journal("rotated", note)
    changes = {"closed_at": now, "next_look_at": once_more(case), "note": note}
    await case.record(state=IncidentState.RECOVERED, **changes, **telling)


async def _named(case: Case) -> None:
    if not case.incident.application:
        application = await case.services.graph.service_principal(case.incident.service_principal_id)
        named = replace(case.incident, application=application.display_name, app_id=application.app_id)
        case.incident = named if named.id else replace(named, id=new_id())


async def _remember(case: Case, note: str, **changes: object) -> None:
    topics = changes.pop("told", case.incident.told)
    told = tuple(topics)[-_TOPICS:] if isinstance(topics, tuple) else case.incident.told
    await case.record(**{"looked_at": case.began, "next_look_at": None, "note": note, "told": told, **changes})
