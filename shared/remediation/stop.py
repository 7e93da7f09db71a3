"""Ends an attempt, or halts it where it stands, and tells people which."""

from shared.errors import MissingPermission, ServiceError, Throttled, Unavailable
from shared.incidents.incident import Attempt, IncidentState
from shared.remediation.case import Case
from shared.settings import Mode

_MOST_TRIES = 30


def attempt_of(case: Case) -> Attempt:
    """Return the attempt under way."""
    if case.incident.attempt is None:
        message = "no attempt is under way"
        raise ValueError(message)
    return case.incident.attempt


async def may_act(case: Case) -> bool:
    """Ask settings again right before something changes; when they say no, the attempt waits where it stands."""
    services, attempt = case.services, attempt_of(case)
    acting, mode = services.acting(), services.settings.mode_for(case.incident.service_principal_id)
    if acting and mode is Mode.ACT:
        return True
    why = "The mode is observe." if acting else "Acting is switched off (PRATIQUE_ACTING=off)."
    why = f"{why} The attempt stands before its step '{attempt.step}' and goes on when acting is allowed again."
    notice = services.composer.held(case.incident, why, services.clock.now())
    topic = f"held:{attempt.id}"
    await case.record(note=why, next_look_at=case.in_(services.settings.retry), **case.telling(topic, notice))
    return False


async def give_up(case: Case, why: str, next_steps: tuple[str, ...]) -> bool:
    """End the attempt loudly; a job in quarantine is still looked at, more slowly."""
    services, attempt = case.services, case.incident.attempt
    notice = services.composer.gave_up(case.incident, why, next_steps, services.clock.now())
    await case.journal("gave up", why)
    ahead = attempt is not None and attempt.ahead
    await case.record(
        state=IncidentState.CLEAR if ahead else IncidentState.GAVE_UP,
        attempt=None,
        note=why,
        next_look_at=case.in_(services.settings.look_again),
        **case.telling(f"gave_up:{why}", notice),
    )
    return False


async def wait(case: Case, error: Throttled | Unavailable) -> None:
    """Keep the step for a later look; after many tries, give up."""
    attempt = attempt_of(case)
    tries = attempt.tries + 1
    if tries >= _MOST_TRIES:
        await give_up(case, f"The step '{attempt.step}' failed {tries} times: {error}", ())
        return
    pause = case.services.settings.retry
    if isinstance(error, Throttled) and error.retry_after:
        pause = max(pause, error.retry_after)
    case.incident = case.incident.with_attempt(tries=tries)
    await case.record(note=str(error), next_look_at=case.in_(pause))


async def refused(case: Case, error: ServiceError) -> None:
    """A 4xx: a missing permission can be granted, so the attempt waits; anything else ends it."""
    if not isinstance(error, MissingPermission):
        await give_up(case, str(error), ())
        return
    steps = (error.remedy, "The attempt then goes on by itself.")
    notice = case.services.composer.needs_you(case.incident, str(error), steps, case.services.clock.now())
    await case.record(
        note=str(error),
        next_look_at=case.in_(case.services.settings.look_again),
        **case.telling(f"permission:{error.permission}", notice),
    )
