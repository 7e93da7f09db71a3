"""What the story says must come of each application, and what differs from it.

The product's rows say what it believes. The tenant says what happened: which restarts and saves it received, what is
in effect, what its jobs and targets are like now, what arrived in the inboxes. Both must agree with the story.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cli.demo.records import Record, Records
from cli.notices import cards, mails
from emulator.directory import Restart
from emulator.story import CONTOSO_INTRANET, DRUVA, DRUVA_SECRET, HEALTHY, LEGACY_HR, MIRO, WORKPLACE, Story
from emulator.tenant import Application

QUARANTINE_ONLY = {"criteria": {"resetScope": "QuarantineState"}}
SOURCES = ("alert", "audit_log", "sweep", "vault")


@dataclass(frozen=True, slots=True)
class Fate:
    """What must come of an application: its cause, its outcome, Entra's reason in the end, and its notices in order."""

    cause: str
    outcome: str
    reason: str
    labels: tuple[str, ...]


_ASKED = ("Needs you",)
FATES: Mapping[str, Fate] = {
    DRUVA: Fate("invalid_credentials", "recovered", "", ("Needs you", "Acted", "Recovered")),
    MIRO: Fate("invalid_credentials", "needs_person", "EncounteredQuarantineException", _ASKED),
    CONTOSO_INTRANET: Fate("scim_noncompliance", "needs_person", "EncounteredQuarantineException", _ASKED),
    WORKPLACE: Fate("accidental_deletion", "needs_person", "TooManyDeletes", _ASKED),
    LEGACY_HR: Fate("on_demand_quarantine", "needs_person", "QuarantinedOnDemand", _ASKED),
}


@dataclass(frozen=True, slots=True)
class Beginning:
    """The tenant before anything befell it: every application's saved settings."""

    settings: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, story: Story) -> "Beginning":
        """Remember a story's beginning."""
        saved = story.tenant.directory.secrets
        return cls({name_of(one): dict(saved.effective(one.service_principal.id)) for one in story.applications})

    def tokens(self) -> set[str]:
        """Return the secret tokens that were in use."""
        return {settings["SecretToken"] for settings in self.settings.values()}


def name_of(application: Application) -> str:
    """Return an application's display name."""
    return application.service_principal.display_name


def differences(story: Story, beginning: Beginning, records: Records) -> list[str]:
    """Say in one sentence each what is not as the story says; nothing when all is."""
    found: list[str] = []
    for application in story.applications:
        name = name_of(application)
        record = records.by_job.get(application.job.id)
        fate = FATES.get(name)
        found += [f"{name}: {text}" for text in _about(application, fate, record)]
        found += [f"{name}: {text}" for text in _told(story, name, fate.labels if fate else ())]
        found += [f"{name}: {text}" for text in _settings(story, application, beginning.settings[name])]
    found += _changes(story)
    found += [f"No news was heard through {name}." for name in SOURCES if name not in records.sources_heard]
    known = set(FATES) | set(HEALTHY)
    strays = [
        told for told, _ in (*cards(story.tenant.inboxes), *mails(story.tenant.inboxes)) if told.subject not in known
    ]
    found += [f"People were also told: {told.label}: {told.subject}." for told in strays]
    found += [f"The tenant does not serve {request}." for request in story.tenant.unserved]
    return found


def _about(application: Application, fate: Fate | None, record: Record | None) -> Iterator[str]:
    """Compare the product's row and the job's own state with the fate."""
    job, reason = application.job, application.job.quarantine.reason if application.job.quarantine else ""
    if fate is None:
        if record is not None:
            yield f"is healthy, but has an incident ({record.outcome})."
        if reason:
            yield f"is healthy in the story, but is quarantined ({reason})."
        return
    if record is None:
        yield "has no incident."
    else:
        if record.outcome != fate.outcome:
            note = f" ({record.incident.note})" if record.incident.note else ""
            yield f"the outcome is {record.outcome}, not {fate.outcome}{note}."
        if record.incident.cause != fate.cause:
            yield f"the cause is {record.incident.cause or 'not named'}, not {fate.cause}."
        if record.acts and fate.outcome != "recovered":
            yield f"was acted on: {', '.join(entry.action for entry in record.acts)}."
    if reason != fate.reason:
        yield f"Entra's quarantine reason is {reason or 'none'}, not {fate.reason or 'none'}."
    if not fate.reason and (job.last is None or job.last.state != "Succeeded"):
        yield "its last cycle did not succeed."


def _told(story: Story, name: str, labels: tuple[str, ...]) -> Iterator[str]:
    inboxes = story.tenant.inboxes
    for channel, notices in (("cards", cards(inboxes)), ("mails", mails(inboxes))):
        got = tuple(told.label for told, _ in notices if told.subject == name)
        if got != labels:
            yield f"the {channel} said {', '.join(got) or 'nothing'}, not {', '.join(labels) or 'nothing'}."


def _settings(story: Story, application: Application, before: Mapping[str, str]) -> Iterator[str]:
    """Nothing that is saved may have changed, but for Druva's token, which must be the vault's."""
    now = story.tenant.directory.secrets.effective(application.service_principal.id)
    wanted = dict(before)
    if application is story.druva:
        wanted["SecretToken"] = story.tenant.vault.value(DRUVA_SECRET)
        if wanted["SecretToken"] == before["SecretToken"]:
            yield "the vault has no new token."
    for key in sorted(wanted.keys() | now.keys()):
        if wanted.get(key) != now.get(key):
            yield f"the saved setting {key} is not what it should be."
    if application is story.workplace and any(user.get("active") is False for user in application.target.users()):
        yield "users were disabled at the target."


def _changes(story: Story) -> Iterator[str]:
    directory, druva = story.tenant.directory, story.druva
    saves = [save.service_principal_id for save in directory.secret_saves]
    if saves != [druva.service_principal.id]:
        yield f"Druva: credentials were saved {saves.count(druva.service_principal.id)} times, not once."
        others = len(saves) - saves.count(druva.service_principal.id)
        if others:
            yield f"Credentials of other applications were saved {others} times."
    right = [restart for restart in directory.restarts if _is_right(restart, druva.job.id)]
    if len(right) != 1:
        yield f"Druva: the job was restarted {len(right)} times with the quarantine as its only scope, not once."
    for restart in directory.restarts:
        if not _is_right(restart, druva.job.id):
            yield f"The job {restart.job_id} was restarted with {restart.body} (HTTP {restart.status})."


def _is_right(restart: Restart, job_id: str) -> bool:
    accepted = restart.status < 300 and not restart.widened
    return accepted and restart.job_id == job_id and restart.body == QUARANTINE_ONLY
