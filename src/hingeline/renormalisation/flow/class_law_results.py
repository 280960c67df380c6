"""What is known of classes as laws per layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.numerics.statistics import median
from hingeline.renormalisation.flow.discriminator import Distance
from hingeline.renormalisation.flow.lifetime import Lifetime
from hingeline.sensitivity.results import listed, number

_DRAWN_PAIRS = 6
"""Pairs with a curve each; of more, the nearest, the middle and the farthest are drawn."""


@dataclass(frozen=True, eq=False)
class ClassLaws:
    """Distances, lifetimes and sureness of classes, stochastic results conditional on `samples`.

    Attributes:
        labels: Classes that occur, K of them.
        pairs: All pairs of them, P.
        distances: For each pair one for each unit layer, P x N: lower bounds of total variation, or exact.
        lifetimes: Of each pair, in layers; fitted to those distances.
        tied_lifetime: 1 / (1 - |lambda_2|) if all steps are equal and small enough to list, else None.
        entropies: Mean entropy of P(c|x) over the inputs of each class, in nats, shape "K".
        accuracies: Share of each class's inputs whose likeliest class is their label, shape "K".
        undecided: Share of inputs whose two leading probabilities differ by at most two standard errors.
        frozen: Units that hardly flip within a class (samples times variance below 100), shape "N K".
        samples: Drawn for each class.
        samples_each: Drawn for each input, on which `entropies`, `accuracies` and `undecided` rest.
    """

    labels: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]
    distances: tuple[tuple[Distance, ...], ...]
    lifetimes: tuple[Lifetime, ...]
    tied_lifetime: float | None
    entropies: FloatArray
    accuracies: FloatArray
    undecided: float
    frozen: FloatArray
    samples: int
    samples_each: int

    @property
    def values(self) -> FloatArray:
        """The distances' values, shape "P N"."""
        return np.array([[distance.value for distance in line] for line in self.distances])

    @property
    def exact_layers(self) -> tuple[bool, ...]:
        """For each layer of units, whether its distances are exact."""
        return tuple(distance.exact for distance in self.distances[0])

    def summary(self) -> dict[str, Any]:
        """JSON-ready scalars."""
        lives = np.array([life.layers for life in self.lifetimes])
        known = lives[~np.isnan(lives)]
        return {
            "classes": len(self.labels),
            "layers": len(self.distances[0]),
            "exact_layers": sum(self.exact_layers),
            "smallest_distance_first_layer": float(self.values[:, 0].min()),
            "smallest_distance_last_layer": float(self.values[:, -1].min()),
            "shortest_lifetime": number(known.min()) if known.size else None,
            "median_lifetime": number(median(known)) if known.size else None,
            "pairs_without_decay": int(np.isinf(lives).sum()),
            "pairs_undetermined": int(np.isnan(lives).sum()),
            "tied_lifetime": None if self.tied_lifetime is None else number(np.float64(self.tied_lifetime)),
            "mean_entropy": float(self.entropies.mean()),
            "mean_accuracy": float(self.accuracies.mean()),
            "undecided_share": self.undecided,
            "most_frozen_units": int(self.frozen.max()),
            "samples": self.samples,
            "samples_each": self.samples_each,
        }

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, with everything."""
        return {
            **self.summary(),
            "labels": list(self.labels),
            "pairs": [list(pair) for pair in self.pairs],
            "distances": [
                [[distance.value, distance.low, distance.high] for distance in line]
                for line in self.distances
            ],
            "distances_are_exact": list(self.exact_layers),
            "lifetimes": [
                {
                    "layers": number(life.layers),
                    "rate": number(life.rate),
                    "rate_error": number(life.rate_error),
                    "words": life.words,
                }
                for life in self.lifetimes
            ],
            "entropies": listed(self.entropies),
            "accuracies": listed(self.accuracies),
            "frozen_units": listed(self.frozen),
        }

    def figure(self) -> Curves:
        """Distance between classes at each layer of units."""
        layers = tuple(float(n) for n in range(1, len(self.distances[0]) + 1))
        what = "distance" if all(self.exact_layers) else "distance, lower bound where layers are wide"
        return Curves(
            name="class-distances",
            caption="Total-variation distance between the laws of classes at each layer: 1 where every state "
            "tells them apart, 0 where the layer has forgotten them.",
            across=Axis("layer of units", whole=True),
            up=Axis(f"total-variation {what}", from_zero=True),
            curves=tuple(
                Curve(label, layers, tuple(max(0.0, float(v)) for v in self.values[row]))
                for label, row in self._drawn()
            ),
            levels=(("all told apart", 1.0),),
        )

    def _drawn(self) -> list[tuple[str, int]]:
        names = [f"classes {a} and {b}" for a, b in self.pairs]
        if len(names) <= _DRAWN_PAIRS:
            return [(name, row) for row, name in enumerate(names)]
        order = np.argsort(self.values[:, -1], kind="stable")
        chosen = (("nearest", order[0]), ("middle", order[len(order) // 2]), ("farthest", order[-1]))
        return [(f"{word}: {names[row]}", int(row)) for word, row in chosen]
