"""How an obfuscation ended, in words: kept labels alone prove nothing where the control keeps them too."""

from __future__ import annotations

import numpy as np

from hingeline.core.errors import BudgetExhausted
from hingeline.core.outcome import Outcome, Status
from hingeline.subspace.obfuscated import Obfuscation

# The control must change values so many times more than the obfuscation does.
_CLEAR = 10.0


def obfuscation_outcome(made: Obfuscation, short: BudgetExhausted | None) -> Outcome:
    """How it ended.

    Args:
        made: The inputs and the answers.
        short: What ended the further controls early; None if all were asked.
    """
    count = len(made.original)
    if made.control is None:
        reason = "The span has no dimensions: all inputs seem to be answered alike, so nothing was hidden."
        return Outcome(Status.INCONCLUSIVE, reason)
    kept = int((made.labels == made.obfuscated_labels).sum())
    caveats = " ".join(_caveats(made))
    if kept < count:
        reason = f"{kept:,} of {count:,} obfuscated inputs keep their label; {_change(made)}."
        advice = "The span misses directions or is too coarse: recover it with more budget or with polish."
        return Outcome(Status.PARTIAL, _joined(reason, caveats), advice)
    if not _control_shows(made):
        reason = f"All {count:,} labels are kept, but an equal move inside the span is hardly seen either"
        advice = "Make the move longer: a larger sigma, or a target that differs more."
        return Outcome(Status.INCONCLUSIVE, _joined(f"{reason}; {_change(made)}.", caveats), advice)
    control = f"as long a move inside the span keeps {made.control.labels_kept:.0%}"
    reason = _joined(f"All {count:,} labels are kept, {_change(made)}; {control}.", caveats)
    if short is not None:
        return Outcome(Status.BUDGET_SPENT, f"{reason} Further controls are missing: {short}.")
    return Outcome(Status.COMPLETE, reason)


def _change(made: Obfuscation) -> str:
    """What values did."""
    if made.value_kind == "none":
        return "the oracle gives no values"
    if np.isnan(made.largest_change):
        return f"answers change by at most {made.largest_answer_change:.1g}"
    of = f" of the {made.variation:.3g} they vary" if np.isfinite(made.variation) else ""
    return f"{made.value_kind} change by at most {made.largest_change:.1g}{of}"


def _control_shows(made: Obfuscation) -> bool:
    """Whether the control's move matters clearly more than the obfuscation's."""
    control = made.control
    if control is None:
        return False
    if control.labels_kept < 1:
        return True
    return bool(control.largest_change > _CLEAR * made.largest_change)


def _caveats(made: Obfuscation) -> list[str]:
    """What limits the statement."""
    words: list[str] = []
    if made.standing != "exact":
        words.append(
            f"The span is {made.standing}: what was asked holds for these inputs, others may show a "
            "direction that was not seen."
        )
    if made.where == "data":
        words.append("The span is that of the data; the obfuscated inputs may lie off it.")
    if made.where == "box" and made.box is None:
        words.append("The span is that of a box, which the obfuscated inputs may leave.")
    if not made.converged.all():
        words.append(
            f"For {int((~made.converged).sum())} inputs the nearest point of the box was not reached "
            f"(largest deviation of the seen part {made.residuals.max():.1g})."
        )
    return words


def _joined(reason: str, caveats: str) -> str:
    return f"{reason} {caveats}" if caveats else reason
