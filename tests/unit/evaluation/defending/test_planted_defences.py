"""Models and defences that only look safe: no figure of robustness may be stated for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.defences.doors.abstaining import Abstaining
from hingeline.defences.doors.chained import Chained
from hingeline.defences.doors.defence import AdaptiveAttack, Defence
from hingeline.defences.doors.labels_only import LabelsOnly
from hingeline.evaluation.defending.defend import defend
from hingeline.evaluation.defending.grid import DefenceGrid
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.opening import oracle as open_oracle
from hingeline.oracles.protocol import Oracle

_DIM = 60
_SETTINGS = {"parts": ("robustness",), "seeds": 3, "inputs": 25, "steps": 15, "restarts": 1}


def _network(seed: int, sizes: tuple[int, ...] = (_DIM, 24, 3)) -> PiecewiseLinearNetwork:
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((b, a)) / np.sqrt(a) for a, b in pairwise(sizes)]
    return PiecewiseLinearNetwork(weights, [np.zeros(w.shape[0]) for w in weights])


def _like(network: PiecewiseLinearNetwork, seed: int) -> PiecewiseLinearNetwork:
    """Another network that mostly decides alike."""
    rng = np.random.default_rng(seed)
    moved = [w + 0.25 * np.std(w) * rng.standard_normal(w.shape) for w in network.weights]
    return PiecewiseLinearNetwork(moved, network.biases)


@dataclass(frozen=True, eq=False)
class _Instead(Defence):
    """Something else answers, at inputs that are rounded first."""

    answers: Callable[[FloatArray], FloatArray]
    named: tuple[AdaptiveAttack, ...] = ()
    name: str = "instead"

    @property
    def text(self) -> str:
        return self.name

    @property
    def words(self) -> str:
        return self.name

    def around(self, oracle: Oracle, *, seed: int = 0) -> Oracle:
        return CallableOracle(lambda points: self.answers(np.round(points)), oracle.spec)

    def attacks(self) -> tuple[AdaptiveAttack, ...]:
        return self.named


def _idle(model: Any, points: FloatArray, *others: Any) -> FloatArray:
    return points


def _points(seed: int = 3) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((40, _DIM))


def _grid(target: Any, defences: list[Any], **more: Any) -> DefenceGrid:
    settings = {**_SETTINGS, **more}
    found = defend(target, _points(), defences=defences, settings=settings).value
    assert found is not None
    return found


@pytest.mark.parametrize("named", [(), (_idle,)])
def test_an_attack_that_does_nothing_against_another_model_is_found_out(
    named: tuple[AdaptiveAttack, ...],
) -> None:
    network = _network(1)
    planted = Chained((_Instead(_like(network, 2), named), LabelsOnly()))
    found = _grid(network, [planted, "labels"])
    assert found.row("none").robustness.stated  # type: ignore[union-attr]
    assert found.row("labels").robustness.stated  # type: ignore[union-attr]
    hidden = found.row("instead+labels").robustness
    assert hidden is not None and not hidden.stated
    assert any("unlike the model" in words for words in hidden.why_not)


def test_labels_around_a_model_of_masked_gradients_inherit_that_nothing_is_known() -> None:
    network = _network(4)
    steps = open_oracle(lambda points: network(np.round(0.7 * points) / 0.7), input_dim=_DIM)
    radius = _grid(network, []).radius
    found = _grid(steps, ["labels"], radius=2.0 * radius)
    assert all(row.robustness is not None and not row.robustness.stated for row in found.rows)


class _Always:
    def fires(self, points: FloatArray) -> BoolArray:
        return np.ones(len(points), dtype=np.bool_)


def test_a_door_that_never_answers_is_not_called_robust() -> None:
    row = _grid(_network(5), [Abstaining(_Always())]).row("abstain").robustness
    assert row is not None and row.mean("adaptive") == 1.0 and not row.stated


def test_the_figure_is_the_worst_of_everything_that_was_tried() -> None:
    found = _grid(_network(6), ["round:1"])
    for row in found.rows:
        assert row.robustness is not None
        for run in row.robustness.runs:
            assert run.adaptive <= min(
                run.transfer, run.unaware, run.noise, run.one_step, run.search, run.effort
            )


@pytest.mark.parametrize(
    "brought",
    [
        lambda model, points, *others: points + 100.0,
        lambda model, points, *others: points[:3],
        lambda model, points, *others: np.full_like(points, np.nan),
    ],
)
def test_an_attack_of_a_defence_that_brings_what_nobody_may_send_is_refused(brought: AdaptiveAttack) -> None:
    network = _network(7)
    with pytest.raises(InvalidInput, match="attack of a defence"):
        _grid(network, [_Instead(network, (brought,))])


def test_one_probability_is_read_as_one_even_where_the_door_does_not_say_so() -> None:
    network = _network(8, (6, 5, 1))
    points = np.random.default_rng(9).standard_normal((60, 6))
    door = open_oracle(lambda rows: 1.0 / (1.0 + np.exp(-np.clip(network(rows), -500, 500))), input_dim=6)
    wanted = (network(points)[:, 0] > 0).astype(np.int64)
    found = defend(door, points, wanted, defences=["labels", "round:3"], settings={"parts": ()}).require()
    assert [row.utility.accuracy for row in found.rows] == [1.0, 1.0, 1.0]
    assert found.row("round:3").utility.changed == 0.0
