"""Each error that is raised on purpose has one status, on every route; anything else stays the host's."""

import json

import azure.functions as func  # noqa: TID251 -- what routes answer is the subject
import pytest

from functions.answers import Handler, answer, problems_answered
from shared.errors import (
    Conflict,
    InvalidSetting,
    LeaseLost,
    MalformedNews,
    MissingPermission,
    NotFound,
    PratiqueError,
    Refused,
    ServiceError,
    Throttled,
    Unavailable,
)
from shared.remediation.on_demand import NoRule, UsedUp
from shared.tokens.vendors import InvalidCatalogue

_ASKED = ("Microsoft Graph", "read the job")
_JOB = {"servicePrincipalId": "sp", "jobId": "job"}


def _raising(error: Exception) -> Handler:
    @problems_answered
    async def route(req: func.HttpRequest) -> func.HttpResponse:
        del req
        raise error

    return route


def _request(route: dict[str, str]) -> func.HttpRequest:
    return func.HttpRequest("GET", "https://x.example/api", route_params=route, body=b"")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MalformedNews("no"), 400),
        (Refused("no"), 403),
        (UsedUp("no"), 409),
        (LeaseLost("no"), 409),
        (NoRule("no"), 409),
        (NotFound(*_ASKED, 404, "", ""), 404),
        (ServiceError(*_ASKED, 400, "", ""), 503),
        (MissingPermission(*_ASKED, 403, "", "", "Mail.Send"), 503),
        (Throttled(*_ASKED, 429, "", None), 503),
        (Unavailable(*_ASKED, None, "", ""), 503),
        (InvalidCatalogue("vendors.json", "", "", "is no list"), 503),
    ],
)
async def test_the_table_of_errors(error: PratiqueError, status: int) -> None:
    """The answer is JSON and holds the error's own sentence."""
    found = await _raising(error)(_request(_JOB))
    assert (found.status_code, found.mimetype) == (status, "application/json")
    assert json.loads(found.get_body()) == {"error": str(error)}


async def test_what_is_missing_is_no_404_where_the_address_names_nothing() -> None:
    """A list that cannot be read whole is blindness."""
    missing = NotFound(*_ASKED, 404, "", "")
    assert (await _raising(missing)(_request({}))).status_code == 503


@pytest.mark.parametrize("error", [InvalidSetting("X", "is wrong"), Conflict("row"), ValueError("a fault of ours")])
async def test_what_nobody_expects_is_left_to_the_host(error: Exception) -> None:
    """500, and the log has it whole."""
    with pytest.raises(type(error)):
        await _raising(error)(_request(_JOB))


async def test_an_answer_passes_as_it_is() -> None:
    """And the function keeps the name and the words by which the host knows it."""

    @problems_answered
    async def route(req: func.HttpRequest) -> func.HttpResponse:
        """Answer."""
        return answer(202, {"a": req.route_params["jobId"]})

    assert (route.__name__, route.__doc__) == ("route", "Answer.")
    found = await route(_request(_JOB))
    assert (found.status_code, found.get_body()) == (202, b'{"a": "job"}')
