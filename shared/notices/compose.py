"""Turns an incident into the notice that people get; pure."""

from datetime import datetime

from shared.diagnosis.causes import Cause
from shared.diagnosis.condition import DISABLED_AFTER
from shared.diagnosis.remedies import provisioning_page
from shared.incidents.incident import Incident
from shared.notices.advice import headline
from shared.notices.notice import Fact, Link, Notice, NoticeKind
from shared.tokens.bindings import TAG_SERVICE_PRINCIPAL, TAG_TENANT_URL, Binding


class Composer:
    """Writes notices; knows the portal's address."""

    def __init__(self, portal_url: str) -> None:
        self.portal = portal_url

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

    def held(self, incident: Incident, why: str, at: datetime) -> Notice:
        """Say that an attempt waits where it stands."""
        headline = "An attempt waits where it stands."
        return self._notice(incident, NoticeKind.FOUND, at, headline=headline, summary=why)

    def needs_you(self, incident: Incident, why: str, next_steps: tuple[str, ...], at: datetime) -> Notice:
        """Say what a person must do."""
        return self._notice(
            incident,
            NoticeKind.NEEDS_YOU,
            at,
            headline=f"{_headline(incident)}." if incident.cause else "The credential in the vault cannot be used.",
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
            summary=(
                "The old credential failed while the new one was on its way; the next cycle has to prove the new one."
                if _ahead(incident)
                else f"{_headline(incident)}: Pratique put that right and now watches for the next cycle."
            ),
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
            headline=(
                "The new credential could not be brought into use."
                if _ahead(incident)
                else "Pratique could not bring this job back."
            ),
            summary=why,
            next_steps=(*next_steps, "Pratique does nothing more on its own until the evidence changes."),
        )

    def arrived(self, incident: Incident, why: str, next_steps: tuple[str, ...], at: datetime) -> Notice:
        """Say that a new version is in the vault where we may not act."""
        headline = "A new credential waits in the vault."
        return self._notice(incident, NoticeKind.FOUND, at, headline=headline, summary=why, next_steps=next_steps)

    def rotated(self, incident: Incident, done: tuple[str, ...], at: datetime) -> Notice:
        """Say that a credential was renewed before it failed, and that this is proven."""
        return self._notice(
            incident,
            NoticeKind.ROTATED,
            at,
            headline="The credential was renewed before it failed.",
            summary=f"{incident.application} uses the new credential, and a cycle that began afterwards ended well.",
            done=done,
        )

    def put_back(self, incident: Incident, done: tuple[str, ...], at: datetime) -> Notice:
        """Say that a new credential did not hold and the one before it is in use again."""
        return self._notice(
            incident,
            NoticeKind.NEEDS_YOU,
            at,
            headline="The new credential was rejected, and the one before it is in use again.",
            summary="The newest version in the vault is not accepted by the target, though it may have passed a test.",
            done=done,
            next_steps=("Make another token at the vendor and store it as a new version of the secret.",),
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
        return provisioning_page(self.portal, incident.service_principal_id, incident.app_id)


def blind(source: str, why: str, permission: str, remedy: str, since: datetime, at: datetime) -> Notice:
    """Say that a source cannot be read, which is never the same as healthy."""
    steps = (remedy,) if remedy else ()
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


def token_steps(binding: Binding | None, service_principal_id: str, *, quarantined: bool = True) -> tuple[str, ...]:
    """Say how a person brings a new token, as far as the binding tells."""
    then = "Pratique tests it, saves it in Entra and lifts the quarantine within a minute."
    if not quarantined:
        then = "Pratique tests it and saves it in Entra within a minute."
    if binding is None:
        return (
            "Make a new SCIM token in the application's own console.",
            (
                f"Store it in Key Vault, in a secret whose version carries the tags {TAG_SERVICE_PRINCIPAL} = "
                f"{service_principal_id} and {TAG_TENANT_URL} = the application's tenant URL."
            ),
            then,
        )
    vendor = binding.known_vendor
    where = "Make a new SCIM token in the application's own console."
    if vendor is not None and vendor.console:
        where = f"{vendor.name}: {vendor.console.rstrip('.')}."
    return (
        where,
        *(vendor.cautions[:1] if vendor is not None else ()),
        f"Store it as a new version of the Key Vault secret {binding.secret_name}; tags are not needed.",
        then,
    )


def _ahead(incident: Incident) -> bool:
    return incident.attempt is not None and incident.attempt.ahead and not incident.cause


def _facts(incident: Incident) -> tuple[Fact, ...]:
    facts = []
    if incident.cause:
        facts.append(Fact("Cause", f"{incident.cause} ({incident.confidence} confidence)"))
    elif incident.open and not _ahead(incident):
        facts.append(Fact("Cause", "unknown"))
    if incident.attempt and (names := incident.attempt.secret_names):
        facts.append(Fact("Secret", names))
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
