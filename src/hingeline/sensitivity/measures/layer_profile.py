"""Layer by layer: how many directions come through, and how far the layer moves until the class flips.

PR_j = tr(J J')^2 / tr((J J')^2), J the Jacobian from the input to layer j: as many directions as matter.
rho_j: displacement of the layer at the flip, relative to its norm. phi_j: share of its activations that
change. V = sum of phi_j: above about 0.3, one gradient step is no longer a guide.

References for wide random ReLU networks, ours: 1/PR_j = 1/d_0 + 2 sum 1/d_i, rho_j = 0.6745 / sqrt(PR_j),
phi_j = rho_j / pi.

Cost: 2 (probes + power steps) passes per layer and input; with `exact`, one decomposition.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.numerics.statistics import median
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.measures import theory
from hingeline.sensitivity.measures.gradient_ray import GradientRays, gradient_rays
from hingeline.sensitivity.measures.jacobian_spectra import PROBES, Spectra, spectra
from hingeline.sensitivity.models.model import LayeredModel, LayerState
from hingeline.sensitivity.results import listed, number, numbers, over, sealed
from hingeline.sensitivity.threat import Threat


@dataclass(frozen=True, eq=False)
class LayerProfile:
    """One row for each hidden layer, from the input on."""

    names: tuple[str, ...]
    widths: tuple[int, ...]
    inputs: int
    """Free input coordinates, median."""
    ranks: FloatArray
    """PR_j, shape "l n"; 0 where nothing comes through."""
    gains: FloatArray
    """Largest singular value of J, from below unless exact, shape "l n"."""
    displacements: FloatArray
    """rho_j at the flip, shape "l n"; infinite where there is no gradient to step along."""
    changed: FloatArray
    """phi_j at the flip, shape "l n"; infinite where there is no gradient to step along."""
    dead: FloatArray
    """Share of neurons that hand on 0 with slope 0 at every input, shape "l"."""
    at_crossing: BoolArray
    """Whether the flip is the ray's crossing; else the linear flip is taken, shape "n"."""
    exact: bool
    """Whether ranks and gains come from singular values; else from random probes."""

    @property
    def expected_ranks(self) -> FloatArray:
        """PR_j of wide random ReLU layers of these widths, shape "l"."""
        return theory.pr_profile((self.inputs, *self.widths))

    @property
    def expected_displacements(self) -> FloatArray:
        """0.6745 / sqrt(PR_j) by the same formula, shape "l"."""
        return theory.displacement((self.inputs, *self.widths))

    @property
    def validity_formula(self) -> float:
        """V by the widths alone."""
        return theory.validity((self.inputs, *self.widths))

    @property
    def validity(self) -> float:
        """V as measured: the sum of the median phi_j."""
        return float(sum(median(row) for row in self.changed))

    @property
    def dead_layers(self) -> tuple[str, ...]:
        """Layers that are off altogether, at every input."""
        return tuple(name for name, share in zip(self.names, self.dead, strict=True) if share == 1.0)

    @property
    def bottleneck(self) -> int | None:
        """Number of the layer with the largest drop of PR, as a factor; None if nothing comes through."""
        before = np.array([self.inputs, *(median(row) for row in self.ranks)])
        if not self.names or (before <= 0).any():
            return None
        return int(np.argmax(before[:-1] / before[1:]))

    def summary(self) -> dict[str, Any]:
        """Medians for each layer, V both ways and the bottleneck, JSON-ready; None for infinite."""
        layers = [
            {
                "name": self.names[j],
                "width": self.widths[j],
                "rank": number(median(self.ranks[j])),
                "rank_expected": float(self.expected_ranks[j]),
                "displacement": number(median(self.displacements[j])),
                "displacement_expected": float(self.expected_displacements[j]),
                "changed": number(median(self.changed[j])),
                "changed_expected": float(self.expected_displacements[j]) / math.pi,
                "gain": number(median(self.gains[j])),
                "dead": float(self.dead[j]),
            }
            for j in range(len(self.names))
        ]
        place = self.bottleneck
        return {
            "layers": layers,
            "free_coordinates": self.inputs,
            "validity": number(self.validity),
            "validity_formula": self.validity_formula,
            "smallest_rank": min((median(row) for row in self.ranks), default=None),
            "bottleneck": None if place is None else self.names[place],
            "dead_layers": list(self.dead_layers),
            "flips_on_the_ray": float(self.at_crossing.mean()),
            "exact": self.exact,
        }

    def to_dict(self) -> dict[str, Any]:
        """All of it, JSON-ready."""
        arrays = ("ranks", "gains", "displacements", "changed", "dead", "at_crossing")
        told = {name: listed(getattr(self, name)) for name in arrays}
        return {"summary": self.summary(), "names": list(self.names), "widths": list(self.widths), **told}

    def figures(self) -> tuple[Curves, ...]:
        """Widths and ranks; displacements and changed activations; each beside the formula."""
        across, places = Axis("hidden layer", whole=True), numbers(np.arange(1, len(self.names) + 1))
        expected = self.expected_displacements
        ranks = Curves(
            "layer-ranks",
            "Width of each hidden layer and how many directions of the input come through to it, beside the "
            "harmonic sum for random ReLU layers of these widths.",
            across,
            Axis("directions", log=True),
            (
                Curve("width", places, tuple(map(float, self.widths))),
                Curve("PR measured", places, _medians(self.ranks)),
                Curve("PR, 1/(1/d + 2 sum 1/n)", places, numbers(self.expected_ranks)),
            ),
            levels=(("bottleneck", 15.0),),
        )
        moved = Curves(
            "layer-displacements",
            "How far each hidden layer moves until the class flips, relative to its norm, and the share of "
            "its activations that change, beside the formulas for random ReLU layers.",
            across,
            Axis("relative displacement, share changed", log=True),
            (
                Curve("displacement", places, _medians(self.displacements)),
                Curve("0.6745 / sqrt(PR)", places, numbers(expected)),
                Curve("activations changed", places, _medians(self.changed)),
                Curve("displacement / pi", places, numbers(expected / math.pi)),
            ),
        )
        return ranks, moved


