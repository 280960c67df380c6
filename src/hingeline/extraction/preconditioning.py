"""Approximate inverses of the normal equations of a network's parameters.

`DenseInverse` forms them once and factors them; later iterations, whose products are taken afresh, go on
using it. `KroneckerInverse` takes layers as independent, and each layer's block as (second moments of the
outputs' derivatives) x (second moments of the inputs): two small matrices per layer.

Sources: scaling and damping after Marquardt 1963; the Kronecker form is K-FAC of Martens and Grosse 2015.
Cost: dense n P^2 flops once for n samples (with two outputs twice that), P^3 / 3 to factor, 16 P^2 bytes
    (8 in single precision); Kronecker n w^2 for width w.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol, cast

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, get_blas_funcs

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.errors import IllConditioned
from hingeline.extraction.backed_products import BATCH_ENTRIES, BackedProducts
from hingeline.extraction.linearised import Layers, Linearised, flatten, unflatten
from hingeline.extraction.shared_products import shared_products
from hingeline.numerics.backend import NUMPY, Backend

# Added to a unit diagonal in turn until the matrix is positive definite in float64.
LADDER = (1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4)
# Below this a matrix formed in single precision holds rounding errors only.
SINGLE_FLOOR = 1e-6
# With so many outputs it is cheaper to take those of a sample together.
SHARED_OUTPUTS = 3


class Preconditioner(Protocol):
    """An approximate inverse of J^T J + damping."""

    NAME: ClassVar[str]
    """What it is called in results."""
    ACCURACY: ClassVar[float]
    """Relative accuracy of one step that is worth its time."""

    @property
    def scales(self) -> FloatArray:
        """Root of the diagonal of J^T J, the unit of each parameter; 1 where it is 0."""
        ...

    @property
    def idle(self) -> BoolArray:
        """Which parameters no sample excites."""
        ...

    def solve(self, gradient: FloatArray) -> FloatArray:
        """The product with the approximate inverse."""
        ...

    def damped(self, damping: float) -> Preconditioner:
        """The same for J^T J + damping * scales^2."""
        ...


@dataclass(frozen=True, eq=False)
class DenseInverse:
    """A factored matrix of normal equations, scaled to unit diagonal."""

    NAME: ClassVar[str] = "dense"
    ACCURACY: ClassVar[float] = 1e-6

    matrix: FloatArray
    """The lower triangle, gauge included."""
    factor: FloatArray
    """Its lower Cholesky factor, damping included."""
    scales: FloatArray
    idle: BoolArray

    @staticmethod
    def of(linearised: Linearised, *, precise: bool = False, backend: Backend = NUMPY) -> DenseInverse:
        """Form and factor the normal equations, in single precision unless `precise`."""
        matrix, scales, idle = _normal_equations(linearised if precise else linearised.halved(), backend)
        return DenseInverse(matrix, cholesky(matrix, 0.0), scales, idle)

    def solve(self, gradient: FloatArray) -> FloatArray:
        """The product with the inverse."""
        # a common factor keeps single precision within its range
        scaled = gradient / self.scales
        size = float(np.abs(scaled).max(initial=0.0)) or 1.0
        right_side = (scaled / size).astype(self.factor.dtype)
        return cho_solve((self.factor, True), right_side, check_finite=False) * (size / self.scales)

    def damped(self, damping: float) -> DenseInverse:
        """The same with a larger diagonal; factors again."""
        return DenseInverse(self.matrix, cholesky(self.matrix, damping), self.scales, self.idle)


def _normal_equations(linearised: Linearised, backend: Backend) -> tuple[FloatArray, FloatArray, BoolArray]:
    # a common factor keeps squares within the range of single precision
    unit = float(np.abs(linearised.importance).max())
    linearised = linearised.reweighted(linearised.importance / unit)
    if backend is NUMPY:
        matrix = _lower_products(linearised)
    else:
        matrix = np.asfortranarray(BackedProducts(linearised, backend).normal_matrix())
    scales, idle = _root_of_diagonal(np.diag(matrix))
    matrix /= scales
    matrix /= scales[:, np.newaxis]
    np.fill_diagonal(matrix, 1.0)
    for rows, stretch in _gauges(linearised.layers):
        scaled = stretch / scales[rows]
        scaled /= np.sqrt(scaled @ scaled)
        matrix[rows, rows] += np.outer(scaled, scaled)
    return matrix, scales.astype(np.float64) * unit, idle


def _lower_products(linearised: Linearised) -> FloatArray:
    """The products of all pairs of columns, lower triangle."""
    if linearised.values.shape[1] >= SHARED_OUTPUTS:
        return shared_products(linearised)
    unknowns, count = linearised.unknowns, len(linearised.values)
    matrix = np.zeros((unknowns, unknowns), dtype=linearised.importance.dtype, order="F")
    add_products = cast(Callable[..., FloatArray], get_blas_funcs("syrk", (matrix,)))
    batch = max(64, BATCH_ENTRIES // unknowns)
    for start in range(0, count, batch):
        for rows in linearised.rows(slice(start, start + batch)):
            matrix = add_products(1.0, rows.T, beta=1.0, c=matrix, lower=1, overwrite_c=1)
    return matrix


def _root_of_diagonal(diagonal: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Root, 1 where the diagonal is 0; and where that is."""
    root = np.sqrt(diagonal)
    return np.where(root > 0, root, 1.0), root == 0


