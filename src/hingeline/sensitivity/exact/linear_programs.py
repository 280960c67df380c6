"""Least-distance programs in l1 and l-infinity by HiGHS, with bounds that need no trust in it.

Source: HiGHS in SciPy; weak duality as in `duality`.
Cost: some milliseconds for l1, 30 to 100 for l-infinity in 784 coordinates, where it only mends what the
interior point method left.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.sensitivity.exact.duality import ROUNDING, largest_entry_bound
from hingeline.sensitivity.exact.problem import FlipProblem

_ROUNDS = 30
_SETTLED = 1e-10


def by_linear_program(
    problem: FlipProblem, rows: FloatArray, least: FloatArray, sizes: FloatArray
) -> tuple[float, FloatArray | None, FloatArray]:
    """A bound on the size of changes with rows . change >= least, and the smallest one if it was found.

    Args:
        problem: Gives norm and box.
        rows: Inequalities G, shape "m c", each about one long.
        least: Right sides h, shape "m", one of them positive.
        sizes: Size of what went into each, against rounding, shape "m".
    """
    steep = np.abs(rows).max(axis=1) if problem.threat.norm == "l1" else np.abs(rows).sum(axis=1)
    unit = float((least[steep > 0] / steep[steep > 0]).max())  # below the distance, and like it in size
    solve = _smallest_sum if problem.threat.norm == "l1" else _largest_entry
    bound, change, multipliers = solve(
        rows, least / unit, sizes / unit, problem.low / unit, problem.high / unit
    )
    return unit * bound, None if change is None else unit * change, multipliers


def _smallest_sum(
    rows: FloatArray, least: FloatArray, sizes: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[float, FloatArray | None, FloatArray]:
    """l1: delta = p - n with p, n >= 0 and the smallest sum."""
    dim = rows.shape[1]
    bounds = np.column_stack([np.zeros(2 * dim), np.concatenate([high, -low])])
    table = -np.hstack([rows, -rows])
    found = _solved(np.ones(2 * dim), table, -least, bounds)
    if found.x is None:
        # all there is to say of size: what cannot be met costs without end
        return _never_met(rows, least, sizes, low, high), None, np.zeros(len(least))
    multipliers = np.maximum(-found.ineqlin.marginals, 0.0)
    return _sum_bound(rows, least, sizes, multipliers, low, high), found.x[:dim] - found.x[dim:], multipliers


def _sum_bound(
    rows: FloatArray,
    least: FloatArray,
    sizes: FloatArray,
    multipliers: FloatArray,
    low: FloatArray,
    high: FloatArray,
) -> float:
    """h.y + sum_i min over d in [low, high] of |d| - (G'y)_i d, with y as given or as long as can be."""
    pulled = rows.T @ multipliers
    needed = float((least - ROUNDING * sizes) @ multipliers)
    steepest = float(np.abs(pulled).max(initial=0.0))
    shrunk = needed / steepest if needed > 0 and steepest > 0 else 0.0
    if not np.isfinite(low).all():
        return shrunk
    gain = np.where(pulled > 1, (1 - pulled) * high, 0.0) + np.where(pulled < -1, (-1 - pulled) * low, 0.0)
    slack = ROUNDING * float(np.abs(pulled) @ np.maximum(high, -low))
    return max(shrunk, needed + float(gain.sum()) - slack, 0.0)


def _never_met(
    rows: FloatArray, least: FloatArray, sizes: FloatArray, low: FloatArray, high: FloatArray
) -> float:
    """Infinite if the least miss over the box is above rounding, by the multipliers that say so; 0 if not."""
    count, dim = rows.shape
    costs, table = np.append(np.zeros(dim), 1.0), np.hstack([-rows, -np.ones((count, 1))])
    ends = np.column_stack([low, high])
    found = _solved(costs, table, -least, np.vstack([ends, [0.0, np.inf]]))
    if found.x is None:
        return 0.0
    multipliers = np.maximum(-found.ineqlin.marginals, 0.0)
    pulled, needed = rows.T @ multipliers, float((least - ROUNDING * sizes) @ multipliers)
    if np.isinf(largest_entry_bound(pulled, needed, low, high)):
        return np.inf
    return _sum_bound(rows, least, sizes, multipliers, low, high)


def _largest_entry(
    rows: FloatArray, least: FloatArray, sizes: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[float, FloatArray | None, FloatArray]:
    """l-infinity by Newton's method in t: can the inequalities be met with |delta| <= t?

    The worst miss m(t) = min over |delta| <= t of max_j (h - G delta)_j falls with t and is convex. The
    multipliers of one linear program (as many rows as inequalities) give a line below m, whose root is the
    next t and a bound from below.
    """
    count, dim = rows.shape
    costs = np.append(np.zeros(dim), 1.0)
    table = np.hstack([-rows, -np.ones((count, 1))])
    radius, proved = 1.0, 0.0
    change: FloatArray | None = None
    multipliers = np.zeros(count)
    for _ in range(_ROUNDS):
        ends = np.column_stack([np.maximum(low, -radius), np.minimum(high, radius)])
        bounds = np.vstack([ends, [-np.inf, np.inf]])
        found = _solved(costs, table, -least, bounds)
        if found.x is None:
            return proved, None, multipliers
        change = found.x[:dim]
        multipliers = np.maximum(-found.ineqlin.marginals, 0.0)
        needed = float((least - ROUNDING * sizes) @ multipliers)
        bound = largest_entry_bound(rows.T @ multipliers, needed, low, high)
        if not np.isfinite(bound):
            return np.inf, None, multipliers
        proved = max(proved, bound)
        if found.fun <= _SETTLED or bound <= radius * (1 + _SETTLED):
            break
        radius = bound
    return proved, change, multipliers


def _solved(costs: FloatArray, rows: FloatArray, most: FloatArray, bounds: FloatArray) -> Any:
    """HiGHS on min costs . x with rows . x <= most within bounds."""
    from scipy.optimize import linprog  # not at import: 0.7 s

    return linprog(costs, A_ub=rows, b_ub=most, bounds=bounds, method="highs")
