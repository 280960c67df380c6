"""Ground truth for small stacks: laws and joint laws of neighbouring layers by enumeration of all states."""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.renormalisation.operators.operator_set import OperatorSet
from hingeline.renormalisation.stacks.stack import StochasticStack, joint_states


def random_stack(widths: tuple[int, ...], seed: int, scale: float = 1.2) -> StochasticStack:
    rng = np.random.default_rng(seed)
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    weights = [scale * rng.standard_normal(shape) / np.sqrt(shape[1]) for shape in shapes]
    return StochasticStack(weights, [0.2 * rng.standard_normal(shape[0]) for shape in shapes], "units")


def layer_law(stack: StochasticStack, points: FloatArray, layer: int) -> FloatArray:
    """Law of the joint states of a layer, averaged over inputs: "2^w"."""
    law = _kernel(stack, 1, np.atleast_2d(points)).mean(axis=0)
    for upper in range(2, layer + 1):
        law = law @ _kernel(stack, upper, joint_states(stack.widths[upper - 1]))
    return law


def exact_moments(
    stack: StochasticStack, points: FloatArray, layer: int, below: OperatorSet, above: OperatorSet
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """A = cov(O', O'), B = cov(O', O) and C = cov(O, O)."""
    lower, upper = joint_states(stack.widths[layer]), joint_states(stack.widths[layer + 1])
    law = layer_law(stack, points, layer)
    joint = law[:, np.newaxis] * _kernel(stack, layer + 1, lower)
    down = below.values(lower) - law @ below.values(lower)
    up = above.values(upper) - joint.sum(axis=0) @ above.values(upper)
    return (
        (up.T * joint.sum(axis=0)) @ up,
        up.T @ joint.T @ down,
        (down.T * law) @ down,
    )


def exact_matrix(
    stack: StochasticStack, points: FloatArray, layer: int, below: OperatorSet, above: OperatorSet
) -> FloatArray:
    """T = A^-1 B."""
    a, b, _ = exact_moments(stack, points, layer, below, above)
    return np.linalg.solve(a, b)


def tower(weight: float, mean: float) -> StochasticStack:
    """Layers 81-27-9-3-1 of units that see disjoint blocks of three; the first are independent, mean `mean`.

    The input is a single number without influence.
    """
    weights, biases = [np.zeros((81, 1))], [np.full(81, np.arctanh(mean))]
    for width in (27, 9, 3, 1):
        weights.append(weight * np.kron(np.eye(width), np.ones((1, 3))))
        biases.append(np.zeros(width))
    return StochasticStack(weights, biases, "units")


def tower_eigenvalues(weight: float, mean: float) -> list[float]:
    """T = f'(m) (1 - m^2) / (1 - m'^2) layer by layer, with m' = f(m) = a m + c m^3."""
    a = 0.75 * (np.tanh(3 * weight) + np.tanh(weight))
    c = 0.25 * (np.tanh(3 * weight) - 3 * np.tanh(weight))
    found = []
    for _ in range(4):
        above = a * mean + c * mean**3
        found.append((a + 3 * c * mean**2) * (1 - mean**2) / (1 - above**2))
        mean = above
    return found


def _kernel(stack: StochasticStack, layer: int, below: FloatArray) -> FloatArray:
    """P(h'|h) for rows of the layer below and all joint states: "m w" to "m 2^w'"."""
    means = stack.means(layer, below)
    states = joint_states(stack.widths[layer])
    return np.prod(0.5 * (1.0 + states * means[:, np.newaxis]), axis=2)