def _gauges(layers: Layers) -> Iterator[tuple[slice, FloatArray]]:
    """For each hidden neuron: where its row stands, and the row.

    Stretching it changes nothing, so the matrix has one null direction per neuron; with these it has none.
    """
    start = 0
    for weight, bias in layers[:-1]:
        for row in weight:
            if row.any():
                yield slice(start, start + row.size), row
            start += row.size
        start += bias.size


def cholesky(matrix: FloatArray, damping: float) -> FloatArray:
    """Lower factor of a matrix of unit diagonal, damped as little as makes it positive definite.

    Raises:
        IllConditioned: The whole ladder of dampings was tried.
    """
    lowest = SINGLE_FLOOR if matrix.dtype == np.float32 else 0.0
    for floor in LADDER:
        if floor < lowest:
            continue
        damped = matrix.copy(order="F")
        np.fill_diagonal(damped, np.diag(matrix) + max(floor, damping))
        try:
            return cho_factor(damped, lower=True, overwrite_a=True, check_finite=False)[0]
        except LinAlgError:
            continue
    raise IllConditioned(
        f"the normal equations of {len(matrix):,} parameters are not positive definite "
        f"even with a relative damping of {LADDER[-1]:g}"
    )


@dataclass(frozen=True, eq=False)
class KroneckerInverse:
    """Per layer: Cholesky factors of the second moments of output derivatives and of inputs."""

    NAME: ClassVar[str] = "kronecker"
    ACCURACY: ClassVar[float] = 1e-4

    outputs: tuple[FloatArray, ...]
    inputs: tuple[FloatArray, ...]
    scales: FloatArray
    idle: BoolArray
    layers: Layers
    linearised: Linearised

    @staticmethod
    def of(linearised: Linearised, damping: float = 0.0) -> KroneckerInverse:
        """Collect the moments and factor them."""
        weights = (linearised.importance**2).mean(axis=1)
        total = float(weights.sum())
        inputs = [_second_moments(_with_ones(part), weights) / total for part in linearised.inputs]
        outputs: list[FloatArray] = [np.zeros((weight.shape[0],) * 2) for weight, _ in linearised.layers]
        for found in linearised.sensitivities(slice(None)):
            outputs = [moments + back.T @ back for moments, back in zip(outputs, found, strict=True)]
        blocks = [np.outer(np.diag(out), np.diag(given)) for out, given in zip(outputs, inputs, strict=True)]
        scales, idle = _root_of_diagonal(flatten([(block[:, :-1], block[:, -1]) for block in blocks]))
        return KroneckerInverse(
            tuple(_regular_cholesky(part, damping) for part in outputs),
            tuple(_regular_cholesky(part, damping) for part in inputs),
            scales,
            idle,
            linearised.layers,
            linearised,
        )

    def solve(self, gradient: FloatArray) -> FloatArray:
        """The product with the inverse."""
        parts: list[tuple[FloatArray, FloatArray]] = []
        for (weight, bias), outputs, inputs in zip(
            unflatten(gradient, self.layers), self.outputs, self.inputs, strict=True
        ):
            block = np.concatenate([weight, bias[:, np.newaxis]], axis=1)
            block = cho_solve((outputs, True), block, check_finite=False)
            block = cho_solve((inputs, True), block.T, check_finite=False).T
            parts.append((block[:, :-1], block[:, -1]))
        return flatten(parts)

    def damped(self, damping: float) -> KroneckerInverse:
        """The same with larger diagonals."""
        return KroneckerInverse.of(self.linearised, float(np.sqrt(damping)))


def _with_ones(inputs: FloatArray) -> FloatArray:
    return np.concatenate([inputs, np.ones((len(inputs), 1), dtype=inputs.dtype)], axis=1)


def _second_moments(rows: FloatArray, weights: FloatArray) -> FloatArray:
    return (rows * weights[:, np.newaxis]).T @ rows


def _regular_cholesky(moments: FloatArray, damping: float) -> FloatArray:
    scales, _ = _root_of_diagonal(np.diag(moments))
    scaled = moments / np.outer(scales, scales)
    np.fill_diagonal(scaled, 1.0)
    # the ladder's first steps are below what independent layers can mean
    return cholesky(scaled, max(damping, 1e-8)) * scales[:, np.newaxis]
