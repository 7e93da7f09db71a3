"""What a vendor's own API needs to mint a SCIM token, what it gives back, and what an adapter promises; pure.

At all four vendors with an adapter the API answers on the origin of the SCIM tenant URL, so the minting credential goes
to the origin of the pinned tenant URL and to no other. An adapter asks through an `Api`; the product's is
`shared/clients/vendor_api.py`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from shared.errors import Refused
from shared.redaction import SecretValue

UNREADABLE = "UnreadableAnswer"
"""The code of an error that says: the vendor did it, perhaps, but what it said about it cannot be used."""

_LABEL = re.compile(r"(?=.*\S)[\x20-\x7e]{1,200}")
_HOST = re.compile(r"[a-z0-9.-]+|[0-9a-f:]+")


@dataclass(frozen=True, slots=True)
class MintRequest:
    """One token that is wanted.

    Raises:
        Refused: the label is blank or no plain text of at most 200 characters, the lifetime is not positive, or `now`
            has no time zone.
    """

    tenant_url: str
    """Pinned; only its origin is used."""
    subject: str
    """The SCIM configuration (HCP Terraform), integration (Snowflake) or connection (Auth0); unused at Databricks."""
    label: str
    """Our mark for this rotation; it goes where the vendor keeps a comment."""
    lifetime: timedelta | None
    """Wanted; None asks for the vendor's default."""
    now: datetime

    def __post_init__(self) -> None:
        if not _LABEL.fullmatch(self.label):
            # A blank one would recognise everybody's tokens that carry no comment.
            message = "the label of a token to mint must be plain text of 1 to 200 characters"
            raise Refused(message)
        if self.lifetime is not None and self.lifetime < timedelta(seconds=1):
            message = "the lifetime of a token to mint must be a second or more"
            raise Refused(message)
        if self.now.tzinfo is None:
            message = "the time of a request to mint has no time zone"
            raise Refused(message)

    @property
    def origin(self) -> str:
        """Return the origin of the tenant URL, without a trailing slash.

        Raises:
            Refused: the tenant URL is no plain https address.
        """
        try:
            parts = urlsplit(self.tenant_url.strip())
            host, port = (parts.hostname or "").encode("idna").decode(), parts.port or 443
        except (ValueError, UnicodeError):
            host, port, parts = "", 0, urlsplit("")
        if parts.scheme != "https" or not _HOST.fullmatch(host) or parts.username is not None:
            message = "the tenant URL is no plain https address, so no token is asked for there"
            raise Refused(message)
        shown = f"[{host}]" if ":" in host else host
        return f"https://{shown}" if port == 443 else f"https://{shown}:{port}"


@dataclass(frozen=True, slots=True)
class Minted:
    """A new token."""

    value: SecretValue
    token_id: str
    """The vendor's name for it, to revoke it by; empty where the vendor gives none that can be used."""
    expires: datetime | None
    """None when it never expires, or when the vendor does not say."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A vendor's 2xx answer."""

    status: int
    json: Any = field(repr=False)
    """The parsed body, which may hold a token; None when there is none."""


class Api(Protocol):
    """Sends one request to a vendor."""

    async def send(
        self,
        service: str,
        operation: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        permission: str,
        secrets: tuple[SecretValue, ...],
        json: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send it once; `permission` says what a 401 or 403 would mean, `secrets` appear in no error.

        Raises:
            ServiceError: of the kind that fits; `Unavailable` when nothing is known about what happened.
        """
        ...


class Minter(Protocol):
    """One vendor's API.

    Every method raises `Refused` for a credential or subject that cannot be used, before anything is sent, and
    `ServiceError` for what the vendor answered. `Unavailable`, or the code `UNREADABLE`, from `mint` means that a token
    may exist which nobody holds.
    """

    operation: str
    """What minting is called in errors; an error of another operation means that no token was asked for."""
    recognises: bool
    """Whether `made` can find what a lost mint left behind."""
    revokes: bool

    async def mint(self, request: MintRequest, credential: SecretValue) -> Minted:
        """Ask for one token, once."""
        ...

    async def made(self, request: MintRequest, credential: SecretValue) -> tuple[str, ...]:
        """Return the ids of the live tokens that carry the request's label; empty: looked, and there is none.

        Raises:
            Refused: this vendor's tokens carry no label.
        """
        ...

    async def revoke(self, request: MintRequest, credential: SecretValue, token_id: str) -> None:
        """End one token; one that is gone already counts as ended.

        Raises:
            Refused: this vendor revokes no single token, or the id is none.
        """
        ...


def minter(adapter: str, api: Api) -> Minter:
    """Return the adapter of that name, importing it now: most instances of the product mint at one vendor or none.

    Raises:
        Refused: there is no such adapter.
    """
    match adapter:
        case "databricks":
            from shared.tokens.vendors.databricks import Databricks  # noqa: PLC0415

            return Databricks(api)
        case "hcp_terraform":
            from shared.tokens.vendors.hcp_terraform import HcpTerraform  # noqa: PLC0415

            return HcpTerraform(api)
        case "snowflake":
            from shared.tokens.vendors.snowflake import Snowflake  # noqa: PLC0415

            return Snowflake(api)
        case "auth0":
            from shared.tokens.vendors.auth0 import Auth0  # noqa: PLC0415

            return Auth0(api)
    message = "there is no adapter of this name that mints tokens: databricks, hcp_terraform, snowflake, auth0"
    raise Refused(message)
