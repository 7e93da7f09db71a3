"""`pratique tokens bind`: binds a secret to an application by tags, once everything about it is sure to be meant."""

import argparse
import re
import shlex
from urllib.parse import urlsplit

from rich.console import Console
from rich.text import Text

from cli.diagnose import find_application
from cli.errors import CommandError, ExitCode, UsageError
from cli.output import below, print_json, terminal
from cli.product import product
from shared.clients.permissions import Permission
from shared.diagnosis.report import plain
from shared.errors import MissingPermission, Refused
from shared.tokens.binding_by_hand import BindingByHand, BoundByHand, next_steps
from shared.tokens.wish import Wish

_VAULT_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]{2,23}")


def wish_of(options: argparse.Namespace) -> Wish:
    """Return what the command line says about the binding."""
    return Wish(
        key=options.key,
        vendor=options.vendor,
        tenant_url=options.tenant_url,
        owner=options.owner,
        expires=options.expires,
        mint_secret=options.mint,
        mint_for=options.mint_for,
        reset=options.reset,
    )


async def bind(secret: str, wanted: str, wish: Wish, *, as_json: bool) -> int:
    """Write the tags and print them; nothing is written when anything about them is refused."""
    async with product() as pratique:
        services = pratique.services
        application = await find_application(pratique, wanted)
        binding = BindingByHand(services.graph, services.vault, services.vault_writer, services.clock)
        try:
            bound = await binding.bind(secret, application, wish)
        except Refused as refusal:
            raise UsageError(str(refusal)) from refusal
        except MissingPermission as error:
            if error.permission != Permission.VAULT_WRITE:
                raise
            raise CommandError(_grant(pratique.settings.key_vault_url)) from error
    following = (*next_steps(bound), _look(bound))
    if as_json:
        print_json(
            {
                "application": bound.application.display_name,
                "service_principal_id": bound.application.id,
                "secret": bound.binding.secret_name,
                "version": bound.version.version,
                "tags": dict(bound.tags),
                "found_out": sorted(bound.found),
                "next_steps": list(following),
            }
        )
    else:
        _print(terminal(), bound, following)
    return ExitCode.FINE


def _grant(vault_url: str) -> str:
    """Name what the person lacks and the command that grants it."""
    name = (urlsplit(vault_url).hostname or "").partition(".")[0]
    vault = name if _VAULT_NAME.fullmatch(name) else "<vault>"
    return (
        f"Nothing was written: you need {Permission.VAULT_WRITE} on the vault to write tags. It is for you: Pratique's "
        f"identity needs {Permission.VAULT} alone. Somebody who may grant roles there runs: "
        f'az role assignment create --role "{Permission.VAULT_WRITE}" '
        '--assignee "$(az ad signed-in-user show --query id --output tsv)" '
        f'--scope "$(az keyvault show --name {vault} --query id --output tsv)" '
        "(signed in as you; otherwise with your object id as the assignee)"
    )


def _look(bound: BoundByHand) -> str:
    name = shlex.quote(plain(bound.application.display_name))
    return f"./pratique rotate {name} --dry-run says what a rotation would do now."


def _print(screen: Console, bound: BoundByHand, following: tuple[str, ...]) -> None:
    binding, version = bound.binding, bound.version.version
    screen.print()
    line = Text("  ✓ ", "green").append(plain(bound.application.display_name), "bold")
    screen.print(line.append(f" · {binding.credential_key} is bound to secret {binding.secret_name}"))
    screen.print(below(f"version {version}", "dim"))
    screen.print()
    for tag, value in sorted(bound.tags.items()):
        found = " (found out: check it)" if tag in bound.found else ""
        screen.print(below(f"{tag} = {plain(value)}{found}"))
    if bound.kept:
        screen.print(below(f"{bound.kept} other tag{'' if bound.kept == 1 else 's'} kept as they were", "dim"))
    screen.print()
    for step in following:
        screen.print(below(plain(step)))
    screen.print()
