"""How a fragility run ended, in words: never that a network withstands attacks."""

from __future__ import annotations

import numpy as np

from hingeline.core.outcome import Outcome, Status
from hingeline.numerics.statistics import median
from hingeline.sensitivity.profile import FragilityProfile

_MISLEADING = ("wavering", "zero gradient", "saturated or masked", "dead", "constant")
_MOST_NAMED = 12


def worded(
    profile: FragilityProfile | None, stopped: str | None, *, exact: bool, left: int | None = None
) -> Outcome:
    """The outcome of a run.

    Args:
        profile: What was found; None if nothing was.
        stopped: What the budget cut short, as a sentence; None if nothing.
        exact: Whether smallest flips were searched with proof.
        left: Rows of the budget that were not asked; None for no limit.
    """
    if profile is None:
        return Outcome(
            Status.BUDGET_SPENT, "The budget ended before every input was asked once.", "Allow a larger one."
        )
    if stopped is not None:
        unused = (
            f"{left:,} queries of it were left when the shortened plan was done; the full plan wants more. "
            if left
            else ""
        )
        reason = f"{stopped} {unused}{_distances(profile)}"
        return Outcome(Status.BUDGET_SPENT, reason, "Go on with a larger budget; nothing is asked twice.")
    if not exact:
        return _upper_only(profile)
    open_ends = np.nonzero(~profile.proved)[0]
    if not len(open_ends):
        return Outcome(Status.COMPLETE, f"{_every(profile)} {_distances(profile)}{_warning(profile)}")
    named = ", ".join(str(i) for i in open_ends[:_MOST_NAMED])
    more = " and others" if len(open_ends) > _MOST_NAMED else ""
    return Outcome(
        Status.PARTIAL,
        f"{len(profile.upper) - len(open_ends)} of {len(profile.upper)} smallest flips are proved. "
        f"{_distances(profile)} Not proved: rows {named}{more}.{_warning(profile)}",
        "Their bounds stand on both sides; more nodes or seconds for each input bring them together.",
    )


def _upper_only(profile: FragilityProfile) -> Outcome:
    """Without a proof there are upper bounds only; without gradients not even good ones."""
    misleading = [verdict.name for verdict in profile.verdicts if verdict.name in _MISLEADING]
    if "wavering" in misleading:
        return Outcome(
            Status.INCONCLUSIVE,
            f"Wavering: the target answers partly by chance. {_distances(profile)}",
            "Fix its randomness first, or ask each input many times and judge by how often it flips.",
        )
    if misleading:
        return Outcome(
            Status.INCONCLUSIVE,
            f"{misleading[0].capitalize()}: what attacks did not find tells nothing. {_distances(profile)}",
            "A lower bound needs the weights of a piecewise linear network.",
        )
    return Outcome(
        Status.PARTIAL,
        f"Upper bounds only: smaller flips may exist. {_distances(profile)}",
        "Smallest flips are proved where the weights of a ReLU network are given.",
    )


def _every(profile: FragilityProfile) -> str:
    if np.isfinite(profile.upper).all():
        return "Every smallest flip is proved."
    far = np.isinf(profile.upper) & np.isfinite(profile.lower)
    if not far.any():
        return "Every input was searched to the end: its smallest flip is proved, or that there is none."
    return (
        "Every input was searched to the end: its smallest flip is proved, or that none is smaller than "
        f"{float(profile.lower[far].min()):.4g}, as far as was looked."
    )


def _warning(profile: FragilityProfile) -> str:
    """A network without flips because it answers always the same must not read as good news."""
    named = [verdict.name for verdict in profile.verdicts if verdict.name in ("dead", "constant")]
    if not named:
        return ""
    return f" But the network is {' and '.join(named)}: that nothing flips it says that it does not work."


def _distances(profile: FragilityProfile) -> str:
    """The median over all inputs, those without a flip counted as infinite."""
    middle, count = median(profile.upper), len(profile.upper)
    if count == 1:
        flips = f"flips at a change of {middle:.4g} ({profile.norm})"
        return f"The input {flips if np.isfinite(middle) else 'has no known flip'}."
    if np.isinf(profile.upper).all():
        return f"For none of the {count} inputs a flip was found."
    missing = int(np.isinf(profile.upper).sum())
    without = "" if not missing else f"; for {missing} of {count} no flip was found"
    if not np.isfinite(middle):
        return f"Half of the {count} inputs or more have no known flip{without}."
    return f"Half of the {count} inputs flip at a change of {middle:.4g} or less ({profile.norm}){without}."
