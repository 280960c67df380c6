"""The direct route finds what enumeration finds, with errors that hold."""

from __future__ import annotations

import json

import numpy as np
import pytest
from rg_enumeration import class_law, information, slopes_by_difference, small_stack

from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.information.direct import direct_information, direct_informations
from hingeline.renormalisation.stacks.stack import StochasticStack

WIDTHS = (8, 6, 6, 6, 5, 2)


def tower(w: float = 1.0, sizes: tuple[int, ...] = (81, 27, 9, 3, 1)) -> StochasticStack:
    """Blocks of three vote with weight w; the first layer has one unit for each input."""
    steps = [np.eye(sizes[0])]
    steps += [w * np.kron(np.eye(size), np.ones((1, 3))) for size in sizes[1:]]
    return StochasticStack(steps, [np.zeros(len(step)) for step in steps], head="units")


def tower_eigenvalue(w: float = 1.0) -> float:
    slope = 0.75 * (np.tanh(3 * w) + np.tanh(w))
    return 81 * (slope / 3) ** 8


@pytest.mark.parametrize(
    ("widths", "head"),
    [((4, 3), "units"), ((4, 5, 3), "softmax"), ((6, 2, 4), "softmax"), ((3, 5, 2), "units")],
)
def test_without_a_second_layer_nothing_is_drawn(widths: tuple[int, ...], head: str) -> None:
    stack = small_stack(widths, 1.2, 11, head)
    x = np.random.default_rng(12).standard_normal(widths[0])
    found = direct_information(stack, x, samples=100, rng=np.random.default_rng(0), directions=2)
    slopes, law = slopes_by_difference(stack, x), class_law(stack, x)
    values, vectors = np.linalg.eigh(information(slopes, law))
    assert found.method == "exact"
    assert found.samples == 0
    assert found.class_law == pytest.approx(law, abs=1e-14)
    assert found.slopes == pytest.approx(slopes, abs=1e-9)
    count = len(found.eigenvalues)
    assert found.eigenvalues == pytest.approx(values[::-1][:count], abs=1e-9)
    assert abs(found.top @ vectors[:, -1]) == pytest.approx(1.0, abs=1e-9)
    assert (found.errors == 0).all()


@pytest.mark.parametrize("samples", [20_000, 200_000])
def test_a_tiny_stack_is_met_within_its_errors(samples: int) -> None:
    stack = small_stack(WIDTHS, 1.6, 3)
    x = np.random.default_rng(0).choice([-1.0, 1.0], 8)
    law = class_law(stack, x)
    values, vectors = np.linalg.eigh(information(slopes_by_difference(stack, x), law))
    assert values[-1] == pytest.approx(0.22856, abs=1e-5)  # by another program
    found = direct_information(stack, x, samples=samples, rng=np.random.default_rng(21))
    assert abs(found.corrected[0] - values[-1]) < 3 * found.errors[0]
    assert abs(found.corrected_trace - values.sum()) < 3 * found.trace_error
    assert (np.abs(found.class_law - law) < 4 * found.class_errors).all()
    assert abs(found.top @ vectors[:, -1]) > 0.999
    assert found.errors[0] < 0.05 * values[-1]


def test_the_tower_is_met_and_its_direction_is_all_inputs_alike() -> None:
    found = direct_information(tower(), np.zeros(81), samples=100_000, rng=np.random.default_rng(22))
    assert abs(found.corrected[0] - tower_eigenvalue()) < 3 * found.errors[0]
    assert abs(found.top.sum()) / 9 > 0.995
    assert len(found.eigenvalues) == 1
    assert 0 < found.trace - found.corrected_trace < found.predicted_bias


def test_products_of_different_blocks_have_no_bias_where_noise_prevails() -> None:
    stack, exact = tower(), tower_eigenvalue()
    points = np.zeros((60, 81))
    found = direct_informations(stack, points, samples=400, rng=np.random.default_rng(23), blocks=10)
    plain = np.array([f.trace for f in found])
    corrected = np.array([f.corrected_trace for f in found])
    assert plain.mean() > exact + 10 * plain.std() / np.sqrt(60)
    assert abs(corrected.mean() - exact) < 3 * corrected.std() / np.sqrt(60)


