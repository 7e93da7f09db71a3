"""Carries an attempt through its steps; each is recorded before it is done, so a crash anywhere resumes to it.

    save ▶ read back ▶ test what is saved ▶ lift the quarantine ▶ watch

A lease cannot fence Graph, so every step is also safe to repeat: the candidate is tested again before it is saved
again, and a job that is no longer quarantined is not restarted.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from shared.clock import within
from shared.errors import MissingPermission, NotFound, Refused, ServiceError, Throttled, Unavailable
from shared.incidents.incident import Attempt, AttemptStep, IncidentState
from shared.remediation.case import Case
from shared.remediation.limits import ATTEMPT
from shared.remediation.prepare import merge_accepted, test_settled
from shared.remediation.recovery import next_look
from shared.settings import Mode
from shared.tokens.credential_test import TestResult
from shared.tokens.saving import differences, to_save

_MOST_TRIES = 30
_POLLS = 8


async def begin(case: Case, attempt: Attempt) -> None:
    """Count the attempt and record its first step; from here on a crash resumes it.

    Raises:
        LeaseLost: preparing took so long that somebody else holds the service principal; nothing is counted.
    """
    await case.hold()
    await case.journal(ATTEMPT, f"secret {attempt.secret_name}" if attempt.secret_name else "lift only")
    await case.record(
        attempt=attempt, state=IncidentState.ACTING, note="", next_look_at=case.in_(case.services.settings.lease)
    )


async def run(case: Case, *, fresh: bool) -> None:
    """Take the attempt's steps until it waits, ends or watches; `fresh` says that its candidate was just tested."""
    while case.incident.in_attempt:
        await case.hold()
        try:
            go_on = await _take_step(case, fresh=fresh)
        except (Throttled, Unavailable) as error:
            await _wait(case, error)
            return
        except ServiceError as error:
            await _refused(case, error)
            return
        if not go_on:
            return


async def _take_step(case: Case, *, fresh: bool) -> bool:
    attempt = _attempt(case)
    steps: dict[AttemptStep, Callable[[], Awaitable[bool]]] = {
        AttemptStep.SAVE: lambda: _save(case, fresh=fresh),
        AttemptStep.READ_BACK: lambda: _read_back(case),
        AttemptStep.TEST_SAVED: lambda: _test_saved(case),
        AttemptStep.LIFT: lambda: _lift(case),
    }
    limit = case.services.settings.step
    try:
        return await within(limit, steps[attempt.step]())
    except TimeoutError as error:
        operation = f"finish the step '{attempt.step}' within {limit.total_seconds():g} s"
        raise Unavailable("Pratique", operation, None, "TimeoutError", "") from error


async def _save(case: Case, *, fresh: bool) -> bool:
    attempt, services = _attempt(case), case.services
    if not await _may_act(case):
        return False
    current = await services.graph.credentials(case.incident.service_principal_id)
    try:
        value = await services.vault.value(attempt.secret_name, attempt.secret_version)
    except NotFound:
        return await give_up(case, "The version that was being saved is gone from the vault.", ())
    if not fresh:
        test = await test_settled(case, current, attempt.credential_key, value)
        if test.result is TestResult.REJECTED:
            return await give_up(case, "The vault's token passed its first test and is rejected now.", ())
        if test.result is TestResult.COULD_NOT_TELL:
            raise Unavailable("Microsoft Graph", "test the vault's token", None, test.code, "")
    try:
        credentials = to_save(current, attempt.credential_key, value, merge_accepted=merge_accepted(case))
    except Refused as refusal:
        return await give_up(case, f"Saving was refused: {refusal}.", ())
    await case.journal("save", f"secret {attempt.secret_name} version {attempt.secret_version}")
    await services.graph.save_credentials(case.incident.service_principal_id, credentials, secret=value)
    await case.record_attempt(step=AttemptStep.READ_BACK, acted_at=services.clock.now(), tries=0)
    return True


async def _read_back(case: Case) -> bool:
    lost: tuple[str, ...] = ()
    for poll in range(_POLLS + 1):
        lost = await _lost(case)
        if not lost:
            await case.record_attempt(step=AttemptStep.TEST_SAVED, tries=0)
            return True
        if poll < _POLLS:
            await case.services.clock.sleep(_poll_pause(case))
    return await _give_up_lost(case, lost)


async def _test_saved(case: Case) -> bool:
    services = case.services
    result = TestResult.COULD_NOT_TELL
    for poll in range(_POLLS + 1):
        result = (await services.graph.test_saved_credentials(*case.ids)).result
        if result is TestResult.PASSED:
            # What was read back right after saving may still have been the state before it. That the saved credential
            # passes now proves that the save has settled, so only this comparison is final.
            if lost := await _lost(case):
                return await _give_up_lost(case, lost)
            await case.record_attempt(step=AttemptStep.LIFT, tries=0)
            return True
        if poll < _POLLS:
            await services.clock.sleep(_poll_pause(case))
    if result is TestResult.COULD_NOT_TELL:
        raise Unavailable("Microsoft Graph", "test the saved credential", None, "", "the test could not tell")
    return await give_up(
        case,
        "The vault's token passed its test and was saved, but what is saved is still rejected.",
        ("Enter the token by hand on the provisioning page and use Test Connection.",),
    )


