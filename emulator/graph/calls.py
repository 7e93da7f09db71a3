"""What a Graph route is given and gives back, the same for a request of its own and for a part of a batch."""

import json
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.clock import Clock
from emulator.entra import Role


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a route."""

    method: str
    path: str
    """Below `/v1.0`, decoded."""
    query: Mapping[str, str]
    raw: bytes
    params: Mapping[str, str] = field(default_factory=dict)

    def body(self, *members: str) -> dict[str, Any]:
        """Read the body as a JSON object that has no other members than these."""
        return only_members(self.json(), "request body", *members)

    def json(self) -> Any:
        """Read the body as JSON."""
        try:
            return json.loads(self.raw)
        except ValueError as error:
            raise bad_request(
                "Unable to read JSON request payload. Please ensure Content-Type header is set."
            ) from error


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; without a body it has no content."""

    status: int
    body: dict[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


type Handler = Callable[[Call], Awaitable[Answer]]


class GraphError(Exception):
    """An error that Graph answers with its error object."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def answer(self, clock: Clock) -> Answer:
        """Render the error object."""
        request_id = str(uuid.uuid4())
        inner = {
            "date": clock.now().strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": request_id,
            "client-request-id": request_id,
        }
        body = {"error": {"code": self.code, "message": self.message, "innerError": inner}}
        return Answer(self.status, body, self.headers)


class Route:
    """A method and a path template, the role that it demands, and what serves it."""

    def __init__(self, method: str, template: str, role: Role, handler: Handler) -> None:
        self.method = method
        self.template = template
        self.role = role
        self.handler = handler
        literal = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template.replace("$", r"\$"))
        self._path = re.compile(literal)

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return the path's parameters, or nothing when this is another route."""
        found = self._path.fullmatch(path) if method == self.method else None
        return None if found is None else found.groupdict()


def bad_request(message: str, code: str = "BadRequest") -> GraphError:
    """Return the error for a request that is not understood."""
    return GraphError(400, code, message)


def unknown_value(value: str) -> GraphError:
    """Return what Graph answers to a text that is no member of an enumeration (msgraph-beta-sdk-java issue 372)."""
    return GraphError(500, "InternalError", f"Requested value '{value}' was not found.")


def not_found(identifier: str) -> GraphError:
    """Return the error for a resource that does not exist."""
    message = (
        f"Resource '{identifier}' does not exist or one of its queried reference-property objects are not present."
    )
    return GraphError(404, "Request_ResourceNotFound", message)


def only_members(value: Any, what: str, *members: str) -> dict[str, Any]:
    """Return the object, refusing anything else and members that the type does not have."""
    if not isinstance(value, dict):
        raise bad_request(f"The {what} is not an object.")
    unknown = [name for name in value if name not in members]
    if unknown:
        raise bad_request(f"The property '{unknown[0]}' does not exist on the {what}.")
    return value
