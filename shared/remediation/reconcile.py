"""Reconcile: reads one job's real state, decides the next step, records it, takes it, and writes when to look again.

News is a hint and Graph is the truth: whatever the signal said, only what Graph says now is acted on. Handling the
same signal twice, late or never costs at most one look.
"""

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from shared.clock import new_id
from shared.detection.signal import News, Signal
from shared.diagnosis.diagnosis import Diagnosis
from shared.diagnosis.judgement import judge
from shared.diagnosis.remedies import vendor_named
from shared.errors import Conflict, LeaseLost, NotFound, ServiceError
from shared.incidents.incident import Attempt, AttemptStep, Incident, IncidentState
from shared.jobs.model import SynchronizationJob
from shared.notices.advice import steps
from shared.redaction import redact
from shared.remediation import attempt as attempts
from shared.remediation.ahead import once_more, proven, rotate_ahead, tell_proven
from shared.remediation.case import Case
from shared.remediation.limits import within_budget, within_limits
from shared.remediation.news import worth_a_look
from shared.remediation.outcome import Ask, Later, Nothing, Want
from shared.remediation.policy import Decision, Intent, decide
from shared.remediation.prepare import prepare
from shared.remediation.recovery import Recovery, judge_recovery, next_look
from shared.remediation.services import Services
from shared.remediation.stop import give_up
from shared.remediation.watched import set_aside
from shared.remediation.wording import evidence_of, paragraph, said_of, unproven, verdict_of, would

_log = logging.getLogger("pratique.reconcile")
_ANEW = (News.ASKED, News.ROTATE, News.CREDENTIAL, News.EXPIRING)
_LAG = timedelta(minutes=1)  # Graph may show a quarantine a little later than the log that tells of it


