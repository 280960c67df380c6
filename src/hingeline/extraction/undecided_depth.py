"""Neurons whose boundaries are all parallel: one layer or several, no answer tells.

With z = w x + b, relu(relu(z) - c) and relu(z - c) are one function for c > 0. So where all neurons of the
last hidden layer bend along parallel hyperplanes, some of them may as well lie in a layer above the others: a
network over one or two first-layer neurons is never seen as deeper than that. Rows of separate neurons of
one layer are parallel by no chance; with a single input all are, and one layer is the plainest reading.

Source: ours. Cost: no queries.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.core.outcome import Outcome, Status
from hingeline.extraction.recovery import Recovery
from hingeline.extraction.verify import RowErrors, largest_error
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

PARALLEL = 1e-7
"""Sine of the angle below which two rows count as parallel."""
APART = 1e-9
"""Parallel boundaries nearer than this, relative to their distance from the origin, are one."""
SIGMAS = 10.0
"""Deviations of rows within which they are taken for parallel."""
SINGLE_INPUT = "Of a single input, deeper networks can answer alike."


def with_depth_told(result: Recovery, errors: RowErrors | None = None) -> Recovery:
    """The result, only equivalent where the depth of its last neurons is not told.

    Args:
        result: A network, or none.
        errors: Of its rows' entries, where they are told.
    """
    if result.network is None or result.outcome.status is not Status.COMPLETE:
        return result
    if not along_one_direction(result.network, largest_error(errors or 0.0)):
        return result
    if result.network.input_dim == 1:
        told = f"{result.outcome.reason} {SINGLE_INPUT}"
        return replace(result, outcome=replace(result.outcome, reason=told))
    layer = len(result.network.hidden_widths)
    reason = (
        f"The function is verified, but all boundaries of layer {layer} are parallel: a deeper network over "
        "fewer neurons answers alike, and which of them it is no answer tells."
    )
    return replace(result, outcome=Outcome(Status.EQUIVALENT, reason))


def along_one_direction(network: PiecewiseLinearNetwork, error: float = 0.0) -> bool:
    """Whether the last hidden layer has several boundaries, all of them parallel within an entry's error."""
    if not network.hidden_widths or network.hidden_widths[-1] < 2:
        return False
    canonical = network.canonical()
    rows, biases = canonical.weights[-2], canonical.biases[-2]
    # neurons that never switch, or do nothing, have no boundary
    seen = np.linalg.norm(rows, axis=1) * np.abs(canonical.weights[-1]).max(axis=0) > 0
    rows, biases = rows[seen], biases[seen]
    if len(rows) < 2:
        return False
    along = rows @ rows[0]
    apart = max(PARALLEL, SIGMAS * error * rows.shape[1] ** 0.5)
    if np.linalg.norm(rows - np.outer(along, rows[0]), axis=1).max() > apart:
        return False
    places = -biases * along
    return bool(np.ptp(places) > max(APART, SIGMAS * error) * (1.0 + np.abs(places).max()))
