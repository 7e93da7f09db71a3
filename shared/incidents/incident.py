"""The incident: one quarantine of one job from first sight to proven recovery, as a table row."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from shared.notices.notice import Notice
from shared.tokens.bindings import SecretRef

SCHEMA = 2


class IncidentState(StrEnum):
    """Where an incident stands; a row without an incident is `CLEAR`.

    `LIFTED` and `WATCHING` wait for the same proof, after a quarantine and after a rotation ahead of time.
    """

    CLEAR = "clear"
    WAITING = "waiting"
    NEEDS_PERSON = "needs_person"
    ACTING = "acting"
    LIFTED = "lifted"
    WATCHING = "watching"
    GAVE_UP = "gave_up"
    RECOVERED = "recovered"
    UNRECOGNISED = ""


class AttemptStep(StrEnum):
    """The steps of an attempt, in order; the step in the row was recorded before it was done."""

    OBTAIN = "obtain"
    SAVE = "save"
    READ_BACK = "read_back"
    TEST_SAVED = "test_saved"
    LIFT = "lift"
    WATCH = "watch"
    UNRECOGNISED = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One save with its restart, or a restart alone (`saving` is then empty); resuming it is the same attempt.

    `previous` is what an undo would put back. `ahead` says that no quarantine caused it, `mint_sent` that a vendor may
    have made a token already. `settings_before` maps each credential key that was there to a digest of its readable
    value, or `*` when masked.
    """

    id: str
    began: datetime
    step: AttemptStep
    saving: tuple[SecretRef, ...] = ()
    previous: tuple[SecretRef, ...] = ()
    settings_before: Mapping[str, str] = field(default_factory=dict)
    ahead: bool = False
    undoing: bool = False
    mint_sent: bool = False
    arrived_at: datetime | None = None
    saved_at: datetime | None = None
    acted_at: datetime | None = None
    tries: int = 0

    @property
    def secret_names(self) -> str:
        """Name the secrets whose versions are saved."""
        return ", ".join(ref.secret_name for ref in self.saving)


@dataclass(frozen=True, slots=True)
class Untold:
    """A notice that some channels have not got yet."""

    notice: Notice
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Incident:
    """The row of one job; the row stays when the incident ends, so that old news is known to be old."""

    service_principal_id: str
    job_id: str
    application: str = ""
    app_id: str = ""
    id: str = ""
    state: IncidentState = IncidentState.CLEAR
    cause: str = ""
    confidence: str = ""
    reason: str = ""
    error_code: str = ""
    said: str = ""
    note: str = ""
    opened_at: datetime | None = None
    series_began: datetime | None = None
    quarantined_at: datetime | None = None
    looked_at: datetime | None = None
    next_look_at: datetime | None = None
    closed_at: datetime | None = None
    wanted: str = ""
    """What still waits for a look that can be finished: a version that arrived, or a rotation that was asked for."""
    attempt: Attempt | None = None
    told: tuple[str, ...] = ()
    untold: tuple[Untold, ...] = ()

    @property
    def open(self) -> bool:
        """Say whether the incident still needs somebody's eye."""
        return self.state not in (IncidentState.CLEAR, IncidentState.RECOVERED)

    @property
    def recognised(self) -> bool:
        """Say whether this release knows the row's words; one that another release wrote must not be written over."""
        step = self.attempt.step if self.attempt else AttemptStep.WATCH
        return self.state is not IncidentState.UNRECOGNISED and step is not AttemptStep.UNRECOGNISED

    @property
    def watching(self) -> bool:
        """Say whether our action is done and only its proof is missing."""
        return self.state in (IncidentState.LIFTED, IncidentState.WATCHING)

    @property
    def in_attempt(self) -> bool:
        """Say whether an attempt stands between its first recorded step and the watching."""
        return self.attempt is not None and self.attempt.step is not AttemptStep.WATCH

    def with_attempt(self, **changes: Any) -> "Incident":
        """Return the incident with its attempt changed."""
        if self.attempt is None:
            message = "there is no attempt to change"
            raise ValueError(message)
        return replace(self, attempt=replace(self.attempt, **changes))

    def to_row(self) -> dict[str, Any]:
        """Return the table row's values."""
        values: dict[str, Any] = {"schema": SCHEMA}
        for item in fields(self):
            value = getattr(self, item.name)
            if value is not None:
                values[item.name] = str(value) if isinstance(value, StrEnum) else value
        values["attempt"] = json.dumps(asdict(self.attempt), default=_plain) if self.attempt else ""
        values["told"] = json.dumps(self.told)
        values["untold"] = json.dumps([{"notice": u.notice.to_dict(), "channels": u.channels} for u in self.untold])
        return values

    @classmethod
    def from_row(cls, values: Mapping[str, Any]) -> "Incident":
        """Read a table row; a state, or a later schema, that this release does not know reads as `UNRECOGNISED`."""
        known = {item.name for item in fields(cls)}
        read: dict[str, Any] = {name: value for name, value in values.items() if name in known}
        for name, value in read.items():
            if isinstance(value, datetime):
                read[name] = datetime.fromtimestamp(value.timestamp(), UTC)
        later = int(values.get("schema", SCHEMA)) > SCHEMA
        read["state"] = IncidentState.UNRECOGNISED if later else _state(str(values.get("state", "")))
        read["attempt"] = _read_attempt(str(values.get("attempt", "")))
        read["told"] = tuple(json.loads(values.get("told") or "[]"))
        read["untold"] = tuple(
            Untold(Notice.from_dict(entry["notice"]), tuple(entry["channels"]))
            for entry in json.loads(values.get("untold") or "[]")
        )
        return cls(**read)


def _state(text: str) -> IncidentState:
    try:
        return IncidentState(text)
    except ValueError:
        return IncidentState.UNRECOGNISED


def _read_attempt(text: str) -> Attempt | None:
    if not text:
        return None
    raw = json.loads(text)
    if "secret_name" in raw:  # written by a release that knew one secret an application
        one = {"secret_name": raw["secret_name"], "credential_key": raw["credential_key"]}
        raw["saving"] = [{**one, "version": raw["secret_version"]}] if raw["secret_name"] else []
    known = {item.name for item in fields(Attempt)}
    read = {name: value for name, value in raw.items() if name in known}
    read["step"] = next((step for step in AttemptStep if step == raw["step"]), AttemptStep.UNRECOGNISED)
    for name in ("saving", "previous"):
        read[name] = tuple(SecretRef(**ref) for ref in raw.get(name, ()))
    for name in ("began", "acted_at", "arrived_at", "saved_at"):
        read[name] = datetime.fromisoformat(raw[name]) if raw.get(name) else None
    return Attempt(**read)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    message = f"{type(value).__name__} does not belong in a row"
    raise TypeError(message)
