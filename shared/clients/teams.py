"""Posts Adaptive Cards to a Teams Workflows webhook; its address is a credential."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import httpx

from shared.errors import ServiceError, Throttled, Unavailable
from shared.redaction import SecretValue

_SERVICE = "Teams"


class Teams:
    """One Workflows webhook; `address` is asked for once, when the first card is sent."""

    def __init__(self, address: Callable[[], Awaitable[SecretValue]], deadline: timedelta) -> None:
        self._address = address
        self._known: SecretValue | None = None
        self._http = httpx.AsyncClient(timeout=deadline.total_seconds(), follow_redirects=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def post(self, envelope: Mapping[str, Any]) -> None:
        """Post one message.

        Raises:
            ServiceError: of the kind that fits; its text never holds the address.
        """
        operation = "post a card"
        if self._known is None:
            self._known = await self._address()
        try:
            # `az keyvault secret set --file` stores the end of the line, too
            response = await self._http.post(self._known.reveal().strip(), json=envelope)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(_SERVICE, operation, None, type(error).__name__, "") from None
        if response.is_success:
            return
        self._known = None  # the address may have been renewed in the vault
        if response.status_code == 429:
            raise Throttled(_SERVICE, operation, 429, "", None)
        if response.status_code >= 500:
            raise Unavailable(_SERVICE, operation, response.status_code, "", "")
        raise ServiceError(_SERVICE, operation, response.status_code, "", "the webhook refused the card")