async def _lost(case: Case) -> tuple[str, ...]:
    attempt = _attempt(case)
    current = await case.services.graph.credentials(case.incident.service_principal_id)
    return differences(attempt.settings_before, current, attempt.credential_key)


async def _give_up_lost(case: Case, lost: tuple[str, ...]) -> bool:
    return await give_up(
        case,
        f"After saving, the application's settings differ: {'; '.join(lost)}.",
        ("Compare the provisioning page with your records and put back what is missing.",),
    )


async def _lift(case: Case) -> bool:
    services = case.services
    job = await case.read_job()
    if job.quarantined:
        if not await _may_act(case):
            return False
        await case.journal("restart", "QuarantineState")
        await case.record_attempt(acted_at=services.clock.now())
        await services.graph.lift_quarantine(*case.ids)
    done = _done(_attempt(case), restarted=job.quarantined)
    now = services.clock.now()
    acted_at = now if job.quarantined else _attempt(case).acted_at or now
    notice = services.composer.acted(case.incident, done, now)
    watching = case.incident.with_attempt(step=AttemptStep.WATCH, acted_at=acted_at, tries=0)
    case.incident = watching
    await case.record(
        state=IncidentState.LIFTED,
        next_look_at=next_look(job, now, services.settings.look_again),
        **case.telling(f"acted:{_attempt(case).id}", notice),
    )
    return True


async def _may_act(case: Case) -> bool:
    """Ask settings again right before something changes; when they say no, the attempt waits where it stands."""
    services = case.services
    acting, mode = services.acting(), services.settings.mode_for(case.incident.service_principal_id)
    if acting and mode is Mode.ACT:
        return True
    why = "The mode is observe." if acting else "Acting is switched off (PRATIQUE_ACTING=off)."
    why = f"{why} The attempt stands before its step '{_attempt(case).step}' and goes on when acting is allowed again."
    notice = services.composer.found(case.incident, why, (), services.clock.now())
    topic = f"held:{_attempt(case).id}"
    await case.record(note=why, next_look_at=case.in_(services.settings.retry), **case.telling(topic, notice))
    return False


async def give_up(case: Case, why: str, next_steps: tuple[str, ...]) -> bool:
    """End the attempt loudly; the job is still looked at, more slowly."""
    notice = case.services.composer.gave_up(case.incident, why, next_steps, case.services.clock.now())
    await case.journal("gave up", why)
    await case.record(
        state=IncidentState.GAVE_UP,
        attempt=None,
        note=why,
        next_look_at=case.in_(case.services.settings.look_again),
        **case.telling(f"gave_up:{why}", notice),
    )
    return False


async def _wait(case: Case, error: Throttled | Unavailable) -> None:
    tries = _attempt(case).tries + 1
    if tries >= _MOST_TRIES:
        await give_up(case, f"The step '{_attempt(case).step}' failed {tries} times: {error}", ())
        return
    pause = case.services.settings.retry
    if isinstance(error, Throttled) and error.retry_after:
        pause = max(pause, error.retry_after)
    case.incident = case.incident.with_attempt(tries=tries)
    await case.record(note=str(error), next_look_at=case.in_(pause))


async def _refused(case: Case, error: ServiceError) -> None:
    """A 4xx: a missing permission can be granted, so the attempt waits; anything else ends it."""
    if not isinstance(error, MissingPermission):
        await give_up(case, str(error), ())
        return
    steps = (f"Grant {error.permission} to Pratique's managed identity; the attempt then goes on by itself.",)
    notice = case.services.composer.needs_you(case.incident, str(error), steps, case.services.clock.now())
    await case.record(
        note=str(error),
        next_look_at=case.in_(case.services.settings.look_again),
        **case.telling(f"permission:{error.permission}", notice),
    )


def _attempt(case: Case) -> Attempt:
    if case.incident.attempt is None:
        message = "no attempt is under way"
        raise ValueError(message)
    return case.incident.attempt


def _poll_pause(case: Case) -> float:
    return max(case.services.settings.settle / _POLLS, timedelta(milliseconds=50)).total_seconds()


def _done(attempt: Attempt, *, restarted: bool) -> tuple[str, ...]:
    saved = (
        (
            f"Tested the newest version of secret {attempt.secret_name}: it passed.",
            "Saved it in Entra, read the settings back and found them whole.",
            "Tested what is saved: it passed.",
        )
        if attempt.secret_name
        else ("Tested the saved credential: it passes, so somebody has already put it right.",)
    )
    lifted = (
        "Restarted the job with the reset scope QuarantineState and nothing else."
        if restarted
        else "Entra had lifted the quarantine by itself; no restart was needed."
    )
    return (*saved, lifted)
