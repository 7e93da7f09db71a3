"""Settings: one table in `infra/settings.json`, read from the environment and checked once."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from shared.errors import InvalidSetting
from shared.redaction import SecretValue

TABLE = Path(__file__).parent.parent / "infra" / "settings.json"
_SHORTEST, _LONGEST = timedelta(milliseconds=1), timedelta(days=30)
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SECRET_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")  # Key Vault docs, "About keys, secrets, certificates": object-name
_DIGITS = 3  # what is counted is multiplied by a job's interval, which must stay within the calendar


class Mode(StrEnum):
    """What the product may do about an incident on its own."""

    OBSERVE = "observe"
    ACT = "act"


class Reach(StrEnum):
    """Which applications are watched: all of the tenant, those that the identity owns, or those that are named."""

    TENANT = "tenant"
    OWNED = "owned"
    NAMED = "named"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the settings table."""

    group: str
    name: str
    meaning: str
    default: str
    required: bool
    secret: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, read and checked; times are `timedelta`s."""

    graph_base_url: str
    logs_endpoint: str
    workspace_id: str
    reach: Reach
    applications: tuple[str, ...]
    """Service principal ids where they are named, else empty."""
    identity: str
    """Object id of the service's own identity; empty where nobody said it."""
    key_vault_url: str
    portal_url: str
    storage_connection: SecretValue | None
    queue_service_uri: str
    table_service_uri: str
    teams_webhook_secret: str
    teams_webhook_url: SecretValue | None
    mail_sender: str
    mail_recipients: tuple[str, ...]
    mode: Mode
    acting: bool
    attempts_per_day: int
    patience_intervals: int
    look_again: timedelta
    retry: timedelta
    settle: timedelta
    lease: timedelta
    step: timedelta
    audit_overlap: timedelta
    probe: bool
    probe_private: bool
    failures_days: int
    mint: bool
    rotate_ahead: timedelta
    retire_after: timedelta
    tiers: tuple[int, ...]
    attempts_per_hour: int
    signed_in: bool
    """Whether App Service says that its authentication stands before every request."""
    sign_in_required: bool
    """Whether people may call only where App Service says so."""
    mode_by_application: Mapping[str, Mode] = field(default_factory=dict)
    merge_accepted: frozenset[str] = frozenset()

    def mode_for(self, service_principal_id: str) -> Mode:
        """Return the mode that holds for one application."""
        return self.mode_by_application.get(service_principal_id.lower(), self.mode)

    def accepts_merge(self, service_principal_id: str) -> bool:
        """Say whether an operator accepted merging for this application."""
        return service_principal_id.lower() in self.merge_accepted


def table() -> tuple[Setting, ...]:
    """Read the settings table."""
    rows = json.loads(TABLE.read_text(encoding="utf-8"))["settings"]
    return tuple(
        Setting(
            group=row["group"],
            name=row["name"],
            meaning=row["meaning"],
            default=row.get("default", ""),
            required=row.get("required", False),
            secret=row.get("secret", False),
        )
        for row in rows
    )


