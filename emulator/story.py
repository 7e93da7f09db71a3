"""The story that the demo tells: a tenant of eight applications, and what befalls five of them."""

from dataclasses import dataclass
from datetime import timedelta

from emulator.engine import users_named
from emulator.targets import Behaviour
from emulator.tenant import Application, EmbeddedTenant

DRUVA = "Druva"
MIRO = "Miro"
HEALTHY = ("Zoom", "Slack", "Snowflake")
CONTOSO_INTRANET = "Contoso Intranet"
WORKPLACE = "Workplace"
LEGACY_HR = "Legacy HR"
DRUVA_SECRET = "druva-scim-token"
MIRO_SECRET = "miro-scim-token"

_USERS = 3
_WORKPLACE_USERS = 8
_WORKPLACE_THRESHOLD = 5
_TICK = 0.05
_AGE = timedelta(days=300)
"""How old the tokens are that were there before the product."""
_DRUVA_LIFETIME = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Story:
    """The tenant of the demo; what happens in it happens when it is told to."""

    tenant: EmbeddedTenant
    druva: Application
    miro: Application
    contoso_intranet: Application
    workplace: Application
    legacy_hr: Application
    healthy: tuple[Application, ...]

    @property
    def applications(self) -> tuple[Application, ...]:
        """Return all eight, in the order in which the story tells of them."""
        return self.druva, self.miro, self.contoso_intranet, self.workplace, self.legacy_hr, *self.healthy

    async def first_cycles(self) -> None:
        """Wait until every job has had a good cycle."""
        while not all(application.job.last_successful for application in self.applications):
            await self.tenant.clock.sleep(_TICK)

    def expire_druva(self) -> None:
        """Let Druva's token expire; its next cycle is refused."""
        self.druva.target.expire_tokens()

    def expire_miro(self) -> None:
        """Let Miro's token expire; nobody has put a new one in the vault."""
        self.miro.target.expire_tokens()

    def break_contoso_intranet(self) -> None:
        """Deploy a version of the intranet that answers 404 where an empty list is due."""
        self.contoso_intranet.target.behaviour = Behaviour.NOT_FOUND_FOR_EMPTY

    def empty_workplace(self) -> None:
        """Take all users out of Workplace's scope, more than its deletion threshold allows."""
        job = self.workplace.job
        job.leavers, job.users = [*job.leavers, *job.users], []

    def quarantine_legacy_hr(self) -> None:
        """Quarantine Legacy HR's job by hand, as Microsoft does when it sees an issue."""
        self.tenant.engine.quarantine_on_demand(self.legacy_hr.job.id)

    def strike(self) -> None:
        """Let everything happen at once."""
        self.expire_druva()
        self.expire_miro()
        self.break_contoso_intranet()
        self.empty_workplace()
        self.quarantine_legacy_hr()

    async def paste_new_druva_token(self, value: str | None = None) -> str:
        """Press New Token at Druva, which kills the old one, and paste it into the vault as a bare version.

        Args:
            value: the token, when a test wants to choose it.

        Returns:
            The identifier of the new version.
        """
        return await self.tenant.vault.put(DRUVA_SECRET, self.druva.target.issue_token(value=value))


async def build_story(tenant: EmbeddedTenant) -> Story:
    """Fill an open tenant with the story's applications, all of them healthy so far."""
    druva = await _add(tenant, DRUVA, behaviour=Behaviour.DRUVA, token_valid_for=_DRUVA_LIFETIME - _AGE)
    miro = await _add(tenant, MIRO)
    for application, vendor, secret in ((druva, "druva", DRUVA_SECRET), (miro, "miro", MIRO_SECRET)):
        principal, target = application.service_principal, application.target
        tags = {
            "pratique-service-principal": principal.id,
            "pratique-vendor": vendor,
            "pratique-tenant-url": target.tenant_url,
        }
        token = tenant.directory.secrets.effective(principal.id)["SecretToken"]
        await tenant.vault.put(secret, token, tags=tags, created=tenant.clock.now() - _AGE, announce=False)
    return Story(
        tenant,
        druva,
        miro,
        contoso_intranet=await _add(tenant, CONTOSO_INTRANET),
        workplace=await _add(tenant, WORKPLACE, users=_WORKPLACE_USERS, deletion_threshold=_WORKPLACE_THRESHOLD),
        legacy_hr=await _add(tenant, LEGACY_HR),
        healthy=tuple([await _add(tenant, name) for name in HEALTHY]),
    )


async def _add(
    tenant: EmbeddedTenant,
    name: str,
    *,
    behaviour: Behaviour = Behaviour.STANDARD,
    users: int = _USERS,
    deletion_threshold: int = 500,
    token_valid_for: timedelta | None = None,
) -> Application:
    return await tenant.add_application(
        name,
        behaviour=behaviour,
        users=users_named(name, users),
        deletion_threshold=deletion_threshold,
        token_valid_for=token_valid_for,
    )
