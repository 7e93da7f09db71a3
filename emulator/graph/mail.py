"""`/users/{id}/sendMail`: hands well-formed messages to the tenant's outbox."""

import json
from collections.abc import Callable
from typing import Any

from emulator.entra import Role
from emulator.graph.calls import Answer, Call, GraphError, Route, bad_request

_CONTENT_TYPES = {"text", "html"}


class Mail:
    """Sends as the tenant's one mailbox that the product may use."""

    def __init__(self, mailbox: str, accept: Callable[[str, bytes], None]) -> None:
        self._mailbox = mailbox
        self._accept = accept

    def routes(self) -> list[Route]:
        """Return what it serves."""
        return [Route("POST", "/users/{user}/sendMail", Role.MAIL, self._send)]

    async def _send(self, call: Call) -> Answer:
        sender = call.params["user"]
        if sender != self._mailbox:
            raise GraphError(404, "ErrorInvalidUser", f"The requested user '{sender}' is invalid.")
        # Parameter names of actions are compared without case: the SDK writes `Message`, the docs `message`.
        payload = call.json()
        parameters = {name.lower(): value for name, value in payload.items()} if isinstance(payload, dict) else {}
        if not {"message"} <= parameters.keys() <= {"message", "savetosentitems"}:
            raise bad_request("The action takes the parameters Message and SaveToSentItems.", "RequestBodyRead")
        problem = _problem(parameters["message"])
        if problem:
            raise bad_request(problem, "ErrorInvalidRequest")
        # The outbox reads the documented spelling; bytes that have it already are kept as they came.
        self._accept(sender, call.raw if "message" in payload else json.dumps(parameters).encode())
        return Answer(202)


def _problem(message: Any) -> str | None:
    if not isinstance(message, dict):
        return "The property 'message' must be an object."
    body, recipients = message.get("body"), message.get("toRecipients")
    if not isinstance(message.get("subject"), str) or not message["subject"]:
        return "The property 'subject' is required."
    if not isinstance(body, dict) or str(body.get("contentType")).lower() not in _CONTENT_TYPES:
        return "The property 'body' needs a contentType of Text or HTML."
    if not isinstance(body.get("content"), str):
        return "The property 'body' needs its content."
    if not isinstance(recipients, list) or not recipients or not all(_is_recipient(one) for one in recipients):
        return "At least one valid recipient is required."
    return None


def _is_recipient(value: Any) -> bool:
    address = value.get("emailAddress", {}).get("address") if isinstance(value, dict) else None
    return isinstance(address, str) and "@" in address
