"""Which points to ask so that the answers pin every parameter; decided offline, before asking.

Idea: solve the least-squares problem of a polish for the answers to a drawn change of the parameters. What
does not come back is a change that the chosen points do not show. Where it moves the outputs at other points,
those are worth asking; where it moves them nowhere, it is a symmetry and nothing can be learnt.

Source: optimal design by the null space, with drawn directions in place of a decomposition; ours.
Cost: per round one set of normal equations and `DRAWS` solutions; no queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.extraction.linearised import Linearised
from hingeline.extraction.parameter_chart import ParameterChart
from hingeline.extraction.preconditioning import DenseInverse, KroneckerInverse, Preconditioner
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.conjugate_gradients import solve_least_squares

DRAWS = 12
"""Unseen changes looked for in one round."""
FAINT = 1e-5
"""Changes that excite the answers less than this, relative to a typical parameter, count as unseen."""
SEEN = 1e-6
"""A point shows an unseen change if it moves the output by more than this share of what changes usually do:
what stays unseen keeps its error from before the polish, and that must not show."""
REFINEMENTS = 2
"""Times that the solution is repeated on what is left, for the damping leaves a little of what is seen."""
PASSES = 60
"""Most products per solution; what takes more is as good as unseen."""
COPIES = 2
"""Sets of points chosen in one round, for a better condition."""
ROUNDS = 12


@dataclass(frozen=True, eq=False)
class Design:
    """Points to ask besides those given."""

    chosen: IntArray
    """Indices into the pool."""
    unseen: float
    """Largest effect at a pool point of a parameter change that all points together do not show, relative to
    what such changes usually do; below `SEEN` the function is pinned wherever the pool reaches."""
    rounds: int


def completed_design(
    network: PiecewiseLinearNetwork,
    points: FloatArray,
    pool: FloatArray,
    rng: np.random.Generator,
    *,
    first_layer_basis: FloatArray | None = None,
    dense_unknowns: int = 9000,
) -> Design:
    """Choose points of a pool so that a polish on all of them pins what the pool can show.

    Args:
        network: Nearly right: patterns are taken from it.
        points: Points that are asked anyway, "n d".
        pool: Points that may be asked too, "p d": the more uneven their patterns the better.
        rng: Draws parameter changes.
        first_layer_basis: As in `polish`.
        dense_unknowns: As in `PolishSettings`.

    Raises:
        InvalidInput: No points.
    """
    if not len(points) or not len(pool):
        raise InvalidInput(f"a design needs points and a pool; got {len(points)} and {len(pool)}")
    chart = ParameterChart.of(network.canonical(), first_layer_basis)
    offered = _linearised(chart, pool)
    chosen: IntArray = np.zeros(0, dtype=np.int64)
    unseen = np.inf
    for index in range(ROUNDS):
        asked = _linearised(chart, np.concatenate([points, pool[chosen]]))
        effects = _unseen_effects(chart, asked, offered, rng, dense_unknowns)
        effects[chosen] = 0.0
        unseen = float(np.abs(effects).max())
        if unseen <= SEEN:
            return Design(chosen, unseen, index + 1)
        chosen = np.concatenate([chosen, _telling(effects)])
    return Design(chosen, unseen, ROUNDS)


def _linearised(chart: ParameterChart, points: FloatArray) -> Linearised:
    return Linearised.at(chart.layers, chart.samples(points), np.ones((len(points), 1)))


def _unseen_effects(
    chart: ParameterChart,
    asked: Linearised,
    offered: Linearised,
    rng: np.random.Generator,
    dense_unknowns: int,
) -> FloatArray:
    """What drawn changes that `asked` does not show do to the offered outputs, "p k draws", relative."""
    dense = asked.unknowns <= dense_unknowns
    # double precision: unseen directions are small eigenvalues, which single precision would blur
    inverse: Preconditioner = DenseInverse.of(asked, precise=True) if dense else KroneckerInverse.of(asked)
    damping = FAINT**2 * inverse.scales**2
    effects: list[FloatArray] = []
    for _ in range(DRAWS):
        left = drawn = chart.without_stretch(rng.standard_normal(asked.unknowns), asked.layers)
        for _ in range(REFINEMENTS):
            found = solve_least_squares(
                asked, asked.apply(left), inverse.solve, damping, tolerance=1e-7, limit=PASSES
            )
            left = chart.without_stretch(left - found.vector, asked.layers)
        usual = float(np.sqrt(np.mean(offered.apply(drawn) ** 2)))
        effects.append(offered.apply(left) / max(usual, np.finfo(np.float64).tiny))
    return np.stack(effects, axis=-1)


def _telling(effects: FloatArray) -> IntArray:
    """Points whose outputs together tell the drawn changes apart, by pivoting; `COPIES` sets of them."""
    chosen: list[int] = []
    left = effects.copy()
    for _ in range(COPIES):
        rows = left.reshape(-1, left.shape[-1])
        pivots = np.asarray(qr(rows.T, mode="r", pivoting=True)[-1])[: rows.shape[1]]
        strong = pivots[np.abs(rows[pivots]).max(axis=1) > SEEN]
        fresh = list(dict.fromkeys(int(row) // left.shape[1] for row in strong))
        chosen += fresh
        left[fresh] = 0.0
    return np.array(chosen, dtype=np.int64)
