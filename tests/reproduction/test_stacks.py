"""Stacks against the limits set for them: flips, routes, the tower of majority votes, controls of no signal.

The limits are our own bar (the source reports no numerical experiment that we know of). About four minutes:
`pytest -m paper tests/reproduction/test_stacks.py`.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.outcome import Finding
from hingeline.renormalisation.diagnosis import StabilityDiagnosis
from hingeline.renormalisation.information.chain import chain_information
from hingeline.renormalisation.information.direct import direct_information
from hingeline.renormalisation.known_answers.tower import MajorityTower
from hingeline.renormalisation.perturbations.stack_model import StackModel
from hingeline.renormalisation.stability import stability
from hingeline.renormalisation.stack_findings import StackFindings
from hingeline.renormalisation.stacks.stack import StochasticStack
from hingeline.renormalisation.stacks.training import train_stack
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.flip_curve import FlipCurves
from hingeline.sensitivity.fisher.flip_curves import flip_curves

pytestmark = pytest.mark.paper

SEEDS = (311, 312, 313)
"""None of them served to choose anything."""
INPUTS = 300
TEN = Decision(10)


@functools.cache
def digits(seed: int) -> tuple[FloatArray, IntArray, FloatArray, IntArray]:
    """Images and labels of one half, then of the other."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(pixels))
    images, classes = pixels[order] / 16, labels[order].astype(np.int64)
    half = len(images) // 2
    return images[:half], classes[:half], images[half:], classes[half:]


@functools.cache
def trained(seed: int) -> tuple[StackModel, FloatArray]:
    """A stack to ask, and the images of the other half that it gets right."""
    images, classes, unseen, labels = digits(seed)
    stack = train_stack(images, classes, rng=np.random.default_rng(seed)).stack
    model = StackModel(stack, 400, seed, gradient_samples=4000)
    return model, unseen[TEN.of(model.outputs(unseen)) == labels]


@functools.cache
def flipped(seed: int) -> FlipCurves:
    model, images = trained(seed)
    return flip_curves(model, TEN, images[:INPUTS], [0.5, 1.0], rng=np.random.default_rng(seed))


def findings(found: Finding[StabilityDiagnosis]) -> StackFindings:
    assert found.value is not None and found.value.stack is not None
    return found.value.stack


