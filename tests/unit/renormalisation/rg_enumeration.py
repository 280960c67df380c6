"""Small stacks by enumeration of all states: ground truth, written apart from the package."""

from __future__ import annotations

import itertools

import numpy as np

from hingeline.renormalisation.stacks.stack import StochasticStack, joint_states


def small_stack(widths: tuple[int, ...], scale: float, seed: int, head: str = "units") -> StochasticStack:
    rng = np.random.default_rng(seed)
    weights, biases = [], []
    for below, above in itertools.pairwise(widths):
        weights.append(scale * rng.standard_normal((above, below)) / np.sqrt(below))
        biases.append(0.2 * rng.standard_normal(above))
    return StochasticStack(weights, biases, head)  # type: ignore[arg-type]


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
