"""A stack asked by sampling: estimated log-probabilities and gradients, new numbers at every call."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.perturbations.stack_model import StackModel
from hingeline.renormalisation.stacks.stack import StochasticStack, joint_states
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.directions import fisher_directions
from hingeline.sensitivity.fisher.flip_curves import flip_curves
from hingeline.sensitivity.fisher.most_dangerous import most_dangerous


def stack_of(widths: tuple[int, ...], head: str, seed: int) -> StochasticStack:
    rng = np.random.default_rng(seed)
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    weights = [1.5 * rng.standard_normal(shape) / np.sqrt(shape[1]) for shape in shapes]
    return StochasticStack(weights, [0.2 * rng.standard_normal(shape[0]) for shape in shapes], head)  # type: ignore[arg-type]


def exact_law(stack: StochasticStack, x: np.ndarray) -> np.ndarray:
    """P(c|x) by going through all states of all hidden layers."""
    law, below = np.ones(1), x[np.newaxis]
    for layer in range(1, stack.last_hidden + 1):
        states = joint_states(stack.widths[layer])
        means = stack.means(layer, below)
        law = law @ np.prod(0.5 * (1.0 + states * means[:, np.newaxis]), axis=2)
        below = states
    return law @ stack.class_law(below)


def exact_jacobian(stack: StochasticStack, x: np.ndarray) -> np.ndarray:
    """Gradients of log P(c|x) by central differences, "C d"."""
    step = 1e-5
    moves = step * np.eye(len(x))
    return np.stack(
        [(np.log(exact_law(stack, x + u)) - np.log(exact_law(stack, x - u))) / (2 * step) for u in moves],
        axis=1,
    )


@pytest.mark.parametrize(
    ("widths", "head"), [((4, 3, 3, 5), "softmax"), ((4, 5, 3), "softmax"), ((4, 3, 2), "units")]
)
def test_answers_and_gradients_agree_with_enumeration(widths: tuple[int, ...], head: str) -> None:
    stack = stack_of(widths, head, 8)
    points = np.random.default_rng(9).standard_normal((2, 4))
    model = StackModel(stack, 40_000, 10)
    laws = np.stack([exact_law(stack, x) for x in points])
    assert np.exp(model.outputs(points)) == pytest.approx(laws, abs=0.012)
    slopes = np.stack([exact_jacobian(stack, x) for x in points])
    # a class of small probability is known less well, in the same measure as it counts
    found = laws[..., None] * (model.jacobians(points) - slopes)
    assert found == pytest.approx(0.0, abs=0.012)


def test_without_a_hidden_layer_nothing_is_drawn() -> None:
    stack = stack_of((4, 2), "units", 1)
    x = np.array([0.3, -0.2, 0.9, 0.0])
    model = StackModel(stack, 2, 0)
    assert np.exp(model.outputs(x[None]))[0] == pytest.approx(exact_law(stack, x), abs=1e-14)
    assert model.jacobians(x[None])[0] == pytest.approx(exact_jacobian(stack, x), abs=1e-8)


def test_gradients_of_a_combination_are_the_combination_of_gradients() -> None:
    model = StackModel(stack_of((4, 3, 5), "softmax", 2), 50, 3, common=True)
    points = np.random.default_rng(4).standard_normal((40, 4))
    weights = np.random.default_rng(5).standard_normal((40, 5))
    wanted = np.einsum("nc,ncd->nd", weights, model.jacobians(points))
    assert model.gradients(points, weights) == pytest.approx(wanted, abs=1e-12)


def test_numbers_are_new_at_every_call_unless_they_are_common() -> None:
    model = StackModel(stack_of((4, 3, 5), "softmax", 2), 50, 3)
    points = np.random.default_rng(4).standard_normal((70, 4))
    assert (model.outputs(points) != model.outputs(points)).any()
    again = StackModel(model.stack, 50, 3)
    assert (StackModel(model.stack, 50, 3).outputs(points) == again.outputs(points)).all()
    fixed = model.with_common_numbers()
    assert fixed.outputs(points)[60:] == pytest.approx(fixed.outputs(points[60:]), abs=1e-13)
    assert fixed.jacobians(points)[60:] == pytest.approx(fixed.jacobians(points[60:]), abs=1e-12)


def test_classes_that_never_occur_have_finite_logarithms_and_gradients() -> None:
    stack = StochasticStack([400.0 * np.ones((2, 3)), 900.0 * np.eye(2)], np.zeros((2, 2)), "units")
    model = StackModel(stack, 20, 0)
    outputs = model.outputs(np.ones((1, 3)))
    assert outputs[0] == pytest.approx([-708.4, -708.4, -708.4, 0.0], abs=0.1)
    assert np.isfinite(model.jacobians(np.ones((1, 3)))).all()


def test_fisher_measurements_take_a_stack() -> None:
    stack = stack_of((6, 5, 4, 3), "softmax", 11)
    points = np.random.default_rng(12).standard_normal((30, 6))
    model, decision = StackModel(stack, 40, 13, gradient_samples=4000), Decision(3)
    fisher = fisher_directions(model, decision, points)
    exact = [
        np.linalg.svd(np.sqrt(exact_law(stack, x))[:, None] * exact_jacobian(stack, x))[2][0] for x in points
    ]
    assert np.abs((fisher.top * exact).sum(axis=1)).min() > 0.9
    curves = flip_curves(model, decision, points, (1.0,), rng=np.random.default_rng(0), fisher=fisher)
    # forty samples do not always tell the same class
    assert curves.wavers
    assert curves["fisher"].shares[0] > curves["random"].shares[0]
    chosen = most_dangerous(model, decision, points, fisher, size=1.0)
    assert 0 < (~chosen.unchanged).mean() < 0.5


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(InvalidInput, match="at least one sample"):
        StackModel(stack_of((4, 3, 5), "softmax", 2), 1, 0)
