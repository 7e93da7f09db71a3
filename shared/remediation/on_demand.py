"""`try`: provisions one user on demand and says where it broke. It changes the target, so it is an action.

It obeys the mode, the switch that stops all acting, the lease of the service principal and the daily limit, and it is
journalled before it is done. The journal keeps the user's object id and nothing else of the user.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.clock import within
from shared.diagnosis.diagnosis import Diagnosis
from shared.diagnosis.features import Said
from shared.diagnosis.judgement import judge_said
from shared.errors import LeaseLost, PratiqueError, Refused, Unavailable
from shared.incidents.incident import Incident
from shared.jobs.trial import Trial
from shared.remediation.policy import attempts_left
from shared.remediation.services import Services
from shared.remediation.watched import require_watched
from shared.settings import Mode

TRY = "try"
_DAY = timedelta(hours=24)


class UsedUp(Refused):
    """The job has had as many tries as a day allows."""


class NoRule(PratiqueError):
    """The job's schema has no rule for users."""


@dataclass(frozen=True, slots=True)
class Tried:
    """How the try went; the diagnosis is missing when nothing broke."""

    user_id: str
    trial: Trial
    diagnosis: Diagnosis | None


class OnDemand:
    """The use case that tries one user."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def allow(self, service_principal_id: str) -> None:
        """Return if settings allow to try a user of this application now.

        Raises:
            Refused: the mode is observe, or acting is switched off.
        """
        if not self._services.acting():
            raise Refused("Acting is switched off (PRATIQUE_ACTING=off); trying a user changes the target.")
        if self._services.settings.mode_for(service_principal_id) is not Mode.ACT:
            raise Refused(
                "The mode is observe; trying a user changes the target. To allow it: "
                f"PRATIQUE_MODE_BY_APPLICATION={service_principal_id}=act."
            )

    async def try_user(self, service_principal_id: str, job_id: str, user_id: str) -> Tried:
        """Provision one user, named by object id, on demand.

        Raises:
            Refused: settings do not allow it, the application is not watched, or the day's tries are used up.
            LeaseLost: somebody else acts on this application now.
            ServiceError: a service did not do what it was asked; without an answer the outcome is unknown.
        """
        services = self._services
        self.allow(service_principal_id)
        await require_watched(services, service_principal_id)
        lease = await services.leases.acquire(service_principal_id)
        if lease is None:
            raise LeaseLost("Somebody else acts on this application now; try again in a minute.")
        try:
            kept = await services.incidents.get(service_principal_id, job_id)
            incident = kept.incident if kept else Incident(service_principal_id, job_id)
            await self._require_tries_left(incident)
            limit = services.settings.step
            rule_id = await within(limit, self._rule(service_principal_id, job_id))
            self.allow(service_principal_id)
            lease = await services.leases.renew(lease)
            await services.journal.write(incident, TRY, f"user {user_id}")
            call = services.graph.provision_on_demand(service_principal_id, job_id, rule_id, user_id)
            trial = await within(limit, call)
            await services.journal.write(
                incident, "tried", f"user {user_id}: {trial.result} {trial.error_code}".strip()
            )
        except TimeoutError as error:
            seconds = services.settings.step.total_seconds()
            operation = f"provision a user within {seconds:g} s; whether it happened is unknown"
            raise Unavailable("Microsoft Graph", operation, None, "TimeoutError", "") from error
        finally:
            await services.leases.release(lease)
        return Tried(user_id, trial, _why(trial))

    async def _require_tries_left(self, incident: Incident) -> None:
        services = self._services
        limit = services.settings.attempts_per_day
        entries = await services.journal.entries(incident, services.clock.now() - _DAY)
        if not attempts_left(sum(1 for _, action, _ in entries if action == TRY), limit):
            raise UsedUp(f"{limit} users were tried on this job in the last 24 hours (PRATIQUE_ATTEMPTS_PER_DAY).")

    async def _rule(self, service_principal_id: str, job_id: str) -> str:
        rules = await self._services.graph.schema_rules(service_principal_id, job_id)
        found = next((rule.id for rule in rules if rule.users), None)
        if found is None:
            raise NoRule("The job's schema has no synchronization rule for users.")
        return found


def tried_view(tried: Tried) -> dict[str, Any]:
    """Return what a person sees of a try, JSON-ready."""
    trial, broken, diagnosis = tried.trial, tried.trial.broke_at, tried.diagnosis
    return {
        "user_id": tried.user_id,
        "result": trial.result,
        "action": trial.action,
        "error_code": trial.error_code,
        "message": trial.message,
        "broke_at": broken.name if broken else "",
        "steps": [
            {
                "name": step.name,
                "kind": step.kind,
                "status": step.status,
                "description": step.description,
                "details": dict(step.details),
            }
            for step in trial.steps
        ],
        "modified": [{"attribute": one.name, "target": one.target, "source": one.source} for one in trial.modified],
        "cause": str(diagnosis.cause) if diagnosis else "",
        "confidence": str(diagnosis.confidence) if diagnosis else "",
        "why": diagnosis.why if diagnosis else "",
    }


def _why(trial: Trial) -> Diagnosis | None:
    if trial.went_well:
        return None
    broken = trial.broke_at
    message = trial.message or (broken.description if broken else "")
    details = dict(broken.details) if broken else {}
    code = trial.error_code or next((value for name, value in details.items() if "code" in name.casefold()), "")
    return judge_said(Said(message=message, code=code))
