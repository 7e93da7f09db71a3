"""What we have learnt of a secret: which version Entra was given, what was refused, whom we told; pure.

Tags stay the operators'; what the product learns is kept here, so that reading the vault needs only *Secrets User*.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

SCHEMA = 1
_CLAIMS = 6
_AND = "+"


def together(versions: Iterable[str]) -> str:
    """Name versions that are used together, one a credential key in the order of the keys."""
    return _AND.join(versions)


@dataclass(frozen=True, slots=True)
class Retiring:
    """A version that is out of use and is to be disabled, and revoked at its vendor, from a moment on."""

    version: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """The row of one bound secret; a version is empty while it is not known."""

    service_principal_id: str
    secret_name: str
    applied: str = ""
    applied_at: datetime | None = None
    proven_at: datetime | None = None
    previous: str = ""
    rejected: str = ""
    """What the target refused, as `together` names versions that were tried together."""
    revoked_at: datetime | None = None
    mint_lost_at: datetime | None = None
    told_version: str = ""
    told_tier: int = -1
    claims: Mapping[str, str] = field(default_factory=dict)
    retiring: tuple[Retiring, ...] = ()

    def claim(self, version: str) -> datetime | None:
        """Return the end that the token of a version claims for itself, where a test has read it."""
        text = self.claims.get(version)
        return datetime.fromisoformat(text) if text else None

    def with_claim(self, version: str, end: datetime) -> "TokenRecord":
        """Keep a token's own end; only the latest few versions matter."""
        kept = {name: text for name, text in self.claims.items() if name != version}
        kept[version] = end.isoformat()
        return replace(self, claims=dict(list(kept.items())[-_CLAIMS:]))

    def with_applied(self, version: str, at: datetime) -> "TokenRecord":
        """Note the version that Entra has now; the one before it is remembered for going back."""
        if version == self.applied:
            return self.working()
        return replace(
            self,
            applied=version,
            applied_at=at,
            proven_at=None,
            previous=self.applied,
            revoked_at=None,
            mint_lost_at=None,
            rejected="" if self.refused(version) else self.rejected,
        )

    def working(self) -> "TokenRecord":
        """Forget what was held against the version in use: it works."""
        rejected = "" if self.refused(self.applied) else self.rejected
        return replace(self, revoked_at=None, rejected=rejected)

    def refused(self, version: str) -> bool:
        """Say whether the version was part of what the target refused last."""
        return version in self.rejected.split(_AND)

    def to_row(self) -> dict[str, Any]:
        """Return the table row's values."""
        values = {name: value for name, value in asdict(self).items() if value is not None}
        values["claims"] = json.dumps(dict(self.claims))
        values["retiring"] = json.dumps(
            [{"version": one.version, "due_at": one.due_at.isoformat()} for one in self.retiring]
        )
        return {"schema": SCHEMA, **values}

    @classmethod
    def from_row(cls, values: Mapping[str, Any]) -> "TokenRecord":
        """Read a table row; fields of another release are passed over."""
        known = {item.name for item in fields(cls)}
        read: dict[str, Any] = {name: value for name, value in values.items() if name in known}
        for name, value in read.items():
            if isinstance(value, datetime):
                read[name] = datetime.fromtimestamp(value.timestamp(), UTC)
        read["claims"] = json.loads(values.get("claims") or "{}")
        read["retiring"] = tuple(
            Retiring(one["version"], datetime.fromisoformat(one["due_at"]))
            for one in json.loads(values.get("retiring") or "[]")
        )
        return cls(**read)
