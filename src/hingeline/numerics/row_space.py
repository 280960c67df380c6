"""Directions that rows span, strongest first, also where the usual decomposition does not converge."""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray


def row_directions(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Singular values and right singular vectors of some rows: "n d" to "m" and "m d", m = min(n, d).

    LAPACK's divide and conquer, which NumPy calls, now and then gives up on matrices that are nearly of
    lower rank; the QR iteration is slower and does not.
    """
    if len(rows) > rows.shape[1]:
        rows = np.asarray(np.linalg.qr(rows, mode="r"))
    try:
        _, size, right = np.linalg.svd(rows, full_matrices=False)
    except np.linalg.LinAlgError:
        from scipy.linalg import svd

        _, size, right = svd(rows, full_matrices=False, lapack_driver="gesvd")
    return np.asarray(size), np.asarray(right)
