"""What the command line understands: every command with its arguments and its help."""

import argparse
from pathlib import Path
from typing import Any

_CODES = """\
exit codes:
  0  fine
  1  something needs you, or failed (one line on standard error says what)
  2  the command line or a setting is wrong
"""
_ENVIRONMENT = """\
Settings come from environment variables, named as in infra/settings.json; at
least KEY_VAULT_URL and AzureWebJobsStorage (or its __queueServiceUri and
__tableServiceUri). You are signed in as azure-identity's DefaultAzureCredential
finds you: managed identity, `az login`, or AZURE_* variables.
"""
_APPLICATION = "display name of the application (upper or lower case), or its service principal id"

type _Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 -- it has no public name


def parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    top = argparse.ArgumentParser(
        prog="pratique",
        description="Finds quarantined Entra provisioning jobs, repairs what is safe to repair,\n"
        "and proves the recovery.",
        epilog=_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", metavar="command", required=True)

    scan = _command(commands, "scan", "list every synchronization job and what stands about it", _ENVIRONMENT)
    _add_json(scan)
    _add_doctor(commands)

    reconcile = _command(
        commands,
        "reconcile",
        "look at one application's jobs now, and act if the mode allows it",
        f"Does what a signal on the queue does: same mode (PRATIQUE_MODE), same limits.\n\n{_ENVIRONMENT}",
    )
    _add_application(reconcile)
    _add_json(reconcile)
    _add_tokens(commands)
    _add_diagnosis(commands)

    emulator = _command(
        commands,
        "emulator",
        "run the embedded tenant alone and print the settings that point Pratique at it",
        "Eight applications on loopback, with Azurite as storage; no Azure, no account.\n"
        "Ctrl-C ends it.\n\n"
        "  In one terminal:  ./pratique emulator > tenant.env\n"
        "  In another:       . ./tenant.env && ./pratique scan\n",
    )
    emulator.add_argument(
        "--story", action="store_true", help="after the first good cycles, let everything befall that the demo shows"
    )
    _add_json(emulator)

    serve = _command(
        commands,
        "serve",
        "run the product in the local functions host against the embedded tenant",
        "Prints the addresses and the commands that make things happen (such as Druva's\n"
        "token expiring). Acts on its own, with intervals of a second or two;\n"
        "PRATIQUE_ACTING=off stops all acting. Ctrl-C ends it.\n",
    )
    serve.add_argument("--port", type=int, default=7071, help="port of the functions host (default: 7071; 0: any)")
    serve.add_argument("--strike", action="store_true", help="let everything befall after the first good cycles")

    demo = _command(
        commands,
        "demo",
        "show the whole loop: five of eight jobs fall, one is repaired and proven",
        "Takes about half a minute, needs no network and no account. Exit code 0 means\n"
        "that every outcome is what the story says, checked against the tenant's own\n"
        "facts. PRATIQUE_ACTING=off is obeyed: the demo then fails, and says why.\n",
    )
    demo.add_argument(
        "--keep",
        type=Path,
        metavar="DIR",
        help="where to keep cards, mails, pictures and logs (default: .pratique/demo)",
    )
    demo.add_argument(
        "--deadline", type=float, default=45.0, metavar="SECONDS", help="how long the story may take (default: 45)"
    )
    demo.add_argument("--no-pictures", action="store_true", help="do not draw the cards and mails")
    demo.add_argument(
        "--azure-settings",
        type=Path,
        metavar="FILE",
        help="start the app with a deployment's settings (JSON), storage reached by identity",
    )
    demo.add_argument(
        "--package", type=Path, metavar="ZIP", help="take the app from a package (scripts/package --here)"
    )
    _add_json(demo)
    return top


def _add_doctor(commands: _Commands) -> None:
    doctor = _command(
        commands,
        "doctor",
        "say what is missing for the service to do its work, each with what mends it",
        "Looks at settings, sign-in, permissions, vault, logs, channels, storage, bindings\n"
        "and the last sweep. Changes nothing outside our own storage, where it makes\n"
        "missing tables and queues; ▲ is worth knowing, ✗ is missing (exit code 1, or 2\n"
        "when it is a setting). It looks as whoever is signed in; GET /api/doctor looks as\n"
        "the service itself.\n"
        f"\n{_ENVIRONMENT}",
    )
    doctor.add_argument(
        "--azure",
        action="store_true",
        help="put the deployment's names into the commands, from azd's outputs in the environment",
    )
    doctor.add_argument("--send-test", action="store_true", help="send a test notice by every channel")
    _add_json(doctor)


def _add_tokens(commands: _Commands) -> None:
    tokens = _command(
        commands,
        "tokens",
        "list every credential: its secret, when it ends, what is wrong with its keeping",
        "Nearest end first; reads names, tags and dates, no values, and changes nothing.\n"
        "Exit code 1 when a credential has a finding, an unknown end included; that an\n"
        "administrator granted the access (OAuth) is none, for nobody can do anything.\n"
        f"\n{_ENVIRONMENT}",
        usage="pratique tokens [-h] [--json]\n       pratique tokens bind [-h] secret application",
    )
    _add_json(tokens)
    bind = _command(
        tokens.add_subparsers(dest="action", metavar="bind", title="actions", prog="pratique tokens"),
        "bind",
        "bind a secret to an application: write tags on its newest version",
        "Checks everything first. Tags that are not ours are kept, and so are ours that\n"
        "you do not give. Needs Key Vault Secrets Officer for you; Pratique's identity\n"
        f"needs Secrets User alone, unless it mints.\n\n{_ENVIRONMENT}",
    )
    bind.add_argument("secret", help="name of the secret in the vault")
    bind.add_argument("application", help=_APPLICATION)
    bind.add_argument("--key", default="", metavar="K", help="credential key that it serves (default: SecretToken)")
    bind.add_argument(
        "--vendor", default="", metavar="V", help="key in docs/vendors.md (default: by the job's host, or the name)"
    )
    bind.add_argument(
        "--tenant-url", default="", metavar="URL", help="the only address it may go to (default: the job's own)"
    )
    bind.add_argument("--owner", default="", metavar="MAIL", help="who answers for the credential")
    bind.add_argument(
        "--expires", default="", metavar="DATE", help="when this version ends, if it has no expiry date: 2027-03-01"
    )
    bind.add_argument("--mint", default="", metavar="SECRET", help="secret with the vendor's API credential")
    bind.add_argument("--mint-for", default="", metavar="ID", help="what the vendor's API mints for")
    bind.add_argument("--reset", action="store_true", help="drop tags of ours that you do not give")
    _add_json(bind, default=argparse.SUPPRESS)  # else it would undo a --json that stands before "bind"

    rotate = _command(
        commands,
        "rotate",
        "give Entra the newest credential from the vault now, before the old one fails",
        "Tests it first, saves it, reads it back and tests what is saved. That is an\n"
        "action, so it obeys PRATIQUE_MODE, PRATIQUE_ACTING and the limits. Exit code 0\n"
        "when Entra has the newest or is being given it, and 1 when something stands in\n"
        "the way, be it that somebody else acts on the application just now.\n"
        f"\n{_ENVIRONMENT}",
    )
    _add_application(rotate, job="those in quarantine, else the first: jobs share credentials")
    rotate.add_argument(
        "--dry-run", action="store_true", help="change nothing; say of each step whether it would be taken, and why"
    )
    _add_json(rotate)


def _add_diagnosis(commands: _Commands) -> None:
    diagnose = _command(
        commands,
        "diagnose",
        "say why an application's jobs are not well, how sure that is, and what to do",
        f"Reads the job, its logs, a test of the saved credential and a read-only SCIM\n"
        f"probe of the target. Changes nothing.\n\n{_ENVIRONMENT}",
    )
    _add_application(diagnose)
    form = diagnose.add_mutually_exclusive_group()
    _add_json(form)
    form.add_argument("--markdown", action="store_true", help="print Markdown fit for a ticket")

    try_user = _command(
        commands,
        "try",
        "provision one user on demand and show, step by step, where it breaks",
        "Changes the target, so it is an action: obeys PRATIQUE_MODE and PRATIQUE_ACTING\n"
        f"and the daily limit, asks first, and is journalled.\n\n{_ENVIRONMENT}",
    )
    _add_application(try_user)
    try_user.add_argument("user", help="object id of the user, or user principal name (needs User.Read.All)")
    try_user.add_argument("--yes", action="store_true", help="do not ask (needed where there is no terminal)")
    _add_json(try_user)

    classify = _command(
        commands,
        "classify",
        "name the cause of messages: JSON lines in, JSON lines out",
        "Each line on standard input holds any of id, message, error_code,\n"
        "quarantine_reason, http_status, app. For each, one line is written: id, cause,\n"
        "confidence, why, may_rotate; or id and error, and the exit code is 1. Needs no\n"
        "settings and asks no service.\n",
    )
    form = classify.add_mutually_exclusive_group()
    form.add_argument("--rules", action="store_true", help="read nothing; print the table of rules in Markdown")
    form.add_argument(
        "--score", action="store_true", help="lines also carry `label`: print accuracy, a table and the confusions"
    )


def _add_application(command: argparse.ArgumentParser, job: str = "all of them") -> None:
    command.add_argument("application", help=_APPLICATION)
    command.add_argument("--job", metavar="ID", help=f"only this job of the application (default: {job})")


def _command(
    commands: _Commands, name: str, summary: str, more: str, usage: str | None = None
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=summary,
        usage=usage,
        description=f"{summary[0].upper()}{summary[1:]}.\n\n{more}",
        epilog=_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_json(command: argparse._ActionsContainer, **more: Any) -> None:
    command.add_argument(
        "--json", action="store_true", help="print one JSON document on standard output, nothing else", **more
    )
