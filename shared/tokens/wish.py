"""What a person wishes for a binding, and the tags that come of it; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from urllib.parse import urlsplit

from shared.errors import Refused
from shared.jobs.model import ServicePrincipal
from shared.tokens.bindings import (
    TAG_EXPIRES,
    TAG_KEY,
    TAG_MINT,
    TAG_MINT_FOR,
    TAG_OWNER,
    TAG_SERVICE_PRINCIPAL,
    TAG_TENANT_URL,
    TAG_VENDOR,
    SecretVersion,
    is_tagged,
    origin_of,
    problems_of,
)
from shared.tokens.expiry import tagged_date
from shared.tokens.keys import DEFAULT_KEY
from shared.tokens.vendors import Vendor, catalogue, vendor_for, vendor_named

BINDING_TAGS = (
    TAG_SERVICE_PRINCIPAL,
    TAG_VENDOR,
    TAG_TENANT_URL,
    TAG_KEY,
    TAG_OWNER,
    TAG_EXPIRES,
    TAG_MINT,
    TAG_MINT_FOR,
)
_LONGEST_TAG = 256  # Key Vault docs, "About keys, secrets, and certificates": tags


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person said; an empty text was not said. `reset` drops what earlier tags of ours say."""

    key: str = ""
    vendor: str = ""
    tenant_url: str = ""
    owner: str = ""
    expires: str = ""
    mint_secret: str = ""
    mint_for: str = ""
    reset: bool = False

    def tags(self) -> dict[str, str]:
        """Return what was said, as tags."""
        said = {
            TAG_KEY: self.key,
            TAG_VENDOR: self.vendor,
            TAG_TENANT_URL: self.tenant_url,
            TAG_OWNER: self.owner,
            TAG_EXPIRES: self.expires,
            TAG_MINT: self.mint_secret,
            TAG_MINT_FOR: self.mint_for,
        }
        return {name: value.strip() for name, value in said.items() if value.strip()}


def tags_for(
    versions: Sequence[SecretVersion], application: ServicePrincipal, address: str, wish: Wish, now: datetime
) -> tuple[dict[str, str], frozenset[str]]:
    """Return the tags that bind a secret, and which of them were found out; pure.

    Args:
        versions: the secret's, newest first; at least one.
        application: which it is bound to.
        address: the job's tenant URL; empty where it cannot be read.
        wish: what a person said; it comes before earlier tags, and they before what is found out.
        now: a date of expiry must be later.

    Raises:
        Refused: in a sentence, what cannot be meant.
    """
    said, before = wish.tags(), {} if wish.reset else _before(versions)
    bound_to = before.get(TAG_SERVICE_PRINCIPAL, "")
    if bound_to and bound_to.lower() != application.id.lower():
        raise Refused(
            f"Secret {versions[0].name} is bound to another application ({bound_to}) now; to bind it anew, its tags "
            "must be reset (--reset)."
        )
    _require_known_vendor(said)
    _require_date(versions[0], said, now)
    tags = {**before, **said, TAG_SERVICE_PRINCIPAL: application.id}
    guesses = {TAG_TENANT_URL: _pin(address), TAG_VENDOR: _vendor_key(application, address)}
    found = {tag: guess for tag, guess in guesses.items() if guess and tag not in tags}
    tags |= found
    if TAG_VENDOR in tags:
        tags[TAG_VENDOR] = tags[TAG_VENDOR].lower()
    if tags.get(TAG_KEY) == DEFAULT_KEY:
        del tags[TAG_KEY]
    if problems := problems_of(tags):
        raise Refused(problems[0])
    if TAG_MINT_FOR in tags and TAG_MINT not in tags:
        raise Refused("What to mint for is named, but not the secret that holds the credential to mint with.")
    for tag, value in tags.items():
        if len(value) > _LONGEST_TAG or not value.isprintable():
            raise Refused(f"{tag} must be printable text of at most {_LONGEST_TAG} characters.")
    return tags, frozenset(found)


def _before(versions: Sequence[SecretVersion]) -> dict[str, str]:
    """Return what earlier tags of ours say; a date speaks for its own version only, so only the newest's counts."""
    tagged = next((version.tags for version in versions if is_tagged(version)), {})
    before = {tag: tagged.get(tag, "").strip() for tag in BINDING_TAGS}
    before[TAG_EXPIRES] = versions[0].tags.get(TAG_EXPIRES, "").strip()
    return {tag: value for tag, value in before.items() if value}


def _require_known_vendor(said: Mapping[str, str]) -> None:
    wanted = said.get(TAG_VENDOR, "")
    if wanted and vendor_for(wanted) is None:
        near = get_close_matches(wanted.casefold(), list(catalogue()), n=3, cutoff=0.5)
        hint = f"Is it one of these: {', '.join(near)}?" if near else "docs/vendors.md lists the keys."
        raise Refused(f"No vendor of the catalogue has the key {wanted!r}. {hint}")


def _require_date(newest: SecretVersion, said: Mapping[str, str], now: datetime) -> None:
    if TAG_EXPIRES not in said:
        return
    end = tagged_date(replace(newest, tags=said))
    if end is None:
        raise Refused(
            f"{said[TAG_EXPIRES]!r} is no date: write a day as 2027-03-01, or a time with its zone as "
            "2027-03-01T12:00:00+00:00."
        )
    if end <= now:
        raise Refused(f"{said[TAG_EXPIRES]} is past; a secret that has ended cannot be bound with that date.")


def _pin(address: str) -> str:
    """Return the job's tenant URL as a pin: without its query, which is no part of where a token goes."""
    if origin_of(address) is None:
        return ""
    parts = urlsplit(address.strip())
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def _vendor_key(application: ServicePrincipal, address: str) -> str:
    """Return the vendor whose host the job sends to, else the one whose name the application bears."""
    origin = origin_of(address)
    owners = [vendor for vendor in catalogue().values() if origin is not None and _is_at(vendor, origin[0])]
    vendor = owners[0] if len(owners) == 1 else vendor_named(application.display_name)
    return vendor.key if vendor is not None else ""


def _is_at(vendor: Vendor, host: str) -> bool:
    return vendor.names_host(host) or vendor.shares_host(host)
