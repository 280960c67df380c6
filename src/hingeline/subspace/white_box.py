"""The span of a network whose weights are at hand: exact Jacobians instead of queries, as a cross-check.

Rows of Jacobians at many points are stacked, compressed as they come, and their singular values counted
down to what float64 rounding can make. For a torch module the Jacobians come from automatic differentiation
of a float64 copy; for a network of ours from its activation patterns.

Source: Jayaram, Woodruff and Zhang 2020 recover by gradients at random points; here nothing has to be asked.
Cost: no queries; every Jacobian twice and one singular value decomposition of at most "2d d". Memory: one
chunk of Jacobians and that matrix.
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, as_points, frozen
from hingeline.core.errors import InvalidInput, MissingExtra
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.tolerances import EPSILON
from hingeline.subspace.recovered import (
    RankVotes,
    RecoveredSpan,
    Standing,
    Unseen,
    Where,
    query_floor,
)

CHUNK_BYTES = 64 * 2**20
"""Jacobians worked on at once."""
# Rounding of one product and of the decomposition, in epsilons of the largest singular value, per row.
_ROUNDINGS = 4.0
# A drop must be so deep, and end so near to the edge, to be between what is there and what is not.
_CLEAR_GAP = 1e3
_NEAR_EDGE = 30.0
# So many points must have added no direction before the rank is called exact.
_QUIET_POINTS = 10

Jacobians = Callable[[FloatArray], FloatArray]


def white_box_span(
    network: Any, points: Any, *, input_shape: tuple[int, ...] | None = None, where: Where = "data"
) -> RecoveredSpan:
    """The span of a network's gradients at given points, without a query.

    Args:
        network: A `PiecewiseLinearNetwork`, or a torch module (which stays as it is: a float64 copy in
            evaluation mode is differentiated, on the CPU).
        points: Where to differentiate, shape "n d": examples, or random points. At least k / outputs of them;
            the last ones should add nothing.
        input_shape: Shape of one example, such as (1, 28, 28), where the module wants images.
        where: What the points stand for: themselves ("data"), or a box or all inputs that they sample.

    Returns:
        The span, exact if the singular values show a clear gap and at least `_QUIET_POINTS` points after the
        last new direction added none; with an angle that rounding may cause, and no price. What points only
        sample is partial, unless the first layer (of a network of ours) has no more rows to offer.

    Raises:
        InvalidInput: Not a network, no points, or a module that leaves float64 or gives no finite gradient.
        MissingExtra: torch is not installed.

    Cost: no queries.
    """
    if isinstance(network, PiecewiseLinearNetwork):
        rows = as_points(points, network.input_dim)
        outputs, most = network.output_dim, int(np.linalg.matrix_rank(network.weights[0]))
        jacobians = _own_jacobians(network)
    else:
        rows = _as_table(points)
        most = rows.shape[1]
        jacobians, outputs = _torch_jacobians(network, rows, input_shape)
    if not len(rows):
        raise InvalidInput("no points to differentiate at")
    return _span(jacobians, rows, outputs, where, most)


def _span(jacobians: Jacobians, points: FloatArray, outputs: int, where: Where, most: int) -> RecoveredSpan:
    dim = points.shape[1]
    stacked = np.zeros((0, dim))
    for gradients in _chunks(jacobians, points, outputs):
        stacked = np.vstack([stacked, gradients.reshape(-1, dim)])
        if len(stacked) > 2 * dim:
            # R of a QR has the same singular values and right vectors in d rows
            stacked = np.linalg.qr(stacked, mode="r")
    _, strengths, right = np.linalg.svd(stacked, full_matrices=False)
    edge = _ROUNDINGS * EPSILON * max(len(points) * outputs, dim) * float(strengths[0])
    votes = _votes(strengths, edge)
    basis = frozen(right[: votes.edge].T)
    quiet = _quiet_points(jacobians, points, outputs, basis, edge)
    weakest = float(strengths[votes.edge - 1]) if votes.edge else np.inf
    return RecoveredSpan(
        basis=basis,
        rank=votes.edge,
        input_dim=dim,
        standing=_standing(votes, quiet, whole=where == "data" or votes.edge == most),
        where=where,
        method="white box",
        why="The weights are at hand: gradients by differentiation cost no query.",
        strengths=frozen(strengths[: votes.edge]),
        votes=votes,
        angle=min(np.pi / 2, edge / weakest),
        unseen=Unseen(quiet, f"gradients at {len(points):,} given points"),
        floor=query_floor(votes.edge, dim, outputs),
        forecast=0,
        notes=() if votes.edge else ("All gradients are zero: the network is constant at these points.",),
        details={"points": len(points), "outputs": outputs},
    )


def _votes(strengths: FloatArray, edge: float) -> RankVotes:
    """Directions above the rounding edge, and before the deepest drop that ends near it."""
    count = int(np.sum(strengths > edge))
    if not count:
        return RankVotes(0, 0, None, np.inf, edge)
    following = np.maximum(np.append(strengths[1:], 0.0), edge)
    drops = np.where(following <= _NEAR_EDGE * edge, strengths / following, 0.0)
    gap = int(np.argmax(drops)) + 1
    return RankVotes(count, gap, None, float(strengths[count - 1] / following[count - 1]), edge)


def _standing(votes: RankVotes, quiet: int, *, whole: bool) -> Standing:
    # a sample of gradients misses what is alive in rare places only
    if quiet < _QUIET_POINTS or not whole:
        return "partial"
    clear = votes.gap == votes.edge and votes.gap_ratio >= _CLEAR_GAP
    return "exact" if clear else "ambiguous"


def _quiet_points(
    jacobians: Jacobians, points: FloatArray, outputs: int, basis: FloatArray, edge: float
) -> int:
    """Points after the last one whose gradient was needed for the rank."""
    rank = basis.shape[1]
    if not rank:
        return len(points)
    inside = np.concatenate([g @ basis for g in _chunks(jacobians, points, outputs)])  # n m k
    low, high = 0, len(points)
    # the rank of the first j points grows with j: bisect for where it is full
    while low < high:
        middle = (low + high) // 2
        rows = inside[:middle].reshape(-1, rank)
        found = int(np.sum(np.linalg.svd(rows, compute_uv=False) > edge)) if middle else 0
        low, high = (low, middle) if found >= rank else (middle + 1, high)
    return len(points) - low


def _chunks(jacobians: Jacobians, points: FloatArray, outputs: int) -> Iterator[FloatArray]:
    """Jacobians "c m d" of consecutive points."""
    count = max(1, CHUNK_BYTES // (8 * outputs * points.shape[1]))
    for start in range(0, len(points), count):
        found = jacobians(points[start : start + count])
        if not np.isfinite(found).all():
            raise InvalidInput("a gradient is NaN or infinite")
        yield found


def _own_jacobians(network: PiecewiseLinearNetwork) -> Jacobians:
    """W_L D_L ... W_1 D_1 W_0 with D the activation patterns, from the output down."""

    def jacobians(points: FloatArray) -> FloatArray:
        product = np.broadcast_to(network.weights[-1], (len(points), *network.weights[-1].shape))
        patterns = network.activation_pattern(points)
        for weight, on in zip(network.weights[-2::-1], reversed(patterns), strict=True):
            product = (product * on[:, np.newaxis, :]) @ weight
        return product

    return jacobians


def _torch_jacobians(
    module: Any, points: FloatArray, input_shape: tuple[int, ...] | None
) -> tuple[Jacobians, int]:
    """Jacobians of a float64 copy of a module by reverse differentiation, and its outputs."""
    try:
        # not an import statement: torch is an optional extra, and large
        torch: Any = importlib.import_module("torch")
    except ImportError as error:
        raise MissingExtra("Differentiating a module", "torch") from error
    if not isinstance(module, torch.nn.Module):
        raise InvalidInput(f"want a PiecewiseLinearNetwork or a torch module; got {type(module).__name__}")
    shape = input_shape or (points.shape[1],)
    if int(np.prod(shape)) != points.shape[1]:
        raise InvalidInput(f"input_shape {shape} does not hold {points.shape[1]} numbers")
    twin = copy.deepcopy(module).to(device="cpu", dtype=torch.float64).eval().requires_grad_(False)

    def answer(row: Any) -> Any:
        return twin(row.reshape(1, *shape)).reshape(-1)

    def jacobians(rows: FloatArray) -> FloatArray:
        found = torch.func.vmap(torch.func.jacrev(answer))(torch.from_numpy(np.array(rows)))
        return found.numpy()

    try:
        first = answer(torch.from_numpy(np.array(points[0]))) if len(points) else torch.zeros(1).double()
    except (RuntimeError, TypeError, ValueError) as error:
        raise InvalidInput(f"this {type(module).__name__} does not take such points: {error}") from error
    if first.dtype != torch.float64:
        raise InvalidInput(f"this {type(module).__name__} computes in {first.dtype} even as a float64 copy")
    return jacobians, int(first.numel())


def _as_table(points: Any) -> FloatArray:
    table = np.asarray(points, dtype=np.float64)
    table = table[np.newaxis] if table.ndim == 1 else table
    if table.ndim != 2:
        raise InvalidInput(f"points must have shape (n, d); got {table.shape}")
    return as_points(table, table.shape[1])
