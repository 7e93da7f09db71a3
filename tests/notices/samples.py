"""A notice of every kind, as the story of a tenant would tell it."""

from datetime import UTC, datetime, timedelta

from shared.incidents.incident import Attempt, AttemptStep, Incident
from shared.jobs.model import ServicePrincipal
from shared.notices.compose import Composer
from shared.notices.expiring import Ending, expiring
from shared.notices.notice import Fact, Link, Notice, NoticeKind
from shared.remediation.attempt import done_by
from shared.tokens.bindings import Binding, SecretRef
from shared.tokens.expiry import Expiry, ExpirySource

AT = datetime(2026, 1, 31, 3, 12, 7, 250_000, tzinfo=UTC)

_PORTAL = Link("Open in Entra", "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/ManagedAppMenuBlade/~/Overview")
_VAULT = Link("Open the key vault", "https://portal.azure.com/#resource/subscriptions/1/kv-pratique")
_DRUVA_SAID = (
    "We received this response from Druva: SystemForCrossDomainIdentityManagementCredentialValidationUnavailable: "
    'HTTP 401 Unauthorized {"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"detail":"Token has expired"}. '
    "You appear to have entered invalid credentials. Please confirm "
    "you are using the correct information for an administrative account."
)
_DRUVA_FACTS = (
    Fact("Cause", "invalid_credentials (certain)"),
    Fact("Reason", "EncounteredQuarantineException"),
    Fact("Since", "31 Jan 2026, 02:58 UTC"),
    Fact("Disabled on", "28 Feb 2026, unless it recovers before"),
    Fact("Mode", "act"),
)

NOTICES: tuple[Notice, ...] = (
    Notice(
        NoticeKind.FOUND,
        "Druva",
        "Druva cannot sign in to its target: provisioning is in quarantine",
        "Druva answers 401 to the saved secret token. A newer version is in the key vault and will be tried next.",
        _DRUVA_FACTS,
        (),
        (
            "The newer secret is tested against Druva.",
            "If it passes, it is saved and the quarantine is lifted; nothing else is reset.",
        ),
        (_PORTAL,),
        _DRUVA_SAID,
        "inc-7f3a91c2",
        AT,
    ),
    Notice(
        NoticeKind.ACTED,
        "Druva",
        "Druva has a new secret token and its quarantine was lifted",
        "The repair is done but not proven yet: a whole cycle must end well first.",
        (*_DRUVA_FACTS, Fact("Attempt", "1 of 2 today")),
        (
            "Tested the newest version of the secret druva-scim-token: Druva accepted it.",
            "Saved it as the secret token; every other setting was read back unchanged.",
            "Restarted the synchronization job with reset scope QuarantineState only.",
        ),
        ("The next cycle is watched until it proves the recovery, about 40 minutes.",),
        (_PORTAL,),
        "",
        "inc-7f3a91c2",
        AT,
    ),
    Notice(
        NoticeKind.NEEDS_YOU,
        "Zscaler",
        "Zscaler cannot sign in to its target: its secret token was rejected",
        "The saved token expired and the key vault holds no newer one, so nothing could be repaired. "
        "Joiners and leavers are not provisioned to Zscaler until this is done.",
        (
            Fact("Cause", "invalid_credentials (certain)"),
            Fact("Reason", "EncounteredQuarantineException"),
            Fact("Since", "30 Jan 2026, 22:40 UTC, 4 h 32 min"),
            Fact("Disabled on", "27 Feb 2026"),
            Fact("Job", "zscaler.0b1c7fd2a5e94a3f.5d2f8a1e-0c39-4d1c-9f4e-1f6f3f0a7b11"),
            Fact("Owner", "identity-team@contoso.com"),
        ),
        ("Tested the saved credentials: Zscaler rejected them, twice, 60 seconds apart.",),
        (
            "In Zscaler, open Administration > Authentication Settings and create a new bearer token.",
            "Paste it as a new version of the secret zscaler-scim-token in the vault kv-pratique. It needs no tags.",
            "Nothing more: the token is tested, saved and the quarantine lifted within minutes.",
        ),
        (_VAULT, _PORTAL),
        _DRUVA_SAID.replace("Druva", "Zscaler"),
        "inc-20c4be10",
        AT,
    ),
    Notice(
        NoticeKind.RECOVERED,
        "Druva",
        "Druva is provisioning again",
        "The cycle that began after the repair ended well. This incident is closed.",
        (
            Fact("In quarantine", "31 Jan 2026, 02:58 to 03:09 UTC"),
            Fact("Proven by", "cycle 4e1f, ended Succeeded at 03:11 UTC"),
            Fact("Processed", "214 users, 12 groups"),
        ),
        ("Saved the new secret token.", "Lifted the quarantine.", "Saw one whole cycle end Succeeded."),
        ("Druva's token is valid until 31 Jan 2027; you will be reminded before.",),
        (_PORTAL,),
        "",
        "inc-7f3a91c2",
        AT,
    ),
    Notice(
        NoticeKind.GAVE_UP,
        "Box",
        "Box is still in quarantine after two attempts",
        "Two repairs were made today and neither brought a good cycle. No further attempt is made before tomorrow.",
        (
            Fact("Cause", "target_unreachable (likely)"),
            Fact("Attempts", "2 of 2 today"),
            Fact("Disabled on", "14 Feb 2026"),
        ),
        ("03:02 Restarted with reset scope QuarantineState.", "04:15 Restarted with reset scope QuarantineState."),
        (
            "Check that Box's SCIM service answers from outside your network.",
            "Then ask for another look: pratique reconcile Box",
        ),
        (_PORTAL,),
        "The remote name could not be resolved: 'scim.box.example'",
        "inc-91d0a77e",
        AT,
    ),
    Notice(
        NoticeKind.BLIND,
        "Log Analytics",
        "Log Analytics cannot be read: a role is missing",
        "Quarantines are still found by the sweep of all jobs, but later than by the audit log.",
        (
            Fact("Source", "audit log query"),
            Fact("Missing role", "Log Analytics Reader"),
            Fact("Since", "31 Jan 2026, 03:00 UTC"),
        ),
        (),
        ("Give the app's managed identity the role Log Analytics Reader on the workspace.",),
        (Link("Open the workspace", "https://portal.azure.com/#resource/subscriptions/1/log-pratique"),),
        '{"error":{"code":"InsufficientAccessError","message":"The provided credentials have insufficient access"}}',
        "source-logs",
        AT,
    ),
    Notice(
        NoticeKind.SEEING_AGAIN,
        "Log Analytics",
        "Log Analytics can be read again",
        "The window that could not be read was queried again; nothing was lost.",
        (Fact("Blind", "31 Jan 2026, 03:00 to 03:40 UTC"),),
        ("Queried the audit log for the 40 minutes that were missed: no quarantine.",),
        (),
        (),
        "",
        "source-logs",
        AT,
    ),
)

