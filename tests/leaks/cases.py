"""Applications whose repair goes well or ill, each with a token of its own that errors repeat as loudly as they can."""

import re
import secrets
from dataclasses import dataclass
from enum import StrEnum

from emulator.faults import RecordedRequest, Status
from emulator.tenant import Application, EmbeddedTenant
from shared.incidents.incident import Incident, IncidentState

_ALWAYS = None


class Way(StrEnum):
    """What becomes of the repair."""

    WELL = "goes well"
    REJECTED = "candidate rejected"
    REFUSED = "saving refused with 400"
    FAILED = "saving failed with 500"
    UNCLEAR = "test of the candidate answered 503"
    UNCLEAR_BEFORE = "test of what is saved answered with an unknown error"
    GARBAGE = "200 with a body that nobody expects"


@dataclass(frozen=True, slots=True)
class Case:
    """One application, the token that has expired and the one in the vault."""

    way: Way
    application: Application
    old: str
    new: str

    def reached(self, incident: Incident | None, poisoned: int) -> bool:
        """Say whether the repair has come to the point that the case is about."""
        if self.way is Way.GARBAGE:
            return poisoned > 0
        if incident is None:
            return False
        return {
            Way.WELL: incident.state is IncidentState.RECOVERED and not incident.untold,
            Way.REJECTED: incident.state is IncidentState.NEEDS_PERSON and not incident.untold,
            Way.REFUSED: incident.state is IncidentState.GAVE_UP and not incident.untold,
            Way.FAILED: incident.state is IncidentState.ACTING and "HTTP 500" in incident.note,
            Way.UNCLEAR: incident.state is IncidentState.WAITING and "vault's token could not tell" in incident.note,
            Way.UNCLEAR_BEFORE: "test of the saved credential could not tell" in incident.note,
        }[self.way]


def token(length: int) -> str:
    """Return a random token; what looks for secrets by their shape knows only the long ones."""
    return f"M{secrets.token_hex(length)[: length - 1]}"


async def add_case(tenant: EmbeddedTenant, way: Way, length: int) -> Case:
    """Register an application with an expired token, a new one in the vault, and what befalls its repair."""
    name, secret = f"{way} {length}", re.sub(r"\W", "-", f"{way}-{length}")
    old, new = token(length), token(length)
    application = await tenant.add_application(name, token=old)
    principal, target = application.service_principal, application.target
    tags = {"pratique-service-principal": principal.id, "pratique-tenant-url": target.tenant_url}
    await tenant.vault.put(secret, old, tags=tags)
    target.expire_tokens()
    await tenant.vault.put(secret, new)
    if way is not Way.REJECTED:
        target.issue_token(value=new)
    case = Case(way, application, old, new)
    _befall(tenant, case)
    return case


def _befall(tenant: EmbeddedTenant, case: Case) -> None:
    sp = re.escape(case.application.service_principal.id)
    saving, testing = f"{sp}/synchronization/secrets$", f"{sp}/.*/validateCredentials$"

    async def unclear(request: RecordedRequest) -> None:
        if request.method == "POST" and re.search(testing, request.path) and case.new.encode() in request.body:
            tenant.faults.add("graph", "POST", testing, Status(503, body=_repeating(case.new)))

    match case.way:
        case Way.REFUSED:
            tenant.faults.add("graph", "PUT", saving, Status(400, body=_repeating(case.new)), _ALWAYS)
        case Way.FAILED:
            tenant.faults.add("graph", "PUT", saving, Status(500, body=_repeating(case.new)), _ALWAYS)
        case Way.UNCLEAR:
            tenant.faults.before.append(unclear)
        case Way.UNCLEAR_BEFORE:
            repeating = {"error": {"code": "", "message": f"Request Headers: Authorization: Bearer {case.old} failed"}}
            tenant.faults.add("graph", "POST", testing, Status(400, body=repeating), _ALWAYS)
        case Way.GARBAGE:
            tenant.faults.add("graph", "GET", saving, Status(200, body={"value": [case.new]}), _ALWAYS)


def _repeating(secret: str) -> dict[str, object]:
    """Return an error that repeats the token plainly, with nothing around it that says so."""
    return {"error": {"code": "BadRequest", "message": f"Is '{secret}' meant? We have seen {secret}."}}
