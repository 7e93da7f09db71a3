"""`./pratique`: reads the command line, runs one command, and ends with one line and a code when that fails."""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from cli.errors import CommandError, ExitCode
from cli.running import INTERRUPTED, run

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    from shared.errors import InvalidSetting, PratiqueError  # noqa: PLC0415 -- `--help` answers at once

    try:
        return _run(options)
    except InvalidSetting as error:
        return _fail(str(error), ExitCode.WRONG_USE)
    except CommandError as error:
        return _fail(str(error), error.code)
    except (PratiqueError, OSError) as error:
        return _fail(str(error), ExitCode.NEEDS_YOU)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if sys.flags.dev_mode:  # `python -X dev -m cli` shows where it happened
            raise
        from shared.redaction import redact  # noqa: PLC0415

        return _fail(f"unexpected {type(error).__name__}: {redact(str(error))}", ExitCode.NEEDS_YOU)


def _run(options: argparse.Namespace) -> int:
    # Each command loads only what it needs.
    match options.command:
        case "scan":
            from cli.scan import scan  # noqa: PLC0415

            return run(scan(as_json=options.json))
        case "reconcile":
            from cli.reconcile import reconcile  # noqa: PLC0415

            return run(reconcile(options.application, options.job, as_json=options.json))
        case "diagnose":
            from cli.diagnose import diagnose  # noqa: PLC0415

            return run(diagnose(options.application, options.job, as_json=options.json, as_markdown=options.markdown))
        case "try":
            from cli.try_user import try_user  # noqa: PLC0415

            wanted, user = options.application, options.user
            return run(try_user(wanted, user, options.job, yes=options.yes, as_json=options.json))
        case "classify":
            return _classify(score=options.score, rules=options.rules)
        case "emulator":
            from cli.emulate import emulate  # noqa: PLC0415

            return run(emulate(story=options.story, as_json=options.json), when_stopped=0)
        case "serve":
            from cli.serve import serve  # noqa: PLC0415

            return run(serve(options.port, strike=options.strike), when_stopped=0)
        case _:
            from cli.demo.command import demo  # noqa: PLC0415

            pictures = not options.no_pictures
            return run(demo(options.keep, options.deadline, as_json=options.json, pictures=pictures))


def _classify(*, score: bool, rules: bool) -> int:
    from cli import classify, rules_page  # noqa: PLC0415

    if rules:
        sys.stdout.write(f"{rules_page.rules_page()}\n")
        return ExitCode.FINE

    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")  # what is no UTF-8 spoils its own line only
    return (classify.score if score else classify.classify)(sys.stdin, sys.stdout)


def _fail(message: str, code: ExitCode) -> int:
    sys.stderr.write(f"pratique: {' '.join(message.split())}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pratique",
        description="Finds quarantined Entra provisioning jobs, repairs what is safe to repair,\n"
        "and proves the recovery.",
        epilog=_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)

    scan = _command(commands, "scan", "list every synchronization job and what stands about it", _ENVIRONMENT)
    _add_json(scan)

    reconcile = _command(
        commands,
        "reconcile",
        "look at one application's jobs now, and act if the mode allows it",
        f"Does what a signal on the queue does: same mode (PRATIQUE_MODE), same limits.\n\n{_ENVIRONMENT}",
    )
    _add_application(reconcile)
    _add_json(reconcile)
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
    _add_json(demo)
    return parser


def _add_diagnosis(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
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


def _add_application(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "application", help="display name of the application (upper or lower case), or its service principal id"
    )
    command.add_argument("--job", metavar="ID", help="only this job of the application (default: all of them)")


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, summary: str, more: str
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.\n\n{more}",
        epilog=_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_json(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document on standard output, nothing else")


if __name__ == "__main__":
    sys.exit(main())
