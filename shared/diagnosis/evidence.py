"""What was read about a job in one look, each part marked read, empty, blind or not asked; pure data.

Blind is never empty: a part that could not be read lowers what can be said, and is named with its reason.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.jobs.model import SynchronizationJob
from shared.tokens.credential_test import CredentialTest


class Part(StrEnum):
    """The parts of the evidence, in the order of the report."""

    JOB = "job"
    SECRET_KEYS = "secret_keys"  # noqa: S105 -- the name of a part, no secret
    AUDIT = "audit"
    FAILURES = "failures"
    CREDENTIAL_TEST = "credential_test"
    PROBE = "probe"


class Sight(StrEnum):
    """How a part was seen."""

    READ = "read"
    EMPTY = "empty"
    BLIND = "blind"
    NOT_ASKED = "not_asked"


class ProbeFinding(StrEnum):
    """What the read-only SCIM probe of the target showed; `OK` means that nothing was found wrong."""

    OK = "ok"
    NAME_NOT_RESOLVED = "name_not_resolved"
    TLS_FAULT = "tls_fault"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    SERVER_ERROR = "server_error"
    REJECTED = "rejected"
    FORBIDDEN = "forbidden"
    NOT_FOUND_FOR_EMPTY = "not_found_for_empty"
    WRONG_CONTENT_TYPE = "wrong_content_type"
    FILTER_REJECTED = "filter_rejected"
    FILTER_IGNORED = "filter_ignored"
    PATCH_MISSING = "patch_missing"
    REDIRECTED = "redirected"
    NOT_SCIM = "not_scim"


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Provisioning failures of one code, step and wording family, summarised where they lie.

    `users` counts distinct source identities; `samples` are a few redacted messages.
    """

    code: str
    step: str
    count: int
    users: int
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that one look has read about one job."""

    at: datetime
    sights: dict[Part, Sight] = field(default_factory=dict)
    blind_because: dict[Part, str] = field(default_factory=dict)
    job: SynchronizationJob | None = None
    secret_keys: tuple[str, ...] = ()
    audit: tuple[str, ...] = ()
    failures: tuple[FailureGroup, ...] = ()
    failures_since: datetime | None = None
    credential_test: CredentialTest | None = None
    probe: ProbeFinding | None = None

    def sight(self, part: Part) -> Sight:
        """Return how a part was seen; what nobody mentions was not asked."""
        return self.sights.get(part, Sight.NOT_ASKED)

    @property
    def blind(self) -> tuple[Part, ...]:
        """Return the parts that should have been read and could not be."""
        return tuple(part for part in Part if self.sight(part) is Sight.BLIND)
