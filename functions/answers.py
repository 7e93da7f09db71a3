"""How every route answers, and what it answers when something goes wrong on purpose."""

import json
from collections.abc import Awaitable, Callable
from functools import wraps

import azure.functions as func

from shared.errors import LeaseLost, MalformedNews, NotFound, PratiqueError, Refused, ServiceError
from shared.tokens.vendors import InvalidCatalogue

type Handler = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


def answer(status: int, body: object) -> func.HttpResponse:
    """Return a JSON answer."""
    return func.HttpResponse(json.dumps(body), status_code=status, mimetype="application/json")


def problems_answered(handler: Handler) -> Handler:
    """Answer the product's own errors with the status that says what the caller can do; others stay the host's."""

    @wraps(handler)
    async def answered(req: func.HttpRequest) -> func.HttpResponse:
        try:
            return await handler(req)
        except PratiqueError as error:
            status = _status_of(error, names_a_job="jobId" in req.route_params)
            if status is None:
                raise
            return answer(status, {"error": str(error)})

    return answered


def _status_of(error: PratiqueError, *, names_a_job: bool) -> int | None:
    """Return the status; a thing that is not there is the caller's mistake only where the address names one."""
    from shared.remediation.on_demand import NoRule, UsedUp  # noqa: PLC0415 -- needed when something is wrong

    match error:
        case MalformedNews():
            return 400
        case UsedUp() | LeaseLost() | NoRule():
            return 409
        case Refused():
            return 403
        case NotFound() if names_a_job:
            return 404
        case ServiceError() | InvalidCatalogue():
            return 503
        case _:
            return None
