"""`pratique diagnose`: evidence, cause, reasons and remedy of one application's jobs; changes nothing."""

import sys

from cli.errors import ExitCode, UsageError
from cli.output import print_json
from cli.product import product
from cli.reconcile import choose
from shared.composition import Pratique
from shared.diagnosis.report import to_dict, to_markdown, to_text
from shared.jobs.model import ServicePrincipal


async def diagnose(wanted: str, job_id: str | None, *, as_json: bool, as_markdown: bool) -> int:
    """Print the diagnosis of every job, or of one; tell by the exit code whether somebody is needed."""
    async with product() as pratique:
        application = await find_application(pratique, wanted)
        jobs = await find_jobs(pratique, application, job_id)
        found = [await pratique.diagnostician.diagnose(application.id, job) for job in jobs]
    if as_json:
        print_json(
            {
                "application": application.display_name,
                "service_principal_id": application.id,
                "jobs": [to_dict(one) for one in found],
            }
        )
    else:
        pages = (to_markdown(one) if as_markdown else to_text(one) for one in found)
        sys.stdout.write("\n".join(pages))
    return ExitCode.FINE if all(one.well for one in found) else ExitCode.NEEDS_YOU


async def find_application(pratique: Pratique, wanted: str) -> ServicePrincipal:
    """Return the application with this id or display name.

    Raises:
        UsageError: there is none, or more than one.
    """
    found = [one async for one in pratique.services.graph.service_principals()]
    return choose(wanted, found, pratique.settings.reach)


async def find_jobs(pratique: Pratique, application: ServicePrincipal, job_id: str | None) -> list[str]:
    """Return the ids of the application's jobs, or the one that was asked for.

    Raises:
        UsageError: there is no such job.
    """
    jobs = [job.id for job in await pratique.services.graph.jobs(application.id)]
    if job_id is not None and job_id not in jobs:
        raise UsageError(f"{application.display_name} has no job {job_id!r}. Its jobs: {', '.join(jobs) or 'none'}.")
    if not jobs:
        raise UsageError(f"{application.display_name} has no synchronization job.")
    return jobs if job_id is None else [job_id]
