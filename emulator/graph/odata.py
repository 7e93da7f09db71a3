"""The query options that the tenant's Graph understands; every other one is refused as Graph refuses it."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from emulator.graph.calls import GraphError, bad_request

type Resource = dict[str, Any]

_TEXT = r"'((?:[^']|'')*)'"
_ANY_TAG = re.compile(rf"tags/any\((\w+):\s*\1 eq {_TEXT}\)")
_EQUALS = re.compile(rf"(displayName|appId) eq {_TEXT}")
_STARTS_WITH = re.compile(rf"startswith\(displayName,\s*{_TEXT}\)")
_LARGEST_TOP = 999


def refuse_other_options(query: Mapping[str, str], *known: str) -> None:
    """Refuse a query option that the route does not have."""
    for name in query:
        if name not in known:
            raise bad_request(f"The query option '{name}' is not supported.", "Request_UnsupportedQuery")


def filtered(resources: Sequence[Resource], text: str | None) -> list[Resource]:
    """Keep the resources that the `$filter` lets through."""
    if text is None:
        return list(resources)
    keeps = _predicate(text.strip())
    return [resource for resource in resources if keeps(resource)]


def selected(resource: Resource, text: str | None) -> Resource:
    """Keep the properties that the `$select` names."""
    if text is None:
        return resource
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in resource:
            raise bad_request(f"Could not find a property named '{name}' on the type.")
    return {name: resource[name] for name in names}


def page(resources: Sequence[Resource], query: Mapping[str, str], largest: int, url: str) -> dict[str, Any]:
    """Return one page and, unless it is the last, the link to the next one."""
    start = _start(query.get("$skiptoken"))
    stop = start + min(_top(query.get("$top")), largest)
    body: dict[str, Any] = {"value": [selected(one, query.get("$select")) for one in resources[start:stop]]}
    if stop < len(resources):
        options = {**query, "$skiptoken": base64.urlsafe_b64encode(f"from:{stop}".encode()).decode()}
        body["@odata.nextLink"] = f"{url}?" + "&".join(f"{name}={quote(value)}" for name, value in options.items())
    return body


def _predicate(text: str) -> Callable[[Resource], bool]:
    if found := _ANY_TAG.fullmatch(text):
        tag = _unquoted(found[2])
        return lambda resource: tag in resource["tags"]
    if found := _EQUALS.fullmatch(text):
        name, wanted = found[1], _unquoted(found[2]).casefold()
        return lambda resource: resource[name].casefold() == wanted
    if found := _STARTS_WITH.fullmatch(text):
        start = _unquoted(found[1]).casefold()
        return lambda resource: resource["displayName"].casefold().startswith(start)
    raise bad_request(f"Unsupported or invalid query filter clause specified: {text}.", "Request_UnsupportedQuery")


def _unquoted(text: str) -> str:
    return text.replace("''", "'")


def _top(text: str | None) -> int:
    if text is None:
        return _LARGEST_TOP
    if not text.isdecimal() or not 1 <= int(text) <= _LARGEST_TOP:
        raise bad_request(f"Invalid page size specified: '{text}'. Must be between 1 and {_LARGEST_TOP} inclusive.")
    return int(text)


def _start(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token).decode().removeprefix("from:"))
    except (binascii.Error, ValueError) as error:
        raise GraphError(400, "Directory_ExpiredPageToken", "The specified page token value has expired.") from error
