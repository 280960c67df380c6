"""What `binary_flips` measured: shares changed, the sets chosen, controls, the ratio to random sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.sensitivity.fisher.flip_curve import FlipCurve
from hingeline.sensitivity.results import listed, numbers, over


@dataclass(frozen=True, eq=False)
class BinaryFlips:
    """Shares of inputs whose class changes when k coordinates are flipped.

    Attributes:
        counts: Coordinates flipped, k, shape "c".
        sets: For each of `counts`, the coordinates with the sign that hurts, shape "n k", in order of weight.
        signs: The sign chosen, against the eigenvector's own, shape "c n".
        tied: Whether a set chosen could as well have been another, shape "c n".
        curves: "fisher" (sign chosen by asking), "fisher_unsigned", "gradient" and "random".
        control: The same inputs asked again, twice: above 0 only if the model wavers.
        control_of_two: The same, changed in either: what "fisher", which asks twice, gets for nothing.
    """

    counts: IntArray
    sets: tuple[IntArray, ...]
    signs: FloatArray
    tied: BoolArray
    curves: tuple[FlipCurve, ...]
    control: FlipCurve
    control_of_two: FlipCurve

    def __getitem__(self, name: str) -> FlipCurve:
        """The curve of that name."""
        return {curve.name: curve for curve in self.curves}[name]

    @property
    def ratio(self) -> FloatArray:
        """Share changed by Fisher's sets over that by random ones, shape "c"; may be infinite."""
        return over(self["fisher"].shares, self["random"].shares, np.nan)

    @property
    def ratio_low(self) -> FloatArray:
        """Lower end of Fisher's interval over the upper end of random's, shape "c": a cautious limit."""
        return over(self["fisher"].low, self["random"].high, np.nan)

    def summary(self) -> dict[str, Any]:
        """Shares for each number of coordinates, the control and the ratio, JSON-ready."""
        return {
            "inputs": self.control.flips.shape[1],
            "coordinates": self.counts.tolist(),
            "flipped": {curve.name: listed(curve.shares) for curve in self.curves},
            "flipped_when_asked_again": float(self.control.shares[0]),
            "flipped_when_asked_again_best_of_two": float(self.control_of_two.shares[0]),
            "fisher_over_random": listed(self.ratio),
            "fisher_over_random_low": listed(self.ratio_low),
            "share_tied": listed(self.tied.mean(axis=1)),
            "note": "sets are chosen greedily from first-order information; better ones may exist",
        }

    def to_dict(self) -> dict[str, Any]:
        """Summary, curves with intervals, and the sets, JSON-ready."""
        return {
            "summary": self.summary(),
            "curves": [curve.to_dict() for curve in (*self.curves, self.control, self.control_of_two)],
            "sets": [chosen.tolist() for chosen in self.sets],
            "signs": listed(self.signs),
            "tied": listed(self.tied),
        }

    def figure(self) -> Curves:
        """Shares changed against the number of coordinates flipped."""
        counts = numbers(self.counts)
        drawn = tuple(Curve(curve.words, counts, numbers(curve.shares)) for curve in self.curves)
        wavers = bool(self.control.flips.any())
        return Curves(
            "binary-flips",
            "Share of inputs whose class changes, against how many of their coordinates are flipped to their "
            "other value, for coordinates chosen by Fisher information or gradient and for random ones.",
            Axis("coordinates flipped", whole=True, from_zero=True),
            Axis("share of inputs flipped", from_zero=True),
            drawn,
            (("asked again", float(self.control.shares[0])),) if wavers else (),
        )
