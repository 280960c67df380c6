"""Which attacks run where nobody says: all where weights are seen, few questions where each costs something.

Rows and gradients for each input, measured on networks of 64 to 784 inputs: where weights are seen about 95
rows for the ray, 280 and 40 gradients for the descent, 250 and 210 for projected gradients, 3,800 for random
search and 2,900 for the search by labels. A door is asked `DOOR_ROWS` at most, a third by each kind, and a
torch module, whose rows cost more, twice that.
"""

from __future__ import annotations

from hingeline.sensitivity.attacks.base import Attack
from hingeline.sensitivity.attacks.boundary_descent import BoundaryDescent
from hingeline.sensitivity.attacks.boundary_walk import Walk
from hingeline.sensitivity.attacks.label_search import LabelSearch
from hingeline.sensitivity.attacks.named import attacks_named, standard_set
from hingeline.sensitivity.attacks.projected_gradient import SmallestProjectedGradient
from hingeline.sensitivity.attacks.random_search import RandomSearch
from hingeline.sensitivity.attacks.ray import GradientRay
from hingeline.sensitivity.threat import Norm

DOOR_ROWS = 3_000
"""Rows asked of a door for each input, by all attacks together, if the budget does not say less."""
ROWS_USED = 0.7
"""Share of the rows allowed that searches use, since most inputs flip before they end; measured .6 to .7."""
FEWEST_ROWS = 60
"""Below, no search finds anything."""
_LARGE = 1024  # inputs from which drawing random changes costs more than the network
_RADII = 8  # radii that random search tries at an input, measured
_BESIDE_GRADIENT = 30  # rows of one step along the boundary besides its gradient
_WALKS = 2  # from the ray's flip and from that of linearised steps


def attacks_on_weights(norm: Norm, dim: int) -> tuple[Attack, ...]:
    """The standard set, with fewer random trials for long inputs: there they decide nothing but cost most."""
    chosen = attacks_named(standard_set(norm))
    if dim <= _LARGE:
        return chosen
    return tuple(_shortened(attack) for attack in chosen)


def attacks_on_module(norm: Norm) -> tuple[Attack, ...]:
    """Gradients by autograd are as cheap as rows, and both cost more than random numbers."""
    rows = 2 * DOOR_ROWS // 3
    return (
        GradientRay(),
        BoundaryDescent(starts=1),
        SmallestProjectedGradient(steps=20, restarts=2, halvings=5),
        *_random(norm, rows),
        _labels(rows),
    )


def attacks_on_door(norm: Norm, rows: int, *, gradient_rows: float | None) -> tuple[Attack, ...]:
    """Attacks that ask about `rows` rows for each input.

    Args:
        norm: Of the changes.
        rows: Rows for each input; `FEWEST_ROWS` are taken at least.
        gradient_rows: Rows that one gradient costs; None where there are none.
    """
    each = max(FEWEST_ROWS, rows) // (1 if gradient_rows is None else 3)
    if gradient_rows is None:
        return (_labels(each),)
    chosen: list[Attack] = [GradientRay()]
    steps = int(min(10, each / (_WALKS * (gradient_rows + _BESIDE_GRADIENT))))
    # a gradient at the boundary is worth more than what it costs, where no budget forbids it
    steps = max(steps, 1) if rows >= DOOR_ROWS else steps
    if steps:
        walk = Walk(steps=steps)
        chosen.append(BoundaryDescent(starts=1, linear_steps=1, most_rivals=1, walk=walk))
    return (*chosen, *_random(norm, each), _labels(each))


def _random(norm: Norm, rows: int) -> tuple[Attack, ...]:
    # none is known to us in l1
    return () if norm == "l1" else (RandomSearch(steps=max(4, rows // _RADII), halvings=5),)


def _labels(rows: int) -> Attack:
    """About 16 rows for each ray of the first flip, then steps of `probes` and a dozen rows."""
    directions = max(1, min(12, rows // 64))
    left = max(20, rows - 16 * directions - 40)
    probes = max(8, min(100, int(left**0.5 * 1.5)))
    steps = max(1, min(25, left // (probes + 12)))
    return LabelSearch(directions=directions, probes=probes, walk=Walk(steps=steps, halvings=8))


def _shortened(attack: Attack) -> Attack:
    match attack:
        case RandomSearch():
            return RandomSearch(steps=150, halvings=5)
        case LabelSearch():
            return _labels(1_000)
        case _:
            return attack
