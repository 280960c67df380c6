"""MulDef on digits against the bars of an earlier prototype: five members, l-infinity 0.12, five seeds.

The paper's data and attacks are not known to us; the bars are our own. Ten minutes on two cores:
`pytest -m paper tests/reproduction/test_muldef.py`.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest

from hingeline.defences.family.study import MulDefStudy, judge_muldef
from hingeline.sensitivity.threat import Threat

pytestmark = pytest.mark.paper

SEEDS = (21, 22, 23, 24, 25)
"""None of them served to choose anything."""
TEST = 497


@functools.cache
def studied() -> MulDefStudy:
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(20).permutation(len(pixels))
    x, y = pixels[order] / 16, labels[order]
    threat = Threat("linf", (0.0, 1.0))
    return judge_muldef(
        x[TEST:], y[TEST:], x[:TEST], y[:TEST], threat=threat, radius=0.12, seeds=SEEDS, checked=100
    )


def test_examples_made_beforehand_make_muldef_look_strong() -> None:
    assert studied().values("muldef", "static").min() > 0.70


def test_the_enumerated_expectation_takes_most_of_it_back() -> None:
    assert studied().values("muldef", "adaptive").max() < 0.45


def test_nearly_every_image_fools_some_member() -> None:
    assert studied().values("muldef", "any_fooled").min() > 0.95


def test_one_adversarially_trained_model_withstands_the_same_attack() -> None:
    assert studied().values("robust", "adaptive").min() > 0.65


def test_the_attack_passes_its_own_checks() -> None:
    assert studied().failed_facts == {}
