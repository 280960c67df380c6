"""The verb where the answer is known: a small sample of `tests/reproduction/test_stacks.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.evaluation.demo_data import digits_stack, held_out_digits
from hingeline.renormalisation.known_answers.tower import MajorityTower
from hingeline.renormalisation.perturbations.stack_model import StackModel
from hingeline.renormalisation.stability import stability
from hingeline.renormalisation.stack_findings import StackFindings
from hingeline.renormalisation.stacks.stack import StochasticStack
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.flip_curves import flip_curves


def collective(stack: StochasticStack, points: FloatArray, **chosen: Any) -> StackFindings:
    found = stability(
        stack, points, seed=91, identification="collective", random_directions=1, **chosen
    ).value
    assert found is not None and found.stack is not None
    return found.stack


@pytest.mark.parametrize(("weight", "relevant"), [(0.3, False), (1.0, True)])
def test_towers_are_judged_by_their_boundary(weight: float, relevant: bool) -> None:
    tower = MajorityTower(weight, levels=2)
    x = tower.input_of_mean(0.0)[np.newaxis]
    said = collective(tower.stack, x, operators="total", samples=10_000).verdicts()
    assert (said["relevant"] >= 3) == relevant
    assert relevant or said["relevant"] == 0


def test_no_operator_is_relevant_in_a_class_of_the_tower() -> None:
    tower = MajorityTower(1.0, levels=2)
    x = tower.input_of_mean(tower.class_mean)[np.newaxis]
    found = collective(tower.stack, x, operators="total", samples=10_000)
    assert found.verdicts()["relevant"] == 0
    first = found.looks[0].flow.matrices[0].eigenvalues
    assert abs(first.values[0].real - tower.eigenvalue(tower.class_mean)) < 3 * first.errors[0]


@pytest.mark.parametrize("operators", ["class means", "total"])
def test_of_layers_that_learned_nothing_of_each_other_nothing_is_established(operators: str) -> None:
    rng = np.random.default_rng(92)
    weights = [rng.standard_normal((8, 6)), np.zeros((4, 8)), rng.standard_normal((3, 4))]
    stack = StochasticStack(weights, [np.zeros(len(weight)) for weight in weights])
    said = collective(stack, rng.random((4, 6)), operators=operators, samples=2_000, closely=1).verdicts()
    assert said["not established"] == sum(said.values()) > 0


def test_signed_fisher_steps_flip_the_demo_stack_six_times_as_often_as_random_ones() -> None:
    held_out, stack = held_out_digits(), digits_stack()
    model, ten = StackModel(stack, 200, 93, gradient_samples=2000), Decision(10)
    right = held_out.points[ten.of(model.outputs(held_out.points)) == held_out.labels][:60]
    curves = flip_curves(model, ten, right, [1.0], rng=np.random.default_rng(94), random_directions=10)
    assert curves.ratio[0] >= 6
