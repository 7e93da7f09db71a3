"""Reads and checks host.json, and fills app settings into the places that name them (`%NAME%`)."""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from emulator.host.errors import HostError

_TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2}(?:\.\d{1,7})?))?")
_SETTING = re.compile(r"%([^%]+)%")
_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}
_QUEUE_KEYS = {
    "messageEncoding",
    "visibilityTimeout",
    "maxDequeueCount",
    "batchSize",
    "newBatchThreshold",
    "maxPollingInterval",
}


class MessageEncoding(StrEnum):
    """How the text of a queue message stands for its content."""

    NONE = "none"
    BASE64 = "base64"


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """host.json's `extensions.queues`, with the defaults of the Storage queues extension 5.x."""

    encoding: MessageEncoding
    visibility_timeout: timedelta
    max_dequeue_count: int
    batch_size: int
    new_batch_threshold: int
    max_polling_interval: timedelta


@dataclass(frozen=True, slots=True)
class HostOptions:
    """What this host takes from host.json."""

    route_prefix: str
    queues: QueueOptions
    log_level: int


def read_host_json(app_dir: Path) -> HostOptions:
    """Read an app's host.json, refusing what the Functions host would refuse or silently take for something else."""
    path = app_dir / "host.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HostError(f"{path} does not exist: an app needs one, at least {{'version': '2.0'}}") from None
    except ValueError as error:
        raise HostError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict) or content.get("version") != "2.0":
        raise HostError(f"{path}: 'version' must be '2.0'")
    return HostOptions(
        route_prefix=str(_at(content, "extensions", "http").get("routePrefix", "api")).strip("/"),
        queues=_queue_options(_at(content, "extensions", "queues")),
        log_level=_log_level(_at(content, "logging", "logLevel").get("default", "Information")),
    )


def resolve(text: str, settings: Mapping[str, str], where: str) -> str:
    """Replace every `%NAME%` by the app setting of that name."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in settings:
            raise HostError(f"{where} names the app setting {match[1]}, which is not set")
        return settings[match[1]]

    return _SETTING.sub(value, text)


def is_time_span(text: str) -> bool:
    """Say whether a text has the form `[d.]hh:mm[:ss[.fffffff]]`."""
    return _TIME_SPAN.fullmatch(text) is not None


def time_span(text: Any, where: str) -> timedelta:
    """Read a .NET TimeSpan as host.json and timer schedules write them."""
    match = _TIME_SPAN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise HostError(f"{where}: {text!r} is not a time span such as '00:00:30'")
    days, hours, minutes, seconds = int(match[1] or 0), int(match[2]), int(match[3]), float(match[4] or 0)
    if hours > 23 or minutes > 59 or seconds >= 60:
        raise HostError(
            f"{where}: {text!r} has more than 23 hours, 59 minutes or 59 seconds (days are written 'd.hh:mm:ss')"
        )
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _at(content: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for key in path:
        content = content.get(key, {})
        if not isinstance(content, dict):
            raise HostError(f"host.json: '{'.'.join(path)}' is not an object")
    return content


def _queue_options(queues: Mapping[str, Any]) -> QueueOptions:
    if unknown := sorted(set(queues) - _QUEUE_KEYS):
        raise HostError(f"host.json: extensions.queues has unknown settings: {', '.join(unknown)}")
    where = "host.json: extensions.queues."
    encoding = str(queues.get("messageEncoding", "base64")).lower()
    if encoding not in set(MessageEncoding):
        raise HostError(f"{where}messageEncoding: {encoding!r} is neither 'base64' nor 'none'")
    batch_size = _integer(queues, "batchSize", default=16, least=1, most=32)
    polling = time_span(queues.get("maxPollingInterval", "00:01:00"), where + "maxPollingInterval")
    if polling < timedelta(milliseconds=100):
        raise HostError(f"{where}maxPollingInterval: must be at least 00:00:00.100")
    return QueueOptions(
        encoding=MessageEncoding(encoding),
        visibility_timeout=time_span(queues.get("visibilityTimeout", "00:00:00"), where + "visibilityTimeout"),
        max_dequeue_count=_integer(queues, "maxDequeueCount", default=5, least=1, most=None),
        batch_size=batch_size,
        new_batch_threshold=_integer(queues, "newBatchThreshold", default=batch_size // 2, least=0, most=None),
        max_polling_interval=polling,
    )


def _integer(queues: Mapping[str, Any], key: str, *, default: int, least: int, most: int | None) -> int:
    value = queues.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise HostError(f"host.json: extensions.queues.{key}: {value!r} is not a whole number {bounds}")
    return value


def _log_level(name: Any) -> int:
    level = _LEVELS.get(str(name).lower())
    if level is None:
        raise HostError(f"host.json: logging.logLevel.default: {name!r} is none of {', '.join(_LEVELS)}")
    return level
