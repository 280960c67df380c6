"""The span of the first layer's rows as a small input space of its own.

A network never sees what lies outside that span, so all work on deeper layers is done in as many
coordinates as the span has dimensions: x = y Q with orthonormal rows Q.

Source: row space of the gradients, specs on extraction, stage C. Cost: none.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.probing.probe import Probe


class FrameProbe(Probe):
    """The same door for points given in the coordinates of a span.

    Args:
        probe: The door in input coordinates.
        rows: Orthonormal rows spanning what the network sees, shape "r d".
    """

    def __init__(self, probe: Probe, rows: FloatArray) -> None:
        # noise was measured at random inputs, of which the network saw only the part within the span
        stretch = float(np.sqrt(rows.shape[1] / len(rows)))
        seen = probe.calibration
        noise = replace(seen.noise, per_norm=stretch * seen.noise.per_norm)
        super().__init__(probe.session, replace(seen, noise=noise, scale=seen.scale / stretch))
        self.rows = rows
        self.note_slope(probe.steepest)

    @property
    def input_dim(self) -> int:
        """Dimensions of the span."""
        return len(self.rows)

    def ask(self, points: FloatArray, *, fresh: bool = False) -> FloatArray:
        """Values at `points` of the span: "n r" to "n k"; n queries.

        Raises:
            InvalidInput: No points.
            OutsideDomain: A point outside the declared bounds; nothing was sent.
        """
        return super().ask(points @ self.rows, fresh=fresh)
