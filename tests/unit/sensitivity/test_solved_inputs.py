"""Solved inputs come back from a journal bit by bit, and only for the same question."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.journal import Journal
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.exact.minimal import minimal_flips
from hingeline.sensitivity.exact.search import ExactSettings
from hingeline.sensitivity.solved_inputs import SolvedInJournal
from hingeline.sensitivity.threat import Threat


def small() -> tuple[PiecewiseLinearNetwork, np.ndarray]:
    random, rng = random_network((9, 7, 6, 3), seed=5), np.random.default_rng(5)
    return PiecewiseLinearNetwork(random.weights, random.biases), rng.uniform(0, 1, (3, 9))


def test_a_second_run_solves_nothing_and_finds_the_same(tmp_path: Path) -> None:
    network, points = small()
    question = (network, points, Decision(3), Threat("linf", (0.0, 1.0)), ExactSettings())
    with Journal.open(tmp_path / "j.sqlite") as journal:
        first = minimal_flips(network, points, question[3], solved=SolvedInJournal(journal, *question))
    solved_again: list[object] = []
    with Journal.open(tmp_path / "j.sqlite") as journal:
        memory = SolvedInJournal(journal, *question)
        second = minimal_flips(network, points, question[3], solved=memory, on_event=solved_again.append)
    assert not solved_again
    for name in ("changes", "upper", "lower", "nodes", "classes", "flipped_to"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_another_question_finds_nothing(tmp_path: Path) -> None:
    network, points = small()
    with Journal.open(tmp_path / "j.sqlite") as journal:
        kept = SolvedInJournal(journal, network, points, Decision(3), Threat("l2"), ExactSettings())
        minimal_flips(network, points, solved=kept)
        twin = PiecewiseLinearNetwork([2 * network.weights[0], *network.weights[1:]], network.biases)
        others = (
            (network, points, Decision(3), Threat("linf"), ExactSettings()),
            (network, points, Decision(3), Threat("l2"), ExactSettings(nodes=7)),
            (network, points + 1e-12, Decision(3), Threat("l2"), ExactSettings()),
            (network, points, Decision(3), Threat("l2", free=np.arange(9) > 0), ExactSettings()),
            (twin, points, Decision(3), Threat("l2"), ExactSettings()),
        )
        assert kept.recall(0) is not None
        assert all(SolvedInJournal(journal, *other).recall(0) is None for other in others)
