"""What might foretell the smallest flip of an input, each turned so that it should grow with it.

Distances are taken as they are; of gains, eigenvalues and correlations, which should be large where flips are
short, the negative. No input is left out: where nothing comes through (F is zero, no operator varies) the
value is infinity or that of nothing, and ranks accordingly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.renormalisation.feed_forward.cocycle import jacobian_cocycle
from hingeline.renormalisation.feed_forward.gains import layer_gains
from hingeline.renormalisation.feed_forward.noisy_twin import twin_noise
from hingeline.renormalisation.feed_forward.twin_correlations import twin_correlations
from hingeline.renormalisation.flow.estimate import estimate_stability
from hingeline.renormalisation.flow.identification import Identification
from hingeline.renormalisation.information.depth import depth_profile
from hingeline.renormalisation.information.direct import direct_informations
from hingeline.renormalisation.information.upward_moments import upward_moments
from hingeline.renormalisation.layer_operators import layer_operators
from hingeline.renormalisation.operators.operator_set import OperatorSet, single_units
from hingeline.renormalisation.stacks.stack import StochasticStack
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.directions import FisherDirections
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.models.network_model import NetworkModel

COMMON = ("linearised distance", "lead over the nearest rival", "1 / √λ₁(F)")
OF_STACKS = (
    *COMMON,
    "canonical correlation, layer 1 to 2",
    "largest eigenvalue of T(x), class means",
    "information kept, layer 1 to 2",
    "information kept, layer 1 to classes",
)
OF_NETWORKS = (
    *COMMON,
    "finite-time Lyapunov exponent",
    "gain along Fisher direction, raw",
    "gain along Fisher direction, whitened",
    "twin: canonical correlations, product",
)
_PILOT = 4000
"""Samples on which the class means are found; they are not used again."""


def common_ones(model: Model, points: FloatArray, fisher: FisherDirections) -> list[FloatArray]:
    """Distance and lead."""
    decision = Decision(model.output_dim)
    leads = decision.leads(model.outputs(points), fisher.classes).min(axis=1)
    return [fisher.linear_distances, leads]


def of_network(
    model: NetworkModel,
    points: FloatArray,
    data: FloatArray,
    fisher: FisherDirections,
    rng: np.random.Generator,
) -> FloatArray:
    """One row for each of `OF_NETWORKS`, "p n"; layers vary as they do over `data`."""
    alive = np.isfinite(fisher.log_eigenvalues[:, 0])
    raw, whitened = np.full((2, len(points)), -np.inf)
    gains = layer_gains(model, points[alive], fisher.top[alive], rng=rng, data=data)
    raw[alive] = gains.raw.cumulative[-1]
    if gains.whitened is not None:
        whitened[alive] = gains.whitened.cumulative[-1]
    exponents = jacobian_cocycle(model, points, rng=rng).exponents[-1, :, 0]
    twin = twin_correlations(model, points, twin_noise(model, data))
    handed_on = np.prod([rows[:, 0] for rows in twin.correlations], axis=0)
    # infinite where F is zero
    distance = np.exp(np.minimum(-0.5 * fisher.log_eigenvalues[:, 0], 700.0))
    distance[~alive] = np.inf
    return np.stack([*common_ones(model, points, fisher), distance, -exponents, -raw, -whitened, -handed_on])


def of_stack(
    stack: StochasticStack,
    model: Model,
    points: FloatArray,
    fisher: FisherDirections,
    rng: np.random.Generator,
    samples: int,
) -> FloatArray:
    """One row for each of `OF_STACKS`, "p n"; `samples` for each input and quantity."""
    direct = direct_informations(stack, points, samples=samples, rng=rng, directions=1)
    top = np.array([found.eigenvalues[0] for found in direct])
    units = tuple(single_units(width) for width in stack.widths[1:])
    means = _class_means(stack, points, rng)
    rows: list[tuple[float, ...]] = []
    for x, found in zip(points, direct, strict=True):
        profile = depth_profile(upward_moments(stack, x, samples=samples, rng=rng), found.directions[0])
        kept = profile.along / profile.along[0]
        rows.append(
            (
                _correlation(stack, x, units, samples, rng),
                _eigenvalue(stack, x, means, samples, rng),
                kept[1],
                kept[-1],
            )
        )
    with np.errstate(divide="ignore"):
        distance = 1.0 / np.sqrt(top)
    return np.stack([*common_ones(model, points, fisher), distance, *(-np.array(rows).T)])


def _correlation(
    stack: StochasticStack,
    x: FloatArray,
    operators: Sequence[OperatorSet],
    samples: int,
    rng: np.random.Generator,
) -> float:
    """Largest canonical correlation of the first two layers; 0 where no unit varies."""
    found = estimate_stability(
        stack, x, 1, operators[0], operators[1], samples=samples, rng=rng, permutations=1
    ).canonical_correlations
    return float(found[0]) if len(found) else 0.0


def _eigenvalue(
    stack: StochasticStack,
    x: FloatArray,
    operators: Sequence[OperatorSet],
    samples: int,
    rng: np.random.Generator,
) -> float:
    """Largest modulus of the eigenvalues from layer 1 to 2; 0 where no operator varies."""
    found = estimate_stability(
        stack,
        x,
        1,
        operators[0],
        operators[1],
        samples=samples,
        rng=rng,
        permutations=1,
        identification=Identification("collective"),
    ).eigenvalues.moduli
    return float(found[0]) if len(found) else 0.0


def _class_means(
    stack: StochasticStack, points: FloatArray, rng: np.random.Generator
) -> tuple[OperatorSet, ...]:
    """Differences of classes as weighted sums of units, from samples of all inputs."""
    states = [points[np.arange(_PILOT) % len(points)]]
    for layer in range(1, stack.unit_layers + 1):
        states.append(stack.draw(layer, states[-1], rng))
    return layer_operators(stack, "class means", [tuple(states)], [stack.class_law(states[-1])])
