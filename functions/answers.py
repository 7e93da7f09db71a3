"""How every route answers."""

import json

import azure.functions as func


def answer(status: int, body: object) -> func.HttpResponse:
    """Return a JSON answer."""
    return func.HttpResponse(json.dumps(body), status_code=status, mimetype="application/json")
