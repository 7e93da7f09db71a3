"""A signal: news that one job may need a look. Nothing in it is believed; Graph is asked."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.detection.moment import read_moment
from shared.errors import MalformedNews

QUEUE = "pratique-signals"
VAULT_EVENTS_QUEUE = "pratique-vault-events"
_VERSION = 1
_LONGEST_ID = 400
_NOT_IN_IDS = frozenset("/\\#?%")  # what would make another address of a Graph path, or no key of a table


class Source(StrEnum):
    """Where news comes from."""

    SWEEP = "sweep"
    AUDIT_LOG = "audit_log"
    ALERT = "alert"
    VAULT = "vault"
    FORECAST = "forecast"
    PERSON = "person"
    DUE = "due"


class News(StrEnum):
    """What the news is about."""

    QUARANTINED = "quarantined"
    RELEASED = "released"
    CREDENTIAL = "credential"
    EXPIRING = "expiring"
    ROTATE = "rotate"
    ASKED = "asked"
    DUE = "due"


@dataclass(frozen=True, slots=True)
class Signal:
    """News about one job; `news_at` is when it happened, not when it was heard."""

    service_principal_id: str
    job_id: str
    source: Source
    news: News
    news_at: datetime

    def to_message(self) -> str:
        """Return the queue message."""
        return json.dumps(
            {
                "v": _VERSION,
                "service_principal_id": self.service_principal_id,
                "job_id": self.job_id,
                "source": self.source,
                "news": self.news,
                "news_at": self.news_at.isoformat(),
            }
        )

    @classmethod
    def from_message(cls, text: str) -> "Signal":
        """Read a queue message.

        Raises:
            MalformedNews: it is no signal of ours; the reason is in the error.
        """
        try:
            raw = json.loads(text)
        except (ValueError, RecursionError) as error:
            message = "the message is not JSON"
            raise MalformedNews(message) from error
        if not isinstance(raw, dict) or raw.get("v") != _VERSION:
            message = f"the message is no signal of version {_VERSION}"
            raise MalformedNews(message)
        try:
            signal = cls(
                service_principal_id=_identifier(raw["service_principal_id"]),
                job_id=_identifier(raw["job_id"]),
                source=Source(raw["source"]),
                news=News(raw["news"]),
                news_at=read_moment(raw["news_at"]),
            )
        except KeyError as error:
            message = f"the signal lacks {error.args[0]}"
            raise MalformedNews(message) from error
        except (TypeError, ValueError) as error:
            message = f"the signal cannot be read: {type(error).__name__}"
            raise MalformedNews(message) from error
        return signal


def _identifier(value: object) -> str:
    if (
        not isinstance(value, str)
        or not value.strip(". ")
        or len(value) > _LONGEST_ID
        or not value.isprintable()
        or not _NOT_IN_IDS.isdisjoint(value)
    ):
        message = "an identifier is empty, too long or has characters that no Graph id has"
        raise MalformedNews(message)
    return value
