"""Small stacks by enumeration of all states: ground truth, written apart from the package."""

from __future__ import annotations

import itertools

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.renormalisation.operators.operator_set import OperatorSet
from hingeline.renormalisation.stacks.stack import StochasticStack, joint_states


def small_stack(widths: tuple[int, ...], scale: float, seed: int, head: str = "units") -> StochasticStack:
    rng = np.random.default_rng(seed)
    weights, biases = [], []
    for below, above in itertools.pairwise(widths):
        weights.append(scale * rng.standard_normal((above, below)) / np.sqrt(below))
        biases.append(0.2 * rng.standard_normal(above))
    return StochasticStack(weights, biases, head)  # type: ignore[arg-type]


def random_stack(widths: tuple[int, ...], seed: int, scale: float = 1.2) -> StochasticStack:
    """As `small_stack` with units on top, all weights drawn before all biases."""
    rng = np.random.default_rng(seed)
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    weights = [scale * rng.standard_normal(shape) / np.sqrt(shape[1]) for shape in shapes]
    return StochasticStack(weights, [0.2 * rng.standard_normal(shape[0]) for shape in shapes], "units")


def unit_law(fields: np.ndarray) -> np.ndarray:
    states = joint_states(fields.shape[1])
    return np.exp(-np.logaddexp(0.0, -2.0 * fields[:, None] * states).sum(axis=2))


def kernels(stack: StochasticStack) -> list[np.ndarray]:
    """P(h_n|h_{n-1}) for n = 2 to N, all states."""
    return [
        unit_law(stack.fields(n, joint_states(stack.widths[n - 1]))) for n in range(2, stack.unit_layers + 1)
    ]


def layer_laws(stack: StochasticStack, x: np.ndarray) -> list[np.ndarray]:
    """P(h_n|x) for n = 1 to N."""
    laws = [unit_law(stack.fields(1, x[None]))[0]]
    for kernel in kernels(stack):
        laws.append(laws[-1] @ kernel)
    return laws


def class_law(stack: StochasticStack, x: np.ndarray) -> np.ndarray:
    laws = layer_laws(stack, x)
    if stack.head == "units":
        return laws[-1]
    return laws[-1] @ stack.class_law(joint_states(stack.widths[-1]))


def slopes_by_difference(stack: StochasticStack, x: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """dP(c|x)/dx, shape "C d"."""
    rows = []
    for i in range(len(x)):
        moved = np.zeros(len(x))
        moved[i] = step
        rows.append((class_law(stack, x + moved) - class_law(stack, x - moved)) / (2 * step))
    return np.array(rows).T


def layer_scores(stack: StochasticStack, x: np.ndarray) -> list[np.ndarray]:
    """E[s|h_n] at all states for n = 1 to N, shape "2^w d", by Bayes."""
    states = joint_states(stack.widths[1])
    scores = [(states - stack.means(1, x[None])) @ stack.weights[0]]
    laws = layer_laws(stack, x)
    for n, kernel in enumerate(kernels(stack)):
        scores.append((kernel.T * laws[n]) @ scores[n] / laws[n + 1][:, None])
    return scores


def information(slopes: np.ndarray, law: np.ndarray) -> np.ndarray:
    return (slopes.T / law) @ slopes


def mixture_law(stack: StochasticStack, points: FloatArray, layer: int) -> FloatArray:
    """P(h_n) of one layer, averaged over inputs: "2^w"."""
    return np.mean([layer_laws(stack, x)[layer - 1] for x in np.atleast_2d(points)], axis=0)


def exact_moments(
    stack: StochasticStack, points: FloatArray, layer: int, below: OperatorSet, above: OperatorSet
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """A = cov(O', O'), B = cov(O', O) and C = cov(O, O)."""
    lower, upper = joint_states(stack.widths[layer]), joint_states(stack.widths[layer + 1])
    law = mixture_law(stack, points, layer)
    joint = law[:, np.newaxis] * kernels(stack)[layer - 1]
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
