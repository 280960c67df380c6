"""Log-gains of chosen and random directions in one kind of units, with bands and verdicts on depth.

Verdicts rest on means over inputs, with the jackknife over inputs; what is shown are medians and 90 % bands
over inputs. With many inputs layers that differ by a few per cent are already told apart, and then there is
no law of depth, however large the gain in all is: the words say both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.numerics.statistics import quantile
from hingeline.renormalisation.flow.scaling import DepthScaling, depth_scaling, jackknife_means
from hingeline.sensitivity.results import number, sealed

Units = Literal["whitened", "raw"]

BAND = (0.05, 0.95)


@dataclass(frozen=True, eq=False)
class DirectionGains:
    """Gains of chosen and of random directions in one kind of units, as natural logarithms.

    Attributes:
        units: "whitened" or "raw".
        chosen: Log-gain of each layer along the chosen direction, shape "l n"; minus infinity where nothing
            comes through.
        random: The same along random directions, shape "l n r".
        scaling: Verdict on the chosen direction, from means over inputs.
        random_scaling: Verdict on random directions.
    """

    units: Units
    chosen: FloatArray
    random: FloatArray
    scaling: DepthScaling
    random_scaling: DepthScaling

    @classmethod
    def of(cls, units: Units, chosen_sizes: FloatArray, random_sizes: FloatArray) -> DirectionGains:
        """From log-sizes at the input and all layers, "l+1 n" and "l+1 n r"."""
        chosen, random = _steps(chosen_sizes), _steps(random_sizes)
        return cls(
            units,
            sealed(chosen),
            sealed(random),
            _judged(chosen.T),
            _judged(random.mean(axis=2).T),
        )

    @property
    def cumulative(self) -> FloatArray:
        """Log-gain from the input to each layer along the chosen direction, shape "l n"."""
        return np.cumsum(self.chosen, axis=0)

    @property
    def random_cumulative(self) -> FloatArray:
        """The same along random directions, shape "l n r"."""
        return np.cumsum(self.random, axis=0)

    def table(self, *, cumulative: bool = True) -> list[dict[str, Any]]:
        """Median and 90 % band of the gains of each layer over inputs, of both kinds of directions."""
        pairs = (self.cumulative, self.random_cumulative) if cumulative else (self.chosen, self.random)
        return [
            {"chosen": _told(chosen), "random": _told(random)} for chosen, random in zip(*pairs, strict=True)
        ]

    def summary(self) -> dict[str, Any]:
        """Gains of each layer, cumulative too, with verdicts, JSON-ready."""
        return {
            "units": self.units,
            "per_layer": self.table(cumulative=False),
            "cumulative": self.table(),
            "scaling": self.scaling.summary(),
            "random_scaling": self.random_scaling.summary(),
        }


def _judged(log_gains: FloatArray) -> DepthScaling:
    """The verdict on "n l" log-gains; one input alone has no errors, and is undecided."""
    if len(log_gains) < 2:
        return depth_scaling(log_gains.mean(axis=0), np.empty((0, log_gains.shape[1])))
    return depth_scaling(*jackknife_means(log_gains))


def _steps(log_sizes: FloatArray) -> FloatArray:
    """Differences from layer to layer; minus infinity from where nothing comes through on."""
    with np.errstate(invalid="ignore"):
        steps = np.diff(log_sizes, axis=0)
    return np.where(np.isnan(steps), -np.inf, steps)


def middle_and_band(log_gains: FloatArray) -> list[float]:
    """Median and ends of the 90 % band; a gain of zero counts as smallest."""
    flat = -log_gains.reshape(-1)
    return [-quantile(flat, 1.0 - share) for share in (0.5, *BAND)]


def _told(log_gains: FloatArray) -> dict[str, float | None]:
    middle, low, high = (number(np.exp(value)) for value in middle_and_band(log_gains))
    return {"median": middle, "low": low, "high": high}
