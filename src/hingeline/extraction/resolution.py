"""How near two neurons of the first layer may lie and pass for one.

Outside the strip between their hyperplanes two such neurons are one, exactly. Within it answers differ by at
most a quarter of the strip's width times the jump of the slope: on the hyperplane of the one that was found.
Where an answer there may be off by the allowed gap, a strip four gaps over the jump wide does not show.

Source: ours. Cost: no queries; the answers are those of a verification.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.crossings import VISIBLE, Crossings, crossings_of
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.line import Line

SHARE = 0.25
"""Gap on a hyperplane over width times jump, where both neurons have half of the jump."""


def resolution(
    network: PiecewiseLinearNetwork, line: Line, bends: FloatArray, allowed: FloatArray
) -> float | None:
    """Distance of two first-layer hyperplanes, as a share of 1 + |x|, up to which a checked line shows one.

    Args:
        network: What was checked.
        line: On which line.
        bends: Parameters that were asked, shape "b".
        allowed: Gap that was allowed at each, shape "b".

    Returns:
        The worst of the neurons that the line shows; None if it shows none.
    """
    crossings = crossings_of(network, line)
    own = (crossings.layer == 1) & (crossings.change > VISIBLE * crossings.steepest)
    if not own.any() or not len(bends):
        return None
    at, jumps = crossings.t[own], crossings.change[own]
    gaps = allowed[np.argmin(np.abs(bends - at[:, np.newaxis]), axis=1)]
    widths = gaps / (SHARE * jumps) * _speeds(network, line, crossings)[own]
    return float((widths / (1.0 + np.linalg.norm(line.at(at), axis=1))).max())


def _speeds(network: PiecewiseLinearNetwork, line: Line, crossings: Crossings) -> FloatArray:
    """Distance from its hyperplane gained per unit of the line, for first-layer crossings: "c"."""
    along = np.abs(network.canonical().weights[0] @ line.direction)
    return np.where(crossings.layer == 1, along[np.minimum(crossings.neuron, len(along) - 1)], 0.0)