_DRUVA_APP = ServicePrincipal("6c276c29-b29f-4c9f-b1fc-7e232f9663b3", "5ede7ae6-9815-4279-a16f-ce56a2a107ea", "Druva")
_DRUVA_BINDING = Binding("druva-scim-token", _DRUVA_APP.id, "SecretToken", "druva", "", owner="backup-team@contoso.com")


def ending(days: float, *, obstacles: tuple[str, ...] = (), minted: bool = False, acts: bool = True) -> Notice:
    """Return the notice that Druva's credential ends in so many days, as the product writes it."""
    end = AT + timedelta(days=days)
    expiry = Expiry(end, ExpirySource.LIFETIME)
    of = Ending(_DRUVA_APP, _DRUVA_BINDING, expiry, end, obstacles, minted=minted, acts=acts)
    return expiring(of, "https://entra.microsoft.com", AT)


def rotated() -> Notice:
    """Return the notice that Druva's credential was renewed, as the product writes it."""
    saving = (SecretRef("SecretToken", "druva-scim-token", "6f0c2a7c91d24c4e8d5b6f1a2b3c4d5e"),)
    attempt = Attempt(
        "a-1", AT, AttemptStep.WATCH, saving=saving, ahead=True, arrived_at=AT - timedelta(seconds=44), saved_at=AT
    )
    incident = Incident(_DRUVA_APP.id, "scim.1", application="Druva", app_id=_DRUVA_APP.app_id, attempt=attempt)
    return Composer("https://entra.microsoft.com").rotated(incident, done_by(attempt, restarted=False), AT)


_MASKED = "AppKey cannot be read back; accept merging for this application first (PRATIQUE_MERGE_ACCEPTED)."
NOTICES = (*NOTICES, ending(29.4), ending(-0.2, obstacles=(_MASKED,)), rotated())
BY_KIND = {notice.kind: notice for notice in NOTICES}
