"""The fleet: which applications there are, how each vendor's credentials live, and what befalls them in a year; pure.

Facts about vendors (lifetime, what a new token does to the old one) are those of the product's catalogue,
`shared/tokens/vendors/catalogue.json`, which names their sources. Who owns an application, and what goes wrong with it,
is made up.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from bench.year.operators import Temper
from emulator.doors import Door
from emulator.targets import Behaviour


class Kind(StrEnum):
    """What is particular about an application's credential."""

    KILLS = "kills"
    """Made in a console; a new one ends the old one at once."""
    COEXISTS = "coexists"
    WINDOW = "window"
    """Made in a console; the old one lives on for a day."""
    UNKNOWN = "unknown"
    """The vendor is not in the catalogue: only dates in the vault tell when it ends."""
    DATABRICKS = "databricks"
    HCP = "hcp"
    SNOWFLAKE = "snowflake"
    AUTH0 = "auth0"
    PASSWORD = "password"  # noqa: S105 -- a kind, no password
    GRANTED = "granted"
    """An administrator's consent (OAuth): there is nothing to paste."""
    UNBOUND = "unbound"
    """The vault knows nothing of it."""


class Dated(StrEnum):
    """How a person's new version in the vault says when it ends."""

    VENDOR = "vendor"
    """Not at all: the vendor's tokens all live equally long."""
    EXP = "exp"
    """By the version's own expiry date."""
    TAG = "tag"
    """By the tag `pratique-expires`."""
    CLAIM = "claim"
    """Not at all, but the token is a JWT and says so itself; the first one has a tag."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor as the fleet uses it; `key` is the catalogue's, and empty for one that it does not know."""

    label: str
    key: str
    lifetime: timedelta
    dated: Dated = Dated.EXP
    behaviour: Behaviour = Behaviour.STANDARD
    door: Door = Door.BEARER
    api: str = ""
    reminds: bool = False
    """Whether it mails its customers before a token ends."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One application and its year; days are counted from the beginning."""

    name: str
    kind: Kind
    vendor: Vendor
    temper: Temper
    first_end: int
    """When the credential ends that is in use at the beginning."""
    leavers: tuple[int, ...]
    """When people leave who have access."""
    revoked: int | None = None
    """When the vendor, or somebody there, revokes what is in use."""
    fumbles: int = 0
    """So many times the first new credential is stored wrongly, and then rightly once they are told."""
    renames: bool = False
    """A new password comes with a new user name."""
    api_fails: str = ""
    """The vendor's API fails half of the time: `before` or `after` it has done what was asked."""

    @property
    def minted(self) -> bool:
        """Say whether the vendor's API makes new tokens."""
        return bool(self.vendor.api)

    @property
    def owner(self) -> str:
        """Return the owner's mail address."""
        return f"{self.slug}@contoso.example"

    @property
    def slug(self) -> str:
        """Return the name as part of a secret's name."""
        return self.name.lower().replace(" ", "-")


def _days(count: int) -> timedelta:
    return timedelta(days=count)


