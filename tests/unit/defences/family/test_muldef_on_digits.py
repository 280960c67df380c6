"""The study of MulDef in small: what examples made beforehand promise, the adaptive attack takes back.

Orders only; the sizes are those of networks trained for longer (`tests/reproduction/test_muldef.py`).
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.datasets import load_digits

from hingeline.core.errors import InvalidInput
from hingeline.defences.family.expectation import FamilyAttackSettings
from hingeline.defences.family.study import MulDefStudy, OverSeeds, judge_muldef
from hingeline.defences.training.classifier import TrainingSettings
from hingeline.sensitivity.threat import Threat


@pytest.fixture(scope="module")
def study() -> MulDefStudy:
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(1).permutation(len(pixels))
    x, y = pixels[order] / 16, labels[order]
    return judge_muldef(
        x[80:1000], y[80:1000], x[:80], y[:80], threat=Threat("linf", (0.0, 1.0)), radius=0.12, members=3,
        seeds=2, training=TrainingSettings(hidden=(64,), epochs=25),
        attack=FamilyAttackSettings(steps=20, restarts=2), checked=10,
    )  # fmt: skip


def test_the_adaptive_attack_takes_back_what_examples_made_beforehand_promise(study: MulDefStudy) -> None:
    assert (study.values("muldef", "clean") > 0.9).all()
    assert (study.values("muldef", "static") > study.values("undefended", "static") + 0.1).all()
    assert (study.values("muldef", "adaptive") < study.values("muldef", "static") - 0.15).all()
    # more inputs fool some member than an answer by a random one is wrong
    assert (study.values("muldef", "any_fooled") > 1.1 - study.values("muldef", "adaptive")).all()


def test_adversarial_training_withstands_the_same_attack_better(study: MulDefStudy) -> None:
    assert (study.values("robust", "adaptive") > study.values("muldef", "adaptive")).all()


def test_every_row_of_every_seed_is_told(study: MulDefStudy) -> None:
    told = json.loads(json.dumps(study.to_dict(), allow_nan=False))
    assert [run["seed"] for run in told["runs"]] == [0, 1]
    assert set(told["rows"]) == {"undefended", "plain", "muldef", "robust"}
    assert all(set(row) >= {"static", "adaptive"} for row in told["rows"].values())
    assert len({figure.name for figure in study.figures()}) == 3


def test_an_interval_over_seeds_is_students() -> None:
    share = OverSeeds.of(np.array([0.4, 0.5, 0.6]))
    # t of 2 degrees of freedom at 97.5 % is 4.303; the standard error is 0.1 / sqrt(3)
    assert share.high - share.mean == pytest.approx(4.303 * 0.1 / np.sqrt(3), abs=1e-4)
    assert (share.least, share.most) == (0.4, 0.6)


def test_of_a_single_seed_nothing_is_claimed_about_the_next() -> None:
    share = OverSeeds.of(np.array([0.4]))
    assert (share.low, share.high) == (0.0, 1.0)


def test_a_study_of_no_seeds_is_refused() -> None:
    with pytest.raises(InvalidInput, match="at least one seed"):
        judge_muldef(
            np.zeros((2, 2)), [0, 1], np.zeros((2, 2)), [0, 1], threat=Threat(), radius=0.1, seeds=()
        )
