"""Classes are told apart as far as their laws differ, and live as long as the flow remembers them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.flow.class_laws import class_laws
from hingeline.renormalisation.flow.discriminator import Distance, linear_distance
from hingeline.renormalisation.flow.lifetime import fit_lifetime
from hingeline.renormalisation.known_answers.tower import MajorityTower
from hingeline.renormalisation.stacks.exact import ExactStack, tied_lifetime
from hingeline.renormalisation.stacks.stack import StochasticStack, draw_units


def tied_stack(units: int, layers: int, strength: float) -> StochasticStack:
    """Every unit feeds itself: units are independent chains of lambda_2 = tanh(strength)."""
    weights = [np.eye(units)] + [strength * np.eye(units)] * (layers - 1)
    head = "units" if units <= 10 else "softmax"
    weights += [np.vstack([np.ones(units), -np.ones(units)])] if head == "softmax" else []
    return StochasticStack(weights, [np.zeros(len(w)) for w in weights], head)


def two_groups(units: int, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat([0, 1], count)
    points = np.where(labels[:, None] == 0, 1.0, -1.0) * np.ones(units)
    return points + 0.1 * np.random.default_rng(seed).standard_normal(points.shape), labels


def exactly(values: list[float]) -> list[Distance]:
    return [Distance(v, v, v, exact=True) for v in values]


def test_a_single_unit_is_told_apart_by_half_the_difference_of_its_means() -> None:
    rng = np.random.default_rng(0)
    first, second = (draw_units(np.full((40_000, 1), mean), rng) for mean in (0.6, -0.2))
    found = linear_distance(first, second)
    assert found.low < 0.4 < found.high
    assert found.high - found.low < 0.03


def test_laws_that_agree_are_not_told_apart() -> None:
    rng = np.random.default_rng(1)
    found = [linear_distance(*(draw_units(np.zeros((400, 5)), rng) for _ in range(2))) for _ in range(100)]
    assert np.mean([distance.low > 0 for distance in found]) < 0.1
    assert np.mean([distance.value for distance in found]) == pytest.approx(0.0, abs=0.02)


def test_linear_bounds_stay_below_the_exact_distance_and_come_near_it() -> None:
    stack = tied_stack(5, 3, 1.0)
    exact = ExactStack(stack)
    rng = np.random.default_rng(2)
    laws = [exact.laws(x)[1] for x in (np.ones(5), -np.ones(5))]
    states = [
        np.concatenate([batch[2] for batch in stack.batches(x, 20_000, rng)])
        for x in (np.ones(5), -np.ones(5))
    ]
    wanted, found = 0.5 * np.abs(laws[0] - laws[1]).sum(), linear_distance(*states)
    assert found.low <= wanted
    # independent units of one field: the number of +1 is all that counts, and a linear rule reads it
    assert found.value == pytest.approx(wanted, abs=0.02)


def test_small_stacks_give_exact_distances_and_wide_ones_bounds_near_them() -> None:
    points, labels = two_groups(8, 20, 3)
    small = class_laws(tied_stack(8, 3, 1.2), points, 255 * (labels == 0), rng=np.random.default_rng(4))
    assert small.exact_layers == (True, True, True)
    points, labels = two_groups(13, 20, 3)
    wide = class_laws(tied_stack(13, 3, 1.2), points, labels, rng=np.random.default_rng(5))
    assert wide.exact_layers == (False, False, False)
    assert (wide.values > small.values - 0.03).all()


def test_distances_of_a_tied_stack_decay_at_its_second_eigenvalue() -> None:
    stack = tied_stack(1, 25, 1.5)
    points, labels = np.array([[1.0], [-1.0]]), np.array([1, 0])
    found = class_laws(stack, points, labels, samples=100, rng=np.random.default_rng(6))
    assert found.lifetimes[0].layers == pytest.approx(-1 / np.log(np.tanh(1.5)), rel=1e-6)
    assert found.tied_lifetime == pytest.approx(1 / (1 - np.tanh(1.5)))
    assert found.tied_lifetime == pytest.approx(tied_lifetime(ExactStack(stack)))


def test_six_tied_units_of_random_weights_forget_their_classes() -> None:
    rng = np.random.default_rng(7)
    first, step, bias = rng.standard_normal((6, 6)), 0.6 * rng.standard_normal((6, 6)), np.zeros(6)
    stack = StochasticStack([first] + [step] * 38, [bias] * 39, "units")
    points = rng.choice([-1.0, 1.0], 6)
    found = class_laws(stack, np.stack([points, -points]), np.array([0, 63]), samples=100, rng=rng)
    values = found.values[0]
    assert (np.diff(values[values > 1e-12]) < 0).all()
    assert values[-1] < 0.1 * values[0]
    assert found.tied_lifetime is not None


def test_the_tower_tells_its_classes_at_every_layer() -> None:
    tower = MajorityTower(1.0, first_weight=1.0)
    points = np.stack([tower.input_of_mean(m) for m in (0.5, 0.4, -0.5, -0.4)])
    found = class_laws(tower.stack, points, [1, 1, 0, 0], rng=np.random.default_rng(8))
    assert found.exact_layers == (False, False, False, False, False)
    assert found.accuracies.min() == 1.0
    assert found.undecided == 0.0
    assert found.values.min() > 0.6
    assert json.loads(json.dumps(found.to_dict()))["classes"] == 2
    assert found.figure().curves[0].x == (1.0, 2.0, 3.0, 4.0, 5.0)


def test_inputs_on_the_boundary_are_undecided_and_of_full_entropy() -> None:
    tower = MajorityTower(1.0)
    rng = np.random.default_rng(9)
    found = class_laws(tower.stack, np.zeros((60, 81)), np.repeat([0, 1], 30), rng=rng)
    assert found.undecided > 0.8
    assert found.entropies == pytest.approx([np.log(2)] * 2, abs=0.01)
    assert found.lifetimes[0].words.startswith("undetermined")
    assert found.summary()["pairs_undetermined"] == 1


def test_units_that_never_flip_are_frozen() -> None:
    weights, biases = [np.eye(2), np.eye(2)], [np.array([8.0, 0.0]), np.zeros(2)]
    found = class_laws(
        StochasticStack(weights, biases, "softmax"), np.array([[0.0, 1.0], [0.0, -1.0]]), [0, 1],
        rng=np.random.default_rng(10),
    )  # fmt: skip
    assert found.frozen.tolist() == [[1, 1]]


def test_lifetimes_are_honest_about_what_cannot_be_told() -> None:
    falling = fit_lifetime(exactly([np.exp(-n / 5) for n in range(1, 7)]))
    assert falling.layers == pytest.approx(5.0)
    assert falling.rate_error < 1e-12
    assert fit_lifetime(exactly([0.5, 0.5, 0.5])).layers == np.inf
    assert fit_lifetime(exactly([0.5, 0.52, 0.55])).words == "no decay with depth seen"
    assert np.isnan(fit_lifetime(exactly([0.5, 0.0, 0.0])).layers)
    noisy = [Distance(0.9, 0.5, 1.0), Distance(0.8, 0.4, 1.0), Distance(0.85, 0.4, 1.0)]
    assert fit_lifetime(noisy).layers == np.inf
    assert np.isnan(fit_lifetime(exactly([0.5, 0.4])).rate_error)


@pytest.mark.parametrize(
    ("labels", "samples"), [([0, 0], 100), ([0, 2], 100), ([0, 1, 1], 100), ([0.0, 1.0], 100), ([0, 1], 10)]
)
def test_labels_and_samples_that_cannot_be_are_refused(labels: list, samples: int) -> None:
    with pytest.raises(InvalidInput):
        class_laws(
            tied_stack(1, 2, 1.0), np.ones((2, 1)), labels, samples=samples, rng=np.random.default_rng(0)
        )


def test_a_fall_is_a_decay_even_where_no_line_fits_it() -> None:
    told = fit_lifetime(exactly([1.0, 0.9969, 0.9952, 0.9868, 0.4122]))
    assert np.isfinite(told.layers)
    assert told.rate_error > 0.05


def test_a_distance_that_is_gone_sooner_than_the_line_has_it_counts() -> None:
    values = [0.98, 0.84, 0.70, -0.17, -0.15]
    told = fit_lifetime([Distance(v, max(v - 0.1, 0.0), max(v + 0.1, 0.0)) for v in values])
    assert told.rate > 0.4
    gone = fit_lifetime([Distance(v, max(v - 0.1, 0.0), v + 0.1) for v in (0.8, 0.8, 0.0)])
    assert np.isfinite(gone.layers)


def test_exact_distances_and_bounds_are_not_mixed() -> None:
    bounds = [Distance(v, v - 0.02, v + 0.02) for v in (0.4, 0.4, 0.4)]
    assert fit_lifetime([*exactly([0.9]), *bounds]).layers == np.inf
    assert fit_lifetime([*exactly([0.9, 0.9]), *bounds]).layers == np.inf
