"""What the demo has to show as one JSON document."""

from datetime import datetime
from typing import Any

from cli.demo.records import Record, Records
from cli.demo.story_says import name_of
from emulator.story import Story


def document(story: Story, records: Records, token_came_at: datetime | None) -> dict[str, Any]:
    """Return the document; healthy applications have no incident and do not stand in it."""
    directory, inboxes = story.tenant.directory, story.tenant.inboxes
    told_of = [(one, records.by_job[one.job.id]) for one in story.applications if one.job.id in records.by_job]
    return {
        "incidents": [
            {
                "app": name_of(application),
                "service_principal_id": application.service_principal.id,
                "job_id": application.job.id,
                "cause": record.incident.cause,
                "actions": [entry.action for entry in record.acts],
                "outcome": record.outcome,
                "seconds_to_action": seconds_to_action(record, token_came_at),
            }
            for application, record in told_of
        ],
        "restarts": [{"job_id": restart.job_id, "body": restart.body} for restart in directory.restarts],
        "widened_restarts": sum(restart.widened for restart in directory.restarts),
        "secrets_saved": [
            {"service_principal_id": save.service_principal_id, "keys": list(save.keys)}
            for save in directory.secret_saves
        ],
        "notices": {"teams": len(inboxes.teams), "mail": len(inboxes.mails)},
        "sources_heard": list(records.sources_heard),
    }


def seconds_to_action(record: Record, token_came_at: datetime | None) -> float | None:
    """Return the seconds from the news that made acting possible, the vault's new version, to the first action."""
    if not record.acts or token_came_at is None:
        return None
    return round((record.acts[0].at - token_came_at).total_seconds(), 1)
