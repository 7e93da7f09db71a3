"""What happened, written down as it is seen: credentials and their ends, quarantines, leavers, and where secrets went.

It looks at the tenant from outside, as an omniscient observer; neither the product nor the owners read it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from bench.year.operators import Message, Word
from emulator.doors import credential_in
from emulator.jobs import User
from emulator.web import RecordedRequest

_NEAR = timedelta(days=1)


class Why(StrEnum):
    """Why a job came into quarantine."""

    UNANSWERED = "nobody renewed it in time"
    REVOKED = "revoked before its end"
    FUMBLED = "a wrong credential was stored"
    GRANT = "an administrator's consent ended"
    UNBOUND = "the vault knew nothing of it"
    AVOIDABLE = "it could have been renewed ahead"


@dataclass(slots=True)
class Credential:
    """One credential that opened a target's door; `known` says that its end could be known beforehand."""

    application: str
    value: str = field(repr=False)
    made: datetime
    end: datetime
    known: bool
    revoked: datetime | None = None
    used_from: datetime | None = None
    ended_in_use: bool = False


@dataclass(slots=True)
class Quarantined:
    """One quarantine of one job, and whether Entra disabled the job for it."""

    application: str
    why: Why
    began: datetime
    ended: datetime | None = None
    disabled: bool = False


@dataclass(slots=True)
class Leaver:
    """A person who left and had access."""

    application: str
    user: User
    left: datetime
    gone: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rotation:
    """Another credential came into use; `took` is how long it had lain in the vault."""

    application: str
    at: datetime
    ahead: bool
    took: timedelta | None


class Ledger:
    """Keeps it all for one fleet."""

    def __init__(self) -> None:
        self.credentials: dict[str, Credential] = {}
        """By value."""
        self.quarantines: list[Quarantined] = []
        self.leavers: list[Leaver] = []
        self.rotations: list[Rotation] = []
        self.messages: list[Message] = []
        self.elsewhere: set[tuple[str, str]] = set()
        """Whose secret was seen at which other target."""
        self.secrets_seen = 0
        self._owner_of: dict[str, str] = {}
        self._in_use: dict[str, str] = {}

    def made(self, application: str, value: str, at: datetime, end: datetime, *, known: bool) -> None:
        """Note a new credential."""
        self.credentials[value] = Credential(application, value, at, end, known)
        self.owns(application, value.rpartition(":")[2])

    def owns(self, application: str, secret: str) -> None:
        """Note whose a secret is."""
        self._owner_of[secret] = application

    def revoked(self, application: str, at: datetime) -> None:
        """Note that an application's credential in use was revoked."""
        self.credentials[self._in_use[application]].revoked = at

    def uses(self, application: str, value: str, at: datetime, saved: datetime, arrived: datetime | None) -> None:
        """Note which credential is in effect in Entra, when it was saved there, and when it had come to the vault."""
        before, found = self._in_use.get(application), self.credentials.get(value)
        if value != before:
            self._in_use[application] = value
            if found is not None:
                found.used_from = found.used_from or at
            if before is not None:
                took = saved - arrived if arrived else None
                self.rotations.append(Rotation(application, at, not self._quarantined(application, saved), took))
        if found is not None and found.end <= at and found.revoked is None:
            found.ended_in_use = True

    def in_use(self, application: str) -> Credential:
        """Return the credential that is saved in Entra."""
        return self.credentials[self._in_use[application]]

    def quarantine(self, application: str) -> Quarantined | None:
        """Return the application's open quarantine."""
        return next((one for one in self.quarantines if one.application == application and one.ended is None), None)

    def _quarantined(self, application: str, at: datetime) -> bool:
        mine = (one for one in self.quarantines if one.application == application)
        return any(one.began <= at and (one.ended is None or at <= one.ended) for one in mine)

    def told(self, message: Message) -> None:
        """Note a message that reached an owner."""
        self.messages.append(message)

    def announced(self, credential: Credential) -> bool:
        """Say whether somebody was told of a credential's end before it, with a date right to the day."""
        begin = credential.used_from or credential.made
        return any(
            one.word is Word.ENDING
            and one.application == credential.application
            and begin <= one.at < credential.end
            and one.end is not None
            and abs(one.end - credential.end) <= _NEAR
            for one in self.messages
        )

    def saw(self, requests: Iterable[RecordedRequest]) -> None:
        """Look for every known secret in what targets were sent, and note the ones that are another application's."""
        for request in requests:
            at = request.service.removeprefix("target:")
            for secret in _secrets_in(request, self._owner_of):
                owner = self._owner_of[secret]
                self.secrets_seen += 1
                if owner != at:
                    self.elsewhere.add((owner, at))


def _secrets_in(request: RecordedRequest, known: dict[str, Any]) -> set[str]:
    header = request.headers.get("authorization", "")
    basic = credential_in(header)
    sent = basic.rpartition(":")[2] if basic else header.partition(" ")[2]
    found = {sent} & known.keys()
    body = request.body.decode(errors="replace")
    return found | ({secret for secret in known if secret in body} if body else set())
