"""What a person should look at, for each cause, in the order of doing it; the full remedies come with the diagnosis.

Sources: Entra's pages on quarantine status and on accidental deletions.
"""

from shared.diagnosis.causes import Cause

_LOGS = "Open the application's provisioning logs and read the failures since the last good cycle."

HEADLINES: dict[Cause, str] = {
    Cause.INVALID_CREDENTIALS: "Entra cannot sign in to the target",
    Cause.INSUFFICIENT_PERMISSIONS: "The target does not allow what Entra asks of it",
    Cause.SCIM_NONCOMPLIANCE: "The target answers in a way that SCIM does not allow",
    Cause.TARGET_UNREACHABLE: "Entra does not reach the target",
    Cause.RATE_LIMITED: "The target turns requests away",
    Cause.DUPLICATE_ROLES: "Two application roles carry the same value",
    Cause.ESCROW_THRESHOLD: "Too many users or groups fail",
    Cause.ACCIDENTAL_DELETION: "The cycle was stopped: it would have deleted too many accounts",
    Cause.ON_DEMAND_QUARANTINE: "Microsoft has quarantined this job by hand",
    Cause.UNKNOWN: "The job is in quarantine and its cause is not known",
}

_STEPS: dict[Cause, tuple[str, ...]] = {
    Cause.INSUFFICIENT_PERMISSIONS: (
        "In the target, give the account behind the token the right to manage users.",
        "Then use Test Connection on the provisioning page.",
    ),
    Cause.SCIM_NONCOMPLIANCE: (
        "Check the tenant URL on the provisioning page, to the last path segment.",
        "If it is right, ask the vendor: a search that finds nothing must answer 200 with an empty list, not 404.",
        "The token was not touched: the target's own answer says that it is not the cause.",
    ),
    Cause.TARGET_UNREACHABLE: (
        "Check that the target is up and that its allow-list admits Entra's provisioning service.",
        "Entra tries again by itself; nothing needs to be saved.",
    ),
    Cause.RATE_LIMITED: ("Ask the vendor for a higher limit, or wait: Entra tries again by itself.",),
    Cause.DUPLICATE_ROLES: (
        "Open the app registration's manifest and give every application role a display name and value of its own.",
        "Then restart provisioning from the provisioning page.",
    ),
    Cause.ESCROW_THRESHOLD: (
        _LOGS,
        "Mend the wording that leads there (mapping, missing attribute, duplicate), then restart provisioning.",
    ),
    Cause.ACCIDENTAL_DELETION: (
        "Find out why so many users left the scope: an emptied group, a changed filter, a source outage.",
        "If it was a mistake: put the scope right first, then restart provisioning. Nothing has been deleted yet.",
        "If the deletions are meant: choose Allow deletes on the provisioning page.",
        "Do not restart before that: Pratique will not either.",
    ),
    Cause.ON_DEMAND_QUARANTINE: (
        "Look for a message from Microsoft in the tenant's message centre, and open a support request.",
        "Pratique never lifts a quarantine that Microsoft has imposed by hand.",
    ),
}

_OTHERWISE = (_LOGS, "Use Test Connection on the provisioning page: it shows whether the credential is the cause.")


def headline(cause: Cause) -> str:
    """Return one short sentence without its full stop."""
    return HEADLINES[cause]


def steps(cause: Cause) -> tuple[str, ...]:
    """Return what to look at, in order."""
    return _STEPS.get(cause, _OTHERWISE)
