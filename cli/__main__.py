"""`./pratique`: reads the command line, runs one command, and ends with one line and a code when that fails."""

import argparse
import io
import sys
from collections.abc import Sequence

from cli.errors import CommandError, ExitCode
from cli.parsing import parser
from cli.running import INTERRUPTED, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = parser().parse_args(arguments)
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
        case "tokens" | "rotate":
            return _credentials(options)
        case "doctor":
            from cli.doctor import doctor  # noqa: PLC0415

            return run(doctor(azure=options.azure, send_test=options.send_test, as_json=options.json))
        case "diagnose":
            from cli.diagnose import diagnose  # noqa: PLC0415

            return run(diagnose(options.application, options.job, as_json=options.json, as_markdown=options.markdown))
        case "try":
            from cli.try_user import try_user  # noqa: PLC0415

            wanted, user = options.application, options.user
            return run(try_user(wanted, user, options.job, yes=options.yes, as_json=options.json))
        case "classify":
            return _classify(score=options.score, rules=options.rules)
        case _:
            return _embedded(options)


def _credentials(options: argparse.Namespace) -> int:
    if options.command == "rotate":
        from cli.rotate import rotate  # noqa: PLC0415

        return run(rotate(options.application, options.job, dry_run=options.dry_run, as_json=options.json))
    if options.action == "bind":
        from cli.bind import bind, wish_of  # noqa: PLC0415

        return run(bind(options.secret, options.application, wish_of(options), as_json=options.json))
    from cli.tokens import tokens  # noqa: PLC0415

    return run(tokens(as_json=options.json))


def _embedded(options: argparse.Namespace) -> int:
    match options.command:
        case "emulator":
            from cli.emulate import emulate  # noqa: PLC0415

            return run(emulate(story=options.story, as_json=options.json), when_stopped=0)
        case "serve":
            from cli.serve import serve  # noqa: PLC0415

            return run(serve(options.port, strike=options.strike), when_stopped=0)
        case _:
            return _demo(options)


def _demo(options: argparse.Namespace) -> int:
    if options.azure_settings is not None:
        from cli.home import trust_own_authority  # noqa: PLC0415

        trust_own_authority()
    from cli.demo.command import demo  # noqa: PLC0415

    return run(
        demo(
            options.keep,
            options.deadline,
            as_json=options.json,
            pictures=not options.no_pictures,
            azure_settings=options.azure_settings,
            package=options.package,
        )
    )


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


if __name__ == "__main__":
    sys.exit(main())
