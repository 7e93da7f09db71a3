"""How a command ends when it cannot do what was asked: one sentence and an exit code."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell gets."""

    FINE = 0
    NEEDS_YOU = 1
    WRONG_USE = 2


class CommandError(Exception):
    """Something that a command needs is not there or does not run."""

    code = ExitCode.NEEDS_YOU


class UsageError(CommandError):
    """What was asked for cannot be meant; the message says what can."""

    code = ExitCode.WRONG_USE
