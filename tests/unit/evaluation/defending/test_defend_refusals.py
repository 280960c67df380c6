"""What cannot be meant is refused with a reason before anything is measured; a broken door costs one row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput, QueryFailed
from hingeline.defences.doors.defence import Defence
from hingeline.defences.doors.random_member import RandomMember
from hingeline.defences.doors.rate_limited import RateLimited
from hingeline.evaluation.defending.defend import defend
from hingeline.evaluation.defending.leak import leak_run
from hingeline.evaluation.defending.learned import learned_run
from hingeline.evaluation.defending.span_leak import span_run
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.journal import Journal
from hingeline.oracles.local import CallableOracle, network_oracle
from hingeline.oracles.protocol import Oracle

_UTILITY = {"parts": (), "seeds": 3}


def _network(seed: int) -> PiecewiseLinearNetwork:
    rng = np.random.default_rng(seed)
    return PiecewiseLinearNetwork(
        (rng.standard_normal((6, 5)), rng.standard_normal((3, 6))), (rng.standard_normal(6), np.zeros(3))
    )


def _points() -> FloatArray:
    return np.random.default_rng(11).standard_normal((40, 5))


@pytest.mark.parametrize(
    "strange",
    [
        {"settings": {"radius": "big"}},
        {"settings": {"seeds": 3.5}},
        {"settings": {"inputs": 2.5}},
        {"settings": {"steps": "many"}},
        {"settings": {"repeats": True}},
        {"settings": [1]},
        {"budget": "x"},
        {"budget": float("nan")},
        {"budget": 10.5},
        {"seed": 1.5},
        {"seed": -1},
        {"defences": "round:2"},
        {"train": np.zeros((4, 5)), "defences": ["robust"]},
        {"train": (_points(), np.zeros(40), 1), "defences": ["robust"]},
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(strange: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        defend(_network(1), _points(), **{"defences": [], "settings": _UTILITY, **strange})


@pytest.mark.parametrize("order", ["labels+round:2", "softmax+softmax", "top-k:9", "top-k:2+softmax"])
def test_an_order_that_cannot_be_meant_is_refused_before_anything_is_judged(order: str) -> None:
    seen: list[Any] = []
    with pytest.raises(InvalidInput):
        defend(_network(1), _points(), defences=["round:2", order], settings=_UTILITY, on_event=seen.append)
    assert not seen


def test_whole_numbers_of_numpy_are_whole_numbers() -> None:
    found = defend(
        _network(1), _points(), defences=[], settings={**_UTILITY, "seeds": np.int64(3)}, seed=np.int64(2)
    )  # type: ignore[arg-type]
    assert type(found.provenance.seed) is int and type(found.provenance.settings["seeds"]) is int


def test_a_limit_of_rate_is_told_and_not_waited_for() -> None:
    found = defend(_network(2), _points(), defences=["rate:5", "rate:5+labels"], settings=_UTILITY).require()
    assert [row.text for row in found.rows] == ["none", "rate:5", "rate:5+labels"]
    assert found.row("rate:5").utility.changed == 0.0
    assert sum("limit of rate" in line for line in found.left_out) == 2


class _Broken(Defence):
    text, words = "broken", "breaks"  # type: ignore[assignment]

    def around(self, oracle: Oracle, *, seed: int = 0) -> Oracle:
        def answer(points: FloatArray) -> FloatArray:
            raise QueryFailed("out of order")

        return CallableOracle(answer, oracle.spec)


def test_a_door_that_breaks_costs_its_own_row_and_no_other() -> None:
    finding = defend(_network(3), _points(), defences=[_Broken(), "round:2"], settings=_UTILITY)
    assert finding.value is not None and finding.outcome.status == "partial"
    assert [row.text for row in finding.value.rows] == ["none", "round:2"]
    assert "broken" in finding.outcome.reason and "broken" in finding.value.left_out[0]


def test_rows_that_were_answered_before_a_door_broke_off_are_counted() -> None:
    network, seen = _network(4), [0]

    def counted(points: FloatArray) -> FloatArray:
        seen[0] += len(points)
        return network(points)

    inner = CallableOracle(counted, network_oracle(network).spec)
    decided = network(_points()).argmax(axis=1)
    for part in ("leak", "span"):
        seen[0], door = 0, RateLimited(30.0, clock=lambda: 0.0).around(inner)
        if part == "leak":
            run: Any = leak_run(door, seed=0, budget=900, truth=network, points=_points(), decided=decided)
        else:
            run = span_run(door, seed=0, budget=900, truth=network)
        assert run.status == "failed" and run.queries == seen[0] > 0


def test_whoever_learns_keeps_to_the_budget() -> None:
    network = _network(5)
    decided = network(_points()).argmax(axis=1)
    run = learned_run(
        network_oracle(network), seed=0, classes=3, points=_points(), decided=decided, budget=70
    )
    assert 0 < run.queries <= 70


def test_another_defence_of_the_same_name_is_not_served_what_was_kept(tmp_path: Path) -> None:
    first, points = _network(6), _points()
    other = PiecewiseLinearNetwork(tuple(-w for w in first.weights), first.biases)
    settings = {"parts": ("leak",), "seeds": 3}

    def judged(journal: Journal | None, members: tuple[PiecewiseLinearNetwork, ...]) -> Any:
        defence = RandomMember(members, draw="once")
        finding = defend(first, points, defences=[defence], settings=settings, budget=600, journal=journal)
        leak = finding.require().rows[1].leak
        assert leak is not None
        return [replace(run, reason="") for run in leak.runs]

    with Journal.open(tmp_path / "journal.sqlite") as journal:
        once = judged(journal, (first, first))
        assert judged(journal, (first, first)) == once
        again = judged(journal, (other, other))
    assert again == judged(None, (other, other))
    assert again != once
