"""Exit codes, and which error ends with which."""

from __future__ import annotations

from enum import IntEnum

import click

from hingeline.core.errors import (
    BudgetExhausted,
    FormatError,
    HingelineError,
    InvalidInput,
    MissingExtra,
    OracleError,
    Refused,
)


class Exit(IntEnum):
    """What a script can rely on."""

    DONE = 0
    POLICY = 1
    """Done, but a policy is broken (`--fail-on`), or two networks differ (`diff`)."""
    USAGE = 2
    """Usage or configuration: options, files, folders, missing extras."""
    TARGET = 3
    """The target cannot be reached, or its answers are not usable for this verb."""
    BUDGET = 4
    """The budget is spent; the partial result is saved."""
    INCONCLUSIVE = 5
    """Not complete: the self-check failed or parts are missing; what was found is saved."""
    REFUSED = 6
    """No authorisation was given for a remote target."""
    INTERNAL = 70
    """A bug in hingeline."""
    INTERRUPTED = 130
    """Stopped by the user; a run folder can be resumed."""


# By the words of `Status`: importing it would bring NumPy.
_STATUS = {
    "complete": Exit.DONE,
    "equivalent": Exit.DONE,
    "partial": Exit.INCONCLUSIVE,
    "budget spent": Exit.BUDGET,
    "inconclusive": Exit.INCONCLUSIVE,
    "refused": Exit.TARGET,
}


def status_code(status: str) -> Exit:
    """The exit code of a finding, by how it ended."""
    return _STATUS[status]


class RunStopped(click.ClickException):
    """A run ended before its finding; the message says what is kept and how to go on.

    Args:
        message: For people, whole.
        code: How the program ends.
    """

    def __init__(self, message: str, code: Exit) -> None:
        super().__init__(message)
        self.code = code


# The first row that matches decides, so a subclass stands above its parent.
_ERRORS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Exit], ...] = (
    (click.Abort, Exit.INTERRUPTED),
    (click.ClickException, Exit.USAGE),
    (Refused, Exit.REFUSED),
    (BudgetExhausted, Exit.BUDGET),
    (OracleError, Exit.TARGET),
    ((InvalidInput, FormatError, MissingExtra, OSError), Exit.USAGE),
    (HingelineError, Exit.INCONCLUSIVE),
)


def exit_code(error: Exception) -> Exit:
    """The code of an error that reached the command line."""
    if isinstance(error, RunStopped):
        return error.code
    return next((code for kinds, code in _ERRORS if isinstance(error, kinds)), Exit.INTERNAL)
