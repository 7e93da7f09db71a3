"""The Azure Monitor alert webhook: by function key, or by Azure Monitor's own sign-in."""

import logging

import azure.functions as func

from functions.answers import answer
from functions.identity import CallerRole, signed_in_as
from functions.worker import pratique
from shared.detection.alert import Ignored
from shared.errors import MalformedNews, ServiceError

alerts = func.Blueprint()
_log = logging.getLogger("pratique.alerts")


@alerts.route(route="alerts", methods=["POST"])
async def azure_monitor_alert(req: func.HttpRequest) -> func.HttpResponse:
    """Hear a log-search alert in the common alert schema; anything else is answered and ignored, or 400."""
    return await _hear(req)


@alerts.route(route="alerts/secure", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def azure_monitor_secure_alert(req: func.HttpRequest) -> func.HttpResponse:
    """Hear an alert from an action group's secure webhook, which signs in and has no key.

    The host asks for nothing here, so all is refused with 401 unless sign-in is on and the caller is Azure Monitor.
    """
    if not signed_in_as(req, CallerRole.WEBHOOK):
        return answer(401, {"error": f"Sign in as a caller with the role {CallerRole.WEBHOOK}."})
    return await _hear(req)


async def _hear(req: func.HttpRequest) -> func.HttpResponse:
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
