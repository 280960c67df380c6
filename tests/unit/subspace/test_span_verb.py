"""The verb `span`, on small networks: reproducible, inside its box, honest about what it did not see."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.linalg import subspace_angles

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.evaluation.targets import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.journal import Journal

DIM, WIDTH = 60, 8


def network(seed: int = 101, sizes: tuple[int, ...] = (DIM, WIDTH, 6, 1)) -> PiecewiseLinearNetwork:
    return random_network(sizes, np.random.default_rng(seed), weight=2**0.5)


class Listening:
    """A door that keeps its own account of every row; dies when it has answered `most` of them."""

    def __init__(self, inner: hl.Oracle, most: float = np.inf) -> None:
        self.inner, self.spec, self.most = inner, inner.spec, most
        self.rows: list[FloatArray] = []

    def query(self, points: FloatArray) -> FloatArray:
        if len(self.log) >= self.most:
            raise KeyboardInterrupt
        self.rows.append(np.array(points))
        return self.inner.query(points)

    @property
    def log(self) -> FloatArray:
        return np.concatenate([np.zeros((0, self.spec.input_dim)), *self.rows])


def value_of(finding: hl.Finding[hl.RecoveredSpan]) -> hl.RecoveredSpan:
    assert finding.value is not None, str(finding.outcome)
    return finding.value


def angle_to(basis: FloatArray, net: PiecewiseLinearNetwork) -> float:
    return float(subspace_angles(basis, net.weights[0].T).max())


def softmax(logits: FloatArray) -> FloatArray:
    parts = np.exp(logits - logits.max(axis=1, keepdims=True))
    return parts / parts.sum(axis=1, keepdims=True)


def labels(net: PiecewiseLinearNetwork) -> hl.Oracle:
    middle = np.median(net(np.random.default_rng(7).standard_normal((500, DIM))))
    return hl.oracle(lambda x: (net(x) > middle).astype(float), input_dim=DIM, answers="labels")


def ten_outputs() -> PiecewiseLinearNetwork:
    return network(sizes=(DIM, WIDTH, 8, 5))


@pytest.mark.parametrize(
    ("door", "net", "settings", "angle"),
    [
        pytest.param(hl.oracle, network(), {}, 1e-9, id="one value"),
        pytest.param(hl.oracle, network(), {"polish": True}, 1e-11, id="polished"),
        pytest.param(hl.oracle, ten_outputs(), {}, 1e-9, id="many values"),
        pytest.param(
            lambda n: hl.oracle(lambda x: softmax(n(x)), input_dim=DIM),
            ten_outputs(),
            {},
            1e-7,
            id="probabilities",
        ),
        pytest.param(labels, network(), {}, 1e-7, id="labels"),
    ],
)
def test_every_kind_of_answer_gives_up_the_span(
    door: Any, net: PiecewiseLinearNetwork, settings: dict[str, Any], angle: float
) -> None:
    value = hl.span(door(net), settings=settings).require()
    assert value.rank == WIDTH
    assert value.standing == "exact"
    assert angle_to(value.basis, net) < angle
    assert np.abs(value.basis.T @ value.basis - np.eye(WIDTH)).max() < 1e-13


@pytest.mark.parametrize("weak", [1e-3, 1e-5, 1e-7, 1e-9])
def test_a_weak_direction_is_found_and_none_is_invented(weak: float) -> None:
    net = network(sizes=(DIM, WIDTH, 1))
    out = np.ones((1, WIDTH))
    out[0, 0] = weak
    weakened = PiecewiseLinearNetwork([net.weights[0], out], net.biases)
    value = value_of(hl.span(hl.oracle(weakened)))
    assert value.rank == WIDTH
    assert angle_to(value.basis, net) < 1e-12 / weak + 1e-11


def test_dependent_rows_count_once() -> None:
    net = network()
    rows = net.weights[0].copy()
    rows[-1] = rows[0] - 2 * rows[1]
    value = hl.span(hl.oracle(PiecewiseLinearNetwork([rows, *net.weights[1:]], net.biases))).require()
    assert value.rank == WIDTH - 1


def test_a_first_layer_as_wide_as_the_input_hides_nothing() -> None:
    value = value_of(hl.span(hl.oracle(network(sizes=(12, 30, 6, 1)))))
    assert (value.rank, value.null_dim) == (12, 0)


def test_a_constant_is_never_called_exact() -> None:
    finding = hl.span(hl.oracle(lambda x: np.full((len(x), 1), 2.5), input_dim=DIM))
    assert value_of(finding).rank == 0
    assert not finding.outcome.ok
    assert 0 < value_of(finding).unseen.probability < 0.1


def test_the_same_seed_asks_and_answers_the_same() -> None:
    doors = [Listening(hl.oracle(network())) for _ in range(2)]
    bases = [value_of(hl.span(door, seed=9)).basis for door in doors]
    assert (doors[0].log == doors[1].log).all()
    assert (bases[0] == bases[1]).all()


def test_the_fixed_scheme_asks_exactly_n_times_d_plus_one_rows_whatever_the_answers() -> None:
    doors = [Listening(hl.oracle(network(seed))) for seed in (101, 102)]
    found = [hl.span(door, settings={"method": "gaussian", "points": 30}) for door in doors]
    assert found[0].queries == len(doors[0].log) == 30 * (DIM + 1)
    assert (doors[0].log == doors[1].log).all()


def test_a_fixed_step_that_crosses_kinks_is_never_called_exact() -> None:
    chosen = {"method": "gaussian", "points": 30, "step": 0.3}
    assert value_of(hl.span(hl.oracle(network()), settings=chosen)).standing != "exact"


def test_the_journal_proves_that_no_question_left_the_box(tmp_path: Path) -> None:
    low, high = -0.25, 0.75
    door = hl.oracle(network(), bounds=(low, high))
    with Journal.open(tmp_path / "journal") as journal:
        value = value_of(hl.span(door, journal=journal))
        rows = np.concatenate([batch.rows for batch in journal.batches()])
    assert value.where == "box"
    assert value.rank > 0
    assert rows.min() >= low
    assert rows.max() <= high


def test_three_spans_lie_one_within_the_next() -> None:
    examples = np.random.default_rng(3).uniform(0.4, 0.6, (40, DIM))
    value = value_of(hl.span(hl.oracle(network()), data=examples, box=(0.0, 1.0)))
    assert [domain.where for domain in value.domains] == ["data", "box", "free"]
    for inner, outer in itertools.pairwise(value.domains):
        assert inner.rank <= outer.rank
        outside = inner.basis - outer.basis @ (outer.basis.T @ inner.basis)
        assert np.abs(outside).max() < 1e-9


@pytest.mark.parametrize("budget", [200, 300, 400])
def test_a_spent_budget_leaves_what_was_found(budget: int) -> None:
    net = network()
    finding = hl.span(hl.oracle(net), budget=budget)
    value = value_of(finding)
    assert finding.queries <= budget
    assert not finding.outcome.ok
    assert value.standing == "partial"
    assert 0 < value.rank < WIDTH
    inside = np.linalg.qr(net.weights[0].T)[0]
    assert np.abs(value.basis - inside @ (inside.T @ value.basis)).max() < 1e-8


def test_a_killed_run_goes_on_and_asks_nothing_twice(tmp_path: Path) -> None:
    calm = Listening(hl.oracle(network()))
    wanted = hl.span(calm, seed=4)
    dying = Listening(hl.oracle(network()), most=len(calm.log) // 2)
    with Journal.open(tmp_path / "journal") as journal, pytest.raises(KeyboardInterrupt):
        hl.span(dying, seed=4, journal=journal)
    again = Listening(hl.oracle(network()))
    with Journal.open(tmp_path / "journal") as journal:
        found = hl.span(again, seed=4, journal=journal)
    assert (value_of(found).basis == value_of(wanted).basis).all()
    assert found.queries == wanted.queries
    assert len(dying.log) + len(again.log) == len(calm.log)


def test_obfuscated_inputs_keep_their_label_where_the_control_loses_it() -> None:
    door = hl.oracle(ten_outputs())
    x = np.random.default_rng(5).standard_normal((50, DIM))
    made = hl.obfuscate(door, hl.span(door), x, sigma=100.0).require()
    assert made.labels_kept == 1.0
    assert made.largest_change < 1e-6
    assert made.control is not None
    assert made.control.labels_kept < 0.6
