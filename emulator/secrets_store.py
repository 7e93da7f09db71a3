"""The saved credentials of each service principal: writes settle late, secret values are never shown.

Public sources: Graph docs, synchronizationSecret (the members); microsoftgraph/msgraph-metadata issue 347 (an empty
value removes a key; a JSON-valued one refuses to be removed). No page lists which values are hidden. Graph docs,
synchronizationTemplate, mark `password` and `secrettoken` as secret among an example's configuration fields, and
leave `username` unmarked; MicrosoftDocs/azure-docs issue 55184 shows `ClientSecret` and `SecretToken` as `*`. Of the
others it is assumed: what opens a door by itself is hidden; names (`ClientIdentifier`, `Oauth2ClientId`,
`ConsumerKey`) and addresses are readable.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from emulator.clock import Clock
from emulator.settings import SecretsPut

_KEYS = """
    None UserName Password SecretToken AppKey BaseAddress ClientIdentifier ClientSecret SingleSignOnType Sandbox Url
    Domain ConsumerKey ConsumerSecret TokenKey TokenExpiration Oauth2AccessToken Oauth2AccessTokenCreationTime
    Oauth2RefreshToken SyncAll InstanceName Oauth2ClientId Oauth2ClientSecret CompanyId UpdateKeyOnSoftDelete
    SynchronizationSchedule SystemOfRecord SandboxName EnforceDomain SyncNotificationSettings SkipOutOfScopeDeletions
    Oauth2AuthorizationCode Oauth2RedirectUri ApplicationTemplateIdentifier Oauth2TokenExchangeUri
    Oauth2AuthorizationUri AuthenticationType Server PerformInboundEntitlementGrants HardDeletesEnabled
    SyncAgentCompatibilityKey SyncAgentADContainer ValidateDomain TestReferences ConnectionString
"""
KEYS = frozenset(_KEYS.split())
"""The members of synchronizationSecret; the service compares them case-sensitively."""

_MASKED = """
    Password SecretToken AppKey ClientSecret ConsumerSecret TokenKey Oauth2AccessToken Oauth2RefreshToken
    Oauth2ClientSecret Oauth2AuthorizationCode SyncAgentCompatibilityKey ConnectionString
"""
MASKED = frozenset(_MASKED.split())
"""The members whose values read back as `*`."""


@dataclass(frozen=True, slots=True)
class SecretSave:
    """One PUT that was accepted: which keys it named, never their values."""

    service_principal_id: str
    keys: tuple[str, ...]
    at: datetime


class SecretsStore:
    """Keeps what was saved, and what was saved but has not settled yet."""

    def __init__(self, clock: Clock, settle: float, mode: SecretsPut) -> None:
        self.saves: list[SecretSave] = []
        self.mode = mode
        self._clock = clock
        self._settle = timedelta(seconds=settle)
        self._settled: dict[str, dict[str, str]] = {}
        self._pending: dict[str, list[tuple[datetime, SecretsPut, dict[str, str]]]] = {}

    def put(self, service_principal_id: str, pairs: Mapping[str, str]) -> None:
        """Accept a PUT; it takes effect once it has settled."""
        now = self._clock.now()
        self.saves.append(SecretSave(service_principal_id, tuple(pairs), now))
        self._pending.setdefault(service_principal_id, []).append((now + self._settle, self.mode, dict(pairs)))

    def preset(self, service_principal_id: str, pairs: Mapping[str, str]) -> None:
        """Set what is saved at once, as if it had been there for long; not counted as a save."""
        self._settled[service_principal_id] = dict(pairs)
        self._pending.pop(service_principal_id, None)

    def effective(self, service_principal_id: str) -> dict[str, str]:
        """Return what is in effect now; a `*` that somebody saved is really a `*`."""
        saved = self._settled.setdefault(service_principal_id, {})
        pending = self._pending.get(service_principal_id, [])
        while pending and pending[0][0] <= self._clock.now():
            _, mode, pairs = pending.pop(0)
            if mode is SecretsPut.REPLACE:
                saved.clear()
            saved.update(pairs)
            for key in [key for key, value in saved.items() if value == ""]:
                del saved[key]
        return dict(saved)

    def shown(self, service_principal_id: str) -> list[dict[str, str]]:
        """Return what GET shows: secret values as `*`."""
        pairs = self.effective(service_principal_id)
        return [{"key": key, "value": "*" if key in MASKED else value} for key, value in pairs.items()]
