"""A peeled form in the coordinates of its rows' span: few numbers, however many inputs.

Nothing but the heights of the first layer feeds what is above, so answers depend on the inputs through the
span of its rows only. Once that span is right, everything can be fitted within it.

Source: as the polish of ordinary networks, `finish`. Cost: no queries.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.skips.refined import RefinedForm
from hingeline.extraction.skips.unsigned_form import UnsignedForm
from hingeline.extraction.unsigned import Planes
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

SAME_ROWS = 1e-4
"""Polished rows must be so near to those of the form, or the form's own are kept."""


def within_span(
    form: UnsignedForm, polished: PiecewiseLinearNetwork | None
) -> tuple[FloatArray, UnsignedForm]:
    """Orthonormal rows that span the first layer, and the form on coordinates in them.

    Args:
        form: Signed.
        polished: A network with the same first layer, more exact; None if there is none.
    """
    planes = form.planes
    if polished is not None and polished.weights[0].shape == planes.normals.shape:
        lengths = np.linalg.norm(polished.weights[0], axis=1)
        better = Planes(polished.weights[0] / lengths[:, np.newaxis], polished.biases[0] / lengths)
        if np.abs(better.normals - planes.normals).max() < SAME_ROWS:
            planes = better
    basis = np.linalg.svd(planes.normals, full_matrices=False)[2]
    return basis, replace(form, planes=Planes(planes.normals @ basis.T, planes.offsets))


def lifted(refined: RefinedForm, basis: FloatArray) -> RefinedForm:
    """A fitted form (unsigned by now) on all inputs again."""
    form, count = refined.form, refined.form.planes.count

    def spread(rows: FloatArray) -> FloatArray:
        return np.column_stack([rows[:, :count], rows[:, count:-1] @ basis, rows[:, -1]])

    def doubts(errors: FloatArray) -> FloatArray:
        linear = np.sqrt(errors[:, count:-1] ** 2 @ basis**2)
        return np.column_stack([errors[:, :count], linear, errors[:, -1]])

    planes = Planes(form.planes.normals @ basis, form.planes.offsets)
    return replace(
        refined,
        form=replace(form, planes=planes, theta=spread(form.theta), rest=spread(form.rest)),
        theta_errors=doubts(refined.theta_errors),
        rest_errors=doubts(refined.rest_errors),
    )