class Handled(StrEnum):
    """What became of a signal."""

    LOOKED = "looked"
    STALE = "stale"
    BUSY = "busy"
    UNSEEN = "unseen"
    UNKNOWN = "unknown"
    UNWATCHED = "unwatched"


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a signal, the incident as it stands, and what was done."""

    handled: Handled
    incident: Incident | None
    actions: tuple[str, ...] = ()


class Reconciler:
    """The one use case that acts."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def reconcile(self, signal: Signal) -> Report:
        """Handle one signal.

        Raises:
            Unavailable: storage cannot be reached; the message must stay on the queue.
        """
        services, ids = self._services, (signal.service_principal_id, signal.job_id)
        kept = await services.incidents.get(*ids)
        if not worth_a_look(signal, kept.incident if kept else None, services.clock.now()):
            return Report(Handled.STALE, kept.incident if kept else None)
        lease = await services.leases.acquire(signal.service_principal_id)
        if lease is None:
            await self._park(signal)
            return Report(Handled.BUSY, kept.incident if kept else None)
        case: Case | None = None
        try:
            kept = await services.incidents.get(*ids)
            if not worth_a_look(signal, kept.incident if kept else None, services.clock.now()):
                return Report(Handled.STALE, kept.incident if kept else None)
            case = Case(services, kept.incident if kept else Incident(*ids), kept, lease)
            return await self._look(case, signal)
        except (Conflict, LeaseLost) as error:
            _log.warning("stopped: %s", error)
            await self._park(signal)
            return Report(Handled.BUSY, case.incident if case else None)
        finally:
            await services.leases.release(case.lease if case else lease)

    async def _park(self, signal: Signal) -> None:
        """Keep news for later; a due look needs no keeping, for its row stays due."""
        if signal.news is not News.DUE:
            await self._services.parked.park(signal, self._services.clock.now() + self._services.settings.retry)

    async def _look(self, case: Case, signal: Signal) -> Report:
        services = self._services
        if not case.incident.recognised:
            _log.error("the row of job %s is of another release; it is left alone", case.incident.job_id)
            error = ServiceError("Storage", "give a row that this release understands", None, "OtherRelease", "")
            await services.sources.failed("reconcile", error, case.incident.job_id)
            return Report(Handled.UNSEEN, case.incident)
        try:
            if not await services.graph.watches(case.incident.service_principal_id):
                await set_aside(case)
                return Report(Handled.UNWATCHED, None if case.new else case.incident)
            job = await case.read_job()
            if signal.news is News.CREDENTIAL and case.incident.open:
                await case.record(wanted=str(Want.ARRIVED))
            if job.quarantined or case.incident.in_attempt:
                await self._quarantined(case, job, signal)
            else:
                await self._not_quarantined(case, job, signal)
            await services.sources.works("reconcile", case.incident.job_id)
            handled = Handled.LOOKED
        except NotFound as error:
            if case.incident.looked_at is None:
                return Report(Handled.UNKNOWN, None)
            await self._gone(case, error)
            handled = Handled.LOOKED
        except ServiceError as error:
            await self._could_not(case, error)
            handled = Handled.UNSEEN
        await case.tell()
        incident = case.incident
        _log.info(
            "%s: job %s is %s (%s) %s",
            signal.source,
            incident.job_id,
            incident.state,
            incident.cause or "no cause",
            ", ".join(case.actions),
        )
        return Report(handled, incident, tuple(case.actions))

    async def _quarantined(self, case: Case, job: SynchronizationJob, signal: Signal) -> None:
        diagnosis = judge(await self._services.gatherer.gather(job, deep=False))
        if not case.incident.open:
            await self._open(case, job, diagnosis)
        if case.incident.in_attempt:
            await case.record(looked_at=case.began)
            await attempts.run(case, fresh=False)
            return
        if case.incident.watching and not await self._relapsed(case, job):
            return
        await case.record(looked_at=case.began, quarantined_at=case.began, **evidence_of(job))
        if case.incident.state is IncidentState.GAVE_UP and signal.news not in _ANEW:
            await case.record(next_look_at=case.in_(self._services.settings.look_again))
            return
        await self._decide(case, job, diagnosis, signal)

    async def _decide(self, case: Case, job: SynchronizationJob, diagnosis: Diagnosis, signal: Signal) -> None:
        services = self._services
        decision = self._decision(case, diagnosis)
        if decision.intent is Intent.ASK:
            looked_into = f"looked_into:{diagnosis.cause}"
            if looked_into in case.incident.told and signal.news not in _ANEW:
                await self._wait(case, case.incident.state, case.incident.note)
                return
            # Before people are asked, everything is read once: what Graph's job says may hide the cause.
            diagnosis = judge(await services.gatherer.gather(job, deep=True))
            await case.hold()
            decision = self._decision(case, diagnosis)
            told = tuple(dict.fromkeys((*case.incident.told, looked_into)))
            await case.record(told=told, **verdict_of(diagnosis))
        else:
            await case.record(**verdict_of(diagnosis))
        if decision.intent is Intent.ASK:
            steps_ = steps(diagnosis.cause, vendor_named(case.incident.application))
            await self._ask(case, Ask(f"cause:{diagnosis.cause}", f"{paragraph(diagnosis)} {decision.why}", steps_))
            return
        if decision.intent in (Intent.OBSERVE, Intent.HOLD):
            why = f"{diagnosis.why} {decision.why}"
            notice = services.composer.found(
                case.incident, why, would(case.incident, decision.intent), services.clock.now()
            )
            changes = case.telling(f"{decision.intent}:{diagnosis.cause}", notice)
            await self._wait(case, IncidentState.WAITING, decision.why, **changes)
            return
        await self._attempt(case)

    def _decision(self, case: Case, diagnosis: Diagnosis) -> Decision:
        mode = self._services.settings.mode_for(case.incident.service_principal_id)
        return decide(diagnosis, mode, acting=self._services.acting())

    async def _attempt(self, case: Case) -> None:
        services = self._services
        if (limit := await within_limits(services, case.incident, case.began)) is not None:
            steps_ = ("Use Test Connection on the provisioning page.",)
            await give_up(case, f"{limit} The job is in quarantine still.", steps_)
            return
        if (limit := await within_budget(services, case.began)) is not None:
            await self._wait(case, IncidentState.WAITING, limit)
            return
        prepared = await prepare(services, case.ids, Want.REPAIR)
        match prepared:
            case Attempt():
                await attempts.begin(case, prepared)
                await attempts.run(case, fresh=prepared.step is AttemptStep.SAVE)
            case Ask():
                await self._ask(case, prepared)
            case Later() | Nothing():
                await self._wait(case, IncidentState.WAITING, prepared.why, pause=services.settings.retry)

    async def _not_quarantined(self, case: Case, job: SynchronizationJob, signal: Signal) -> None:
        incident, now = case.incident, self._services.clock.now()
        if not incident.open:
            if await rotate_ahead(case, signal.news):
                return
            fresh_news = signal.news is News.QUARANTINED and now - signal.news_at < _LAG
            again = signal.news_at + _LAG if fresh_news else None
            await case.record(state=_closed_state(incident), looked_at=case.began, next_look_at=again)
            return
        since = _proof_must_follow(incident)
        verdict = judge_recovery(job, since, now, self._services.settings.patience_intervals)
        await case.record(looked_at=case.began)
        if verdict is Recovery.PROVEN:
            await self._recovered(case)
        elif verdict is Recovery.OVERDUE and incident.watching:
            lifted = incident.state is IncidentState.LIFTED
            did = "The quarantine was lifted" if lifted else "The new credential was saved and passes its test"
            why = f"{did}, but no good cycle followed in time, so it is not proven."
            await give_up(case, why, ("Read the last cycle's errors on the provisioning page.",))
        else:
            at = next_look(job, now, self._services.settings.look_again)
            await case.record(next_look_at=at, note=unproven(incident))

    async def _relapsed(self, case: Case, job: SynchronizationJob) -> bool:
        """Say whether the quarantine came back after our action; while that is open, go on watching."""
        if case.incident.state is IncidentState.WATCHING:
            await case.journal("relapsed", redact(said_of(job)))
            await case.record(attempt=None, state=IncidentState.WAITING)
            return True
        since, now = _proof_must_follow(case.incident), self._services.clock.now()
        verdict = judge_recovery(job, since, now, self._services.settings.patience_intervals)
        if verdict is Recovery.RELAPSED:
            await case.journal("relapsed", redact(said_of(job)))
            await case.record(attempt=None, state=IncidentState.WAITING)
            return True
        if verdict is Recovery.OVERDUE:
            await case.record(looked_at=case.began)
            await give_up(case, "The restart was accepted, but the quarantine was never lifted.", ())
        else:
            at = next_look(job, now, self._services.settings.look_again)
            await case.record(looked_at=case.began, next_look_at=at)
        return False

    async def _recovered(self, case: Case) -> None:
        await proven(case)
        if case.incident.state is IncidentState.WATCHING:
            await tell_proven(case)
            return
        now = self._services.clock.now()
        ours = case.incident.attempt is not None
        how = "Pratique's repair is proven." if ours else "Somebody else put it right; Pratique changed nothing."
        notice = self._services.composer.recovered(case.incident, how, now)
        await case.journal("recovered", how)
        await case.record(
            state=IncidentState.RECOVERED,
            closed_at=now,
            next_look_at=once_more(case),
            note=how,
            **case.telling("recovered", notice),
        )

    async def _open(self, case: Case, job: SynchronizationJob, diagnosis: Diagnosis) -> None:
        application = await self._services.graph.service_principal(case.incident.service_principal_id)
        incident = Incident(
            service_principal_id=case.incident.service_principal_id,
            job_id=case.incident.job_id,
            application=application.display_name,
            app_id=application.app_id,
            id=new_id(),
            state=IncidentState.WAITING,
            opened_at=case.began,
            untold=case.incident.untold,
            next_look_at=case.in_(self._services.settings.lease),
        )
        case.incident = replace(incident, **evidence_of(job), **verdict_of(diagnosis))
        await case.journal("opened", diagnosis.cause)

    async def _ask(self, case: Case, ask: Ask) -> None:
        notice = self._services.composer.needs_you(case.incident, ask.why, ask.next_steps, self._services.clock.now())
        await self._wait(case, IncidentState.NEEDS_PERSON, ask.why, **case.telling(ask.topic, notice))

    async def _wait(
        self, case: Case, state: IncidentState, note: str, pause: timedelta | None = None, **changes: Any
    ) -> None:
        at = case.in_(pause or self._services.settings.look_again)
        await case.record(state=state, note=note, next_look_at=at, **changes)

    async def _gone(self, case: Case, error: NotFound) -> None:
        state = IncidentState.RECOVERED if case.incident.open else IncidentState.CLEAR
        await case.record(
            state=state, attempt=None, looked_at=case.began, closed_at=case.began, next_look_at=None, note=str(error)
        )

    async def _could_not(self, case: Case, error: ServiceError) -> None:
        """Remember to look again; that we are blind is told for all jobs at once, not for each."""
        await self._services.sources.failed("reconcile", error, case.incident.job_id)
        await case.record(note=str(error), next_look_at=case.in_(self._services.settings.retry))


def _proof_must_follow(incident: Incident) -> datetime:
    acted = incident.attempt.acted_at if incident.attempt and incident.attempt.step is AttemptStep.WATCH else None
    return acted or incident.quarantined_at or incident.opened_at or datetime.min.replace(tzinfo=UTC)


def _closed_state(incident: Incident) -> IncidentState:
    return incident.state if incident.state is IncidentState.RECOVERED else IncidentState.CLEAR
