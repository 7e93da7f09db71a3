"""Where the worker is killed: around a request to the tenant."""

import asyncio
import re
from dataclasses import dataclass
from enum import StrEnum

from emulator.faults import DropRequest, RecordedRequest
from tests.crash.scene import Scene


class Moment(StrEnum):
    """When, seen from one outbound write, the worker dies."""

    BEFORE = "before-it-is-applied"
    UNANSWERED = "applied-but-not-answered"
    ANSWERED = "at-the-next-request-after-its-answer"


@dataclass(frozen=True, slots=True)
class Write:
    """An outbound write: how to know it among the tenant's requests."""

    name: str
    service: str
    method: str
    path: str
    body: bytes = b""
    after_saving: bool = False

    def matches(self, request: RecordedRequest, scene: Scene) -> bool:
        """Say whether the request is this write."""
        return (
            (request.service, request.method) == (self.service, self.method)
            and re.search(self.path, request.path) is not None
            and self.body in request.body
            and (not self.after_saving or bool(scene.tenant.directory.secret_saves))
        )


_VALIDATE = r"/validateCredentials$"
WRITES = (
    Write("test-what-was-saved-before", "graph", "POST", _VALIDATE, b'"useSavedCredentials": true'),
    Write("test-the-candidate", "graph", "POST", _VALIDATE, b'"useSavedCredentials": false'),
    Write("save", "graph", "PUT", r"/synchronization/secrets$"),
    Write("test-what-is-saved", "graph", "POST", _VALIDATE, b'"useSavedCredentials": true', after_saving=True),
    Write("restart", "graph", "POST", r"/restart$"),
    Write("post-to-teams", "inboxes", "POST", r"^/teams/"),
    Write("send-mail", "graph", "POST", r"/sendMail$"),
)


class KillAt:
    """Kills the scene's worker once, at a moment around a write."""

    def __init__(self, scene: Scene, write: Write, moment: Moment) -> None:
        self.killed = asyncio.Event()
        self._scene, self._write, self._moment = scene, write, moment
        self._answered = False
        scene.tenant.faults.before.append(self._before)
        scene.tenant.faults.after.append(self._after)

    async def _before(self, request: RecordedRequest) -> None:
        if self.killed.is_set() or not _by_the_worker(request):
            return
        matched = self._moment is Moment.BEFORE and self._write.matches(request, self._scene)
        if matched or self._answered:
            self._kill()
            raise DropRequest

    async def _after(self, request: RecordedRequest) -> None:
        if self.killed.is_set() or not self._write.matches(request, self._scene):
            return
        if self._moment is Moment.UNANSWERED:
            self._kill()
        self._answered = self._moment is Moment.ANSWERED

    def _kill(self) -> None:
        self._scene.kill()
        self.killed.set()


def _by_the_worker(request: RecordedRequest) -> bool:
    """Say whether the worker asks: targets are asked for SCIM by Entra, and for tokens by the worker."""
    return not request.service.startswith("target:") or request.path.startswith("/api/")
