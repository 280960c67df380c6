"""The copy of an audit beside the door: its shape, and on how many inputs both decide alike."""

from __future__ import annotations

from hingeline.auditing.record import Audit
from hingeline.report.extraction import sizes
from hingeline.sensitivity.decision import Decision


def copy_shape(audit: Audit) -> tuple[int, ...]:
    """Widths from input to output, in neurons of the target; empty without a copy."""
    finding, copy = audit.finding("extraction"), audit.copy
    if copy is None:
        return ()
    told = copy.sizes if finding is None or finding.value is None else sizes(finding.evidence, finding.value)
    # of probabilities one output less is told than the door has
    return (*told[:-1], copy.output_dim)


def agreement(audit: Audit, threshold: float = 0.0) -> tuple[int, int] | None:
    """Of the given inputs, how many get the same class from copy and door; None without either.

    Args:
        audit: What was found.
        threshold: Where the class changes, if the door gives one number.
    """
    if audit.copy is None or audit.usage is None:
        return None
    outputs = audit.copy(audit.usage.points)
    own = Decision(outputs.shape[1], threshold).of(outputs)
    return int((own == audit.usage.classes).sum()), len(own)
