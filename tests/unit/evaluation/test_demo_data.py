"""The demo's network and digits are what their description says."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from hingeline.evaluation.demo_data import DIGITS_MODEL, demo_oracle, digits_network, held_out_digits
from hingeline.evaluation.proof import prove
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

SCRIPT = Path(__file__).resolve().parents[3] / "examples" / "train_digits.py"


def test_the_network_reads_most_of_the_digits_it_has_not_seen() -> None:
    assert digits_network().sizes == (64, 32, 10)
    assert held_out_digits().accuracy(digits_network()) == pytest.approx(0.965)


def test_there_are_twenty_of_each_digit() -> None:
    digits = held_out_digits()
    assert digits.images.shape == (200, 8, 8)
    assert np.bincount(digits.labels).tolist() == [20] * 10
    assert digits.points.max() == 1.0


def test_the_door_answers_as_the_network() -> None:
    points = held_out_digits().points
    assert (demo_oracle().query(points) == digits_network()(points)).all()


def test_the_shipped_digits_are_the_ones_the_script_holds_out() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    digits = datasets.load_digits()
    rows = runpy.run_path(str(SCRIPT))["held_out"](digits.target)
    assert (digits.data[rows] == held_out_digits().images.reshape(200, 64)).all()
    assert (digits.target[rows] == held_out_digits().labels).all()


@pytest.mark.slow
def test_the_training_script_makes_such_a_network_again(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    runpy.run_path(str(SCRIPT))["main"](tmp_path)
    with np.load(tmp_path / "digits.npz") as again, np.load(DIGITS_MODEL) as shipped:
        again_network = PiecewiseLinearNetwork([again["W0"], again["W1"]], [again["b0"], again["b1"]])
        assert {k: again[k].shape for k in again} == {k: shipped[k].shape for k in shipped}
    assert held_out_digits().accuracy(again_network) > 0.94


def test_the_proof_undoes_order_and_scale() -> None:
    truth, rng = digits_network(), np.random.default_rng(0)
    order, scale = rng.permutation(32), rng.uniform(0.5, 2.0, 32)
    copy = PiecewiseLinearNetwork(
        [truth.weights[0][order] * scale[:, None], truth.weights[1][:, order] / scale],
        [truth.biases[0][order] * scale, truth.biases[1]],
    )
    proof = prove(truth, copy, held_out_digits())
    assert proof.difference.equivalent
    assert proof.labels_equal == proof.digits == 200
    assert all(np.allclose(pair.true, pair.copy, atol=1e-14) for pair in proof.pairs)
    assert [order[pair.copy_index] for pair in proof.pairs] == [pair.true_index for pair in proof.pairs]


def test_the_proof_shows_a_wrong_copy_as_wrong() -> None:
    truth = digits_network()
    weights = truth.weights[0].copy()
    weights[3, 5] += 1e-3
    wrong = PiecewiseLinearNetwork([weights, truth.weights[1]], truth.biases)
    proof = prove(truth, wrong, held_out_digits())
    assert not proof.difference.equivalent
    assert proof.difference.max_parameter_error > 1e-5
