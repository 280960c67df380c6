"""The stack of the demo knows digits it has not seen, and Fisher directions flip it."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from hingeline.evaluation.demo_data import DIGITS_STACK, digits_stack, held_out_digits
from hingeline.networks.storage import read_provenance
from hingeline.renormalisation.perturbations.stack_model import StackModel
from hingeline.renormalisation.stacks.training import stack_accuracy
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.flip_curves import flip_curves

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_it_tells_nine_of_ten_digits_that_it_has_not_seen() -> None:
    stack, digits = digits_stack(), held_out_digits()
    assert stack.widths == (64, 48, 32)
    assert stack.classes == 10
    rng = np.random.default_rng(77)
    found = stack_accuracy(stack, digits.points, digits.labels, samples=300, rng=rng)
    assert found > 0.86
    assert read_provenance(DIGITS_STACK)["held_out_accuracy"] == pytest.approx(found, abs=0.03)


def test_fisher_steps_of_length_one_flip_six_times_as_many_as_random_ones() -> None:
    points = held_out_digits().points[::2]
    model = StackModel(digits_stack(), 300, 78, gradient_samples=1000)
    curves = flip_curves(
        model, Decision(10), points, (1.0,), rng=np.random.default_rng(79), random_directions=5
    )
    assert curves.ratio[0] >= 6.0
    assert curves["fisher"].low[0] > curves["random"].high[0]


@pytest.mark.slow
def test_the_training_script_makes_such_a_stack_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sklearn")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    runpy.run_path(str(EXAMPLES / "train_digits_stack.py"))["main"](tmp_path)
    sys.modules.pop("train_digits", None)
    assert read_provenance(tmp_path / "digits_stack.safetensors")["held_out_accuracy"] > 0.86
