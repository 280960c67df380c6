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
from hingeline.subspace.complement import Complement
from hingeline.subspace.differences import Slopes
from hingeline.subspace.laws import Law
from hingeline.subspace.spots import Spot

ACCEPT = 10.0
"""A new direction must be so many times longer than noise and the worst leak together."""
DOUBT = 3.0
"""What is so many times longer is not explained by them."""
NOTICE = 6.0
"""So many times their expected size, a response is worth a measurement."""
_NEAR = 100.0
"""Below so many expected leaks, the gradient's known part is measured too, so that the leak is known."""

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
        measure: How slopes are measured, `certified_slopes` or `smooth_slopes`.

    Raises:
        BudgetExhausted: The budget ended; nothing was added.
    """
    slopes = measure(probe, law, spot, complement.rest, rng)
    if slopes is None:
        return Growth(0, measured=False)
    # J = U S W^T: the rows of W^T are directions outside V, strongest first
    _, sizes, turned = np.linalg.svd(slopes.matrix, full_matrices=False)
    leak = complement.worst_leak
    if complement.rank and sizes[-1] < _NEAR * np.hypot(slopes.noise, leak):
        known = measure(probe, law, spot, complement.found, rng)
        leak = leak if known is None else complement.worst_leak_of(known.matrix)
    edge = float(np.hypot(slopes.noise, leak))
    error = float(np.hypot(slopes.noise, complement.leak))
    new = sizes > ACCEPT * edge
    directions = turned[new] @ complement.rest.T
    for size, direction in zip(sizes[new], directions, strict=True):
        complement.append(direction, float(size), error)
    grey = sizes[~new & (sizes > DOUBT * edge)]
    return Growth(int(new.sum()), measured=True, doubtful=float(max(grey, default=0.0)), edge=edge)
