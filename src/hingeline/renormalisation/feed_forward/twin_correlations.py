"""Canonical correlations of consecutive layers in the Gaussian twins around many inputs.

They are what a noisy layer hands on of the one below, at most 1, the same however units are named or scaled
if the noise is scaled along. How large they are is set by the noise that was put in.

Cost: one SVD for each step and input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, as_points
from hingeline.core.figure_data import Heat
from hingeline.renormalisation.feed_forward.noisy_twin import (
    NOTE,
    TwinNoise,
    needed_chain,
    twin_steps,
)
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.results import listed, number, sealed

_CHUNK_NUMBERS = 2**21  # of one intermediate array, 16 MiB
_SHOWN = 6


@dataclass(frozen=True, eq=False)
class TwinCorrelations:
    """How much consecutive layers share, around each input.

    Attributes:
        noise: What was put in; results depend on it.
        correlations: One array "n q" for each step, largest first, q the smaller width.
    """

    noise: TwinNoise
    correlations: tuple[FloatArray, ...]

    def summary(self) -> dict[str, Any]:
        """Medians over inputs: the largest, and the sum of squares, a number of directions, JSON-ready."""
        steps = [
            {
                "largest": number(np.median(rows[:, 0])),
                "directions": number(np.median((rows**2).sum(axis=1))),
                "of": rows.shape[1],
            }
            for rows in self.correlations
        ]
        return {"noise": self.noise.summary(), "steps": steps, "note": NOTE}

    def to_dict(self) -> dict[str, Any]:
        """Summary and correlations, JSON-ready."""
        return {"summary": self.summary(), "correlations": [listed(rows) for rows in self.correlations]}

    def figure(self) -> Heat:
        """Medians over inputs of the largest correlations of each step."""
        widest = max(rows.shape[1] for rows in self.correlations)
        shown = min(_SHOWN, widest)
        cells = [np.median(rows[:, :shown], axis=0) for rows in self.correlations]
        return Heat(
            "network-twin-canonical",
            "Canonical correlations of consecutive layers with noise behind each layer, largest first, "
            f"medians over inputs; noise: {self.noise.words}.",
            "canonical correlation",
            "step from layer to layer",
            "number, by size",
            tuple(f"{step - 1} to {step}" for step in range(1, len(cells) + 1)),
            tuple(str(k + 1) for k in range(shown)),
            tuple((*map(float, row), *[None] * (shown - len(row))) for row in cells),
        )


def twin_correlations(model: Model, points: FloatArray, noise: TwinNoise) -> TwinCorrelations:
    """Canonical correlations of consecutive layers in the twins around each of `points` ("n d").

    Raises:
        InvalidInput: A model that is no chain, or noise for another number of layers.
    """
    chain, rows = needed_chain(model), as_points(points, model.input_dim)
    count = max(1, _CHUNK_NUMBERS // max(chain.widths) ** 2)
    parts = [
        [step.correlations for step in twin_steps(chain, rows[first : first + count], noise)]
        for first in range(0, len(rows), count)
    ]
    found = tuple(sealed(np.concatenate(part)) for part in zip(*parts, strict=True))
    return TwinCorrelations(noise, found)
