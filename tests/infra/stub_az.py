"""Stands in for the Azure CLI: answers the few calls of the permission script from a table, and keeps what is posted.

Only the cloud is stood in for. It knows exactly the addresses and queries below; anything else is an error, as it is
for `az`. State and the calls made are in the JSON file that `STUB_AZ` names. Prints what `az -o tsv` prints.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

GRAPH = "https://graph.microsoft.com"
RESOURCE = "0a0a0a0a-0000-0000-0000-00000000000a"
_ASSIGNMENTS = re.compile(r"/v1\.0/servicePrincipals/([0-9a-f-]{36})/appRoleAssignments(?:\?\$top=999)?")
_OWNERS = re.compile(r"/v1\.0/servicePrincipals/([0-9a-f-]{36})/owners(?:\?\$select=id&\$top=999|/\$ref)")
_GRAPH_ITSELF = "/v1.0/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')?$select=id"


def _refuse(message: str) -> None:
    sys.stderr.write(f"ERROR: {message}\n")
    sys.exit(1)


def _options(arguments: list[str]) -> dict[str, str]:
    return dict(zip(arguments[::2], arguments[1::2], strict=True))


def _get(state: dict[str, Any], path: str, query: str) -> str:
    if path == _GRAPH_ITSELF and query == "id":
        return RESOURCE
    if (found := _ASSIGNMENTS.fullmatch(path)) and query == f"value[?resourceId=='{RESOURCE}'].[appRoleId,id]":
        held = state["principals"].get(found[1])
        if held is None:
            _refuse('Not Found({"error":{"code":"Request_ResourceNotFound","message":"..."}})')
        return "\n".join(f"{role}\tassignment-{index}" for index, role in enumerate(held or []))
    if (found := _OWNERS.fullmatch(path)) and query == "value[].id":
        return "\n".join(state["owners"].get(found[1], []))
    _refuse(f"unexpected GET {path} {query}")
    return ""


def _post(state: dict[str, Any], path: str, body: dict[str, str]) -> None:
    if (found := _ASSIGNMENTS.fullmatch(path)) and body.keys() == {"principalId", "resourceId", "appRoleId"}:
        held = state["principals"][found[1]]
        if body["principalId"] != found[1] or body["resourceId"] != RESOURCE or body["appRoleId"] in held:
            _refuse('Bad Request({"error":{"code":"Request_BadRequest","message":"Permission entry already exists."}})')
        held.append(body["appRoleId"])
    elif (found := _OWNERS.fullmatch(path)) and body.keys() == {"@odata.id"}:
        owner = body["@odata.id"].removeprefix(f"{GRAPH}/v1.0/directoryObjects/")
        if owner in state["owners"].setdefault(found[1], []):
            _refuse("Bad Request: One or more added object references already exist")
        state["owners"][found[1]].append(owner)
    else:
        _refuse(f"unexpected POST {path}")


def _main(arguments: list[str]) -> None:
    file = Path(os.environ["STUB_AZ"])
    state = json.loads(file.read_text("utf-8"))
    state["calls"].append(arguments)
    file.write_text(json.dumps(state), "utf-8")
    if state["error"]:
        _refuse(state["error"])
    if arguments[:2] == ["cloud", "show"]:
        sys.stdout.write(f"{GRAPH}/\n")
        return
    options = _options(arguments[1:])
    path = options["--url"].removeprefix(GRAPH)
    if options["--method"] == "get":
        sys.stdout.write(_get(state, path, options["--query"]) + "\n")
        return
    if state["denied"]:
        _refuse('Forbidden({"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges"}})')
    _post(state, path, json.loads(options["--body"]))
    file.write_text(json.dumps(state), "utf-8")


if __name__ == "__main__":
    _main(sys.argv[1:])
