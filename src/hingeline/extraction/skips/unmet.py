"""Weights between a neuron and a hyperplane that its boundary never meets, in an unsigned form.

Beyond such a hyperplane the neuron keeps one side of zero, sigma. A weight that is too large by delta changes
z there only, by delta (|zhat| - home zhat) / 2, and what c |z| / 2 changes is linear in that: the form's rest
can take it back exactly. So any weight that holds the neuron's side serves, and only a reading tells the true
one: where no skip goes into the neuron, or none around it.

Source: unmet coefficients as in `unsigned_layers`; ours. Cost: no queries.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.skips.unsigned_form import Unmet, UnsignedForm
from hingeline.extraction.unsigned import UnsignedNeuron

SEPARABLE = 1e-6
"""Directions that are less independent than this tell no weights."""


def unmet_of(neurons: tuple[UnsignedNeuron, ...]) -> tuple[Unmet, ...] | None:
    """Every unmet pair; None if it is not settled whether some pair meets."""
    found = list[Unmet]()
    for k, neuron in enumerate(neurons):
        for i in np.nonzero(~neuron.known)[0]:
            if np.isnan(neuron.beyond[i]):
                return None
            found.append(Unmet(k, int(i), float(neuron.home[i]), float(neuron.beyond[i])))
    return tuple(found)


def held(theta: FloatArray, normals: FloatArray, offsets: FloatArray, unmet: tuple[Unmet, ...]) -> FloatArray:
    """Coefficients with weights so large that no neuron changes its side beyond what it does not meet."""
    theta, before = theta.copy(), theta
    count = len(offsets)
    for pair in unmet:
        row = before[pair.neuron]
        size = float(np.abs(row[:count]).sum() + np.linalg.norm(row[count:-1]))
        _moved_row(theta[pair.neuron], pair, pair.side * size, normals, offsets)
    return theta


def settled(form: UnsignedForm, pair: Unmet, delta: float) -> UnsignedForm:
    """The same function with one weight larger by `delta`, no longer unmet."""
    theta, rest = form.theta.copy(), form.rest.copy()
    count, i = form.planes.count, pair.plane
    _moved_row(theta[pair.neuron], pair, delta, form.planes.normals, form.planes.offsets)
    change = pair.side * delta * form.jumps[pair.neuron] / 2
    rest[:, i] -= change
    plane = np.append(form.planes.normals[i], form.planes.offsets[i])
    rest[:, count:] += np.outer(change, pair.home * plane / 2)
    left = tuple(other for other in form.unmet if other != pair)
    return replace(form, theta=theta, rest=rest, unmet=left)


def without(directions: FloatArray, dim: int) -> FloatArray:
    """Projection that removes what unmet weights may add: rows of `directions`, shape "u dim"."""
    if not len(directions):
        return np.eye(dim)
    return np.eye(dim) - np.linalg.pinv(directions) @ directions


def told(directions: FloatArray, target: FloatArray) -> FloatArray | None:
    """Coefficients of the directions ("u dim") in a target ("dim"); None if they cannot be told apart."""
    singular = np.linalg.svd(directions, compute_uv=False)
    if len(directions) > directions.shape[1] or singular[-1] < SEPARABLE * singular[0]:
        return None
    return np.asarray(np.linalg.lstsq(directions.T, target, rcond=None)[0], dtype=np.float64)


def _moved_row(row: FloatArray, pair: Unmet, delta: float, normals: FloatArray, offsets: FloatArray) -> None:
    """Add `delta` to a weight and take it back on the home side, in place."""
    count, i = len(offsets), pair.plane
    row[i] += delta
    row[count:-1] -= delta * pair.home * normals[i] / 2
    row[-1] -= delta * pair.home * offsets[i] / 2
