"""Carries an attempt through its steps; each is recorded before it is done, so a crash anywhere resumes to it.

    obtain ▶ save ▶ read back ▶ test what is saved ▶ lift the quarantine ▶ watch

A lease cannot fence Graph, so every step is also safe to repeat: the candidate is tested again before it is saved
again, and a job that is no longer quarantined is not restarted. When what was saved is rejected after all, the steps
run once more with what was saved before it, if that still passes.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from shared.clock import within
from shared.diagnosis.causes import Cause
from shared.diagnosis.judgement import judge
from shared.errors import NotFound, Refused, ServiceError, Throttled, Unavailable
from shared.incidents.incident import Attempt, AttemptStep, IncidentState
from shared.jobs.model import SynchronizationJob
from shared.remediation.candidate import test_settled, values_of
from shared.remediation.case import Case
from shared.remediation.limits import ATTEMPT
from shared.remediation.obtain import obtain
from shared.remediation.recovery import next_look
from shared.remediation.stop import attempt_of, give_up, may_act, refused, wait
from shared.remediation.wording import evidence_of
from shared.tokens.credential_test import TestResult
from shared.tokens.record import TokenRecord, together
from shared.tokens.saving import differences, to_save

_POLLS = 8
_SETTLES = 4  # settling times before a saved credential counts as rejected: no page says how long a save takes


async def begin(case: Case, attempt: Attempt) -> None:
    """Count the attempt and record its first step; from here on a crash resumes it.

    Raises:
        LeaseLost: preparing took so long that somebody else holds the service principal; nothing is counted.
    """
    await case.hold()
    await case.journal(ATTEMPT, f"secret {attempt.secret_names}" if attempt.saving else "lift only")
    await case.services.journal.count(ATTEMPT)
    await case.record(
        attempt=attempt,
        state=IncidentState.ACTING,
        note="",
        wanted="",
        next_look_at=case.in_(case.services.settings.lease),
    )


async def run(case: Case, *, fresh: bool) -> None:
    """Take the attempt's steps until it waits, ends or watches; `fresh` says that its candidate was just tested."""
    tested = attempt_of(case).saving if fresh else ()
    while case.incident.in_attempt:
        await case.hold()
        try:
            go_on = await _take_step(case, fresh=attempt_of(case).saving == tested)
        except (Throttled, Unavailable) as error:
            await wait(case, error)
            return
        except ServiceError as error:
            await refused(case, error)
            return
        if not go_on:
            return


