"""The price: never above the budget, nothing for what the door does not allow, near our benchmark."""

import numpy as np
import pytest
from audited_doors import layered, softmax

import hingeline as hl
from hingeline.auditing.plan import AuditPlan, PlannedStage, extraction_price, make_plan
from hingeline.auditing.settings import PARTS, AuditSettings

NETWORK = layered(5, 4, 3)
EVERYTHING = {"inputs", *PARTS}


def card_of(model, **known):
    return hl.doctor(hl.oracle(model, input_dim=5, **known)).value


def plan_of(model=NETWORK, inputs=10, budget=None, **said):
    settings = AuditSettings(**said)
    limits = {"max_batch": 50, "seconds_per_request": 0.5}
    return make_plan(card_of(model), settings, inputs=inputs, budget=budget, spent=42, **limits)


def named(plan):
    return {stage.name: stage for stage in plan.stages}


@pytest.mark.parametrize("budget", [42, 43, 100, 1000, 10**6])
@pytest.mark.parametrize("inputs", [0, 1, 5000])
def test_the_price_is_never_above_the_budget(budget, inputs):
    plan = plan_of(inputs=inputs, budget=budget)
    assert plan.least <= plan.most <= budget


def test_without_a_budget_a_plan_with_open_ends_has_no_worst_price():
    assert plan_of().most is None
    assert plan_of(parts=("line",), inputs=3).most == plan_of(parts=("line",), inputs=3).least == 42 + 3 + 101


@pytest.mark.parametrize(
    ("model", "runs"),
    [
        (NETWORK, EVERYTHING),
        (lambda x: NETWORK(x).argmax(axis=1), {"line", "span", "fragility", "inputs"}),
        (layered(5, 4, 3, activation=np.tanh), {"line", "span", "fragility", "inputs"}),
        (lambda x: np.ones((len(x), 3)), {"line", "inputs"}),
        (lambda x: softmax(NETWORK(x)), EVERYTHING),
    ],
)  # fmt: skip
def test_what_the_door_does_not_allow_is_planned_as_left_out(model, runs):
    plan = plan_of(model)
    assert {stage.name for stage in plan.stages if stage.runs} == runs
    assert all(stage.words for stage in plan.stages)
    assert all(stage.least == 0 for stage in plan.stages if not stage.runs)


def test_without_inputs_what_needs_them_is_left_out():
    left_out = {name for name, stage in named(plan_of(inputs=0)).items() if not stage.runs}
    assert left_out == {"inputs", "fragility", "stability", "defences"}


def test_requests_time_and_money_follow_from_questions():
    plan = plan_of(cost_per_1000=2.0)
    assert plan.requests(101) == 3
    assert plan.seconds(101) == 1.5
    assert plan.cost(500) == 1.0
    assert plan_of().cost(500) is None


def test_the_worst_price_is_a_sum_over_the_stages_that_run():
    stages = (
        PlannedStage("a", 1, 5, ""),
        PlannedStage("b", 2, 7, ""),
        PlannedStage("c", 9, 9, "", runs=False),
    )
    plan = AuditPlan(stages, None, 10, 8192, None, None, "EUR")
    assert (plan.least, plan.most) == (13, 22)
    assert plan.seconds(5) is None


# the table of README: inputs, hidden neurons, outputs, questions that were asked
MEASURED = [
    (784, 128, 10, 29_264), (100, 200, 10, 11_505), (10, 5, 1, 216), (10, 5, 1, 234), (20, 10, 1, 474),
    (40, 20, 1, 1_574), (40, 20, 1, 1_698), (784, 32, 1, 43_248), (784, 128, 1, 208_781), (10, 8, 3, 350),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "neurons", "outputs", "asked"), MEASURED)
def test_the_guess_for_one_hidden_layer_is_within_a_factor_of_two_of_the_benchmark(
    inputs, neurons, outputs, asked
):
    card = make_card(inputs, outputs)
    assert asked / 2 <= extraction_price(card, neurons) <= 2 * asked


def make_card(inputs, outputs):
    weights = np.ones((outputs, inputs))
    return hl.doctor(hl.oracle(lambda x: np.abs(x) @ weights.T, input_dim=inputs)).value
