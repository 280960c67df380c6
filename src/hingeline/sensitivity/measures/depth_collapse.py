"""Do independent inputs still look different behind the last layer?

Reference, ours: one wide He ReLU layer maps the cosine of two inputs by k(c) (Cho and Saul 2009, arc-cosine
kernel of order one), so angles shrink like 3 pi / L; a Gaussian output then has the same sign at both with
probability 1 - theta / pi. Such a network keeps its gradients and yet hardly any point flips.

Cost: one pass for each input, one angle for each pair and layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Axis, Bars, Curve, Curves
from hingeline.networks.piecewise_linear import row_norms
from hingeline.numerics.statistics import median, wilson
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.measures import theory
from hingeline.sensitivity.models.model import LayeredModel, Model
from hingeline.sensitivity.results import listed, number, numbers, over, sealed

PAIRS = 1000
_ROWS = 512  # inputs whose layers are held at once


@dataclass(frozen=True, eq=False)
class DepthCollapse:
    """Angles between images of pairs of inputs, and what the outputs make of them."""

    angles: FloatArray
    """Of the inputs and behind each hidden layer that is seen, radians, shape "l+1 p"; pi/2 beside an image
    of norm zero."""
    same_class: FloatArray
    """1 where both inputs of a pair have the same class, else 0, shape "p"."""
    relative_difference: FloatArray
    """|f(x) - f(y)| over the larger of |f(x)|, |f(y)|, shape "p"."""
    deviations: FloatArray
    """Standard deviation of each output over the inputs, shape "k"."""
    means: FloatArray
    """Mean of each output, shape "k"."""
    ranges: FloatArray
    """Largest less smallest of each output, shape "k"; 0 where an output does not vary."""
    histogram: IntArray
    """Inputs of each class, shape "c"."""

    @property
    def layers(self) -> int:
        """Hidden layers seen."""
        return len(self.angles) - 1

    @property
    def expected_angles(self) -> FloatArray:
        """The angle map of wide He ReLU layers iterated from each pair's inputs, shape "l+1 p"."""
        return theory.iterated_angles(self.angles[0], self.layers)

    @property
    def agreement(self) -> float:
        """Share of pairs with the same class."""
        return float(self.same_class.mean())

    @property
    def agreement_expected(self) -> float | None:
        """1 - theta / pi behind the last layer as measured; one output only."""
        if len(self.means) > 1 or not self.layers:
            return None
        return float(theory.agreement(self.angles[-1]).mean())

    @property
    def variation(self) -> float:
        """Deviation of the outputs over their mean (norms over outputs); infinite for mean zero."""
        spread, level = float(np.linalg.norm(self.deviations)), float(np.linalg.norm(self.means))
        return spread / level if level > 0 else np.inf if spread > 0 else 0.0

    @property
    def constant(self) -> bool:
        """Whether no output varies over the inputs, to rounding."""
        scale = np.abs(self.means) + self.deviations
        return bool((self.ranges <= 1e-12 * scale).all())

    def summary(self) -> dict[str, Any]:
        """Median angles beside the map, agreement with its interval, variation, JSON-ready."""
        low, high = wilson(int(self.same_class.sum()), len(self.same_class))
        return {
            "pairs": len(self.same_class),
            "angles": [median(row) for row in self.angles],
            "angles_expected": [median(row) for row in self.expected_angles],
            "agreement": self.agreement,
            "agreement_interval": [low, high],
            "agreement_expected": self.agreement_expected,
            "relative_difference": number(median(self.relative_difference)),
            "variation": number(self.variation),
            "constant": self.constant,
            "classes": self.histogram.tolist(),
        }

    def to_dict(self) -> dict[str, Any]:
        """All of it, JSON-ready."""
        arrays = ("angles", "same_class", "relative_difference", "deviations", "means", "ranges", "histogram")
        return {"summary": self.summary(), **{name: listed(getattr(self, name)) for name in arrays}}

    def figures(self) -> tuple[Curves | Bars, ...]:
        """Angles and agreement against depth beside the map, and the histogram of classes."""
        counts = Bars(
            "depth-classes",
            "How many of the inputs fall into each class.",
            "inputs",
            tuple(str(c) for c in range(len(self.histogram))),
            tuple(float(c) for c in self.histogram),
        )
        return self._angle_figure(), self._agreement_figure(), counts

    def _angle_figure(self) -> Curves:
        depth = np.arange(self.layers + 1, dtype=np.float64)
        shallow = theory.shallow_angle(median(self.angles[0]), depth)
        return Curves(
            "depth-angles",
            "Median angle between the images of two independent inputs behind each hidden layer, beside the "
            "angle map of wide random ReLU layers and its small-angle form.",
            Axis("hidden layers", from_zero=True, whole=True),
            Axis("angle, radians", from_zero=True),
            (
                Curve("measured", numbers(depth), tuple(median(row) for row in self.angles)),
                Curve("k(c) iterated", numbers(depth), tuple(median(row) for row in self.expected_angles)),
                Curve(
                    "1 / (1/theta_0 + L / (3 pi))",
                    numbers(depth),
                    numbers(shallow),
                ),
            ),
        )

    def _agreement_figure(self) -> Curves:
        depth = np.arange(self.layers + 1, dtype=np.float64)
        last = Curve("same class, measured", (float(self.layers),), (self.agreement,), joined=False)
        references = (
            ("1 - theta / pi, angles measured", self.angles),
            ("1 - theta / pi, k(c) iterated", self.expected_angles),
        )
        return Curves(
            "depth-agreement",
            "Share of pairs of independent inputs with the same class, beside the probability that one "
            "Gaussian output behind each layer has the same sign at both.",
            Axis("hidden layers", from_zero=True, whole=True),
            Axis("share of pairs", from_zero=True),
            (
                last,
                *(
                    Curve(words, numbers(depth), numbers(theory.agreement(rows).mean(axis=1)))
                    for words, rows in references
                ),
            ),
            levels=(("collapsed", 0.9),),
        )


