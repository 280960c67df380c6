"""Products of Jacobians along the path each input takes, and their finite-time Lyapunov exponents.

    J_n = D_n ... D_1,    Lambda_k = (1/n) log s_k(J_n),    s_k the singular values

from the input to every hidden layer and to the outputs. Eigenvalues of the steps are never multiplied: the
steps do not commute. Where the chain of layers is seen, an orthonormal frame is sent up and down it, made
orthonormal again after each step (QR), until it holds the singular directions; logarithms of what QR takes
out add up to those of the singular values, also far below the rounding of the product. Elsewhere a frame is
pushed from the input to each layer, and what is below the rounding of the largest singular value is not
resolved; where both sides are wide, the frame has few directions and is improved by going back and forth, so
that values are bounds from below.

In a network without noise nothing bounds these gains by one, and they are no "stability matrix": the flow of
couplings has no such limit. Rescaled layers change them everywhere but at the outputs.

Source: exponents by repeated QR, Benettin et al. 1980; finite-time exponents of networks, Storm et al. 2024
(abstract). The sweeps down again are subspace iteration. Cost: for each input and layer n a few QR of (w, q)
matrices at each of n steps; without a chain min(d, w) passes of the model for each layer, or some 50.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.numerics.statistics import quantile
from hingeline.renormalisation.feed_forward.layer_chain import LayerChain, chain_of, step_names
from hingeline.renormalisation.feed_forward.singular_values import SPARE, by_steps, iterated, pushed
from hingeline.sensitivity.models.model import LayeredModel
from hingeline.sensitivity.results import listed, number, sealed

EXPONENTS = 8
"""Largest exponents kept for each input."""
BAND = (0.05, 0.95)
MOST_PASSES = 512
"""Passes of the model worth to form a Jacobian."""
_CHUNK_NUMBERS = 2**21  # of one intermediate array, 16 MiB


@dataclass(frozen=True, eq=False)
class Cocycle:
    """Singular values of the Jacobian from the input to each layer, in logarithms.

    Attributes:
        names: Hidden layers and the outputs, l of them.
        log_values: log s_k(J_n), largest first, shape "l n q"; minus infinity where J_n has no such singular
            value, or, unless `by_steps`, where rounding hides it.
        by_steps: Whether the chain was seen and QR went step by step.
        from_below: Layers whose values are bounds from below: too wide to form the Jacobian.
    """

    names: tuple[str, ...]
    log_values: FloatArray
    by_steps: bool
    from_below: tuple[str, ...]

    @property
    def exponents(self) -> FloatArray:
        """Lambda_k = log s_k(J_n) / n for every layer n, shape "l n q"; natural logarithm per layer."""
        steps = np.arange(1, len(self.names) + 1)
        return self.log_values / steps[:, np.newaxis, np.newaxis]

    @property
    def ranks(self) -> FloatArray:
        """How many of the q kept singular values are above zero, shape "l n"."""
        return np.isfinite(self.log_values).sum(axis=2).astype(np.float64)

    def spread(self, layer: int = -1) -> FloatArray:
        """Median and the ends of the 90 % band over inputs of each exponent of a layer, shape "3 q"."""
        values = self.exponents[layer]
        # negated, so that what is minus infinity counts as smallest
        return np.array([[-quantile(-row, 1.0 - share) for row in values.T] for share in (0.5, *BAND)])

    def summary(self) -> dict[str, Any]:
        """Largest exponent of each layer with its dispersion over inputs, JSON-ready."""
        layers: list[dict[str, Any]] = []
        for place, name in enumerate(self.names):
            middle, low, high = self.spread(place)[:, 0]
            top = self.exponents[place, :, 0]
            alive = top[np.isfinite(top)]
            layers.append(
                {
                    "name": name,
                    "largest_exponent": number(middle),
                    "band": [number(low), number(high)],
                    "standard_deviation": number(alive.std(ddof=1)) if len(alive) > 1 else None,
                    "inputs_with_nothing_through": len(top) - len(alive),
                }
            )
        return {
            "layers": layers,
            "by_steps": self.by_steps,
            "bounds_from_below": list(self.from_below),
            "inputs": self.log_values.shape[1],
            "note": "growth of small differences along the path of each input; layers that are rescaled "
            "change it everywhere but at the outputs, and above zero does not mean vulnerable",
        }

    def to_dict(self) -> dict[str, Any]:
        """Summary and arrays, JSON-ready."""
        arrays = {"log_values": listed(self.log_values), "exponents": listed(self.exponents)}
        return {"summary": self.summary(), "names": list(self.names), **arrays}

    def figure(self) -> Curves:
        """Exponents of the product up to each layer: the largest with its band, and the others' medians."""
        across = tuple(float(n) for n in range(1, len(self.names) + 1))
        rows = np.array([self.spread(place) for place in range(len(self.names))])
        labels = ("median over inputs", "5 %", "95 %")
        largest = [Curve(f"largest, {word}", across, _row(rows[:, i, 0])) for i, word in enumerate(labels)]
        others = [
            Curve(f"number {k + 1}, median", across, _row(rows[:, 0, k]))
            for k in range(1, min(4, rows.shape[2]))
            if np.isfinite(rows[:, 0, k]).all()
        ]
        return Curves(
            "network-exponents",
            "Finite-time Lyapunov exponents of the Jacobian from the input to each layer: growth of small "
            "differences per layer, with their spread over inputs.",
            Axis("layer (the last: outputs)", whole=True),
            Axis("exponent per layer, natural logarithm"),
            (*largest, *others),
            levels=(("no growth", 0.0),),
        )


