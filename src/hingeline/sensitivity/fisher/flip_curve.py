"""What `flip_curves` measured: shares flipped, intervals, the control at size zero, the ratio to chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.numerics.statistics import clustered_wilson, median
from hingeline.sensitivity.results import listed, number
from hingeline.sensitivity.threat import Norm


@dataclass(frozen=True, eq=False)
class FlipCurve:
    """Inputs flipped along one kind of direction.

    Attributes:
        name: For programs.
        words: For people.
        flips: Trials that flipped each input at each size, shape "s n".
        trials: Trials at each input and size.
        shares: Share of trials that flipped, shape "s".
        low: Lower end of the 95 % score interval, shape "s".
        high: Its upper end, shape "s".
        effective: Trials the interval counts, shape "s": those of one input are not independent.
    """

    name: str
    words: str
    flips: FloatArray
    trials: int
    shares: FloatArray
    low: FloatArray
    high: FloatArray
    effective: FloatArray

    @classmethod
    def of(cls, name: str, words: str, flips: FloatArray, trials: int) -> FlipCurve:
        """Count trials "s n" and put intervals around their shares."""
        ends = np.array([clustered_wilson(row, trials) for row in flips])
        return cls(
            name, words, flips, trials, flips.mean(axis=1) / trials, ends[:, 0], ends[:, 1], ends[:, 2]
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, without the single trials."""
        told = {name: listed(getattr(self, name)) for name in ("shares", "low", "high", "effective")}
        return {"name": self.name, "words": self.words, "trials_each": self.trials, **told}


@dataclass(frozen=True, eq=False)
class FlipCurves:
    """Shares of inputs flipped at each size, along directions and controls.

    Attributes:
        sizes: Lengths of the steps in the norm, shape "s".
        curves: "fisher" (sign chosen by asking), "fisher_by_slope", "fisher_unsigned", "gradient" (of the
            smallest lead), "boundary" (nearest linearised) and "random".
        control: The same inputs asked again, twice: above 0 only if the door wavers.
        control_of_two: The same, flipped in either: what "fisher", which asks twice, gets for nothing.
        theory: Chance of a random step to cross the nearest boundary if it were flat, shape "s"; NaN in l1.
        linear_distances: To the nearest linearised boundary, shape "n".
        cosines: |cos| of Fisher direction and gradient, shape "n".
        norm: How sizes are measured.
        boxed: Whether steps were cut off at a box, so that some are shorter than their size.
    """

    sizes: FloatArray
    curves: tuple[FlipCurve, ...]
    control: FlipCurve
    control_of_two: FlipCurve
    theory: FloatArray
    linear_distances: FloatArray
    cosines: FloatArray
    norm: Norm
    boxed: bool

    def __getitem__(self, name: str) -> FlipCurve:
        """The curve of that name."""
        return {curve.name: curve for curve in self.curves}[name]

    @property
    def ratio(self) -> FloatArray:
        """Share flipped along Fisher over that along random directions, shape "s"; may be infinite."""
        return _over(self["fisher"].shares, self["random"].shares)

    @property
    def ratio_low(self) -> FloatArray:
        """Lower end of Fisher's interval over the upper end of random's, shape "s": a cautious limit."""
        return _over(self["fisher"].low, self["random"].high)

    def above_control(self, name: str) -> FloatArray:
        """Shares of one curve less what a repeated question flips anyhow, shape "s"; for doors that waver."""
        control = self.control_of_two if name == "fisher" else self.control
        return self[name].shares - control.shares

    @property
    def wavers(self) -> bool:
        """Whether some input changed its class when it was asked again unchanged."""
        return bool(self.control.flips.any())

    def summary(self) -> dict[str, Any]:
        """Shares at each size, the control and the ratio, JSON-ready."""
        return {
            "inputs": self.control.flips.shape[1],
            "norm": self.norm,
            "boxed": self.boxed,
            "sizes": listed(self.sizes),
            "flipped_at_size_zero": float(self.control.shares[0]),
            "flipped_at_size_zero_best_of_two": float(self.control_of_two.shares[0]),
            "median_linear_distance": number(median(self.linear_distances)),
            "median_cosine_with_gradient": number(median(self.cosines)),
            "flipped": {curve.name: listed(curve.shares) for curve in self.curves},
            "flipped_above_size_zero": {
                curve.name: listed(self.above_control(curve.name)) for curve in self.curves
            },
            "fisher_over_random": listed(self.ratio),
            "fisher_over_random_low": listed(self.ratio_low),
            "random_if_linear": listed(self.theory),
            "note": "one first-order step; whoever resists it may still fall to attacks of many steps",
        }

    def to_dict(self) -> dict[str, Any]:
        """Summary, curves with intervals, and arrays, JSON-ready."""
        return {
            "summary": self.summary(),
            "curves": [curve.to_dict() for curve in (*self.curves, self.control, self.control_of_two)],
            "linear_distances": listed(self.linear_distances),
            "cosines": listed(self.cosines),
        }

    def figure(self, name: str = "fisher-flips", network: str = "") -> Curves:
        """Shares flipped against size; the control at size zero as a level where it is not zero.

        The sign by the slope is left out: its curve would hide behind that of the sign by asking.
        """
        sizes = tuple(float(size) for size in self.sizes)
        drawn = [
            Curve(curve.words, sizes, tuple(map(float, curve.shares)))
            for curve in self.curves
            if curve.name != "fisher_by_slope"
        ]
        if np.isfinite(self.theory).all():
            drawn.append(Curve("random, if the boundary were flat", sizes, tuple(map(float, self.theory))))
        levels = (("asked again", float(self.control.shares[0])),) if self.wavers else ()
        return Curves(
            name,
            f"Share of inputs{f' of {network}' if network else ''} whose class changes, against the length "
            "of the step, for directions found from the gradients and for random ones.",
            Axis(f"length of the step, {self.norm}", log=True),
            Axis("share of inputs flipped", from_zero=True),
            tuple(drawn),
            levels,
        )


def _over(above: FloatArray, below: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, np.where(above > 0, np.inf, np.nan))
