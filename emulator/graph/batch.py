"""`/$batch`: up to twenty calls in one request, each authorised and throttled on its own.

Public source: Graph docs, "Combine multiple HTTP requests using JSON batching".
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any

from emulator.graph.calls import Answer, Call, bad_request, only_members

_MOST_PARTS = 20
type Dispatch = Callable[[str, str, bytes], Awaitable[Answer]]


async def run_batch(call: Call, dispatch: Dispatch) -> Answer:
    """Run the parts and answer 200, whatever became of them, in no particular order."""
    parts = call.body("requests").get("requests")
    if not isinstance(parts, list) or not parts:
        raise bad_request("Invalid batch payload format.")
    if len(parts) > _MOST_PARTS:
        raise bad_request(
            f"Number of batch request steps exceeds the maximum value of {_MOST_PARTS}.", "MaximumValueExceeded"
        )
    parts = [_checked(part) for part in parts]
    if len({part["id"] for part in parts}) != len(parts):
        raise bad_request("Request id must be unique within a batch.")
    responses = await asyncio.gather(*(_run(part, dispatch) for part in parts))
    random.shuffle(responses)  # callers must match by id
    return Answer(200, {"responses": responses})


def _checked(value: Any) -> dict[str, Any]:
    part = only_members(value, "batch request step", "id", "method", "url", "headers", "body", "dependsOn")
    if not all(isinstance(part.get(name), str) and part[name] for name in ("id", "method", "url")):
        raise bad_request("A batch request step needs an id, a method and a url.")
    if "://" in part["url"]:
        raise bad_request("The url of a batch request step must be relative.")
    if "dependsOn" in part:
        raise bad_request("Only batches of parallel steps are served by the embedded tenant.")
    return part


async def _run(part: dict[str, Any], dispatch: Dispatch) -> dict[str, Any]:
    headers = {name.lower() for name in part.get("headers") or {}}
    if "body" in part and "content-type" not in headers:
        message = "Write request id : " + part["id"] + " does not contain Content-Type header or body."
        error = {"error": {"code": "BadRequest", "message": message}}
        return {"id": part["id"], "status": 400, "headers": {"Content-Type": "application/json"}, "body": error}
    raw = json.dumps(part["body"]).encode() if "body" in part else b""
    answer = await dispatch(part["method"].upper(), "/" + part["url"].lstrip("/"), raw)
    response: dict[str, Any] = {"id": part["id"], "status": answer.status, "headers": dict(answer.headers)}
    if answer.body is not None:
        response["headers"]["Content-Type"] = "application/json"
        response["body"] = answer.body
    return response
