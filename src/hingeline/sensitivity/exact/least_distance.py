"""The smallest change that meets linear inequalities: G delta >= h, in a norm, perhaps in a box.

Every answer comes with a bound that needs no trust in the solver: for multipliers y >= 0,
h.y / |G'y|_dual is below the distance, whatever y is (weak duality), and is computed afresh from G and h.

Sources: least-distance programming by non-negative least squares, Lawson and Hanson 1974, chapter 23;
an interior point method of our own for l-infinity and for boxes; HiGHS in SciPy for l1 and where that fails.
Cost: l2 without a box about 0.1 ms for 30 inequalities in 30 coordinates; see `interior_point` and
`linear_programs` for the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.sensitivity.exact.duality import ROUNDING
from hingeline.sensitivity.exact.inequalities import Inequalities
from hingeline.sensitivity.exact.interior_point import solve
from hingeline.sensitivity.exact.linear_programs import by_linear_program
from hingeline.sensitivity.exact.problem import FlipProblem

_SETTLED = 1e-10


@dataclass(frozen=True, eq=False)
class Nearest:
    """Answers to several least-distance programs.

    Attributes:
        bounds: No change that meets the inequalities is smaller, shape "n"; infinite if there is none.
        changes: The smallest ones up to rounding, shape "n c"; zeros where not known.
        known: Whether the change is known, shape "n".
        multipliers: What each inequality has to do with the bound, up to a factor for each program, shape
            "n m"; zeros where there are none.
    """

    bounds: FloatArray
    changes: FloatArray
    known: BoolArray
    multipliers: FloatArray


def nearest_changes(
    problem: FlipProblem, given: Inequalities, unit: float, enough: float = np.inf
) -> Nearest:
    """The smallest change that meets each program's inequalities.

    Args:
        problem: Gives norm and box.
        given: The inequalities.
        unit: About the size of the answers; not positive if that is not known.
        enough: A program whose bound reaches this may be left there.
    """
    count = len(given)
    nothing = np.zeros(count, dtype=np.bool_)
    answer = Nearest(np.zeros(count), np.zeros((count, problem.dim)), nothing, np.zeros(given.least.shape))
    given, lengths = given.unit_rows()
    # a row of zeros cannot meet a positive right side; one within rounding of zero asks nothing
    empty, over = ~given.parts.any(axis=2), given.least > ROUNDING * given.sizes
    never = (empty & over).any(axis=1)
    given = replace(given, least=np.where(empty & ~over, np.minimum(given.least, 0.0), given.least))
    answer.bounds[never] = np.inf
    still = (given.least <= 0).all(axis=1)
    answer.known[still] = True
    at = np.nonzero(~never & ~still)[0]
    if not len(at):
        return answer
    found = _solved(problem, given.take(at), unit, enough)
    answer.bounds[at], answer.changes[at], answer.known[at] = found.bounds, found.changes, found.known
    answer.multipliers[at] = found.multipliers / lengths[at]
    return answer


def _solved(problem: FlipProblem, given: Inequalities, unit: float, enough: float) -> Nearest:
    norm = problem.threat.norm
    if norm == "l2" and not problem.boxed:
        return _one_by_one(problem, given, _euclidean)
    if norm == "l1":
        return _one_by_one(problem, given, by_linear_program)
    if not 0 < unit < np.inf:  # at least as far as one inequality alone asks
        unit = float(given.least.max())
    every = np.ones(len(given))
    found = solve(given, problem.low, problem.high, norm == "linf", unit * every, enough * every)
    answer = Nearest(found.bounds, found.changes, found.done, found.multipliers)
    left = np.nonzero(~found.done)[0]
    if len(left) and norm == "linf":
        mended = _one_by_one(problem, given.take(left), by_linear_program)
        answer.bounds[left] = np.maximum(answer.bounds[left], mended.bounds)
        answer.changes[left], answer.known[left] = mended.changes, mended.known
    return answer


_Solver = Callable[
    [FlipProblem, FloatArray, FloatArray, FloatArray], tuple[float, FloatArray | None, FloatArray]
]


def _one_by_one(problem: FlipProblem, given: Inequalities, one: _Solver) -> Nearest:
    bounds, changes = np.zeros(len(given)), np.zeros((len(given), problem.dim))
    known, multipliers = np.zeros(len(given), dtype=np.bool_), np.zeros(given.least.shape)
    for i in range(len(given)):
        real = given.real(i)
        bounds[i], change, multipliers[i, real] = one(problem, *given.rows(i, real))
        if change is not None:
            changes[i], known[i] = change, True
    return Nearest(bounds, changes, known, multipliers)


def _euclidean(
    problem: FlipProblem, rows: FloatArray, least: FloatArray, sizes: FloatArray
) -> tuple[float, FloatArray | None, FloatArray]:
    """Minimal |x| with Gx >= h: x = -r / r_last with r the residual of min |[G'; h'] y - e_last|, y >= 0."""
    from scipy.optimize import nnls  # not at import: 0.7 s

    # right sides about as long as the rows, whatever the unit of the inputs
    unit = float(np.abs(least).max())
    least, sizes = least / unit, sizes / unit
    system = np.vstack([rows.T, least[np.newaxis]])
    wanted = np.zeros(len(system))
    wanted[-1] = 1.0
    try:
        multipliers, _ = nnls(system, wanted, maxiter=10 * len(least) + 200)
    except RuntimeError:  # did not settle; nothing is known then
        return 0.0, None, np.zeros(len(least))
    gathered = rows.T @ multipliers
    needed = float((least - ROUNDING * sizes) @ multipliers)
    length = float(np.linalg.norm(gathered)) + ROUNDING * float(multipliers.sum())
    bound = unit * needed / length if needed > 0 else 0.0
    residual = float(least @ multipliers - 1.0)
    if residual >= -_SETTLED * _SETTLED:
        return (np.inf if bound > unit / _SETTLED else bound), None, multipliers
    return bound, gathered * (unit / -residual), multipliers
