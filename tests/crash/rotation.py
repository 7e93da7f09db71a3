"""The scenes of kills around a rotation ahead of time: a bare new version, one to be minted, one that is taken back."""

from datetime import UTC, datetime, timedelta

from emulator.engine import users_named
from emulator.entra import Role
from emulator.faults import RecordedRequest
from emulator.targets import Behaviour
from emulator.tenant import Application, EmbeddedTenant
from shared.incidents.incident import Incident
from shared.remediation.limits import ATTEMPT
from tests.crash.kills import Write
from tests.crash.scene import NAME, SECRET, Scene

API_SECRET = f"{SECRET}-api"
FIRST = "tok-first"
MINTING = {"PRATIQUE_MINT": "on", "PRATIQUE_LEASE": "3.4", "PRATIQUE_STEP": "3.3"}
"""A step that has time for a mint on a busy machine."""

SAVE = Write("save", "graph", "PUT", r"/synchronization/secrets$")
RETAG = Write("prove-the-right-to-write", "vault", "PATCH", r"^/secrets/", b'"tags"')
MINT = Write("mint", f"target:{NAME}", "POST", r"/token/create$|/statements$")
KEEP = Write("keep-in-the-vault", "vault", "PUT", r"^/secrets/", b'"value"')
REVOKE = Write("revoke", f"target:{NAME}", "POST", r"/token/delete$")
DISABLE = Write("disable", "vault", "PATCH", r"^/secrets/", b'"enabled": false')


async def renewed(tenant: EmbeddedTenant) -> Application:
    """Register a healthy application with a newer token in the vault; the old one lives on."""
    application = await tenant.add_application(NAME, users=users_named(NAME, 1))
    await _bind(tenant, application, {})
    await tenant.vault.put(SECRET, application.target.issue_token())
    return application


async def replaced(tenant: EmbeddedTenant) -> Application:
    """Register a healthy application whose new token, just made, has ended the old one."""
    application = await tenant.add_application(NAME, users=users_named(NAME, 1), behaviour=Behaviour.DRUVA)
    await _bind(tenant, application, {"pratique-vendor": "druva"})
    await tenant.vault.put(SECRET, application.target.issue_token())
    return application


async def refused_once_saved(tenant: EmbeddedTenant) -> Application:
    """Register a healthy application whose new token is refused as soon as it is saved; the old one lives on.

    No cycle begins between the two, so that the job is not quarantined meanwhile.
    """
    application = await tenant.add_application(NAME, users=users_named(NAME, 1))
    await _bind(tenant, application, {})
    token, interval = application.target.issue_token(), application.job.interval
    await tenant.vault.put(SECRET, token)

    async def revoke(request: RecordedRequest) -> None:
        if SAVE.path.rstrip("$") not in request.path or request.method != "PUT":
            return
        bad = token.encode() in request.body
        if bad:
            application.target.revoke_token(token)
        application.job.interval = timedelta(hours=3) if bad else interval
        application.job.next_cycle = tenant.clock.now() + application.job.interval

    tenant.faults.after.append(revoke)
    return application


async def to_be_minted(tenant: EmbeddedTenant, vendor: str = "databricks-workspace") -> Application:
    """Register a healthy application whose token nears its end, at a vendor whose API mints."""
    kind = vendor.partition("-")[0]
    application = await tenant.add_application(NAME, users=users_named(NAME, 1), vendor_api=kind)
    api, target = application.vendor_api, application.target
    assert api is not None
    token = tenant.directory.secrets.effective(application.service_principal.id)["SecretToken"]
    target.revoke_token(token)
    api.issue(FIRST, token, "by hand", timedelta(days=20))
    await tenant.vault.put(API_SECRET, api.credential, announce=False)
    minting = {"pratique-mint": API_SECRET, "pratique-mint-for": api.subject, "pratique-token-id": FIRST}
    await _bind(tenant, application, {"pratique-vendor": vendor, **minting})
    tenant.entra.roles.add(Role.VAULT_OFFICER)
    return application


async def to_be_minted_at_snowflake(tenant: EmbeddedTenant) -> Application:
    """Do the same at a vendor that cannot say what became of a mint."""
    return await to_be_minted(tenant, "snowflake")


async def _bind(tenant: EmbeddedTenant, application: Application, more: dict[str, str]) -> None:
    principal, now = application.service_principal, datetime.now(UTC)
    url = {"pratique-tenant-url": application.target.tenant_url}
    await tenant.vault.put(
        SECRET,
        tenant.directory.secrets.effective(principal.id)["SecretToken"],
        tags={"pratique-service-principal": principal.id, **url, **more},
        created=now - timedelta(days=160),
        expires=now + timedelta(days=20) if "pratique-mint" in more else None,
        announce=False,
    )


async def require_rotated(scene: Scene, incident: Incident, *, quarantined: bool = False) -> None:
    """See that the newest version is in use, that nothing was saved needlessly, and that people heard once."""
    directory = scene.tenant.directory
    newest = {"SecretToken": scene.tenant.vault.value(SECRET)}
    assert directory.secrets.effective(incident.service_principal_id) == {**scene.settings_before, **newest}
    assert 1 <= len(directory.secret_saves) <= 2
    if not quarantined:
        assert directory.restarts == []
        assert {topic.partition(":")[0] for topic in incident.told} == {"rotated"}
    await _require_one_attempt(scene, incident)


async def require_put_back(scene: Scene, incident: Incident) -> None:
    """See that everything is as it was before, and that people heard so once."""
    directory = scene.tenant.directory
    assert directory.secrets.effective(incident.service_principal_id) == scene.settings_before
    assert 2 <= len(directory.secret_saves) <= 3
    assert directory.restarts == []
    assert [topic.partition(":")[0] for topic in incident.told] == ["undone"]
    await _require_one_attempt(scene, incident)


def minted(scene: Scene) -> list[str]:
    """Return every token that the vendor made since."""
    api = scene.application.vendor_api
    assert api is not None
    return [each.value for each in api.minted if each.token_id != FIRST]


async def _require_one_attempt(scene: Scene, incident: Incident) -> None:
    actions = [action for _, action, _ in await scene.journal(incident)]
    assert actions.count(ATTEMPT) == 1, actions
    assert "gave up" not in actions
    assert scene.application.job.quarantine is None
    assert scene.tenant.unserved == []
