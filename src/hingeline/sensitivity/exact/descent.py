"""Small flips by descent: the linearised boundary again and again, then region by region down to a minimum.

Inside one region the network is affine, so the smallest flip there is a least-distance program. A flip that
is found is pulled to the boundary, replaced by the smallest one of its region, and pushed on in the
direction in which the region stopped it, until nothing gets smaller. What comes out is a flip that was
checked, not a minimum that was proved.

Source: iterated linearisation, Moosavi-Dezfooli et al. 2016 (DeepFool); the descent over regions is ours.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.sensitivity.exact.problem import FlipProblem
from hingeline.sensitivity.exact.regions import Region, region_at

_ROUNDS = 60
_HALVINGS = 48
_DESCENTS = 40
_MOST_WALLS = 128
_MOST_STARTS = 4
_AHEAD = np.array([1.0, 1.0 + 1e-9, 1.0 + 1e-7, 1.0 + 1e-5, 1.001, 1.01, 1.05, 1.2])
_TOWARDS = np.array([0.0, 0.03, 0.1, 0.25, 0.5, 1.0])
"""How far beyond the end of a region to try, as shares of the way to where its affine map would flip."""
_WORTH = 1e-7
_MARGINS = (1e-13, 1e-11, 1e-9, 1e-7, 1e-5, 1e-3)
"""How far below zero a lead shall be, beside what goes into it; less may be rounding."""


def found_flips(problem: FlipProblem, starts: FloatArray) -> FloatArray:
    """Flips near the input, each pulled to the boundary: "s c", smallest first; perhaps none.

    Args:
        problem: The network around the input.
        starts: Changes that are known to flip, shape "s c"; those that do not are left out.
    """
    candidates = np.concatenate([starts, _projected(problem)])
    candidates = candidates[flips(problem, candidates)]
    pulled = pulled_back(problem, candidates)
    order = np.argsort(problem.threat.size(pulled), kind="stable")
    return pulled[order]


def smallest_found(problem: FlipProblem, starts: FloatArray) -> FloatArray | None:
    """The smallest flip that descent finds, shape "c"; None if there is none."""
    candidates = found_flips(problem, starts)[:_MOST_STARTS]
    ended = [descended(problem, candidate) for candidate in candidates]
    return min(ended, key=lambda change: float(problem.threat.size(change)), default=None)


def flips(problem: FlipProblem, changes: FloatArray) -> BoolArray:
    """Which of `changes` ("n c") make the decision another: a rival leads, or is equal and comes first."""
    leads = problem.leads(changes)
    return np.any((leads < 0) | (problem.ties & (leads <= 0)), axis=1).astype(np.bool_)


def pulled_back(problem: FlipProblem, changes: FloatArray) -> FloatArray:
    """Flips scaled down along their own line as far as they flip: "n c"."""
    low, high = np.zeros(len(changes)), np.ones(len(changes))
    for _ in range(_HALVINGS if len(changes) else 0):
        middle = 0.5 * (low + high)
        out = flips(problem, middle[:, np.newaxis] * changes)
        low, high = np.where(out, low, middle), np.where(out, middle, high)
    return high[:, np.newaxis] * changes


def descended(problem: FlipProblem, change: FloatArray) -> FloatArray:
    """A flip as small as descent over regions makes it, from one ("c") that flips."""
    size = float(problem.threat.size(change))
    for _ in range(_DESCENTS):
        better = _in_next_region(problem, change)
        if better is None or float(problem.threat.size(better)) >= size * (1 - _WORTH):
            break
        change, size = better, float(problem.threat.size(better))
    return change


def _in_next_region(problem: FlipProblem, change: FloatArray) -> FloatArray | None:
    """A smaller flip in the region of `change` or beyond where it ends."""
    unit = float(problem.threat.size(change))
    # what comes out is tried on the network: a far wall that is crossed costs a smaller flip, not the truth
    region = region_at(problem, change).with_near_walls(problem, change, _MOST_WALLS)
    rival = int(region.leads(problem, change).argmin())
    nearest = region.nearest_flip(problem, rival, unit)
    if not nearest.known[0]:
        return None
    inside = nearest.changes[0]
    unwalled = region.nearest_flip(problem, rival, unit, walls=False)
    beyond = unwalled.changes[0] if unwalled.known[0] else inside
    tried = inside + _TOWARDS[:, np.newaxis] * (beyond - inside)
    tried = problem.within((_AHEAD[:, np.newaxis, np.newaxis] * tried).reshape(-1, problem.dim))
    tried = tried[flips(problem, tried)]
    tried = pulled_back(problem, tried) if len(tried) else behind_boundary(problem, region, rival, inside)
    return tried[int(problem.threat.size(tried).argmin())] if len(tried) else None


def behind_boundary(problem: FlipProblem, region: Region, rival: int, edge: FloatArray) -> FloatArray:
    """Flips in a region as near as can be to its smallest change without a lead: "n c", perhaps none.

    The region is convex and the lead affine in it: on the way from `edge` ("c") to any change of the region
    with the lead below zero, all is flipped but what rounding hides.
    """
    unit = float(problem.threat.size(edge))
    enough = 2 * unit if unit > 0 else np.inf
    # an input on the boundary itself has no size to go by but its own
    size = region.lead_size(problem, rival, unit if unit > 0 else problem.scale())
    # a lead that is zero all over the region flips inside its walls, where no rounding leads out of it
    plateau = [(0.0, share) for share in _MARGINS] if problem.ties[rival] else []
    for margin, inset in [(share * size, 0.0) for share in _MARGINS] + plateau:
        inner = region.nearest_flip(problem, rival, unit, margin=margin, inset=inset, enough=enough)
        if inner.known[0] and flips(problem, inner.changes)[0]:
            steps = np.append(2.0 ** -np.arange(50.0), 0.0)[:, np.newaxis]
            tried = problem.within(edge + steps * (inner.changes - edge))
            return tried[flips(problem, tried)]
    return np.zeros((0, problem.dim))


def _projected(problem: FlipProblem) -> FloatArray:
    """For each rival: the nearest change on its linearised boundary, linearised there again: "r c"."""
    rivals = np.arange(len(problem.lead_rows))
    changes = np.zeros((len(rivals), problem.dim))
    for _ in range(_ROUNDS):
        values, gradients = _own_lead(problem, changes, rivals)
        going = values >= 0
        if not going.any():
            break
        # towards |delta| smallest with lead + g.(delta - now) = 0, and a little beyond
        needed = (gradients * changes).sum(axis=1) - values
        steps = problem.threat.steepest(gradients)
        steepness = problem.threat.dual(gradients)
        lengths = np.divide(-needed, steepness, where=steepness > 0, out=np.zeros_like(needed))
        aims = 1.02 * lengths[:, np.newaxis] * steps
        # the change must grow from where it is if it stands still: what is behind is mixed in
        moved = problem.within(0.5 * (changes + aims) + 0.02 * steps * np.abs(lengths)[:, np.newaxis])
        changes = np.where(going[:, np.newaxis], moved, changes)
    return changes


def _own_lead(problem: FlipProblem, changes: FloatArray, rivals: IntArray) -> tuple[FloatArray, FloatArray]:
    """Value and gradient of lead r after change r: "r" and "r c"."""
    values = problem.pre_activations(changes)
    product = problem.lead_rows @ problem.weights[-1]
    for weight, value in zip(problem.weights[-2::-1], reversed(values[:-1]), strict=True):
        product = (product * (value > 0)) @ weight
    leads = values[-1] @ problem.lead_rows.T - problem.lead_offsets
    return leads[rivals, rivals], product
