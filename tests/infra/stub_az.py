"""Stands in for the Azure CLI: answers the few calls of the permission script from a table, and keeps what is posted.

Only the cloud is stood in for. It knows exactly the addresses and queries below; anything else is an error, as it is
for `az`. State and the calls made are in the JSON file that `STUB_AZ` names. What it prints, where, and with which exit
code was compared with azure-cli 2.91.0, signed in at a Graph on loopback: a list that is empty prints nothing at all, a
POST that made something prints it, 204 prints nothing, and `cloud show` needs no sign-in.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

GRAPH = "https://graph.microsoft.com"
RESOURCE = "0a0a0a0a-0000-0000-0000-00000000000a"
_ASSIGNMENTS = re.compile(r"/v1\.0/servicePrincipals/([0-9a-f-]{36})/appRoleAssignments(?:\?\$top=999)?")
_OWNERS = re.compile(r"/v1\.0/servicePrincipals/([0-9a-f-]{36})/owners(?:\?\$select=id&\$top=999|/\$ref)")
_GRAPH_ITSELF = "/v1.0/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')?$select=id"


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"ERROR: {message}\n")
    sys.exit(1)


def _refuse(reason: str, code: str, message: str) -> NoReturn:
    error = {"error": {"code": code, "message": message, "innerError": {"date": "2026-11-22T03:00:00"}}}
    _fail(f"{reason}({json.dumps(error, separators=(',', ':'))})")


def _absent(identity: str) -> NoReturn:
    text = f"Resource '{identity}' does not exist or one of its queried reference-property objects are not present."
    _refuse("Not Found", "Request_ResourceNotFound", text)


def _options(arguments: list[str]) -> dict[str, str]:
    return dict(zip(arguments[::2], arguments[1::2], strict=True))


def _get(state: dict[str, Any], path: str, query: str) -> list[str]:
    if path == _GRAPH_ITSELF and query == "id":
        return [state["resource"]] if state["resource"] else []
    if (found := _ASSIGNMENTS.fullmatch(path)) and query == f"value[?resourceId=='{RESOURCE}'].[appRoleId,id]":
        held = state["principals"].get(found[1])
        if held is None:
            _absent(found[1])
        listed = [] if state["late"] else held
        return [f"{role}\tassignment-{index}" for index, role in enumerate(listed)]
    if (found := _OWNERS.fullmatch(path)) and query == "value[].id":
        owners: list[str] | None = state["owners"].get(found[1])
        if owners is None:
            _absent(found[1])
        return [] if state["late"] else owners
    _fail(f"unexpected GET {path} {query}")


def _post(state: dict[str, Any], path: str, body: dict[str, str]) -> dict[str, str] | None:
    """Change the state and return what Graph answers: the new object with 201, nothing with 204."""
    if (found := _ASSIGNMENTS.fullmatch(path)) and body.keys() == {"principalId", "resourceId", "appRoleId"}:
        held = state["principals"][found[1]]
        if body["principalId"] != found[1] or body["resourceId"] != RESOURCE:
            _refuse("Bad Request", "Request_BadRequest", "Not a valid reference update.")
        if body["appRoleId"] in held:
            _refuse("Bad Request", "Request_BadRequest", "Permission being assigned already exists on the object")
        held.append(body["appRoleId"])
        return {"@odata.context": f"{GRAPH}/v1.0/$metadata#appRoleAssignments/$entity", "id": "new", **body}
    if (found := _OWNERS.fullmatch(path)) and body.keys() == {"@odata.id"}:
        owner = body["@odata.id"].removeprefix(f"{GRAPH}/v1.0/directoryObjects/")
        if owner in state["owners"][found[1]]:
            text = "One or more added object references already exist for the following modified properties: 'owners'."
            _refuse("Bad Request", "Request_BadRequest", text)
        state["owners"][found[1]].append(owner)
        return None
    _fail(f"unexpected POST {path}")


def _main(arguments: list[str]) -> None:
    file = Path(os.environ["STUB_AZ"])
    state = json.loads(file.read_text("utf-8"))
    state["calls"].append(arguments)
    file.write_text(json.dumps(state), "utf-8")
    if arguments == ["cloud", "show", "--query", "endpoints.microsoftGraphResourceId", "-o", "tsv"]:
        sys.stdout.write(f"{state['graph']}\n" if state["graph"] else "")
        return
    if state["error"]:
        _fail(state["error"])
    options = _options(arguments[1:])
    path = options["--url"].removeprefix(GRAPH)
    if options["--method"] == "get":
        if options["-o"] != "tsv":
            _fail("what the script reads must be tsv")
        sys.stdout.writelines(f"{line}\n" for line in _get(state, path, options["--query"]))
        return
    if state["denied"] and state["denied"] in path:
        _refuse("Forbidden", "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    if state["unknown"]:
        _refuse("Bad Request", "Request_BadRequest", "Not a valid reference update.")
    made = _post(state, path, json.loads(options["--body"]))
    file.write_text(json.dumps(state), "utf-8")
    if made is not None:
        sys.stdout.write(json.dumps(made, indent=2) + "\n")


if __name__ == "__main__":
    _main(sys.argv[1:])
