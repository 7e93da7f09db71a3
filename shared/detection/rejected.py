"""Where unreadable messages go: the reason and a bounded, redacted copy, so that the host need not retry them."""

import json

from shared.clients.storage import Queue
from shared.clock import Clock
from shared.errors import MalformedNews
from shared.redaction import redact

_COPY_LIMIT = 2000


class Rejected:
    """The `<queue>-rejected` twin of a queue."""

    def __init__(self, queue: Queue, clock: Clock) -> None:
        self._queue = queue
        self._clock = clock

    async def put(self, text: str, reason: MalformedNews) -> None:
        """Keep a rejected message with the reason."""
        record = {
            "at": self._clock.now().isoformat(),
            "reason": str(reason),
            "message": redact(text, limit=_COPY_LIMIT),
        }
        await self._queue.send(json.dumps(record))
