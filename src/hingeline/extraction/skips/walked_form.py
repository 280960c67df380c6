"""The unsigned form of a network whose second layer was walked: what the neurons leave over, by regression.

Source: output regression, specs on deeper layers; ours. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.extraction.recorded import Recorded, typical_slope
from hingeline.extraction.skips.unmet import held, unmet_of
from hingeline.extraction.skips.unsigned_form import UnsignedForm
from hingeline.extraction.unsigned import Planes, UnsignedNeuron

ERROR_FLOOR = 1e-8
"""Relative error of a recorded answer in the regression, whatever the error bars of the neurons say."""
RESIDUAL = 1e-5
"""Largest misfit of recorded answers, as a fraction of a neuron's typical slope times the distance."""


def form_of_walk(
    planes: Planes, neurons: Sequence[UnsignedNeuron], recorded: Recorded
) -> UnsignedForm | None:
    """The form with second-layer neurons that a walk found; the rest by regression on recorded answers.

    None if it is not settled which hyperplanes a neuron meets, or if the form does not fit the answers: then
    a neuron is missing.
    """
    unmet = unmet_of(tuple(neurons))
    if not neurons or unmet is None:
        return None
    theta = held(np.array([neuron.theta for neuron in neurons]), planes.normals, planes.offsets, unmet)
    jumps = np.array([neuron.jump for neuron in neurons])
    features = planes.features(recorded.points)
    if len(features) < 2 * features.shape[1]:
        return None
    target = recorded.values - np.abs(features @ theta.T) / 2 @ jumps
    slope = typical_slope(neurons)
    weights = 1 / (recorded.doubt(neurons) + ERROR_FLOOR * slope * recorded.sizes)[:, np.newaxis]
    lengths = np.linalg.norm(features * weights, axis=0)
    solution = np.linalg.lstsq(features * weights / lengths, target * weights, rcond=1e-14)[0]
    form = UnsignedForm(planes, theta, jumps, (solution / lengths[:, np.newaxis]).T, unmet=unmet)
    misfit = np.abs(form(recorded.points) - recorded.values).max(axis=1)
    excess = np.maximum(misfit - 20 * recorded.noise, 0.0) / recorded.sizes
    return form if float(excess.max(initial=0.0)) <= RESIDUAL * slope else None
