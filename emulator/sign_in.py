"""Which of the saved keys open a target's door, and how they are written into a header; pure.

No page describes what the provisioning service does with keys other than `BaseAddress` and `SecretToken`: everything
below is assumed from the names of the keys (Graph docs, synchronizationSecretKeyStringValuePair), RFC 7617 and
RFC 6749 section 2.3.1.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote_plus, urlsplit

_TOKEN_PATH = "/oauth2/token"


@dataclass(frozen=True, slots=True)
class SignIn:
    """The Authorization header, and where it buys an access token: nowhere, when it opens the door itself."""

    authorization: str
    token_url: str = ""


def sign_in(credentials: Mapping[str, str]) -> SignIn | None:
    """Choose by the keys that are there, a secret token before all others; None when none of them will do."""
    if token := credentials.get("SecretToken"):
        return SignIn(f"Bearer {token}")
    if (name := credentials.get("UserName")) and (password := credentials.get("Password")):
        return SignIn(_basic(name, password))
    if (client := credentials.get("ClientIdentifier")) and (secret := credentials.get("ClientSecret")):
        url = credentials.get("Oauth2TokenExchangeUri") or _beside(credentials.get("BaseAddress", ""))
        return SignIn(_basic(quote_plus(client), quote_plus(secret)), url)
    if granted := credentials.get("Oauth2AccessToken"):
        return SignIn(f"Bearer {granted}")
    return None


def _basic(name: str, secret: str) -> str:
    return f"Basic {base64.b64encode(f'{name}:{secret}'.encode()).decode()}"


def _beside(base: str) -> str:
    """Return the token endpoint of an address's own origin, for want of a saved one."""
    parts = urlsplit(base)
    return f"{parts.scheme}://{parts.netloc}{_TOKEN_PATH}"
