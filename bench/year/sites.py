"""One application as it stands in the tenant: its credential at the vendor, and how a new one is made there."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import jwt

from bench.year.fleet import Dated, Kind, Plan
from bench.year.operators import Owner
from emulator.doors import Door
from emulator.jobs import User
from emulator.tenant import Application, EmbeddedTenant


@dataclass(slots=True)
class Pressed:
    """What somebody made at the vendor: the pairs that Entra is to have, and when they end."""

    pairs: dict[str, str] = field(repr=False)
    end: datetime

    @property
    def value(self) -> str:
        """Return it as the target's door knows it."""
        return opened_by(self.pairs)


@dataclass(slots=True)
class Site:
    """An application, its plan and its owner; `pressed` is a new credential that is not rightly stored yet."""

    plan: Plan
    application: Application
    owner: Owner
    staff: list[User]
    pressed: Pressed | None = None
    fumbled: int = 0

    @property
    def secret(self) -> str:
        """Return the name of the vault's secret that holds the token or the password."""
        return f"{self.plan.slug}-{'password' if self.plan.kind is Kind.PASSWORD else 'token'}"

    @property
    def name_secret(self) -> str:
        """Return the name of the vault's secret that holds the user name."""
        return f"{self.plan.slug}-user"

    def saved(self, tenant: EmbeddedTenant) -> dict[str, str]:
        """Return what is saved in Entra and in effect now."""
        return tenant.directory.secrets.effective(self.application.service_principal.id)

    def press(self, tenant: EmbeddedTenant) -> Pressed:
        """Make a new credential at the vendor, which does to the old one what it does."""
        plan, target, now = self.plan, self.application.target, tenant.clock.now()
        life = plan.vendor.lifetime
        end = now + life
        if plan.vendor.door is Door.BASIC:
            name = "" if plan.renames else self.saved(tenant)["UserName"]
            return Pressed(target.issue_credentials(life, name), end)
        token = target.issue_token(life, _jwt(end) if plan.vendor.dated is Dated.CLAIM else None)
        if plan.kind is Kind.GRANTED:
            refresh = f"refresh_{secrets.token_urlsafe(32)}"
            return Pressed({"Oauth2AccessToken": token, "Oauth2RefreshToken": refresh}, end)
        return Pressed({"SecretToken": token}, end)


def opened_by(pairs: dict[str, str]) -> str:
    """Return the credential among what is saved in Entra, as the target's door knows it."""
    if "Password" in pairs:
        return f"{pairs['UserName']}:{pairs['Password']}"
    return pairs.get("SecretToken") or pairs.get("Oauth2AccessToken", "")


async def open_site(tenant: EmbeddedTenant, plan: Plan, owner: Owner, staff: list[User]) -> Site:
    """Register the application with a credential of the right age, and the people who have access."""
    vendor = plan.vendor
    application = await tenant.add_application(
        plan.name,
        behaviour=vendor.behaviour,
        door=vendor.door,
        vendor_api=vendor.api,
        oauth=plan.kind is Kind.GRANTED,
        users=list(staff),
        token_valid_for=timedelta(days=plan.first_end),
    )
    return Site(plan, application, owner, staff)


def _jwt(end: datetime) -> str:
    return jwt.encode({"exp": int(end.timestamp()), "jti": secrets.token_hex(16)}, secrets.token_hex(32), "HS256")