def jacobian_cocycle(
    model: LayeredModel,
    points: FloatArray,
    *,
    rng: np.random.Generator,
    exponents: int = EXPONENTS,
    chain: LayerChain | None = None,
    most_passes: int = MOST_PASSES,
) -> Cocycle:
    """Singular values of the Jacobian from the input to every layer of `model`, at each of `points`.

    Args:
        model: A model whose hidden layers are seen.
        points: Inputs, shape "n d".
        rng: Draws the first frame where a layer is too wide to form the Jacobian.
        exponents: How many to keep for each input, largest first.
        chain: Its maps from layer to layer, if they are at hand; looked for here if not.
        most_passes: Directions that are pushed or pulled to form a Jacobian; beyond, bounds are taken.

    Raises:
        InvalidInput: Points of a wrong shape, or no exponent wanted.
    """
    rows = as_points(points, model.input_dim)
    if exponents < 1 or not len(rows):
        raise InvalidInput(f"{len(rows)} inputs and {exponents} exponents; want 1 or more of both")
    chain = chain or chain_of(model)
    names = step_names(model)
    kept = min(exponents, model.input_dim)
    found = np.full((len(names), len(rows), kept), -np.inf)
    widths = [*(state.values.shape[1] for state in model.layers(rows[:1])), model.output_dim]
    wide = [not chain and most_passes < min(w, model.input_dim) for w in widths[:-1]] + [False]
    for place, width in enumerate(widths):
        probes = kept + SPARE if wide[place] else model.input_dim
        for part in _parts(len(rows), max(widths) * probes):
            if chain:
                logs = by_steps(chain, rows[part], place + 1, kept)
            elif wide[place]:
                logs = iterated(model, rows[part], place, kept, rng)
            else:
                logs = pushed(model, rows[part], place, width, kept)
            found[place, part, : logs.shape[1]] = logs
    below = tuple(name for name, is_wide in zip(names, wide, strict=True) if is_wide)
    return Cocycle(names, sealed(found), chain is not None, below)


def _parts(count: int, numbers_each: int) -> Iterator[slice]:
    rows = max(1, _CHUNK_NUMBERS // max(1, numbers_each))
    return (slice(first, first + rows) for first in range(0, count, rows))


def _row(values: FloatArray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
