"""What people would have been sent: a Teams Workflows webhook and a mail outbox that keep what they got.

Source: "Create incoming webhooks with Workflows for Microsoft Teams" and "Adaptive Card in an incoming webhook" (Teams
docs): the envelope, and the limit of 28 KB for a message.
"""

import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from emulator.clock import Clock

TEAMS_LIMIT = 28 * 1024
_CARD_TYPE = "application/vnd.microsoft.card.adaptive"


@dataclass(frozen=True, slots=True)
class TeamsPost:
    """A card that arrived: the envelope as JSON and as the bytes that were sent."""

    at: datetime
    body: dict[str, Any]
    raw: bytes


@dataclass(frozen=True, slots=True)
class SentMail:
    """A mail that was accepted for sending: Graph's `message`, and the bytes of the whole request."""

    at: datetime
    sender: str
    message: dict[str, Any]
    raw: bytes


class Inboxes:
    """Keeps every card and mail in the order of arrival."""

    name = "inboxes"

    def __init__(self, clock: Clock) -> None:
        self.origin = ""
        self.teams: list[TeamsPost] = []
        self.mails: list[SentMail] = []
        self._clock = clock
        self._workflow = secrets.token_hex(16)
        self._signature = secrets.token_urlsafe(32)

    @property
    def teams_url(self) -> str:
        """The webhook's address; whoever has it may post, so it is a secret."""
        return f"{self.origin}/teams/workflows/{self._workflow}?api-version=2016-06-01&sv=1.0&sig={self._signature}"

    def accept_mail(self, sender: str, raw: bytes) -> None:
        """Keep a mail from the body of a sendMail request; Graph's handler has judged its shape."""
        self.mails.append(SentMail(self._clock.now(), sender, json.loads(raw)["message"], raw))

    def routes(self) -> list[web.AbstractRouteDef]:
        """Serve the webhook; mail comes in through Graph."""
        return [web.post("/teams/workflows/{workflow}", self._post)]

    async def _post(self, request: web.Request) -> web.Response:
        if not hmac.compare_digest(request.query.get("sig", "").encode(), self._signature.encode()):
            return _error(401, "AuthorizationFailed", "The signature of the request is missing or wrong.")
        if request.match_info["workflow"] != self._workflow:
            return _error(404, "WorkflowNotFound", "The workflow could not be found.")
        raw = await request.read()
        if len(raw) > TEAMS_LIMIT:
            return _error(
                413, "RequestEntityTooLarge", f"The message has {len(raw)} bytes; the limit is {TEAMS_LIMIT}."
            )
        if request.content_type != "application/json":
            return _error(400, "InvalidRequestContent", "The content type must be application/json.")
        try:
            body = json.loads(raw)
        except ValueError:
            return _error(400, "InvalidRequestContent", "The body is not JSON.")
        complaint = _complaint(body)
        if complaint:
            return _error(400, "InvalidRequestContent", complaint)
        self.teams.append(TeamsPost(self._clock.now(), body, raw))
        return web.Response(status=202)


def _complaint(body: Any) -> str:
    """Say what keeps a body from being a message with Adaptive Cards; nothing if it is one."""
    if not isinstance(body, dict) or body.get("type") != "message":
        return 'The body must be an object of type "message".'
    attachments = body.get("attachments")
    if not isinstance(attachments, list) or not attachments:
        return "There must be at least one attachment."
    for attachment in attachments:
        if not isinstance(attachment, dict) or attachment.get("contentType") != _CARD_TYPE:
            return f"Each attachment must have the content type {_CARD_TYPE}."
        card = attachment.get("content")
        if not isinstance(card, dict) or card.get("type") != "AdaptiveCard":
            return "Each attachment's content must be an AdaptiveCard object."
        if not isinstance(card.get("version"), str) or not isinstance(card.get("body"), list):
            return "An AdaptiveCard must have a version and a body."
    return ""


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
