"""Turns an incident into the notice that people get; pure."""

from datetime import datetime

from shared.diagnosis.causes import Cause
from shared.diagnosis.condition import DISABLED_AFTER
from shared.diagnosis.remedies import provisioning_page
from shared.incidents.incident import Incident
from shared.notices.advice import headline
from shared.notices.notice import Fact, Link, Notice, NoticeKind
from shared.tokens.bindings import TAG_SERVICE_PRINCIPAL, TAG_TENANT_URL, Binding
from shared.tokens.vendors import catalogue


class Composer:
    """Writes notices; knows the portal's address."""

    def __init__(self, portal_url: str) -> None:
        self._portal = portal_url

    def found(self, incident: Incident, why: str, next_steps: tuple[str, ...], at: datetime) -> Notice:
        """Say that a quarantine was found and why nothing is done about it now."""
        return self._notice(
            incident,
            NoticeKind.FOUND,
            at,
            headline=f"{_headline(incident)}.",
            summary=f"{incident.application} is in quarantine. {why}",
            next_steps=next_steps,
        )

    def needs_you(self, incident: Incident, why: str, next_steps: tuple[str, ...], at: datetime) -> Notice:
        """Say what a person must do."""
        return self._notice(
            incident,
            NoticeKind.NEEDS_YOU,
            at,
            headline=f"{_headline(incident)}.",
            summary=why,
            next_steps=next_steps,
        )

    def acted(self, incident: Incident, done: tuple[str, ...], at: datetime) -> Notice:
        """Say what was done; the recovery is not proven yet."""
        return self._notice(
            incident,
            NoticeKind.ACTED,
            at,
            headline="The quarantine was lifted; a good cycle has yet to prove it.",
            summary=f"{_headline(incident)}: Pratique put that right and now watches for the next cycle.",
            done=done,
            next_steps=("Nothing now. You will be told when the recovery is proven, or if it is not.",),
        )

    def recovered(self, incident: Incident, how: str, at: datetime) -> Notice:
        """Say that the recovery is proven."""
        return self._notice(
            incident,
            NoticeKind.RECOVERED,
            at,
            headline="Provisioning works again.",
            summary=f"{incident.application} is out of quarantine, and a cycle that began afterwards ended well.",
            done=(how,),
        )

    def gave_up(self, incident: Incident, why: str, next_steps: tuple[str, ...], at: datetime) -> Notice:
        """Say loudly that we stopped trying."""
        return self._notice(
            incident,
            NoticeKind.GAVE_UP,
            at,
            headline="Pratique could not bring this job back.",
            summary=why,
            next_steps=(*next_steps, "Pratique does nothing more on its own until the evidence changes."),
        )

    def _notice(
        self,
        incident: Incident,
        kind: NoticeKind,
        at: datetime,
        *,
        headline: str,
        summary: str,
        done: tuple[str, ...] = (),
        next_steps: tuple[str, ...] = (),
    ) -> Notice:
        return Notice(
            kind=kind,
            subject=incident.application,
            headline=headline,
            summary=summary,
            facts=_facts(incident),
            done=done,
            next_steps=next_steps,
            links=(Link("Open provisioning in Entra", self._page(incident)),),
            said=incident.said if kind is not NoticeKind.RECOVERED else "",
            reference=incident.id,
            at=at,
        )

    def _page(self, incident: Incident) -> str:
        return provisioning_page(self._portal, incident.service_principal_id, incident.app_id)


def blind(source: str, why: str, permission: str, since: datetime, at: datetime) -> Notice:
    """Say that a source cannot be read, which is never the same as healthy."""
    steps = (f"Grant {permission} to Pratique's managed identity.",) if permission else ()
    return Notice(
        kind=NoticeKind.BLIND,
        subject=source,
        headline=f"Pratique cannot see: {source} fails.",
        summary="While this lasts, no news from this source does not mean that all is well.",
        facts=(Fact("Failing since", f"{since:%Y-%m-%d %H:%M} UTC"),)
        + ((Fact("Missing permission", permission),) if permission else ()),
        done=(),
        next_steps=(*steps, "The other sources go on; you will be told when this one sees again."),
        links=(),
        said=why,
        reference=source,
        at=at,
    )


def seeing_again(source: str, since: datetime, at: datetime) -> Notice:
    """Say that a source that was blind can be read again."""
    return Notice(
        kind=NoticeKind.SEEING_AGAIN,
        subject=source,
        headline=f"Pratique sees again: {source} works.",
        summary=f"It had failed since {since:%Y-%m-%d %H:%M} UTC.",
        facts=(),
        done=(),
        next_steps=(),
        links=(),
        said="",
        reference=source,
        at=at,
    )


def token_steps(binding: Binding | None, service_principal_id: str) -> tuple[str, ...]:
    """Say how a person brings a new token, as far as the binding tells."""
    if binding is None:
        return (
            "Make a new SCIM token in the application's own console.",
            (
                f"Store it in Key Vault, in a secret whose version carries the tags {TAG_SERVICE_PRINCIPAL} = "
                f"{service_principal_id} and {TAG_TENANT_URL} = the application's tenant URL."
            ),
            "Pratique tests it, saves it in Entra and lifts the quarantine within a minute.",
        )
    vendor = catalogue().get(binding.vendor)
    where = f"{vendor.name}: {vendor.console}." if vendor else "Make a new SCIM token in the application's own console."
    caution = (vendor.caution,) if vendor and vendor.caution else ()
    return (
        where,
        *caution,
        f"Store it as a new version of the Key Vault secret {binding.secret_name}; tags are not needed.",
        "Pratique tests it, saves it in Entra and lifts the quarantine within a minute.",
    )


def _facts(incident: Incident) -> tuple[Fact, ...]:
    facts = [Fact("Cause", f"{incident.cause} ({incident.confidence} confidence)" if incident.cause else "unknown")]
    if incident.reason:
        facts.append(Fact("Entra's reason", incident.reason))
    if incident.error_code:
        facts.append(Fact("Error code", incident.error_code))
    if incident.series_began:
        facts.append(Fact("In quarantine since", f"{incident.series_began:%Y-%m-%d %H:%M} UTC"))
        facts.append(Fact("Disabled on", f"{incident.series_began + DISABLED_AFTER:%Y-%m-%d}"))
    facts.append(Fact("Job", incident.job_id))
    return tuple(facts)


def _cause(incident: Incident) -> Cause:
    try:
        return Cause(incident.cause)
    except ValueError:
        return Cause.UNKNOWN


def _headline(incident: Incident) -> str:
    return headline(_cause(incident))
