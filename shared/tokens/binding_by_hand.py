"""Binds a secret to an application as a person wishes: checks everything, then writes tags on its newest version.

No value is read. Key Vault replaces all tags of a version at once and knows no condition for it ("Update Secret", Key
Vault REST API), so a tag that somebody else sets between our reading and our writing is lost.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from shared.clients.graph import Graph
from shared.clients.vault import Vault
from shared.clients.vault_writer import VaultWriter
from shared.clock import Clock
from shared.errors import Refused
from shared.jobs.credentials import Credential
from shared.jobs.model import ServicePrincipal
from shared.tokens.bindings import TAG_SERVICE_PRINCIPAL, Binding, SecretVersion, binding_of, require_trusted_host
from shared.tokens.bound import all_secrets
from shared.tokens.expiry import Expiry, expiry_of
from shared.tokens.keys import granted
from shared.tokens.saving import base_address
from shared.tokens.wish import BINDING_TAGS, Wish, tags_for

_SECRET_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_MOST_TAGS = 15  # Key Vault docs, "About keys, secrets, and certificates": tags


@dataclass(frozen=True, slots=True)
class BoundByHand:
    """What was written: our tags, which of them were found out rather than said, and how many others were kept."""

    application: ServicePrincipal
    binding: Binding
    version: SecretVersion
    tags: Mapping[str, str]
    found: frozenset[str]
    kept: int
    expiry: Expiry


class BindingByHand:
    """The use case; the only one that needs *Key Vault Secrets Officer*, and for the person, besides minting."""

    def __init__(self, graph: Graph, vault: Vault, writer: VaultWriter, clock: Clock) -> None:
        self._graph = graph
        self._vault = vault
        self._writer = writer
        self._clock = clock

    async def bind(self, secret_name: str, application: ServicePrincipal, wish: Wish) -> BoundByHand:
        """Write the tags that bind a secret to an application's credential key.

        What earlier tags of ours say and the wish does not is kept; vendor and tenant URL are found out where neither
        says them.

        Raises:
            Refused: in a sentence, what cannot be meant; nothing was written.
            MissingPermission: the person may not write into the vault; nothing was written.
            ServiceError: Graph or the vault could not be asked.
        """
        names = [one.name for one in await self._vault.newest_versions()]
        name = _existing(secret_name, names)
        if wish.mint_secret.strip():
            _require_minting_secret(wish.mint_secret.strip(), name, names)
        versions = await self._vault.versions(name)
        if not await self._graph.jobs(application.id):
            raise Refused(
                f"{application.display_name} has no synchronization job, so no credential is saved for it. Set up its "
                "provisioning first."
            )
        current = await self._graph.credentials(application.id)
        tags, found = tags_for(versions, application, base_address(current), wish, self._clock.now())
        binding = _binding(versions[0], tags)
        _require_key_in_use(binding, current)
        _require_host(binding, base_address(current))
        await self._require_only_one(binding)
        others = {tag: value for tag, value in versions[0].tags.items() if tag not in BINDING_TAGS}
        if len(tags) + len(others) > _MOST_TAGS:
            raise Refused(f"Secret {name} would carry more than the {_MOST_TAGS} tags that Key Vault allows.")
        written = await self._writer.retag(name, versions[0].version, {**others, **tags})
        expiry = expiry_of(written, binding.known_vendor)
        return BoundByHand(application, binding, written, tags, found, len(others), expiry)

    async def _require_only_one(self, binding: Binding) -> None:
        sp = binding.service_principal_id.lower()
        for name, secret in (await all_secrets(self._vault, sp)).items():
            if secret is None or name == binding.secret_name or secret.binding.service_principal_id.lower() != sp:
                continue
            if secret.binding.credential_key == binding.credential_key:
                raise Refused(
                    f"{binding.credential_key} of this application is bound to secret {name} already. Remove the tag "
                    f"{TAG_SERVICE_PRINCIPAL} from its versions first."
                )


def next_steps(bound: BoundByHand) -> tuple[str, ...]:
    """Say what happens next, one sentence or two each; pure."""
    binding, at = bound.binding, bound.expiry.at
    newer = (
        "A newer version of the secret inherits these tags. In mode act it is tested against the target and, if it "
        "passes, saved in Entra before the old one fails; in mode observe you are told that it came."
    )
    end = "Its end is not known, so nobody can be warned: give the version an expiry date, or bind with --expires."
    if at is not None:
        end = f"It ends on {at:%Y-%m-%d} ({bound.expiry.source}); people are warned before that day."
    steps = [newer, end]
    if binding.mint_secret and binding.known_vendor is not None:
        steps.append(
            f"With PRATIQUE_MINT=on, {binding.known_vendor.name} is asked for a successor before the end; Pratique's "
            "identity then needs Key Vault Secrets Officer too."
        )
    return tuple(steps)


def _existing(wanted: str, names: Sequence[str]) -> str:
    """Return the name as the vault spells it; Key Vault takes names without regard to case."""
    by_folded = {name.casefold(): name for name in names}
    if (name := by_folded.get(wanted.strip().casefold())) is not None:
        return name
    if not _SECRET_NAME.fullmatch(wanted.strip()):
        raise Refused(f"{wanted!r} is no name of a Key Vault secret: letters, digits and hyphens only.")
    near = [by_folded[one] for one in get_close_matches(wanted.strip().casefold(), list(by_folded), n=3, cutoff=0.5)]
    hint = f" Is it one of these: {', '.join(near)}?" if near else ""
    raise Refused(f"The vault has no secret {wanted.strip()}.{hint}")


def _require_minting_secret(wanted: str, bound: str, names: Sequence[str]) -> None:
    if _existing(wanted, names) == bound:
        raise Refused("The credential to mint with must be in a secret of its own, not in the one that is bound.")


def _require_key_in_use(binding: Binding, current: Sequence[Credential]) -> None:
    keys = frozenset(pair.key for pair in current)
    if binding.credential_key not in keys and granted(keys):
        raise Refused("An administrator granted the access (OAuth), so no secret can be saved for this application.")


def _require_host(binding: Binding, address: str) -> None:
    try:
        require_trusted_host(binding, address)
    except Refused as refusal:
        text = str(refusal)
        raise Refused(f"{text[0].upper()}{text[1:]}.") from refusal


def _binding(newest: SecretVersion, tags: Mapping[str, str]) -> Binding:
    binding = binding_of([replace(newest, tags=tags)])
    if binding is None:
        raise ValueError("tags that name a service principal bind")
    return binding
