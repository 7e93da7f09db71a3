"""What a rotation would do now, step by step, and why each step would or would not be taken; changes nothing.

A candidate in the vault is really tested, by Entra against the target: nothing else tells whether it would be saved.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.diagnosis.judgement import judge
from shared.errors import MissingPermission, ServiceError
from shared.incidents.incident import Attempt, AttemptStep, Incident
from shared.jobs.model import SynchronizationJob
from shared.remediation.limits import within_budget, within_limits
from shared.remediation.outcome import Ask, Later, Trail, Want
from shared.remediation.policy import Intent, decide
from shared.remediation.prepare import Prepared, prepare
from shared.remediation.services import Services
from shared.remediation.watched import require_watched
from shared.settings import Mode


class Verdict(StrEnum):
    """What is said of a step."""

    HOLDS = "holds"
    WOULD = "would"
    WOULD_NOT = "would_not"


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One check or step of the sequence; `next_steps` is what a person would be asked to do."""

    step: str
    verdict: Verdict
    why: str
    next_steps: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"step": self.step, "verdict": self.verdict, "why": self.why, "next_steps": list(self.next_steps)}


async def rehearse(services: Services, service_principal_id: str, job_id: str) -> tuple[Rehearsed, ...]:
    """Go through the sequence without changing anything.

    Raises:
        Refused: the application is not watched.
        NotFound: there is no such job.
        ServiceError: Graph, the vault or storage could not be read.
    """
    ids = (service_principal_id, job_id)
    await require_watched(services, service_principal_id)
    job = await services.graph.job(*ids)
    steps = [Rehearsed("job", Verdict.HOLDS, f"Graph shows it as {job.code_text}.")]
    steps += await _allowed(services, ids)
    kept = await services.incidents.get(*ids)
    incident = kept.incident if kept else Incident(*ids)
    if incident.in_attempt and incident.attempt is not None:
        why = f"An attempt is under way and stands at its step '{incident.attempt.step}'; it goes on by itself."
        return (*steps, Rehearsed("prepare", Verdict.WOULD_NOT, why))
    trail = Trail(learns=False)
    if job.quarantined and (not_ours := await _not_the_credential(services, job)) is not None:
        return (*steps, not_ours)
    try:
        prepared = await prepare(services, ids, Want.REPAIR if job.quarantined else Want.ASKED, trail)
    except MissingPermission as error:
        why = f"{error} {error.remedy}"
        return (*steps, *_passed(trail), Rehearsed("prepare", Verdict.WOULD_NOT, why))
    steps += _passed(trail)
    blocked = any(step.verdict is Verdict.WOULD_NOT for step in steps)
    return (*steps, *_rest(prepared, job, blocked=blocked))


async def _not_the_credential(services: Services, job: SynchronizationJob) -> Rehearsed | None:
    """Say why a quarantine is not ours to lift; judged as reconcile judges it, with everything before it is told."""
    shallow = judge(await services.gatherer.gather(job, deep=False))
    if decide(shallow, Mode.ACT, acting=True).intent is Intent.ROTATE:
        return None
    diagnosis = judge(await services.gatherer.gather(job, deep=True))
    decision = decide(diagnosis, Mode.ACT, acting=True)
    if decision.intent is Intent.ROTATE:
        return None
    return Rehearsed("diagnosis", Verdict.WOULD_NOT, f"{diagnosis.cause}: {diagnosis.why} {decision.why}")


async def _allowed(services: Services, ids: tuple[str, str]) -> list[Rehearsed]:
    sp, settings, now = ids[0], services.settings, services.clock.now()
    act = settings.mode_for(sp) is Mode.ACT
    steps = [
        Rehearsed("mode", Verdict.HOLDS, "The mode is act.")
        if act
        else Rehearsed(
            "mode", Verdict.WOULD_NOT, f"The mode is observe. PRATIQUE_MODE_BY_APPLICATION={sp}=act allows it."
        )
    ]
    if not services.acting():
        steps.append(Rehearsed("switch", Verdict.WOULD_NOT, "Acting is switched off (PRATIQUE_ACTING=off)."))
    try:
        limit = await within_limits(services, Incident(*ids), now) or await within_budget(services, now)
    except ServiceError as error:
        limit = f"Attempts cannot be counted, so none may begin: {error}"
    used = Rehearsed("limits", Verdict.HOLDS, f"Fewer than {settings.attempts_per_day} attempts today.")
    return [*steps, Rehearsed("limits", Verdict.WOULD_NOT, limit) if limit else used]


def _passed(trail: Trail) -> list[Rehearsed]:
    return [Rehearsed(check, Verdict.HOLDS, _said(found)) for check, found in trail.passed]


def _said(found: str) -> str:
    return f"{found if found.startswith('http') else found[:1].upper() + found[1:]}."


def _rest(prepared: Prepared, job: SynchronizationJob, *, blocked: bool) -> list[Rehearsed]:
    if isinstance(prepared, Attempt):
        return _steps(prepared, job, blocked=blocked)
    why = f"{prepared.why[:1].upper()}{prepared.why[1:].rstrip('.')}."
    if isinstance(prepared, Ask):
        return [Rehearsed("save", Verdict.WOULD_NOT, why, prepared.next_steps)]
    later = " It would be tried again later." if isinstance(prepared, Later) else ""
    return [Rehearsed("save", Verdict.WOULD_NOT, f"{why}{later}")]


def _steps(attempt: Attempt, job: SynchronizationJob, *, blocked: bool) -> list[Rehearsed]:
    would = Verdict.WOULD_NOT if blocked else Verdict.WOULD
    reason = " But a check above forbids it." if blocked else ""
    steps = []
    if attempt.step is AttemptStep.OBTAIN:
        steps.append(Rehearsed("obtain", would, f"The vendor's API mints a token for the vault.{reason}"))
    if attempt.saving:
        back = " (the one that was saved before)" if attempt.undoing else ""
        names = ", ".join(f"secret {ref.secret_name} version {ref.version[:8] or '(new)'}" for ref in attempt.saving)
        steps += [
            Rehearsed("save", would, f"Entra is given {names}{back}; every other setting stays.{reason}"),
            Rehearsed("read_back", would, f"The settings are read back and compared.{reason}"),
            Rehearsed("test_saved", would, f"What is saved is tested; rejected twice, it is undone.{reason}"),
        ]
    lift = would if job.quarantined else Verdict.WOULD_NOT
    text = "Restart with reset scope QuarantineState." if job.quarantined else "The job is not in quarantine."
    steps.append(Rehearsed("lift", lift, text + (reason if job.quarantined else "")))
    steps.append(Rehearsed("watch", would, f"A cycle that begins afterwards and ends well proves it.{reason}"))
    return steps
