"""Reads an organization's own catalogue file and checks it against `schema.json`; pure but for reading the file.

Every complaint is one sentence of our own: the checking library's messages would repeat what the file contains.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from shared.tokens.vendors.catalogue import InvalidCatalogue

SCHEMA = Path(__file__).parent / "schema.json"
_LARGEST = 1024 * 1024


def own_entries(path: Path) -> dict[str, Any]:
    """Read the entries of a file by key, as JSON that is what the schema says.

    Raises:
        InvalidCatalogue: it cannot be read, is too large, is not JSON, says a thing twice, or breaks the schema.
    """
    raw = _parsed(path)
    for place in _doubled(raw, ()):
        raise InvalidCatalogue(path.name, *_entry_and_field(place), "it stands there twice")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    for error in Draft202012Validator(schema).iter_errors(raw):
        raise _complaint(path.name, error)
    entries: dict[str, Any] = raw["vendors"]
    return entries


class _Object(dict[str, Any]):
    """A JSON object that remembers which member stood in it twice."""

    twice: str | None = None


def _remembering(members: list[tuple[str, Any]]) -> _Object:
    read = _Object()
    for name, value in members:
        if name in read:
            read.twice = name
        read[name] = value
    return read


def _parsed(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST + 1)
    except OSError as error:
        raise InvalidCatalogue(path.name, "", "", f"it cannot be read ({error.strerror})") from None
    if len(raw) > _LARGEST:
        raise InvalidCatalogue(path.name, "", "", f"it is larger than {_LARGEST // 1024} KiB")
    try:
        return json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_remembering)
    except json.JSONDecodeError as error:
        raise InvalidCatalogue(path.name, "", "", f"it is not JSON ({error.msg}, line {error.lineno})") from None
    except (ValueError, RecursionError):
        raise InvalidCatalogue(path.name, "", "", "it is not JSON in UTF-8, or nested too deeply") from None


def _doubled(value: Any, place: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, _Object) and value.twice is not None:
        yield (*place, value.twice)
    inner: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for name, member in inner:
        yield from _doubled(member, (*place, name))


def _entry_and_field(path: Iterable[str | int]) -> tuple[str, str]:
    parts = list(path)
    entry = str(parts[1]) if len(parts) > 1 and parts[0] == "vendors" else ""
    inside = parts[2:] if entry else parts
    return entry, "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in inside).removeprefix(".")


def _complaint(file: str, error: ValidationError) -> InvalidCatalogue:
    rule: Any = error.schema
    wanted: Any = error.validator_value
    value: Any = error.instance
    path = list(error.absolute_path)
    if "propertyNames" in error.absolute_schema_path:
        return InvalidCatalogue(file, value, "", f"its key must be {rule['description']}")
    match error.validator:
        case "required":
            path.append(next(name for name in wanted if name not in value))
            problem = "it is missing"
        case "additionalProperties":
            path.append(next(name for name in value if name not in rule["properties"]))
            problem = "it is no field that the schema knows"
        case "anyOf":
            problem = "it names neither hosts nor gallery"
        case "enum":
            problem = f"it must be one of {', '.join(wanted)}"
        case _:
            problem = f"it must be {rule['description']}"
    return InvalidCatalogue(file, *_entry_and_field(path), problem)
