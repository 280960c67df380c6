"""Who stands, against doors whose answers are known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.evaluation.defending.robustness import Check, Robustness, StandingRun
from hingeline.evaluation.defending.shown import Reading
from hingeline.evaluation.defending.standing import Stands
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.session import QuerySession


def _session(function: object, outputs: int) -> QuerySession:
    return QuerySession(CallableOracle(function, OracleSpec("door", 1, outputs)))  # type: ignore[arg-type]


def _sign(points: FloatArray) -> FloatArray:
    return np.hstack([-points, points])


def test_an_input_falls_by_its_worst_candidate() -> None:
    candidates = np.array([[[1.0], [1.0]], [[-1.0], [2.0]]])
    shares = Stands(_session(_sign, 2), Reading(2), 1).shares(candidates, np.array([1, 1], dtype=np.int64))
    assert shares.tolist() == [0.0, 1.0]


def test_who_is_turned_away_has_fooled_nobody() -> None:
    def wary(points: FloatArray) -> FloatArray:
        return np.hstack([_sign(points), 10.0 * (points < -0.5)])

    candidates = np.array([[[-1.0], [-0.2]]])
    shares = Stands(_session(wary, 3), Reading(2), 1).shares(candidates, np.array([1, 1], dtype=np.int64))
    assert shares.tolist() == [1.0, 0.0]


def test_of_candidates_that_fool_by_chance_the_luck_of_choosing_is_not_counted() -> None:
    rng = np.random.default_rng(4)

    def coin(points: FloatArray) -> FloatArray:
        return np.hstack([np.full_like(points, 0.5), (rng.random(points.shape) < 0.5).astype(np.float64)])

    candidates = np.zeros((12, 400, 1))
    shares = Stands(_session(coin, 2), Reading(2), 6).shares(candidates, np.ones(400, dtype=np.int64))
    # every candidate fools half of the time, whichever is chosen
    assert shares.mean() == pytest.approx(0.5, abs=0.06)


def test_margins_and_decisions_agree_whatever_is_answered() -> None:
    rng = np.random.default_rng(9)
    classes = rng.integers(0, 3, 500)
    for answers, kind in (
        (rng.standard_normal((500, 4)), "logits"),
        (rng.integers(0, 4, (500, 1)), "labels"),
    ):
        reading = Reading(3, kind)  # type: ignore[arg-type]
        decided = reading.decided(np.asarray(answers, dtype=np.float64))
        stands = (decided == classes) | (decided == 3)
        assert np.array_equal(reading.margins(np.asarray(answers, dtype=np.float64), classes) > 0, stands)


@pytest.mark.parametrize(("kind", "threshold"), [("logits", 0.0), ("probabilities", 0.5)])
def test_one_output_decides_by_its_side(kind: str, threshold: float) -> None:
    reading = Reading(2, kind)  # type: ignore[arg-type]
    answers = threshold + np.array([[-0.1], [0.1]])
    assert reading.decided(answers).tolist() == [0, 1]
    assert (reading.margins(answers, np.array([0, 0])) > 0).tolist() == [True, False]


def _run(**shares: float) -> StandingRun:
    usual = dict.fromkeys(("clean", "transfer", "unaware", "noise", "one_step", "search"), 1.0)
    return StandingRun(seed=0, inputs=50, **{**usual, "adaptive": 0.4, "effort": 0.4, "large": 0.0, **shares})


def test_a_figure_without_adaptive_attacker_or_checks_cannot_be_made() -> None:
    with pytest.raises(InvalidInput, match="adaptive"):
        Robustness((_run(),), ())
    with pytest.raises(InvalidInput, match="adaptive"):
        Robustness((_run(adaptive=float("nan")),), (Check("one", True, "holds"),))


@pytest.mark.parametrize(
    "weak",
    [{"large": 0.6}, {"effort": 0.2}, {"noise": 0.3}, {"one_step": 0.3}, {"search": 0.3}],
)
def test_a_weak_attack_is_found_out(weak: dict[str, float]) -> None:
    assert Robustness.of([_run(), _run(), _run()], 0.1).stated
    found = Robustness.of([_run(**weak)] * 3, 0.1)
    assert not found.stated
    assert len(found.why_not) == 1


@pytest.mark.parametrize(
    ("seen", "stated"),
    [
        ({"unlike": 0.02}, True),
        ({"unlike": 0.2}, False),
        ({"unlike": 0.2, "alone": 0.9, "transfer": 0.5}, False),
        ({"unlike": 0.2, "alone": 0.5, "transfer": 0.5}, True),
    ],
)
def test_what_answers_instead_of_the_model_has_to_be_attacked_itself(
    seen: dict[str, float], stated: bool
) -> None:
    assert Robustness.of([_run(**seen)] * 3, 0.1).stated is stated


def test_a_defence_inherits_what_failed_at_the_model() -> None:
    masked, sound = Robustness.of([_run(search=0.1)] * 3, 0.1), Robustness.of([_run()] * 3, 0.1)
    assert Robustness.of([_run()] * 3, 0.1, sound).stated
    found = Robustness.of([_run()] * 3, 0.1, masked)
    assert not found.stated and "gradients are not masked" in found.why_not[0]
