"""The span grows: one gradient after another, each measured only outside the directions already known.

At a spot all columns of B are asked (`differences`, or `smooth`); what the gradient has outside V is one new
direction (several for several outputs). A direction is new only if it is longer than its own noise and than
what the tilt of V lets the known part of the gradient leak into B; both with a wide margin, because a false
direction is worse than a missed one. What falls between is kept as doubtful and named.

Source: our design. It meets the goal of Jayaram, Woodruff and Zhang (ICLR 2020), and is not their algorithm.
Cost: d - r + 1 queries for the (r+1)-th gradient; about k d - k (k - 1) / 2 in all, over the outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.probing.probe import Probe
from hingeline.subspace.complement import Complement, without
from hingeline.subspace.differences import Slopes
from hingeline.subspace.laws import Law
from hingeline.subspace.spots import Spot

ACCEPT = 300.0
"""A new direction must be so many times longer than noise and the worst leak together: errors of directions
that were measured badly may be off by a factor of ten or two, and a false direction is worse than a missed
one."""
_COARSE = 10.0
"""A direction whose error is so many times the median is looked at by itself."""
_MOST_COARSE = 6
DOUBT = 3.0
"""What is so many times longer is not explained by them."""
NOTICE = 6.0
"""So many times their expected size, a response is worth a measurement."""
_NEAR = 30.0
"""Below so many leaks at worst, the gradient's known part is measured too, so that the leak is known."""
_LOOKS_INSIDE = 3
"""Random directions of V along which a gradient is looked at for its length."""
_ROUGH = 1e-3
"""Step for it, in typical coordinates: a boundary that close would be bad luck, and it need not be exact."""

Measure = Callable[[Probe, Law, Spot, FloatArray, np.random.Generator], Slopes | None]


@dataclass(frozen=True)
class Growth:
    """What one gradient did."""

    added: int
    """New directions."""
    measured: bool
    """Whether its slopes could be certified."""
    doubtful: float = 0.0
    """Length of the largest part that was neither clearly new nor clearly noise; 0 if none."""
    edge: float = 0.0
    """Length that noise and leak explain."""


def grow(
    probe: Probe, law: Law, spot: Spot, complement: Complement, rng: np.random.Generator, measure: Measure
) -> Growth:
    """Measure the gradient at a spot outside V and take in what is new.

    Args:
        probe: Where queries go.
        law: How far points may move.
        spot: Where.
        complement: What is known; grows.
        rng: Draws test points.
        measure: How slopes are measured, `certified_slopes` or `SmoothSlopes`.

    Raises:
        BudgetExhausted: The budget ended; nothing was added.
    """
    outside = _slopes_outside(probe, law, spot, complement, rng, measure)
    if outside is None:
        return Growth(0, measured=False)
    basis, slopes = outside
    # J = U S W^T: the rows of W^T are directions outside V, strongest first
    _, sizes, turned = np.linalg.svd(slopes.matrix, full_matrices=False)
    edge, parts = float(np.hypot(slopes.noise, complement.worst_leak)), None
    if complement.rank and sizes[-1] < _NEAR * np.hypot(slopes.noise, complement.largest_leak):
        parts = _parts_along(probe, law, spot, complement.found)
        edge = float(np.hypot(slopes.noise, complement.worst_leak_of(parts)))
    error = float(np.hypot(slopes.noise, _leak_here(probe, law, spot, complement, rng, slopes.noise)))
    new = sizes > ACCEPT * edge
    grey = sizes[~new & (sizes > DOUBT * edge)]
    if parts is not None and not new.any() and not len(grey):
        complement.refine(parts, slopes.matrix @ basis.T, slopes.noise)
    for size, direction in zip(sizes[new], turned[new] @ basis.T, strict=True):
        complement.append(direction, float(size), error)
    return Growth(int(new.sum()), measured=True, doubtful=float(max(grey, default=0.0)), edge=edge)


def _parts_along(probe: Probe, law: Law, spot: Spot, directions: FloatArray) -> FloatArray:
    """Slopes of each output along the columns of `directions`, good to a few per cent: "m r".

    Raises:
        BudgetExhausted: The budget ended.
    """
    starts = np.broadcast_to(spot.point, directions.T.shape)
    room = np.minimum(law.room(starts, directions.T), law.room(starts, -directions.T))
    steps = np.minimum(min(spot.step, _ROUGH * law.unit), 0.9 * room)[:, np.newaxis]
    values = probe.ask(spot.point + steps * directions.T)
    return ((values - spot.values) / np.maximum(steps, 1e-300)).T


def _leak_here(
    probe: Probe, law: Law, spot: Spot, complement: Complement, rng: np.random.Generator, noise: float
) -> float:
    """Expected leak at a spot; the parts along the least precise directions are measured, not assumed.

    Cost: 3 queries, and up to 6 more where some directions are much less precise than the others.
    """
    if not complement.rank:
        return 0.0
    inside, errors = _length_inside(probe, law, spot, complement, rng), complement.errors
    coarse = np.flatnonzero((errors > _COARSE * np.median(errors)) & (inside * errors > noise))
    if not len(coarse):
        return complement.leak(inside)
    coarse = coarse[np.argsort(-errors[coarse])[:_MOST_COARSE]]
    parts = _parts_along(probe, law, spot, complement.found[:, coarse])
    known = float(np.sqrt(np.mean(np.sum((parts * errors[coarse]) ** 2, axis=1))))
    return float(np.hypot(known, complement.leak(inside, without=coarse)))


def _length_inside(
    probe: Probe, law: Law, spot: Spot, complement: Complement, rng: np.random.Generator
) -> float:
    """Length of the gradient's part along V, root mean square over outputs, good to some ten per cent.

    Cost: 3 queries.
    """
    mix = rng.standard_normal((complement.rank, _LOOKS_INSIDE))
    directions = complement.found @ (mix / np.linalg.norm(mix, axis=0))
    parts = _parts_along(probe, law, spot, directions)
    return float(np.sqrt(np.mean(parts**2) * complement.rank))


def _slopes_outside(
    probe: Probe, law: Law, spot: Spot, complement: Complement, rng: np.random.Generator, measure: Measure
) -> tuple[FloatArray, Slopes] | None:
    """An orthonormal basis of all that lies outside V, shape "d d-r", and the slopes along it.

    Slopes along the spot's rays are known already, from differences on both sides; they save their number.
    """
    rays, known_slopes = spot.rays, spot.slopes
    fresh = spot.rank == complement.rank
    if rays is None or known_slopes is None or not fresh or len(rays) >= complement.rest.shape[1]:
        slopes = measure(probe, law, spot, complement.rest, rng)
        return None if slopes is None else (complement.rest, slopes)
    # U = O T with orthonormal O; J U = S is known, so J O = S T^-1
    along, mixing = np.linalg.qr(rays.T)
    others = without(complement.rest, along)
    measured = measure(probe, law, spot, others, rng)
    if measured is None:
        return None
    known: FloatArray = np.linalg.solve(mixing.T, known_slopes.T).T.astype(np.float64)
    errors = np.full(along.shape[1], 2 * spot.sigma / spot.radius)
    slopes = Slopes(np.hstack([known, measured.matrix]), np.concatenate([errors, measured.errors]))
    return np.hstack([along, others]), slopes
