"""How many inputs are right and still stand at each size of change: robust accuracy, from both sides.

Without labels every input counts as right. An input that is wrong to begin with has fallen at size 0. The
upper curve counts flips that are known, the lower one what is proved to stand; the truth for these inputs
lies between them, that for others of their kind in the intervals.

Source: intervals are Wilson 1927.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.numerics.statistics import wilson
from hingeline.sensitivity.results import listed, numbers, sealed
from hingeline.sensitivity.threat import Norm


@dataclass(frozen=True, eq=False)
class StandingCurve:
    """Share of inputs that are right and stand, by the size of the change."""

    norm: Norm
    inputs: int
    labelled: bool
    """Whether labels say what is right; else each first answer counts as right."""
    sizes: FloatArray
    """Sizes at which a share changes, from 0 on, shape "s"."""
    standing: IntArray
    """Inputs for which no flip of that size or less is known, shape "s"."""
    certain: IntArray
    """Inputs that are proved to stand up to that size, shape "s"."""
    low: FloatArray
    """Lower end of the interval of the share standing, shape "s"."""
    high: FloatArray
    """Upper end, shape "s"."""

    @property
    def shares(self) -> FloatArray:
        """Share of inputs for which no flip is known, shape "s": no more than this stand."""
        return self.standing / self.inputs

    @property
    def certain_shares(self) -> FloatArray:
        """Share of inputs that are proved to stand, shape "s": no fewer than this stand."""
        return self.certain / self.inputs

    def summary(self) -> dict[str, Any]:
        """Shares at a few sizes, JSON-ready."""
        places = np.unique(np.linspace(0, len(self.sizes) - 1, 5).round().astype(np.int64))
        return {
            "norm": self.norm,
            "inputs": self.inputs,
            "labelled": self.labelled,
            "sizes": listed(self.sizes[places]),
            "standing": listed(self.shares[places]),
            "standing_interval": [[float(self.low[i]), float(self.high[i])] for i in places],
            "certain": listed(self.certain_shares[places]),
        }

    def to_dict(self) -> dict[str, Any]:
        """All of it, JSON-ready."""
        arrays = ("sizes", "shares", "certain_shares", "low", "high")
        return {"summary": self.summary(), **{name: listed(getattr(self, name)) for name in arrays}}

    def figure(self) -> Curves:
        """Both shares over the size of the change, with the interval of the one that flips give."""
        what = "right and stand" if self.labelled else "keep their class"
        # shares fall at once, where a line between two sizes would slope
        across = numbers(np.repeat(self.sizes, 2)[1:])

        def steps(name: str, shares: FloatArray) -> Curve:
            return Curve(name, across, numbers(np.repeat(shares, 2)[:-1]))

        drawn = [steps("no flip is known", self.shares)]
        if self.certain[1:].any() or len(self.sizes) == 1:
            drawn.append(steps("proved to stand", self.certain_shares))
        drawn += [steps("interval, lower end", self.low), steps("interval, upper end", self.high)]
        return Curves(
            "standing",
            f"Share of the {self.inputs} inputs that are {what} up to each size of change: no more than "
            "those without a known flip, no fewer than those proved; 95 % interval for others of their kind.",
            Axis(f"size of the change ({self.norm})", from_zero=True),
            Axis("share of inputs", from_zero=True),
            tuple(drawn),
        )


def standing_curve(
    norm: Norm, upper: FloatArray, lower: FloatArray, right: BoolArray | None = None
) -> StandingCurve:
    """The curve of bounds "n" and "n" on the smallest flips.

    Args:
        norm: In which sizes are measured.
        upper: Sizes of known flips, infinite for none.
        lower: Nothing smaller flips; 0 where nothing is proved.
        right: Which inputs are classified as labelled; all if None.
    """
    own = np.ones(len(upper), dtype=np.bool_) if right is None else right
    ends = np.concatenate([upper[own], lower[own]])
    sizes = np.unique(np.concatenate([[0.0], ends[np.isfinite(ends)]]))
    # a flip of exactly this size has fallen; a bound of this size says that everything below stands
    standing = (own & (upper > sizes[:, np.newaxis])).sum(axis=1)
    certain = (own & (lower > sizes[:, np.newaxis])).sum(axis=1)
    ends = np.array([wilson(int(count), len(upper)) for count in standing])
    return StandingCurve(
        norm=norm,
        inputs=len(upper),
        labelled=right is not None,
        sizes=sealed(sizes),
        standing=sealed(standing.astype(np.int64)),
        certain=sealed(certain.astype(np.int64)),
        low=sealed(ends[:, 0]),
        high=sealed(ends[:, 1]),
    )
