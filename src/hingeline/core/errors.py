"""Every error we raise, as a tree; each carries its numbers.

HingelineError
├── InvalidInput (also ValueError)      the caller's mistake, raised at once
├── OracleError                         the door
│   ├── UnsupportedOracle               this verb cannot use what it answers
│   ├── QueryFailed                     no usable answer came (status, attempts)
│   └── OutsideDomain                   a point outside the declared bounds
├── BudgetExhausted                     limit, spent, phase, partial
├── RecoveryError                       numeric failure inside a verb
│   ├── TooFewWitnesses
│   ├── AmbiguousSign
│   └── IllConditioned
├── NotRecorded                         rows that a finished run's journal has no answers to
├── NotComplete                         Finding.require() on a result that is not ok
├── FormatError                         a file that is not what it should be
├── MissingExtra                        an optional dependency is not installed
└── Refused                             no authorisation for a remote target
"""

from __future__ import annotations

from typing import Any


class HingelineError(Exception):
    """Base of all our errors."""


class InvalidInput(HingelineError, ValueError):
    """The caller passed something that cannot be meant."""


class OracleError(HingelineError):
    """Something is wrong with the door or its answers."""


class UnsupportedOracle(OracleError):
    """The oracle works, but this verb cannot use what it answers."""


class QueryFailed(OracleError):
    """No usable answer arrived.

    Attributes:
        status: HTTP status if there was one.
        sent: True if the request may have reached the target (so it may have been paid).
        out_of_range: True if an answer came but no value can be read from it (NaN, a saturated
            probability); nearer to the origin there may be one.
    """

    def __init__(
        self, message: str, *, status: int | None = None, sent: bool = False, out_of_range: bool = False
    ) -> None:
        super().__init__(message)
        self.status = status
        self.sent = sent
        self.out_of_range = out_of_range


class OutsideDomain(OracleError):
    """A point lies outside the bounds declared for the oracle."""


class BudgetExhausted(HingelineError):
    """The next rows would exceed the budget; nothing of them was sent.

    Attributes:
        limit: Rows allowed.
        spent: Rows asked so far.
        wanted: Rows the refused request had.
        phase: Name of the phase whose limit it was.
        partial: What the step had found, if it hands that over.

    Args:
        advice: What is kept and how to go on; closes the message.
    """

    def __init__(
        self, *, limit: int, spent: int, wanted: int, phase: str, partial: Any = None, advice: str = ""
    ) -> None:
        super().__init__(
            f"budget of {limit:,} queries reached in phase '{phase}': {spent:,} spent, {wanted:,} more wanted"
            + (f". {advice}" if advice else "")
        )
        self.limit = limit
        self.spent = spent
        self.wanted = wanted
        self.phase = phase
        self.partial = partial


class RecoveryError(HingelineError):
    """A numeric step failed in an expected way; becomes an outcome, not a traceback."""


class TooFewWitnesses(RecoveryError):
    """Not enough critical points to determine something."""


class AmbiguousSign(RecoveryError):
    """More than one sign assignment fits."""


class IllConditioned(RecoveryError):
    """A linear system is too ill-conditioned for the precision that arrives."""


class NotRecorded(HingelineError):
    """A run is done again from its journal alone, and the journal does not hold all it needs.

    No error of a door: a step that goes on where a door refuses must not go on here.

    Attributes:
        rows: How many answers were missing when this was noticed; there may be more.
    """

    def __init__(self, rows: int) -> None:
        answers = "1 answer" if rows == 1 else f"{rows:,} answers"
        super().__init__(f"this needs at least {answers} that the journal does not hold")
        self.rows = rows


class NotComplete(HingelineError):
    """A finding was required to be complete and is not."""


class FormatError(HingelineError):
    """A file is not what its name says."""


class MissingExtra(HingelineError):
    """An optional dependency is needed; the message has the command that installs it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} needs an optional dependency:  pip install "hingeline[{extra}]"')
        self.extra = extra


class Refused(HingelineError):
    """A remote target needs the user's statement of authorisation."""
