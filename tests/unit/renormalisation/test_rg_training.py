"""Stacks are trained from data alone, always alike from the same seed, and learn what is there."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy.special import logsumexp

from hingeline.core.errors import InvalidInput
from hingeline.core.events import Event, Note
from hingeline.renormalisation.stacks.boltzmann import Machine, train_machine
from hingeline.renormalisation.stacks.settings import TrainingSettings
from hingeline.renormalisation.stacks.softmax_head import fit_softmax
from hingeline.renormalisation.stacks.training import stack_accuracy, train_stack

QUICK = TrainingSettings(epochs=15, samples=50)


def two_bars(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Left or right half bright, with noise: "n 8" and the side."""
    rng = np.random.default_rng(seed)
    sides = rng.integers(2, size=rows)
    clean = np.where(np.arange(8) < 4, sides[:, None] == 0, sides[:, None] == 1).astype(float)
    return np.where(rng.random((rows, 8)) < 0.1, 1 - clean, clean), sides


def test_a_stack_learns_two_bars_and_tells_new_ones() -> None:
    points, sides = two_bars(400, 3)
    trained = train_stack(points, sides, hidden=(6, 4), rng=np.random.default_rng(3), settings=QUICK)
    new, truth = two_bars(200, 4)
    # eight pixels of which a tenth are wrong: the majority is right in all but 2 % or so
    assert stack_accuracy(trained.stack, new, truth, samples=100, rng=np.random.default_rng(5)) > 0.9
    assert trained.stack.widths == (8, 6, 4)
    assert trained.head.converged


@pytest.mark.parametrize(
    "chosen",
    [
        {"rate": 1e3},
        {"rate": 1e8, "weight_decay": 0.0},
        {"rate": 1e200, "weight_decay": 0.0},
        {"rate": 0.9, "weight_decay": 1.0},
    ],
)
def test_learning_that_runs_away_is_told_or_held(chosen: dict[str, float]) -> None:
    points, sides = two_bars(60, 8)
    settings = TrainingSettings(epochs=3, samples=20, **chosen)  # type: ignore[arg-type]
    if chosen["rate"] < 1:
        held = train_stack(points, sides, rng=np.random.default_rng(1), settings=settings)
        assert max(np.abs(weight).max() for weight in held.stack.weights) < 10
        return
    with pytest.raises(InvalidInput, match="ran away"):
        train_stack(points, sides, rng=np.random.default_rng(1), settings=settings)


