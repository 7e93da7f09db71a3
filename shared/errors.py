"""Everything that can go wrong on purpose.

PratiqueError
├── InvalidSetting       a setting is missing or unreadable
├── MalformedNews        a message, alert or event that cannot be read; never worth a retry
├── Refused              our own rules forbid the step; not a failure of any service
├── LeaseLost            somebody else acts on this service principal now
├── Conflict             a row changed since it was read
└── ServiceError         a service did not do what it was asked
    ├── MissingPermission    it names the permission to grant
    │   ├── NotOwned         or the application has to be owned
    │   └── RefusedByVendor  the credential that mints is not good enough
    ├── NotFound
    ├── Throttled
    └── Unavailable          no answer, or 5xx: nothing is known about what happened
"""

from datetime import timedelta
from typing import override


class PratiqueError(Exception):
    """The root of all errors raised on purpose."""


class InvalidSetting(PratiqueError):
    """A setting is missing or unreadable."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"The setting {name} {problem}.")
        self.name = name


class MalformedNews(PratiqueError):
    """A message, alert or event cannot be read, and reading it again would not help."""


class Refused(PratiqueError):
    """Our own rules forbid the step."""


class LeaseLost(PratiqueError):
    """Somebody else acts on this service principal now."""


class Conflict(PratiqueError):
    """A row changed since it was read."""


class ServiceError(PratiqueError):
    """A service did not do what it was asked; `status` is None when there was no answer."""

    def __init__(self, service: str, operation: str, status: int | None, code: str, message: str) -> None:
        answer = f"HTTP {status}" if status is not None else "no answer"
        detail = ": ".join(part for part in (code, message) if part)
        super().__init__(f"{service} could not {operation} ({answer}{'; ' + detail if detail else ''}).")
        self.service = service
        self.operation = operation
        self.status = status
        self.code = code
        self.message = message


class MissingPermission(ServiceError):
    """The service refused for want of a permission, which is named."""

    def __init__(self, service: str, operation: str, status: int, code: str, message: str, permission: str) -> None:
        super().__init__(service, operation, status, code, f"{message} The missing permission is {permission}.".strip())
        self.permission = permission

    @property
    def remedy(self) -> str:
        """Say what a person does about it."""
        return f"Grant {self.permission} to Pratique's managed identity."


class NotOwned(MissingPermission):
    """The permission that is missing counts for applications that the identity owns, and for no others."""

    @property
    @override
    def remedy(self) -> str:
        return f"Grant {self.permission} to Pratique's managed identity, and make it an owner of the application."


class RefusedByVendor(MissingPermission):
    """A vendor's API refused the credential that mints."""

    @property
    @override
    def remedy(self) -> str:
        return f"Store {self.permission} as a new version of the secret that the tag pratique-mint names."


class NotFound(ServiceError):
    """The service knows no such thing."""


class Throttled(ServiceError):
    """The service asks to come back later."""

    def __init__(self, service: str, operation: str, status: int, message: str, retry_after: timedelta | None) -> None:
        super().__init__(service, operation, status, "TooManyRequests", message)
        self.retry_after = retry_after


class Unavailable(ServiceError):
    """No answer or 5xx: nothing is known about what happened."""