def load(environment: Mapping[str, str]) -> Settings:
    """Read all settings from the environment.

    Raises:
        InvalidSetting: one is missing or unreadable; its name is in the message, its value only when it is no secret.
    """
    values: dict[str, str] = {}
    for row in table():
        value = environment.get(row.name, "").strip() or row.default
        if row.required and not value:
            raise InvalidSetting(row.name, f"is required: {row.meaning}")
        values[row.name] = value
    reach, applications = _applications(values["PRATIQUE_APPLICATIONS"])
    settings = Settings(
        graph_base_url=_https(values, "GRAPH_BASE_URL"),
        logs_endpoint=_https(values, "LOGS_ENDPOINT"),
        workspace_id=_workspace("LOG_ANALYTICS_WORKSPACE_ID", values["LOG_ANALYTICS_WORKSPACE_ID"]),
        reach=reach,
        applications=applications,
        identity=_object_id("PRATIQUE_IDENTITY", values["PRATIQUE_IDENTITY"]),
        key_vault_url=_https(values, "KEY_VAULT_URL"),
        portal_url=_https(values, "ENTRA_PORTAL_URL"),
        storage_connection=_secret(values["AzureWebJobsStorage"]),
        queue_service_uri=_https_if_set(values, "AzureWebJobsStorage__queueServiceUri"),
        table_service_uri=_https_if_set(values, "AzureWebJobsStorage__tableServiceUri"),
        teams_webhook_secret=_secret_name("TEAMS_WEBHOOK_SECRET", values["TEAMS_WEBHOOK_SECRET"]),
        teams_webhook_url=_secret_https(values, "TEAMS_WEBHOOK_URL"),
        mail_sender=values["MAIL_SENDER"],
        mail_recipients=_list(values["MAIL_RECIPIENTS"]),
        mode=Mode(_one_of("PRATIQUE_MODE", values["PRATIQUE_MODE"], *Mode)),
        acting=acting(environment),
        attempts_per_day=_number(values, "PRATIQUE_ATTEMPTS_PER_DAY"),
        patience_intervals=_number(values, "PRATIQUE_PATIENCE_INTERVALS"),
        look_again=_seconds(values, "PRATIQUE_LOOK_AGAIN"),
        retry=_seconds(values, "PRATIQUE_RETRY"),
        settle=_seconds(values, "PRATIQUE_SETTLE"),
        lease=_seconds(values, "PRATIQUE_LEASE"),
        step=_seconds(values, "PRATIQUE_STEP"),
        audit_overlap=_seconds(values, "PRATIQUE_AUDIT_OVERLAP"),
        probe=_switch("PRATIQUE_PROBE", values["PRATIQUE_PROBE"]),
        probe_private=_switch("PRATIQUE_PROBE_PRIVATE", values["PRATIQUE_PROBE_PRIVATE"]),
        failures_days=_number(values, "PRATIQUE_FAILURES_DAYS"),
        mint=_switch("PRATIQUE_MINT", values["PRATIQUE_MINT"]),
        rotate_ahead=timedelta(days=_number(values, "PRATIQUE_ROTATE_AHEAD_DAYS")),
        retire_after=timedelta(days=_number(values, "PRATIQUE_RETIRE_AFTER_DAYS")),
        tiers=_tiers(values["PRATIQUE_EXPIRY_TIERS"]),
        attempts_per_hour=_number(values, "PRATIQUE_ATTEMPTS_PER_HOUR"),
        signed_in=values["WEBSITE_AUTH_ENABLED"].lower() == "true",  # any other word is no promise
        sign_in_required=_one_of("PRATIQUE_SIGN_IN", values["PRATIQUE_SIGN_IN"], "off", "required") == "required",
        mode_by_application=_modes(values["PRATIQUE_MODE_BY_APPLICATION"]),
        merge_accepted=frozenset(_object_ids("PRATIQUE_MERGE_ACCEPTED", values["PRATIQUE_MERGE_ACCEPTED"])),
    )
    if settings.step >= settings.lease:
        raise InvalidSetting("PRATIQUE_STEP", "must be shorter than PRATIQUE_LEASE")
    if settings.reach is Reach.OWNED and not settings.identity:
        raise InvalidSetting("PRATIQUE_IDENTITY", "is required where PRATIQUE_APPLICATIONS is owned")
    if not settings.storage_connection and not (settings.queue_service_uri and settings.table_service_uri):
        raise InvalidSetting("AzureWebJobsStorage", "or its __queueServiceUri and __tableServiceUri are required")
    return settings


def acting(environment: Mapping[str, str]) -> bool:
    """Say whether the switch that stops all acting is on.

    Raises:
        InvalidSetting: it is neither `on` nor `off`; callers that are about to act must then not act.
    """
    return _switch("PRATIQUE_ACTING", environment.get("PRATIQUE_ACTING", "").strip() or "on")


def _switch(name: str, text: str) -> bool:
    return _one_of(name, text, "on", "off") == "on"


