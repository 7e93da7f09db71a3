"""Applications whose repair goes well or ill, each with a token of its own that errors repeat as loudly as they can."""

import json
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum

from emulator.doors import Door
from emulator.faults import Hook, RecordedRequest, Status
from emulator.tenant import Application, EmbeddedTenant
from emulator.vendor_apis import Fail
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
    PASSWORD = "a name and a password"
    MINTED = "a token is minted"
    MINT_REFUSED = "the vendor refuses and repeats all it heard"
    MINT_MADE = "the vendor has made a token, refuses all the same, and repeats it"
    NOT_KEPT = "the vault refuses the minted token and repeats it"


MINTING = (Way.MINTED, Way.MINT_REFUSED, Way.MINT_MADE, Way.NOT_KEPT)
_GIVES_UP = (Way.REFUSED, Way.MINT_REFUSED, Way.MINT_MADE, Way.NOT_KEPT)


@dataclass(frozen=True, slots=True)
class Case:
    """One application, the token that has expired and the one in the vault; the same where it is to be minted."""

    way: Way
    application: Application
    old: str
    new: str

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return everything that must be found nowhere, with what was minted meanwhile."""
        api = self.application.vendor_api
        minting = () if api is None else (api.credential, *(made.value for made in api.minted))
        return self.old, self.new, *minting

    def reached(self, incident: Incident | None, poisoned: int) -> bool:
        """Say whether the repair has come to the point that the case is about."""
        if self.way is Way.GARBAGE:
            return poisoned > 0
        if incident is None:
            return False
        if self.way in (Way.WELL, Way.PASSWORD, Way.MINTED):
            return incident.state is IncidentState.RECOVERED and not incident.untold
        if self.way in _GIVES_UP:
            return incident.state is IncidentState.GAVE_UP and not incident.untold
        return {
            Way.REJECTED: incident.state is IncidentState.NEEDS_PERSON and not incident.untold,
            Way.FAILED: incident.state is IncidentState.ACTING and "HTTP 500" in incident.note,
            Way.UNCLEAR: incident.state is IncidentState.WAITING and "vault's token could not tell" in incident.note,
            Way.UNCLEAR_BEFORE: "test of the saved credential could not tell" in incident.note,
        }[self.way]


def token(length: int) -> str:
    """Return a random token; what looks for secrets by their shape knows only the long ones."""
    return f"M{secrets.token_hex(length)[: length - 1]}"


async def add_case(tenant: EmbeddedTenant, way: Way, length: int) -> Case:
    """Register an application with an expired token, a new one in the vault, and what befalls its repair."""
    if way is Way.PASSWORD:
        return await _add_pair(tenant, length)
    if way in MINTING:
        return await _add_minting(tenant, way)
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


async def _add_pair(tenant: EmbeddedTenant, length: int) -> Case:
    """Register an application whose password has expired; its name is no secret, and the same as before."""
    application = await tenant.add_application(f"{Way.PASSWORD} {length}", door=Door.BASIC)
    principal, target = application.service_principal, application.target
    before = tenant.directory.secrets.effective(principal.id)
    binding = {"pratique-service-principal": principal.id, "pratique-tenant-url": target.tenant_url}
    target.expire_tokens()
    after = target.issue_credentials(name=before["UserName"])
    await tenant.vault.put("the-password", before["Password"], tags={**binding, "pratique-key": "Password"})
    await tenant.vault.put("the-password", after["Password"])
    return Case(Way.PASSWORD, application, before["Password"], after["Password"])


async def _add_minting(tenant: EmbeddedTenant, way: Way) -> Case:
    """Register an application whose token has expired and is to be minted, at a vendor that repeats what it hears."""
    application = await tenant.add_application(str(way), vendor_api="databricks")
    api, principal, target = application.vendor_api, application.service_principal, application.target
    assert api is not None
    old, secret = (
        tenant.directory.secrets.effective(principal.id)["SecretToken"],
        f"minted-{way.name.replace('_', '-')}",
    )
    tags = {
        "pratique-service-principal": principal.id,
        "pratique-tenant-url": target.tenant_url,
        "pratique-vendor": "databricks-workspace",
        "pratique-mint": f"{secret}-api",
    }
    await tenant.vault.put(f"{secret}-api", api.credential)
    await tenant.vault.put(secret, old, tags=tags)
    target.expire_tokens()
    api.echo = True
    if way in (Way.MINT_REFUSED, Way.MINT_MADE):
        api.fail = Fail(status=422, handled=way is Way.MINT_MADE, mints_only=True)
    if way is Way.NOT_KEPT:
        tenant.faults.before.append(_refusing_to_keep(tenant, secret))
    return Case(way, application, old, old)


def _refusing_to_keep(tenant: EmbeddedTenant, secret: str) -> Hook:
    """Answer each put of this secret with 400 and the value that was sent."""

    async def refuse(request: RecordedRequest) -> None:
        if request.method == "PUT" and request.path.startswith(f"/secrets/{secret}?") and request.body:
            value = json.loads(request.body)["value"]
            tenant.faults.add("vault", "PUT", f"^/secrets/{secret}\\?", Status(400, body=_repeating(value)))

    return refuse


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
