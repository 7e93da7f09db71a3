"""`pratique try`: provisions one user on demand and shows, step by step, where it broke; changes the target."""

import sys
from uuid import UUID

from cli.diagnose import find_application, find_jobs
from cli.errors import ExitCode, UsageError
from cli.output import print_json
from cli.product import product
from shared.composition import Pratique
from shared.diagnosis.remedies import remedy
from shared.diagnosis.report import plain
from shared.notices.advice import headline
from shared.remediation.on_demand import Tried, tried_view

_LONGEST = 100


async def try_user(wanted: str, user: str, job_id: str | None, *, yes: bool, as_json: bool) -> int:
    """Ask, provision one user, and print what happened; tell by the exit code whether it went well."""
    async with product() as pratique:
        application = await find_application(pratique, wanted)
        jobs = await find_jobs(pratique, application, job_id)
        if len(jobs) > 1:
            raise UsageError(f"{application.display_name} has {len(jobs)} jobs; name one by --job: {', '.join(jobs)}.")
        pratique.on_demand.allow(application.id)
        user_id = await _object_id(pratique, user)
        if not yes and not _agreed(application.display_name, user):
            sys.stderr.write("Nothing was changed.\n")
            return ExitCode.NEEDS_YOU
        tried = await pratique.on_demand.try_user(application.id, jobs[0], user_id)
    if as_json:
        print_json({"application": application.display_name, "job_id": jobs[0], **tried_view(tried)})
    else:
        sys.stdout.write(_text(application.display_name, tried))
    return ExitCode.FINE if tried.trial.went_well else ExitCode.NEEDS_YOU


async def _object_id(pratique: Pratique, user: str) -> str:
    try:
        return str(UUID(user))
    except ValueError:
        if "@" not in user:
            raise UsageError(f"{user!r} is neither an object id nor a user principal name.") from None
    return await pratique.services.graph.user_id(user)


def _agreed(application: str, user: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("Trying a user changes the target. There is no terminal to ask in: add --yes to agree.")
    sys.stderr.write(f"Provision {plain(user)} in {plain(application)} now? This changes the target. [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().casefold() in ("y", "yes")


def _text(application: str, tried: Tried) -> str:
    trial, broken = tried.trial, tried.trial.broke_at
    lines = [
        f"{_cut(application)}: user {tried.user_id}: {_cut(trial.result or 'no result')} ({_cut(trial.action)})",
        "",
    ]
    for step in trial.steps:
        mark = "x" if step is broken else "+" if step.went_well else "-"
        lines.append(f"  {mark} {_cut(step.name)} ({_cut(step.kind)}): {_cut(step.status)}")
        if not step.went_well:
            lines.append(f"      {_cut(step.description, 300)}")
            lines += [f"      {_cut(name)}: {_cut(value)}" for name, value in step.details]
    if trial.modified:
        lines += ["", "  attribute: value in the target > value from the source"]
        lines += [
            f"  {_cut(one.name)}: {_cut(one.target) or '(empty)'} > {_cut(one.source) or '(empty)'}"
            for one in trial.modified
        ]
    if trial.error_code or trial.message:
        lines += ["", f"  Said: {_cut(trial.error_code)} {_cut(trial.message, 400)}".rstrip()]
    if tried.diagnosis is not None:
        cause = tried.diagnosis.cause
        lines += ["", f"  Cause: {cause} ({tried.diagnosis.confidence} confidence). {headline(cause)}."]
        lines += [f"  {number}. {step.what}" for number, step in enumerate(remedy(cause).steps, 1)]
    return "\n".join(lines) + "\n"


def _cut(text: str, limit: int = _LONGEST) -> str:
    text = " ".join(plain(text).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