def depth_collapse(
    model: Model | LayeredModel,
    decision: Decision,
    points: FloatArray,
    *,
    rng: np.random.Generator,
    pairs: IntArray | None = None,
) -> DepthCollapse:
    """Compare the images of pairs of `points` ("n d") behind every hidden layer that is seen.

    Args:
        model: What is asked; without layers, only inputs and outputs are compared.
        decision: How outputs become classes.
        points: Independent inputs, shape "n d", at least two.
        rng: Draws the pairs.
        pairs: Rows to compare, shape "p 2"; 1,000 random pairs of different rows if None.

    Raises:
        InvalidInput: Fewer than two points, or pairs that name no rows.
    """
    if len(points) < 2:
        raise InvalidInput(f"pairs want at least two inputs; got {len(points)}")
    chosen = _drawn(len(points), rng) if pairs is None else np.asarray(pairs, dtype=np.int64)
    if chosen.ndim != 2 or chosen.shape[1] != 2 or chosen.min() < 0 or chosen.max() >= len(points):
        raise InvalidInput(f"pairs want shape (p, 2) and rows below {len(points)}; got {chosen.shape}")
    outputs = model.outputs(points)
    classes = decision.of(outputs)
    first, second = outputs[chosen[:, 0]], outputs[chosen[:, 1]]
    larger = np.maximum(np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1))
    return DepthCollapse(
        angles=sealed(_angles(model, points, chosen)),
        same_class=sealed((classes[chosen[:, 0]] == classes[chosen[:, 1]]).astype(np.float64)),
        relative_difference=sealed(over(np.linalg.norm(first - second, axis=1), larger, 0.0)),
        deviations=sealed(outputs.std(axis=0)),
        means=sealed(outputs.mean(axis=0)),
        ranges=sealed(np.ptp(outputs, axis=0)),
        histogram=sealed(np.bincount(classes, minlength=decision.classes).astype(np.int64)),
    )


def _drawn(count: int, rng: np.random.Generator) -> IntArray:
    first = rng.integers(0, count, PAIRS)
    return np.stack([first, (first + rng.integers(1, count, PAIRS)) % count], axis=1)


def _angles(model: Model | LayeredModel, points: FloatArray, pairs: IntArray) -> FloatArray:
    """Angles of inputs and of every layer, "l+1 p", a bounded number of pairs at a time."""
    found: list[FloatArray] = []
    for begin in range(0, len(pairs), _ROWS):
        part = pairs[begin : begin + _ROWS]
        one, other = points[part[:, 0]], points[part[:, 1]]
        images = [(one, other)]
        if isinstance(model, LayeredModel):
            both = zip(model.layers(one), model.layers(other), strict=True)
            images += [(a.values, b.values) for a, b in both]
        found.append(np.array([_angle(a, b) for a, b in images]))
    return np.concatenate(found, axis=1)


def _angle(one: FloatArray, other: FloatArray) -> FloatArray:
    """Angles of rows, exact for small ones too: 2 atan2(|a - b|, |a + b|) of unit vectors."""
    lengths = row_norms(one), row_norms(other)  # saturated layers hand on values whose squares underflow
    a, b = over(one, lengths[0][:, np.newaxis], 0.0), over(other, lengths[1][:, np.newaxis], 0.0)
    angle = 2.0 * np.arctan2(np.linalg.norm(a - b, axis=1), np.linalg.norm(a + b, axis=1))
    return np.where((lengths[0] == 0) | (lengths[1] == 0), 0.5 * np.pi, angle)