def test_errors_cover_what_repeated_runs_scatter() -> None:
    stack = small_stack(WIDTHS, 1.6, 3)
    x = np.random.default_rng(13).choice([-1.0, 1.0], 8)
    values = np.linalg.eigvalsh(information(slopes_by_difference(stack, x), class_law(stack, x)))
    points = np.tile(x, (60, 1))
    found = direct_informations(stack, points, samples=4000, rng=np.random.default_rng(24), batch=2000)
    z = np.array([(f.corrected[0] - values[-1]) / f.errors[0] for f in found])
    assert 0.7 < np.sqrt((z**2).mean()) < 1.35


def test_two_classes_have_the_log_odds_gradient_as_their_direction() -> None:
    stack = small_stack((7, 9, 6, 2), 1.5, 4, "softmax")
    x = np.random.default_rng(14).standard_normal(7)
    found = direct_information(stack, x, samples=2000, rng=np.random.default_rng(25))
    gradient = found.log_odds_gradient(1, 0)
    assert abs(found.top @ gradient) / np.linalg.norm(gradient) > 1 - 1e-8
    assert found.ratio == np.inf


def test_a_saturated_answer_keeps_its_direction() -> None:
    stack = small_stack((7, 9, 6, 2), 1.5, 4, "softmax")
    sure = StochasticStack(stack.weights, [*stack.biases[:2], np.array([30.0, 0.0])])
    found = direct_information(sure, np.ones(7), samples=4000, rng=np.random.default_rng(28))
    assert found.class_law[1] < 1e-9
    assert found.eigenvalues[0] > 0
    gradient = found.log_odds_gradient(1, 0)
    assert abs(found.top @ gradient) / np.linalg.norm(gradient) > 1 - 1e-8


def test_many_inputs_fare_as_one_and_memory_is_bounded_by_the_batch() -> None:
    stack = small_stack(WIDTHS, 1.6, 3)
    points = np.random.default_rng(15).standard_normal((5, 8))
    found = direct_informations(stack, points, samples=8000, rng=np.random.default_rng(26), batch=150)
    for information_found, x in zip(found, points, strict=True):
        wanted = np.linalg.eigvalsh(information(slopes_by_difference(stack, x), class_law(stack, x)))
        assert abs(information_found.corrected_trace - wanted.sum()) < 4 * information_found.trace_error
    assert found[0].samples == 8000


def test_flipping_hidden_units_leaves_the_exact_information_as_it_is() -> None:
    stack = small_stack((5, 6, 3), 1.4, 5, "softmax")
    signs = np.array([1.0, -1, -1, 1, -1, 1])
    order = np.array([3, 0, 5, 1, 2, 4])
    turned = StochasticStack(
        [(stack.weights[0] * signs[:, None])[order], (stack.weights[1] * signs)[:, order]],
        [(stack.biases[0] * signs)[order], stack.biases[1]],
    )
    x = np.ones(5)
    one, other = (
        direct_information(s, x, samples=100, rng=np.random.default_rng(0)) for s in (stack, turned)
    )
    assert one.eigenvalues == pytest.approx(other.eigenvalues, abs=1e-12)
    assert abs(one.top @ other.top) == pytest.approx(1.0, abs=1e-12)


def test_results_can_be_written_as_json_and_drawn() -> None:
    stack = small_stack((9, 5, 4, 3), 1.0, 6, "softmax")
    found = direct_information(stack, np.zeros(9), samples=500, rng=np.random.default_rng(27))
    told = json.loads(json.dumps(found.to_dict()))
    assert len(told["eigenvalues"]) == 2
    assert 0 < told["repeatability"] <= 1 + 1e-12
    assert 1 <= told["participation"] <= 2
    assert [figure.name for figure in found.figures((3, 3))] == [
        "stack-information-spectrum",
        "stack-directions",
    ]


@pytest.mark.parametrize(("samples", "blocks", "rows"), [(10, 3, 1), (10, 8, 1), (1000, 8, 2)])
def test_what_makes_no_estimate_is_refused(samples: int, blocks: int, rows: int) -> None:
    stack = small_stack((4, 3, 3, 2), 1.0, 7)
    with pytest.raises(InvalidInput):
        direct_information(
            stack, np.zeros((rows, 4)), samples=samples, rng=np.random.default_rng(0), blocks=blocks
        )
