"""An audit that is interrupted anywhere and resumed ends the same, and nothing is paid for twice."""

import numpy as np
import pytest
from audited_doors import QUICK, CountedDoor, audited, layered, small_inputs, told_again

import hingeline as hl
from hingeline.evaluation.demo_data import digits_network, held_out_digits
from hingeline.oracles.journal import Journal
from hingeline.report.machine import json_ready

DIGITS = held_out_digits()
BUDGETS = (1, 10, 41, 42, 43, 200, 500, 900, 1500, 2000)


@pytest.fixture(scope="module")
def uninterrupted():
    network = layered(6, 5, 3)
    return audited(CountedDoor(network, 6), small_inputs(6)), network


@pytest.mark.parametrize("share", np.random.default_rng(20261122).random(5).round(3).tolist())
def test_an_audit_interrupted_at_a_random_row_resumes_to_the_same_result(share, uninterrupted, tmp_path):
    whole, network = uninterrupted
    rows = 1 + int(share * (whole.queries - 1))
    broken = CountedDoor(network, 6, breaks_after=rows)
    with Journal.open(tmp_path / "j.sqlite") as journal, pytest.raises(KeyboardInterrupt):
        hl.audit(broken, small_inputs(6), seed=0, settings=QUICK, journal=journal)
    going = CountedDoor(network, 6)
    with Journal.open(tmp_path / "j.sqlite") as journal:
        resumed = hl.audit(going, small_inputs(6), seed=0, settings=QUICK, journal=journal)
    assert broken.answered + going.answered == resumed.queries == whole.queries
    assert told_again(resumed, json_ready) == told_again(whole, json_ready)
    assert resumed.outcome == whole.outcome


def test_a_finished_audit_resumed_asks_nothing_and_does_not_ask_for_agreement_again(tmp_path):
    network, plans = layered(4, 3, 2), []

    def agree(plan):
        plans.append(plan)
        return True

    doors = [CountedDoor(network, 4) for _ in range(2)]
    for door in doors:
        with Journal.open(tmp_path / "j.sqlite") as journal:
            hl.audit(door, seed=0, settings=QUICK, journal=journal, agree=agree)
    assert len(plans) == 1
    assert doors[1].answered == 0


def test_a_plan_that_is_not_agreed_to_ends_with_the_doctor():
    door = CountedDoor(layered(4, 3, 2), 4)
    finding = audited(door, agree=lambda plan: False)
    assert str(finding.outcome.status) == "inconclusive"
    assert [stage.name for stage in finding.value.stages] == ["door"]
    assert door.answered <= 48


@pytest.mark.parametrize("budget", BUDGETS)
def test_no_budget_is_exceeded_and_a_cut_audit_is_not_complete(budget):
    door = CountedDoor(digits_network(), 64)
    finding = audited(door, DIGITS.points, DIGITS.labels, budget=budget)
    rebuilt = finding.value.stage("extraction")
    assert finding.outcome.ok == (finding.value.copy is not None and finding.value.not_established == ())
    if budget < 1500:
        assert str(finding.outcome.status) == "budget spent"
        assert rebuilt is None or rebuilt.starved
        assert finding.value.copy is None
    plan = finding.value.plan
    assert plan is None or plan.least <= plan.most <= budget