_VENDORS: dict[Kind, tuple[Vendor, ...]] = {
    Kind.KILLS: (Vendor("Druva", "druva", _days(365), Dated.VENDOR, Behaviour.DRUVA, reminds=True),),
    Kind.COEXISTS: (
        Vendor("Identity Center", "aws-iam-identity-center", _days(365), Dated.VENDOR),
        Vendor("Informatica", "informatica", _days(180), Dated.VENDOR),
    ),
    Kind.WINDOW: (
        Vendor("Lakehouse Account", "databricks-account", _days(270), behaviour=Behaviour.WINDOW),
        Vendor("Chainguard", "chainguard", _days(365), behaviour=Behaviour.WINDOW),
    ),
    Kind.UNKNOWN: (
        Vendor("Facilities", "", _days(120), Dated.TAG),
        Vendor("Travel", "", _days(180), Dated.EXP),
        Vendor("Payroll", "", _days(150), Dated.CLAIM),
    ),
    Kind.DATABRICKS: (Vendor("Lakehouse", "databricks-workspace", _days(180), api="databricks"),),
    Kind.HCP: (Vendor("Terraform", "hcp-terraform", _days(365), api="hcp_terraform"),),
    Kind.SNOWFLAKE: (Vendor("Warehouse", "snowflake", _days(180), api="snowflake"),),
    Kind.AUTH0: (Vendor("Customer Login", "auth0", _days(180), api="auth0"),),
    Kind.PASSWORD: (Vendor("Learning", "cornerstone", _days(180), behaviour=Behaviour.DRUVA, door=Door.BASIC),),
    Kind.GRANTED: (Vendor("Slack", "", _days(300)),),
    Kind.UNBOUND: (Vendor("Intranet", "", _days(240)),),
}
_FORTY = {
    Kind.KILLS: 8,
    Kind.COEXISTS: 6,
    Kind.WINDOW: 4,
    Kind.UNKNOWN: 6,
    Kind.DATABRICKS: 4,
    Kind.HCP: 3,
    Kind.SNOWFLAKE: 3,
    Kind.AUTH0: 2,
    Kind.PASSWORD: 2,
    Kind.GRANTED: 1,
    Kind.UNBOUND: 1,
}
_FEW = dict.fromkeys(
    (
        Kind.KILLS,
        Kind.COEXISTS,
        Kind.WINDOW,
        Kind.UNKNOWN,
        Kind.DATABRICKS,
        Kind.PASSWORD,
        Kind.GRANTED,
        Kind.UNBOUND,
    ),
    1,
)
_TEMPERS = (Temper.PROMPT, Temper.LATE, Temper.PROMPT, Temper.AFTER, Temper.PROMPT, Temper.LATE, Temper.PROMPT)
_FUMBLES = {(Kind.KILLS, 2), (Kind.COEXISTS, 0), (Kind.WINDOW, 1), (Kind.UNBOUND, 0)}
_REVOKED = {(Kind.COEXISTS, 2), (Kind.UNKNOWN, 4), (Kind.DATABRICKS, 2), (Kind.HCP, 1)}
_NEVER = {(Kind.KILLS, 5), (Kind.COEXISTS, 4), (Kind.HCP, 2)}
_API_FAILS = ("before", "after")
_CITIES = (
    "Accra Bergen Cusco Dakar Essen Fukuoka Ghent Hanoi Izmir Jakarta Kyoto Lagos Malmo Nairobi Oslo Porto Quito Riga "
    "Sofia Turin Utrecht Vienna Wuhan Xalapa York Zagreb Austin Basel Cork Delft Evora Faro Graz Haifa Ipoh Jena "
    "Krakow Lima Minsk Nantes Osaka"
)
_FIRST, _MARGIN = 9, 12
_LAST = 60
"""So many days before the year's end it comes for those that nobody renews: else they would drown all other figures."""


def forty(days: int, seed: int) -> tuple[Plan, ...]:
    """Return the whole fleet."""
    return _fleet([kind for kind, count in _FORTY.items() for _ in range(count)], days, seed, leaves_every=60)


def few(days: int, seed: int) -> tuple[Plan, ...]:
    """Return a fleet with one application of each kind, minting once."""
    plans = _fleet(list(_FEW), days, seed, leaves_every=10)
    revoked = {Kind.DATABRICKS: days // 2}
    return tuple(replace(plan, revoked=revoked.get(plan.kind)) for plan in plans)


def _fleet(kinds: Sequence[Kind], days: int, seed: int, *, leaves_every: int) -> tuple[Plan, ...]:
    """Spread the first ends over the year, and give every application its owner and its troubles."""
    chance = random.Random(seed)  # noqa: S311 -- the same year again for the same seed
    cities = chance.sample(_CITIES.split(), len(kinds))
    ends = [_FIRST + at * (days - _FIRST - _MARGIN) // max(len(kinds) - 1, 1) for at in range(len(kinds))]
    chance.shuffle(ends)
    seen: Counter[Kind] = Counter()
    plans = []
    for at, (kind, city, end) in enumerate(zip(kinds, cities, ends, strict=True)):
        nth, vendors = seen[kind], _VENDORS[kind]
        never = (kind, nth) in _NEVER
        seen[kind] += 1
        vendor = vendors[nth % len(vendors)]
        plans.append(
            Plan(
                name=f"{vendor.label} {city}",
                kind=kind,
                vendor=vendor,
                temper=Temper.NEVER if never else _TEMPERS[at % len(_TEMPERS)],
                first_end=_within(max(days - _LAST, _FIRST) if never else end, vendor.lifetime.days),
                leavers=tuple(
                    chance.randrange(begin + 2, begin + leaves_every)
                    for begin in range(0, days - leaves_every, leaves_every)
                ),
                revoked=chance.randrange(days // 4, 3 * days // 4) if (kind, nth) in _REVOKED else None,
                fumbles=int((kind, nth) in _FUMBLES),
                renames=kind is Kind.PASSWORD and nth % 2 == 1,
                api_fails=_API_FAILS[nth % 2] if kind is Kind.DATABRICKS else "",
            )
        )
    return tuple(plans)


def _within(end: int, lifetime: int) -> int:
    """Return a first end that a credential which is in use at the beginning can have."""
    return end if end < lifetime else end % (lifetime - _FIRST) + _FIRST
