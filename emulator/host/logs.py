"""The host's log: one line an event on standard error, with the function on whose behalf it was written."""

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import override

log = logging.getLogger("emulator.host")
# The host asks its queues several times a second: the storage client's note of every request would bury the app's log.
storage_log = logging.getLogger("emulator.host.storage")


class _Line(logging.Formatter):
    def __init__(self, running_function: Callable[[], str | None]) -> None:
        super().__init__()
        self._running_function = running_function

    @override
    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        function = getattr(record, "function", None) or self._running_function() or "host"
        line = " | ".join(part.strip() for part in text.splitlines() if part.strip())
        return f"{time} {record.levelname.lower()} {function} {line}"


def _tells_news(record: logging.LogRecord) -> bool:
    # The worker's account of what it indexed names every binding again for each function: it grows with the square.
    return "Successfully indexed function app" not in record.getMessage()


def start_logging(running_function: Callable[[], str | None]) -> None:
    """Send every record of this process to standard error, and what functions print as well.

    Standard output belongs to the one line that says the host is ready.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line(running_function))
    handler.addFilter(_tells_news)
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    storage_log.setLevel(logging.WARNING)
    sys.stdout = sys.stderr


def about(function: str) -> dict[str, str]:
    """Mark a record of the host's own as being about a function (`extra=`)."""
    return {"function": function}