async def _take_step(case: Case, *, fresh: bool) -> bool:
    attempt = attempt_of(case)
    steps: dict[AttemptStep, Callable[[], Awaitable[bool]]] = {
        AttemptStep.OBTAIN: lambda: obtain(case),
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
    attempt, services, sp = attempt_of(case), case.services, case.incident.service_principal_id
    if not await may_act(case):
        return False
    current = await services.graph.credentials(sp)
    try:
        values = await values_of(services, attempt.saving)
    except NotFound:
        return await give_up(case, "The version that was being saved is gone from the vault.", ())
    if not fresh:
        test = await test_settled(services, case.ids, current, values)
        if test.result is TestResult.REJECTED:
            return await _rejected_before_saving(case)
        if test.result is TestResult.COULD_NOT_TELL:
            raise Unavailable("Microsoft Graph", "test the vault's token", None, test.code, "")
    try:
        credentials = to_save(current, values, merge_accepted=services.settings.accepts_merge(sp))
    except Refused as refusal:
        return await give_up(case, f"Saving was refused: {refusal}.", ())
    saved = ", ".join(f"secret {ref.secret_name} version {ref.version}" for ref in attempt.saving)
    await case.journal("put back" if attempt.undoing else "save", saved)
    await services.graph.save_credentials(sp, credentials, secrets=tuple(values.values()))
    now = services.clock.now()
    await case.record_attempt(step=AttemptStep.READ_BACK, acted_at=now, saved_at=now, tries=0)
    return True


async def _rejected_before_saving(case: Case) -> bool:
    attempt = attempt_of(case)
    if attempt.undoing:
        why = "What is saved is rejected, and so is the credential that was saved before it."
    elif attempt.mint_sent:
        await _learn(case, rejected=True)
        why = "The newly minted credential is rejected by the target; what was saved before stays."
    else:
        why = "The vault's token passed its first test and is rejected now."
    return await give_up(case, why, ())


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
    if attempt_of(case).ahead:
        # What was saved before may still pass, so a test before the save has settled would say nothing of the new one.
        await services.clock.sleep(services.settings.settle.total_seconds())
    for poll in range(_POLLS + 1):
        result = (await services.graph.test_saved_credentials(*case.ids)).result
        if result is TestResult.PASSED:
            # What was read back right after saving may still have been the state before it. That the saved credential
            # passes now proves that the save has settled, so only this comparison is final.
            if lost := await _lost(case):
                return await _give_up_lost(case, lost)
            await _learn(case, rejected=False)
            await case.record_attempt(step=AttemptStep.LIFT, tries=0)
            return True
        if poll < _POLLS:
            await services.clock.sleep(_poll_pause(case))
    if result is TestResult.COULD_NOT_TELL:
        raise Unavailable("Microsoft Graph", "test the saved credential", None, "", "the test could not tell")
    saved_at, now = attempt_of(case).saved_at, services.clock.now()
    if saved_at is not None and now < saved_at + _SETTLES * services.settings.settle:
        said = "it is rejected still, and may yet have to settle"
        raise Unavailable("Microsoft Graph", "test the saved credential", None, "", said)
    return await _undo(case)


async def _undo(case: Case) -> bool:
    """Go through the steps again with what was saved before; it is tested before it is saved, as anything is."""
    attempt = attempt_of(case)
    await _learn(case, rejected=True)
    if attempt.previous and not attempt.undoing:
        await case.journal("undo", "what was saved is still rejected after a settling time")
        await case.record_attempt(
            step=AttemptStep.SAVE, saving=attempt.previous, previous=(), undoing=True, mint_sent=False, tries=0
        )
        return True
    return await give_up(
        case,
        "The vault's token passed its test and was saved, but what is saved is still rejected.",
        ("Enter the token by hand on the provisioning page and use Test Connection.",),
    )


async def _learn(case: Case, *, rejected: bool) -> None:
    """Keep what became of each version, so that the next look knows what Entra has and what not to try again."""
    now, saving = case.services.clock.now(), attempt_of(case).saving
    combined = together(ref.version for ref in saving)
    for ref in saving:

        def change(row: TokenRecord, version: str = ref.version) -> TokenRecord:
            return replace(row, rejected=combined) if rejected else row.with_applied(version, now)

        await case.services.tokens.change(case.incident.service_principal_id, ref.secret_name, change)


async def _lost(case: Case) -> tuple[str, ...]:
    attempt = attempt_of(case)
    current = await case.services.graph.credentials(case.incident.service_principal_id)
    values = await values_of(case.services, attempt.saving)
    return differences(attempt.settings_before, current, values)


async def _give_up_lost(case: Case, lost: tuple[str, ...]) -> bool:
    await _learn(case, rejected=False)  # Entra has it now; saving it once more would only cover up what is lost
    return await give_up(
        case,
        f"After saving, the application's settings differ: {'; '.join(lost)}.",
        ("Compare the provisioning page with your records and put back what is missing.",),
    )


async def _lift(case: Case) -> bool:
    services, attempt = case.services, attempt_of(case)
    job = await case.read_job()
    if job.quarantined:
        if not await _still_the_credential(case, job):
            return await _leave(case)
        if not await may_act(case):
            return False
        await case.journal("restart", "QuarantineState")
        await case.record_attempt(acted_at=services.clock.now())
        await services.graph.lift_quarantine(*case.ids)
    now = services.clock.now()
    acted_at = now if job.quarantined else _in_use_from(attempt, now, services.settings.settle)
    telling = _telling(case, now, restarted=job.quarantined)
    case.incident = case.incident.with_attempt(step=AttemptStep.WATCH, acted_at=acted_at, tries=0)
    await case.record(
        state=IncidentState.WATCHING if attempt.ahead and not job.quarantined else IncidentState.LIFTED,
        next_look_at=next_look(job, now, services.settings.look_again),
        **telling,
    )
    return True


async def _still_the_credential(case: Case, job: SynchronizationJob) -> bool:
    """Say whether the quarantine is the one that was judged, or another that the credential caused.

    While an attempt runs, a job may fall into a quarantine that only a person may lift.
    """
    now, before = evidence_of(job), case.incident
    if (now["reason"], now["error_code"]) == (before.reason, before.error_code) and before.cause:
        return True
    diagnosis = judge(await case.services.gatherer.gather(job, deep=False))
    return diagnosis.cause is Cause.INVALID_CREDENTIALS


async def _leave(case: Case) -> bool:
    """End the attempt before its restart; the next look judges the quarantine anew."""
    await case.journal("left", "the job is in quarantine for another cause now")
    await case.record(
        state=IncidentState.CLEAR if attempt_of(case).ahead else IncidentState.WAITING,
        attempt=None,
        note="The credential is saved and passes, but the job is in quarantine for another cause now.",
        next_look_at=case.services.clock.now(),
    )
    return False


def _in_use_from(attempt: Attempt, now: datetime, settle: timedelta) -> datetime:
    """Return from when on a cycle surely uses what was saved: one that began before may have used what was before."""
    return max(attempt.saved_at + settle, attempt.acted_at or attempt.saved_at) if attempt.saved_at else now


def _telling(case: Case, now: datetime, *, restarted: bool) -> dict[str, object]:
    """Tell what was done; a rotation ahead of time that went well is told once, when it is proven."""
    attempt, composer = attempt_of(case), case.services.composer
    done = done_by(attempt, restarted=restarted)
    if attempt.undoing:
        return case.telling(f"undone:{attempt.id}", composer.put_back(case.incident, done, now))
    if attempt.ahead and not restarted:
        return {}
    return case.telling(f"acted:{attempt.id}", composer.acted(case.incident, done, now))


def _poll_pause(case: Case) -> float:
    return max(case.services.settings.settle / _POLLS, timedelta(milliseconds=50)).total_seconds()


def done_by(attempt: Attempt, *, restarted: bool) -> tuple[str, ...]:
    """Say what an attempt did, one sentence a step."""
    names = attempt.secret_names
    saved: tuple[str, ...]
    if attempt.undoing:
        saved = (f"Put back the version of secret {names} that was saved before: it passes.",)
    elif attempt.saving:
        saved = (
            f"Tested the newest version of secret {names}: it passed.",
            "Saved it in Entra, read the settings back and found them whole.",
            "Tested what is saved: it passed.",
            *_measured(attempt),
        )
    else:
        saved = ("Tested the saved credential: it passes, so somebody has already put it right.",)
    if attempt.ahead and not restarted:
        return saved
    lifted = (
        "Restarted the job with the reset scope QuarantineState and nothing else."
        if restarted
        else "Entra had lifted the quarantine by itself; no restart was needed."
    )
    return (*saved, lifted)


def _measured(attempt: Attempt) -> tuple[str, ...]:
    if attempt.arrived_at is None or attempt.saved_at is None:
        return ()
    took = max(attempt.saved_at - attempt.arrived_at, timedelta(0))
    seconds = round(took.total_seconds())
    text = f"{seconds} s" if seconds < 120 else str(timedelta(seconds=seconds)).removesuffix(":00")
    return (f"From the new version's arrival in the vault to the saved credential: {text}.",)
