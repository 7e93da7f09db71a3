"""What a person may ask for by hand."""

import azure.functions as func

from functions.alerts import answer
from functions.worker import pratique
from shared.detection.signal import Signal
from shared.errors import MalformedNews, ServiceError
from shared.overview import incident_view
from shared.remediation.reconcile import Handled

operations = func.Blueprint()
_STATUS = {Handled.LOOKED: 200, Handled.STALE: 200, Handled.BUSY: 202, Handled.UNSEEN: 503, Handled.UNKNOWN: 404}


@operations.route(route="jobs", methods=["GET"])
async def list_jobs(req: func.HttpRequest) -> func.HttpResponse:
    """List every synchronization job with its state, its incident, and which sources are blind."""
    del req
    try:
        jobs = await pratique().overview.jobs()
        sources = await pratique().overview.sources()
    except ServiceError as error:
        return answer(503, {"error": str(error)})
    return answer(
        200,
        {
            "jobs": [view.to_dict() for view in jobs],
            "blind": [{"source": source.name, "why": source.why} for source in sources if source.blind],
        },
    )


@operations.route(route="jobs/{servicePrincipalId}/{jobId}/reconcile", methods=["POST"])
async def reconcile_by_hand(req: func.HttpRequest) -> func.HttpResponse:
    """Look at one job now, within the same mode and limits as ever."""
    asked = pratique().overview.asked(req.route_params["servicePrincipalId"], req.route_params["jobId"])
    try:
        signal = Signal.from_message(asked.to_message())
    except MalformedNews as error:
        return answer(400, {"error": str(error)})
    try:
        report = await pratique().reconciler.reconcile(signal)
    except ServiceError as error:
        return answer(503, {"error": str(error)})
    incident = report.incident
    body = {
        "handled": str(report.handled),
        "actions": list(report.actions),
        "incident": incident_view(incident) if incident and incident.id else None,
        "note": incident.note if incident else "",
    }
    return answer(_STATUS[report.handled], body)
