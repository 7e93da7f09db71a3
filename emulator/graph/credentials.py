"""`validateCredentials` and `synchronization/secrets`: testing, saving and listing a service principal's credentials.

Public sources: Graph docs, synchronizationJob: validateCredentials, and synchronization secrets; msgraph-metadata
issue 347.
"""

import json
from typing import Any

from emulator.connector import Connector, ConnectorError
from emulator.directory import Directory
from emulator.entra import Role
from emulator.graph.calls import Answer, Call, Route, bad_request, only_members, unknown_value
from emulator.graph.odata import refuse_other_options
from emulator.graph.synchronization_jobs import SYNCHRONIZATION, find_job, find_principal
from emulator.records import CREDENTIALS_UPDATED, Records
from emulator.secrets_store import KEYS


class Credentials:
    """Tests them against the target for real; saves them so that they settle late."""

    def __init__(self, directory: Directory, connector: Connector, records: Records) -> None:
        self._directory = directory
        self._connector = connector
        self._records = records

    def routes(self) -> list[Route]:
        """Return what it serves."""
        validate, secrets = f"{SYNCHRONIZATION}/jobs/{{job}}/validateCredentials", f"{SYNCHRONIZATION}/secrets"
        return [
            Route("POST", validate, Role.SYNCHRONIZATION, self._validate),
            Route("GET", secrets, Role.SYNCHRONIZATION, self._list),
            Route("PUT", secrets, Role.SYNCHRONIZATION, self._save),
        ]

    async def _validate(self, call: Call) -> Answer:
        job = find_job(self._directory, call)
        body = call.body("applicationIdentifier", "templateId", "credentials", "useSavedCredentials")
        if body.get("useSavedCredentials") is True:
            credentials = self._directory.secrets.effective(job.service_principal_id)
        else:
            credentials = _pairs(body.get("credentials"))
        try:
            await self._connector.validate(credentials)
        except ConnectorError as failure:
            # No page gives the status of a rejected credential; the portal shows this code and message.
            raise bad_request(failure.error.message, failure.error.code) from failure
        return Answer(204)

    async def _list(self, call: Call) -> Answer:
        refuse_other_options(call.query)
        principal = find_principal(self._directory, call)
        context = f"$metadata#servicePrincipals('{principal.id}')/synchronization/secrets"
        return Answer(200, {"@odata.context": context, "value": self._directory.secrets.shown(principal.id)})

    async def _save(self, call: Call) -> Answer:
        principal = find_principal(self._directory, call)
        pairs = _pairs(call.body("value").get("value"))
        if "SyncNotificationSettings" in pairs and not _is_object(pairs["SyncNotificationSettings"]):
            raise bad_request('{"error":{"code":"InvalidNotificationSettings","message":null}}', "UnknownError")
        self._directory.secrets.put(principal.id, pairs)
        self._records.configured(principal, CREDENTIALS_UPDATED)
        return Answer(204)


def _pairs(value: Any) -> dict[str, str]:
    """Read key and value pairs; a key that is no member, or differs from one in case, fails as an enumeration does."""
    if not isinstance(value, list):
        raise bad_request("A collection of key and value pairs is required.")
    pairs: dict[str, str] = {}
    for item in value:
        pair = only_members(item, "type 'synchronizationSecretKeyStringValuePair'", "key", "value")
        key, text = pair.get("key"), pair.get("value")
        if not isinstance(key, str) or not isinstance(text, str):
            raise bad_request("Both 'key' and 'value' of a pair must be given as text.")
        if key not in KEYS:
            raise unknown_value(key)
        if key in pairs:
            raise bad_request(f"The key '{key}' is given twice.")
        pairs[key] = text
    return pairs


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
