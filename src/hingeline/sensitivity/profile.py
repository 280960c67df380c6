"""What `fragility` finds: how small a change flips each input, bounded from both sides, and why."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.figure_data import Figure
from hingeline.numerics.statistics import median, quantile
from hingeline.sensitivity.attacks.best_of import BestFlips
from hingeline.sensitivity.exact.minimal import MinimalFlips
from hingeline.sensitivity.fisher.directions import FisherDirections
from hingeline.sensitivity.fisher.flip_curve import FlipCurves
from hingeline.sensitivity.fisher.universal import UniversalDirections
from hingeline.sensitivity.measures.depth_collapse import DepthCollapse
from hingeline.sensitivity.measures.flip_distance import FlipDistance
from hingeline.sensitivity.measures.homogeneity import Homogeneity
from hingeline.sensitivity.measures.layer_profile import LayerProfile
from hingeline.sensitivity.measures.local_linearity import LocalLinearity
from hingeline.sensitivity.measures.verdicts import Verdict
from hingeline.sensitivity.results import listed, number
from hingeline.sensitivity.standing import StandingCurve, standing_curve
from hingeline.sensitivity.threat import Norm


@dataclass(frozen=True, eq=False)
class FragilityProfile:
    """How fragile a network is at some inputs, in the norm of the changes."""

    norm: Norm
    points: FloatArray
    """The inputs, shape "n d"."""
    classes: IntArray
    """Decisions at the inputs, shape "n"."""
    labels: IntArray | None
    """What they should be, shape "n", if it was told."""
    changes: FloatArray
    """The smallest change that was found for each input, shape "n d"; zeros where none was."""
    flipped_to: IntArray
    """Decisions after it, shape "n"."""
    upper: FloatArray
    """Its size, shape "n": checked on the network; infinite where none was found."""
    lower: FloatArray
    """Nothing smaller flips, shape "n": proved; 0 where nothing is, infinite where no change flips."""
    proved: BoolArray
    """Inputs that were searched to the end, shape "n": both agree, or nothing flips within `lower`, which
    without a box is as far as was looked."""
    verdicts: tuple[Verdict, ...]
    """What all of it says; never that a network withstands attacks."""
    attacks: BestFlips | None = None
    minimal: MinimalFlips | None = None
    distance: FlipDistance | None = None
    biases: Homogeneity | None = None
    depth: DepthCollapse | None = None
    linearity: LocalLinearity | None = None
    layers: LayerProfile | None = None
    fisher: FisherDirections | None = None
    curves: FlipCurves | None = None
    universal: UniversalDirections | None = None
    left_out: tuple[str, ...] = ()
    """Sentences: what was not measured, and why."""

    @property
    def ratios(self) -> FloatArray:
        """Upper over lower bound, shape "n": 1 where proved, infinite where one of them is missing."""
        known = np.isfinite(self.upper) & (self.lower > 0)
        ratios = np.divide(self.upper, self.lower, out=np.full(len(self.upper), np.inf), where=known)
        return np.where(self.proved, 1.0, ratios)

    @property
    def without_flip(self) -> BoolArray:
        """Inputs that no change within the limits flips, shape "n": proved, as only a box allows."""
        return self.proved & np.isinf(self.lower)

    @property
    def right(self) -> BoolArray | None:
        """Inputs that are classified as labelled, shape "n"; None without labels."""
        return None if self.labels is None else self.classes == self.labels

    @property
    def accuracy(self) -> float | None:
        """Share of them."""
        return None if self.right is None else float(np.mean(self.right))

    @property
    def standing(self) -> StandingCurve:
        """Share of inputs that are right and stand, by the size of the change: robust accuracy."""
        return standing_curve(self.norm, self.upper, self.lower, self.right)

    def summary(self) -> dict[str, Any]:
        """Scalars, JSON-ready; None for infinite."""
        return {
            "norm": self.norm,
            "inputs": len(self.upper),
            "accuracy": self.accuracy,
            "median_upper": number(median(self.upper)),
            "median_lower": number(median(self.lower)),
            "quartiles_upper": [number(quantile(self.upper, q)) for q in (0.25, 0.75)],
            "proved": int(self.proved.sum()),
            "not_proved": [int(i) for i in np.nonzero(~self.proved)[0]],
            "without_flip": [int(i) for i in np.nonzero(np.isinf(self.upper))[0]],
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            "left_out": list(self.left_out),
        }

    def to_dict(self) -> dict[str, Any]:
        """All of it, JSON-ready, but for inputs and changes, which are stored beside it."""
        arrays = ("classes", "flipped_to", "upper", "lower", "proved")
        told: dict[str, Any] = self.summary() | {name: listed(getattr(self, name)) for name in arrays}
        told["labels"] = None if self.labels is None else listed(self.labels)
        told["standing"] = self.standing.to_dict()
        return told | {name: part.summary() for name, part in self.parts().items()}

    def parts(self) -> dict[str, Any]:
        """Every measurement that was made, by name."""
        optional = [f.name for f in fields(self) if f.default is None]
        return {name: getattr(self, name) for name in optional if getattr(self, name) is not None}

    def figures(self) -> tuple[Figure, ...]:
        """How many inputs stand at each size, then every figure of every measurement."""
        drawn: list[Figure] = [self.standing.figure()]
        for part in self.parts().values():
            drawn += part.figures() if hasattr(part, "figures") else [part.figure()]
        return tuple(drawn)