@functools.cache
def diagnosed(weight: float, mean: float, seed: int) -> StackFindings:
    """The verb's findings on a tower whose lowest units have this mean."""
    tower = MajorityTower(weight)
    x = tower.input_of_mean(mean)[np.newaxis]
    return findings(
        stability(tower.stack, x, seed=seed, identification="collective", operators="total", samples=40_000)
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_signed_fisher_steps_flip_six_times_as_many_as_random_ones(seed: int) -> None:
    curves = flipped(seed)
    # by the point estimate, and as it turned out by the cautious limit too
    assert curves.ratio[1] >= curves.ratio_low[1] >= 6
    # what a repeated question flips anyhow must not make up the difference
    assert curves.above_control("fisher")[1] >= 6 * curves.above_control("random")[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_sign_must_be_chosen_for_stacks_too(seed: int) -> None:
    curves = flipped(seed)
    assert np.all(curves["fisher"].shares >= 1.5 * curves["fisher_unsigned"].shares)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_chain_of_single_units_finds_the_direction_of_the_direct_route(seed: int) -> None:
    model, images = trained(seed)
    rng = np.random.default_rng(seed)
    routes = [chain_information(model.stack, x, samples=4000, rng=rng) for x in images[:60]]
    assert np.median([route.cosine for route in routes]) > 0.97
    assert np.median([route.ratio for route in routes]) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mean", [0.0, 0.3, 0.9])
def test_eigenvalues_of_the_tower_are_those_of_the_closed_form(mean: float, seed: int) -> None:
    tower = MajorityTower(1.0)
    matrices = diagnosed(1.0, mean, seed).looks[0].flow.matrices
    assert len(matrices) == 4
    for matrix, below in zip(matrices, tower.means(mean), strict=False):
        value, error = float(matrix.eigenvalues.values[0].real), float(matrix.eigenvalues.errors[0])
        assert abs(value - tower.eigenvalue(below)) < 3 * error
        assert mean or error < 0.01


@pytest.mark.parametrize("seed", SEEDS)
def test_information_of_the_tower_about_its_input_is_that_of_the_closed_form(seed: int) -> None:
    tower = MajorityTower(1.0, first_weight=0.7)
    x, rng = np.zeros(81), np.random.default_rng(seed)
    found = direct_information(tower.stack, x, samples=400_000, rng=rng)
    exact = 81 * 0.7**2 * (tower.a / 3) ** 8
    assert abs(found.eigenvalues[0] - exact) < 3 * found.errors[0]
    assert abs(found.top.sum()) / 9 > 0.995


@pytest.mark.parametrize("seed", SEEDS)
def test_a_weak_tower_has_no_relevant_operator(seed: int) -> None:
    assert diagnosed(0.3, 0.0, seed).verdicts() == {
        "relevant": 0,
        "irrelevant": 8,
        "marginal": 0,
        "not established": 0,
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_a_strong_tower_has_a_relevant_operator_at_the_boundary_and_none_in_a_class(seed: int) -> None:
    said = diagnosed(1.0, 0.0, seed).verdicts()
    # of eight steps each must hold within 2 errors with more operators, which chance denies one in twenty
    assert said["relevant"] >= 6 and said["relevant"] + said["not established"] == 8
    inside = diagnosed(1.0, MajorityTower(1.0).class_mean, seed)
    assert inside.verdicts()["relevant"] == 0
    for matrix in inside.looks[0].flow.matrices:
        found = matrix.eigenvalues
        assert abs(found.values[0].real - 0.3650) < 3 * found.errors[0] + 5e-5


@pytest.mark.parametrize("operators", ["class means", "total"])
@pytest.mark.parametrize("seed", SEEDS)
def test_of_layers_that_know_nothing_of_each_other_nothing_is_established(seed: int, operators: str) -> None:
    rng = np.random.default_rng(seed)
    # a first layer and a head, and nothing was learned in between
    weights = [0.3 * rng.standard_normal((48, 64)), np.zeros((32, 48)), rng.standard_normal((10, 32))]
    stack = StochasticStack(weights, [np.zeros(len(weight)) for weight in weights])
    found = findings(control(stack, seed, operators))
    assert len(found.flows) > 4
    for flow in found.flows:
        for matrix, said in zip(flow.matrices, flow.relevance, strict=True):
            assert said.verdict == "not established"
            assert not matrix.above_null


@pytest.mark.parametrize("operators", ["class means", "total"])
@pytest.mark.parametrize("seed", SEEDS)
def test_shuffled_labels_and_weights_of_chance_never_give_a_relevant_operator(
    seed: int, operators: str
) -> None:
    rng = np.random.default_rng(seed)
    images, classes, _, _ = digits(seed)
    shuffled = train_stack(images, rng.permutation(classes), rng=rng).stack
    # as machines are before they are trained
    untrained = StochasticStack(
        [0.01 * rng.standard_normal(weight.shape) for weight in shuffled.weights],
        [np.zeros(len(bias)) for bias in shuffled.biases],
    )
    for stack in (shuffled, untrained):
        assert findings(control(stack, seed, operators)).verdicts()["relevant"] == 0


def control(stack: StochasticStack, seed: int, operators: str) -> Finding[StabilityDiagnosis]:
    """The verb on images that the stack has not seen, with their true labels."""
    _, _, unseen, labels = digits(seed)
    return stability(
        stack,
        unseen[:16],
        labels[:16],
        seed=seed,
        identification="collective",
        operators=operators,
        samples=5_000,
        random_directions=2,
        closely=2,
    )