@pytest.mark.parametrize(
    "chosen",
    [
        {"rate": np.inf},
        {"rate": np.nan},
        {"rate": "a"},
        {"weight_decay": np.nan},
        {"weight_decay": 50.0},
        {"penalty": np.inf},
        {"epochs": 1.5},
        {"epochs": "2"},
        {"chains": True},
        {"scored_rows": np.nan},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(chosen: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(chosen))):
        TrainingSettings(**chosen)


@pytest.mark.parametrize("hidden", [5, (2.5,), ("a",), None, (), (0,)])
def test_layers_that_cannot_be_are_refused(hidden: Any) -> None:
    points, sides = two_bars(20, 9)
    with pytest.raises(InvalidInput, match="hidden"):
        train_stack(points, sides, hidden=hidden, rng=np.random.default_rng(1), settings=QUICK)


def test_labels_that_number_no_classes_and_rows_of_nothing_are_refused() -> None:
    points, sides = two_bars(20, 9)
    with pytest.raises(InvalidInput, match="largest label"):
        train_stack(points, sides * 10**9, rng=np.random.default_rng(1), settings=QUICK)
    with pytest.raises(InvalidInput, match="nothing to train on"):
        train_stack(np.zeros((20, 0)), sides, rng=np.random.default_rng(1), settings=QUICK)


def test_the_same_generator_gives_the_same_stack() -> None:
    points, sides = two_bars(60, 0)
    settings = TrainingSettings(epochs=2, samples=5)
    stacks = [
        train_stack(points, sides, hidden=(3,), rng=np.random.default_rng(seed), settings=settings).stack
        for seed in (7, 7, 8)
    ]
    assert all((a == b).all() for a, b in zip(stacks[0].weights, stacks[1].weights, strict=True))
    assert (stacks[0].weights[0] != stacks[2].weights[0]).any()


def test_a_trained_machine_comes_near_the_likelihood_of_the_truth() -> None:
    points, _ = two_bars(1000, 6)
    machine = train_machine(
        lambda: points, 3, np.random.default_rng(1), TrainingSettings(epochs=30, weight_decay=0.0)
    )
    every = np.array(list(itertools.product((0.0, 1.0), repeat=8)))
    found = float((-machine.free_energy(points) - logsumexp(-machine.free_energy(every))).mean())
    wrong = (points != (np.arange(8) < 4)).sum(axis=1)
    # either side was meant, each with probability one half
    truth = np.logaddexp(
        *(np.log(0.5) + w * np.log(0.1) + (8 - w) * np.log(0.9) for w in (wrong, 8 - wrong))
    ).mean()
    assert found > truth - 0.15


def test_free_energy_agrees_with_enumeration() -> None:
    rng = np.random.default_rng(2)
    machine = Machine(
        rng.standard_normal((3, 4)), rng.standard_normal(3), rng.standard_normal(4), *np.zeros((2, 1))
    )
    every = np.array(list(itertools.product((0.0, 1.0), repeat=4)))
    hidden = np.array(list(itertools.product((0.0, 1.0), repeat=3)))
    energy = every @ machine.weights.T @ hidden.T + hidden @ machine.hidden_biases
    wanted = logsumexp(energy + (every @ machine.visible_biases)[:, None], axis=1)
    assert -machine.free_energy(every) == pytest.approx(wanted, abs=1e-12)


def test_without_weights_the_pseudo_likelihood_is_the_likelihood() -> None:
    biases = np.array([0.3, -1.0])
    machine = Machine(np.zeros((3, 2)), np.zeros(3), biases, *np.zeros((2, 1)))
    visible = np.tile([1.0, 1.0], (4000, 1))
    # each of the two coordinates is drawn half of the time, and its log-probability counts twice
    wanted = -np.log1p(np.exp(-biases)).sum()
    found = machine.pseudo_likelihood(visible, np.random.default_rng(0))
    assert found == pytest.approx(wanted, abs=0.05)


def test_progress_is_told_and_kept() -> None:
    points, sides = two_bars(60, 1)
    heard: list[Event] = []
    settings = TrainingSettings(epochs=3, samples=5)
    trained = train_stack(
        points, sides, hidden=(3, 2), rng=np.random.default_rng(0), settings=settings, on_event=heard.append
    )
    notes = [event.message for event in heard if isinstance(event, Note)]
    assert sum("epoch" in note for note in notes) == 6
    assert trained.machines[0].reconstruction_errors.shape == (3,)
    assert len(trained.to_dict()["machines"][1]["pseudo_likelihoods"]) == 3
    assert [len(figure.curves) for figure in trained.figures()] == [2, 2]


def test_the_head_stands_where_the_gradient_is_zero() -> None:
    rng = np.random.default_rng(0)
    states, labels = np.sign(rng.standard_normal((300, 5))), rng.integers(3, size=300)
    head = fit_softmax(states, labels, 3, 0.1)
    logits = states @ head.weights.T + head.biases
    law = np.exp(logits - logsumexp(logits, axis=1, keepdims=True))
    excess = (law - np.eye(3)[labels]) / 300
    assert excess.T @ states + 0.1 * head.weights == pytest.approx(0.0, abs=1e-5)
    assert excess.sum(axis=0) == pytest.approx(0.0, abs=1e-5)
    assert head.biases.mean() == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize(
    ("points", "labels", "words"),
    [
        (np.full((2, 3), 2.0), [0, 1], "scale them"),
        (np.zeros((2, 3)), [0.0, 1.0], "whole numbers"),
        (np.zeros((2, 3)), [0, 0], "two classes"),
        (np.zeros((2, 3)), [0, 1, 1], "whole numbers"),
        (np.zeros((0, 3)), [], "no rows"),
    ],
)
def test_data_that_cannot_be_learned_are_refused(points: np.ndarray, labels: list, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        train_stack(points, labels, rng=np.random.default_rng(0), settings=QUICK)


def test_layers_and_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(InvalidInput, match="at least one layer"):
        train_stack(np.eye(2), [0, 1], hidden=(), rng=np.random.default_rng(0))
    with pytest.raises(InvalidInput, match="epochs"):
        TrainingSettings(epochs=0)
    with pytest.raises(InvalidInput, match="penalty"):
        TrainingSettings(penalty=0.0)