def _one_of(name: str, text: str, *words: str) -> str:
    value = text.lower()
    if value not in words:
        raise InvalidSetting(name, f"must be {' or '.join(words)}, not {value!r}")
    return value


def _list(text: str) -> tuple[str, ...]:
    return tuple(entry.strip() for entry in text.split(",") if entry.strip())


def _secret(text: str) -> SecretValue | None:
    return SecretValue(text) if text else None


def _https(values: Mapping[str, str], name: str) -> str:
    if not _is_https(values[name]):
        raise InvalidSetting(name, f"must be an https address, not {values[name]!r}")
    return values[name].rstrip("/")


def _https_if_set(values: Mapping[str, str], name: str) -> str:
    return _https(values, name) if values[name] else ""


def _secret_https(values: Mapping[str, str], name: str) -> SecretValue | None:
    if values[name] and not _is_https(values[name]):
        raise InvalidSetting(name, "must be an https address")
    return _secret(values[name])


def _is_https(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _modes(text: str) -> dict[str, Mode]:
    name = "PRATIQUE_MODE_BY_APPLICATION"
    modes: dict[str, Mode] = {}
    for entry in _list(text):
        application, separator, mode = entry.partition("=")
        if not separator:
            raise InvalidSetting(name, f"must be <service principal id>=<mode>, not {entry!r}")
        modes[_object_id(name, application.strip() or entry)] = Mode(_one_of(name, mode.strip(), *Mode))
    return modes


def _applications(text: str) -> tuple[Reach, tuple[str, ...]]:
    name, entries = "PRATIQUE_APPLICATIONS", _list(text)
    for reach in (Reach.TENANT, Reach.OWNED):
        if text.lower() == reach:
            return reach, ()
    if not entries:
        raise InvalidSetting(name, f"must be tenant, owned, or service principal ids, not {text!r}")
    return Reach.NAMED, _object_ids(name, text)


def _object_ids(name: str, text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_object_id(name, entry) for entry in _list(text)))


def _object_id(name: str, text: str) -> str:
    folded = text.lower()
    if folded and not _ID.fullmatch(folded):
        raise InvalidSetting(name, f"must hold object ids, not {text!r}")
    return folded


def _workspace(name: str, text: str) -> str:
    folded = text.lower()
    if folded and not _ID.fullmatch(folded):
        raise InvalidSetting(name, "must be the workspace's id (customer id), not its resource id")
    return folded


def _secret_name(name: str, text: str) -> str:
    """Return the name; what is no name may be the very secret, so it is not repeated."""
    if text and not _SECRET_NAME.fullmatch(text):
        raise InvalidSetting(name, "must be a secret's name: up to 127 letters, digits and hyphens")
    return text


def _number(values: Mapping[str, str], name: str) -> int:
    text = values[name]
    if not text.isdecimal() or len(text) > _DIGITS or int(text) < 1:
        raise InvalidSetting(name, f"must be a whole number from 1 to {10**_DIGITS - 1}, not {text!r}")
    return int(text)


def _tiers(text: str) -> tuple[int, ...]:
    name, entries = "PRATIQUE_EXPIRY_TIERS", _list(text)
    if not entries or not all(entry.isdecimal() and len(entry) <= _DIGITS and int(entry) > 0 for entry in entries):
        raise InvalidSetting(name, f"must be whole numbers of days from 1 to {10**_DIGITS - 1}, not {text!r}")
    return tuple(sorted({int(entry) for entry in entries}, reverse=True))


def _seconds(values: Mapping[str, str], name: str) -> timedelta:
    try:
        seconds = float(values[name])
    except ValueError:
        raise InvalidSetting(name, f"must be a number of seconds, not {values[name]!r}") from None
    if not _SHORTEST.total_seconds() <= seconds <= _LONGEST.total_seconds():
        raise InvalidSetting(name, f"must be from 0.001 to 30 days of seconds, not {values[name]!r}")
    return timedelta(seconds=seconds)
