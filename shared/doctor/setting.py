"""How a setting of the deployment is changed: not every one by `azd env set` and its own name; pure."""

import json
import shlex

BY_AZD = frozenset(
    {
        "MAIL_RECIPIENTS",
        "MAIL_SENDER",
        "PRATIQUE_ACTING",
        "PRATIQUE_APPLICATIONS",
        "PRATIQUE_MODE",
        "PRATIQUE_MODE_BY_APPLICATION",
        "TEAMS_WEBHOOK_SECRET",
    }
)
"""Settings that infra/main.parameters.json takes from azd's environment under their own name."""
BY_DEPLOYMENT = frozenset(
    {
        "AzureWebJobsStorage__queueServiceUri",
        "AzureWebJobsStorage__tableServiceUri",
        "KEY_VAULT_URL",
        "LOG_ANALYTICS_WORKSPACE_ID",
        "PRATIQUE_IDENTITY",
    }
)
"""Settings that infra/main.bicep knows from what it made; nobody sets them."""
_BY_ANOTHER = {
    "PRATIQUE_MINT": ("PRATIQUE_MINTING", "<true or false>"),
    "PRATIQUE_SIGN_IN": ("SIGN_IN_CLIENT_ID", "<client id, or empty>"),
}
BY_ANOTHER = frozenset(_BY_ANOTHER)
"""Settings that follow from a parameter of another name."""
AT_A_DESK = frozenset({"AzureWebJobsStorage", "TEAMS_WEBHOOK_URL", "WEBSITE_AUTH_ENABLED"})
"""Settings that a deployment must not have: two hold secrets, one is the platform's."""


def change(name: str, value: str) -> tuple[str, ...]:
    """Return the commands that give the deployment's setting a value; at a desk it is exported under its name."""
    if name in BY_AZD:
        return (f"azd env set {name} {value} && azd provision",)
    if name in BY_DEPLOYMENT:
        return (f"azd provision --no-state   # the deployment sets {name} itself",)
    if name in _BY_ANOTHER:
        other, values = _BY_ANOTHER[name]
        return (f"azd env set {other} {values} && azd provision",)
    if name in AT_A_DESK:
        return (f"unset {name}   # or correct it: it is for a desk, and the deployment has none",)
    setting = shlex.quote(json.dumps({name: value}))
    return (f"azd env set OTHER_SETTINGS {setting} && azd provision   # replaces all that OTHER_SETTINGS held",)
