"""The Azure Monitor alert webhook."""

import json
import logging

import azure.functions as func

from functions.worker import pratique
from shared.detection.alert import Ignored
from shared.errors import MalformedNews, ServiceError

alerts = func.Blueprint()
_log = logging.getLogger("pratique.alerts")


@alerts.route(route="alerts", methods=["POST"])
async def azure_monitor_alert(req: func.HttpRequest) -> func.HttpResponse:
    """Hear a log-search alert in the common alert schema; anything else is answered and ignored, or 400."""
    try:
        heard = await pratique().ears.alert(req.get_body())
    except MalformedNews as error:
        _log.warning("rejected an alert: %s", error)
        return answer(400, {"error": str(error)})
    except ServiceError as error:
        # 503 makes Azure Monitor send the alert again
        return answer(503, {"error": str(error)})
    if isinstance(heard, Ignored):
        return answer(200, {"ignored": heard.why})
    return answer(202, {"signals": heard})


def answer(status: int, body: object) -> func.HttpResponse:
    """Return a JSON answer."""
    return func.HttpResponse(json.dumps(body), status_code=status, mimetype="application/json")
