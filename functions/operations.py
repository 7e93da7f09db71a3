"""What a person may ask for by hand."""

import json
from typing import Any
from uuid import UUID

import azure.functions as func

from functions.answers import answer, problems_answered
from functions.identity import operators_only
from functions.worker import pratique
from shared.detection.signal import Signal
from shared.errors import MalformedNews
from shared.overview import incident_view
from shared.remediation.reconcile import Handled, Report
from shared.remediation.watched import not_watched, require_watched

operations = func.Blueprint()
_STATUS = {
    Handled.LOOKED: 200,
    Handled.STALE: 200,
    Handled.BUSY: 202,
    Handled.UNSEEN: 503,
    Handled.UNKNOWN: 404,
    Handled.UNWATCHED: 403,
}


@operations.route(route="jobs", methods=["GET"])
@operators_only
@problems_answered
async def list_jobs(req: func.HttpRequest) -> func.HttpResponse:
    """List every synchronization job with its state, its incident, and which sources are blind."""
    del req
    jobs = await pratique().overview.jobs()
    sources = await pratique().overview.sources()
    return answer(
        200,
        {
            "jobs": [view.to_dict() for view in jobs],
            "blind": [{"source": source.name, "why": source.why} for source in sources if source.blind],
        },
    )


@operations.route(route="tokens", methods=["GET"])
@operators_only
@problems_answered
async def list_tokens(req: func.HttpRequest) -> func.HttpResponse:
    """List every credential with its end and what is wrong with its keeping; 503 when not all could be read."""
    del req
    stock = await pratique().inventory.read()
    return answer(200, stock.to_dict())


@operations.route(route="doctor", methods=["GET"])
@operators_only
async def doctor(req: func.HttpRequest) -> func.HttpResponse:
    """Say what is missing for the service to do its work, seen with its own identity; sends nothing."""
    from shared.doctor.found import whole  # noqa: PLC0415 -- a cold start that only looks needs none of it
    from shared.doctor.mend import Names  # noqa: PLC0415

    del req
    return answer(200, whole(await pratique().doctor.examine(Names.of(pratique().settings, {}))))


@operations.route(route="jobs/{servicePrincipalId}/{jobId}/reconcile", methods=["POST"])
@operators_only
@problems_answered
async def reconcile_by_hand(req: func.HttpRequest) -> func.HttpResponse:
    """Look at one job now, within the same mode and limits as ever."""
    signal = _asked(req)
    return _answer(await pratique().reconciler.reconcile(signal), signal.service_principal_id)


@operations.route(route="jobs/{servicePrincipalId}/{jobId}/rotate", methods=["POST"])
@operators_only
@problems_answered
async def rotate_by_hand(req: func.HttpRequest) -> func.HttpResponse:
    """Give Entra the newest credential from the vault, within mode and limits; `{"dry_run": true}` only says how.

    While somebody else holds the application the answer is 409, and the rotation is kept for when it is free.
    """
    from shared.remediation.by_hand import require_acting, rotation  # noqa: PLC0415 -- as for a diagnosis
    from shared.remediation.rehearsal import rehearse  # noqa: PLC0415

    services, ids = pratique().services, _job_ids(req)
    if _dry_run(req):
        return answer(200, {"steps": [step.to_dict() for step in await rehearse(services, *ids)]})
    require_acting(services, ids[0])
    report = await pratique().reconciler.reconcile(rotation(services, *ids))
    if report.handled is Handled.BUSY:
        later = "Somebody else acts on this application now; the rotation is kept and done when it is free."
        return answer(409, {**_view(report), "error": later})
    return _answer(report, ids[0])


@operations.route(route="jobs/{servicePrincipalId}/{jobId}/diagnosis", methods=["GET"])
@operators_only
@problems_answered
async def diagnosis(req: func.HttpRequest) -> func.HttpResponse:
    """Diagnose one job: JSON, or Markdown with `?format=markdown`. Changes nothing."""
    from shared.diagnosis import report  # noqa: PLC0415 -- a cold start that only looks needs no remedies

    wanted = req.params.get("format", "json").lower()
    if wanted not in ("json", "markdown"):
        return answer(400, {"error": "format must be json or markdown"})
    ids = _job_ids(req)
    await require_watched(pratique().services, ids[0])
    findings = await pratique().diagnostician.diagnose(*ids)
    if wanted == "markdown":
        return func.HttpResponse(report.to_markdown(findings), mimetype="text/markdown", charset="utf-8")
    return answer(200, report.to_dict(findings))


@operations.route(route="jobs/{servicePrincipalId}/{jobId}/try", methods=["POST"])
@operators_only
@problems_answered
async def try_user(req: func.HttpRequest) -> func.HttpResponse:
    """Provision one user on demand, within mode and limits; the body is `{"user": "<object id>"}`."""
    from shared.remediation.on_demand import tried_view  # noqa: PLC0415 -- as above

    tried = await pratique().on_demand.try_user(*_job_ids(req), _user(req))
    return answer(200, tried_view(tried))


def _answer(report: Report, service_principal_id: str) -> func.HttpResponse:
    view = _view(report)
    if report.handled is Handled.UNWATCHED:
        view["error"] = not_watched(pratique().services, service_principal_id)
    return answer(_STATUS[report.handled], view)


def _view(report: Report) -> dict[str, Any]:
    incident = report.incident
    return {
        "handled": str(report.handled),
        "actions": list(report.actions),
        "incident": incident_view(incident) if incident and incident.id else None,
        "note": incident.note if incident else "",
    }


def _asked(req: func.HttpRequest) -> Signal:
    """Return the signal of the job in the address, checked as any signal is."""
    asked = pratique().overview.asked(req.route_params["servicePrincipalId"], req.route_params["jobId"])
    return Signal.from_message(asked.to_message())


def _job_ids(req: func.HttpRequest) -> tuple[str, str]:
    signal = _asked(req)
    return signal.service_principal_id, signal.job_id


def _user(req: func.HttpRequest) -> str:
    try:
        user = json.loads(req.get_body())["user"]
        return str(UUID(user))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise MalformedNews('the body must be {"user": "<object id of the user>"}') from error


def _dry_run(req: func.HttpRequest) -> bool:
    """Return what the body says; one that is empty says nothing, and so does `{}`."""
    problem = 'the body must be empty, {} or {"dry_run": true}'
    body = req.get_body()
    try:
        asked = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError) as error:
        raise MalformedNews(problem) from error
    if not isinstance(asked, dict) or set(asked) - {"dry_run"} or not isinstance(asked.get("dry_run", False), bool):
        raise MalformedNews(problem)
    return bool(asked.get("dry_run", False))