def layer_profile(
    model: LayeredModel,
    decision: Decision,
    points: FloatArray,
    threat: Threat,
    *,
    rng: np.random.Generator,
    exact: bool = False,
    probes: int = PROBES,
    rays: GradientRays | None = None,
) -> LayerProfile:
    """Measure every hidden layer at `points` ("n d") and at the flips they have.

    Args:
        model: A model whose hidden layers are seen.
        decision: How outputs become classes.
        points: Inputs, shape "n d".
        threat: Norm, box and mask; what may not change counts for no rank.
        rng: Draws probes.
        exact: Take singular values instead of probes.
        probes: Random probes for each layer and input; eight give PR within about 5 % in the median.
        rays: What `gradient_rays` gave for the same arguments, if it is at hand.

    Raises:
        InvalidInput: What `gradient_rays` refuses.
    """
    rays = rays if rays is not None else gradient_rays(model, decision, points, threat)
    crossed = rays.crossings.flipped
    lengths = np.where(np.isfinite(rays.linear), rays.linear, 0.0)[:, np.newaxis]
    linear_flip = threat.inside(points + lengths * rays.directions)
    targets = np.where(crossed[:, np.newaxis], rays.crossings.points, linear_flip)
    before, after = model.layers(points), model.layers(targets)
    nowhere = ~crossed & ~np.isfinite(rays.linear)
    moved = [
        np.where(nowhere, np.inf, _displaced(b.values, a.values)) for b, a in zip(before, after, strict=True)
    ]
    changed = [np.where(nowhere, np.inf, _changed(b, a)) for b, a in zip(before, after, strict=True)]
    found: list[Spectra] = [
        spectra(model, layer, state.values.shape[1], points, threat, rng, exact=exact, probes=probes)
        for layer, state in enumerate(before)
    ]
    return LayerProfile(
        names=model.layer_names,
        widths=tuple(state.values.shape[1] for state in before),
        inputs=max(1, int(median(rays.free.astype(np.float64)))),
        ranks=_stacked([s.ranks for s in found], len(points)),
        gains=_stacked([s.gains for s in found], len(points)),
        displacements=_stacked(moved, len(points)),
        changed=_stacked(changed, len(points)),
        dead=sealed(np.array([_off(state) for state in before], dtype=np.float64)),
        at_crossing=sealed(crossed),
        exact=exact,
    )


def _displaced(before: FloatArray, after: FloatArray) -> FloatArray:
    moved = np.linalg.norm(after - before, axis=1)
    return over(moved, np.linalg.norm(before, axis=1), 0.0)


def _changed(before: LayerState, after: LayerState) -> FloatArray:
    """Share of slopes that differ if all are one of two values (a pattern); else 1 - cosine of the slopes."""
    if len(np.unique(before.slopes)) <= 2 and len(np.unique(after.slopes)) <= 2:
        return (before.slopes != after.slopes).mean(axis=1)
    product = np.einsum("nw,nw->n", before.slopes, after.slopes)
    norms = np.linalg.norm(before.slopes, axis=1) * np.linalg.norm(after.slopes, axis=1)
    return 1.0 - over(product, norms, 1.0)


def _off(state: LayerState) -> float:
    return float(np.mean(~np.any((state.values != 0) | (state.slopes != 0), axis=0)))


def _stacked(rows: Sequence[FloatArray], count: int) -> FloatArray:
    return sealed(np.array(rows, dtype=np.float64).reshape(len(rows), count))


def _medians(rows: FloatArray) -> tuple[float, ...]:
    return tuple(median(row) for row in rows)
