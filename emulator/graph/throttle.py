"""How Graph turns an application away that asks too often.

Public source: Graph docs, "Throttling limits"; the reporting endpoints send Retry-After unreliably.
"""

from collections import deque
from datetime import datetime, timedelta

from emulator.clock import Clock
from emulator.graph.calls import GraphError


class Throttle:
    """Admits so many calls in a sliding window; every other refusal says for how long to wait."""

    def __init__(self, clock: Clock, limit: int, window: float) -> None:
        self.refused = 0
        self._clock = clock
        self._limit = limit
        self._window = timedelta(seconds=window)
        self._admitted: deque[datetime] = deque()

    def admit(self) -> None:
        """Count a call, or refuse it with 429."""
        now = self._clock.now()
        while self._admitted and self._admitted[0] + self._window <= now:
            self._admitted.popleft()
        if len(self._admitted) < self._limit:
            self._admitted.append(now)
            return
        self.refused += 1
        wait = self._admitted[0] + self._window - now if self._admitted else self._window
        seconds = max(1, -(-wait // timedelta(seconds=1)))
        headers = {"Retry-After": str(seconds)} if self.refused % 2 else {}
        message = "This request is throttled. Please try again after the value specified in the Retry-After header."
        raise GraphError(429, "TooManyRequests", message, headers)
