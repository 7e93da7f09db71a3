"""The credential keys that Graph documents, and which of them may be saved by us; pure.

Source: Graph docs, synchronizationSecretKeyStringValuePair (the members of `synchronizationSecret`).
"""

DEFAULT_KEY = "SecretToken"
BASE_ADDRESS = "BaseAddress"

ROTATED = frozenset(
    {
        DEFAULT_KEY,
        "UserName",
        "Password",
        "AppKey",
        "ClientIdentifier",
        "ClientSecret",
        "ConsumerKey",
        "ConsumerSecret",
        "TokenKey",
        "Oauth2ClientId",
        "Oauth2ClientSecret",
        "ConnectionString",
        "CompanyId",
    }
)
"""What a binding may name. `BaseAddress` is not among them: saving it would send every credential elsewhere."""

READABLE = frozenset({"UserName", "ClientIdentifier", "ConsumerKey", "Oauth2ClientId", "CompanyId"})
"""Of those, the ones that Graph may show: they are names, not secrets. No page says which of them it masks."""

_GRANTED = frozenset({"Oauth2AccessToken", "Oauth2RefreshToken", "Oauth2AuthorizationCode"})


def granted(keys: frozenset[str]) -> bool:
    """Say whether an administrator granted the access by *Authorize* (OAuth), so that nobody can paste a credential."""
    return bool(keys & _GRANTED) and not keys & {DEFAULT_KEY, "Password", "ClientSecret", "AppKey"}
