"""Key Vault's events as Event Grid puts them on a Storage queue, in every shape that the public pages show.

Sources: "Azure Key Vault as Event Grid source" (Event Grid docs) and the events' specification in azure-rest-api-specs.
"""

import base64
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

VAULT_NAME = "pratique-vault"
_TOPIC = (
    "/subscriptions/33333333-3333-3333-3333-333333333333/resourceGroups/pratique"
    f"/providers/Microsoft.KeyVault/vaults/{VAULT_NAME}"
)


class EventSchema(StrEnum):
    """The schema that an Event Grid subscription delivers in."""

    EVENT_GRID = "EventGridSchema"
    CLOUD_EVENTS = "CloudEventSchemaV1_0"


class EventType(StrEnum):
    """What Key Vault reports of secrets."""

    NEW_VERSION = "Microsoft.KeyVault.SecretNewVersionCreated"
    NEAR_EXPIRY = "Microsoft.KeyVault.SecretNearExpiry"
    EXPIRED = "Microsoft.KeyVault.SecretExpired"


@dataclass(frozen=True, slots=True)
class Subject:
    """The version of a secret that an event is about."""

    identifier: str
    name: str
    version: str
    not_before: datetime | None
    expires: datetime | None


@dataclass(frozen=True, slots=True)
class EventStyle:
    """How events look: the docs, their sample and the REST specification disagree, so a reader must take them all.

    `camel_case` writes data keys as the specification does; `oddities` writes those of the docs' sample, where a key
    ends and a value begins with a space and times are text.
    """

    schema: EventSchema = EventSchema.EVENT_GRID
    camel_case: bool = False
    oddities: bool = False
    base64: bool = True

    def message(self, event_type: EventType, about: Subject, at: datetime) -> str:
        """Return the text of the queue message: one event, never a list."""
        text = json.dumps(self._event(event_type, about, at))
        return base64.b64encode(text.encode()).decode() if self.base64 else text

    def _event(self, event_type: EventType, about: Subject, at: datetime) -> dict[str, Any]:
        moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
        common = {"id": str(uuid.uuid4()), "subject": about.name, "data": self._data(about)}
        if self.schema is EventSchema.CLOUD_EVENTS:
            return {**common, "source": _TOPIC, "type": event_type, "time": moment, "specversion": "1.0"}
        return {
            **common,
            "topic": _TOPIC,
            "eventType": event_type,
            "eventTime": moment,
            "dataVersion": "1",
            "metadataVersion": "1",
        }

    def _data(self, about: Subject) -> dict[str, Any]:
        data: dict[str, Any] = {
            "Id": about.identifier,
            "VaultName": VAULT_NAME,
            "ObjectType": "Secret",
            "ObjectName " if self.oddities else "ObjectName": about.name,
            "Version": f" {about.version}" if self.oddities else about.version,
            "NBF": self._seconds(about.not_before),
            "EXP": self._seconds(about.expires),
        }
        if not self.camel_case:
            return data
        return {key.lower() if key.isupper() else key[0].lower() + key[1:]: content for key, content in data.items()}

    def _seconds(self, moment: datetime | None) -> int | str | None:
        if moment is None:
            return None
        return str(int(moment.timestamp())) if self.oddities else int(moment.timestamp())
