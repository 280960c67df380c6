"""Neurons of the last layer made from answers, without a bend."""

from collections.abc import Callable

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.from_answers import missing_neuron
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.left_over import Answers, LeftOver

KNOWN = KnownLayers(3)
ROW = np.array([[1.0, 0.0, 0.0, 0.2]])
MISSING = np.array([0.6, 0.8, 0.0, -2.5])
RNG = np.random.default_rng(21)
POINTS = RNG.standard_normal((400, 3))


def door(missing: FloatArray) -> Callable[[FloatArray], Answers]:
    def ask(points: FloatArray) -> Answers:
        offered = KNOWN.offered(points)
        given = 0.7 * np.maximum(offered @ ROW.T, 0.0) - 1.3 * np.maximum(offered @ missing, 0.0)[:, None]
        return Answers.of(KNOWN, points, given + offered[:, 2:3], np.ones(len(points), dtype=np.bool_))

    return ask


def never(points: FloatArray) -> Answers:
    raise AssertionError(f"{len(points)} points asked")


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_neuron_that_is_seldom_on_or_seldom_off_is_made_where_it_is(side: float) -> None:
    ask = door(side * MISSING)
    answers = ask(POINTS)
    left = LeftOver.of(ROW, answers, np.sqrt(3))
    assert left.median < 1e-12 and 0 < (left.share(answers) > 1e-8).mean() < 0.1
    made = missing_neuron(KNOWN, left, answers, ask, np.random.default_rng(4))
    assert made is not None and not made.untold.shape[1]
    np.testing.assert_allclose(made.theta, MISSING / np.linalg.norm(MISSING), atol=1e-9)


def test_where_nothing_is_missing_nothing_is_made_and_nothing_asked() -> None:
    answers = door(0 * MISSING)(POINTS)
    left = LeftOver.of(ROW, answers, np.sqrt(3))
    assert missing_neuron(KNOWN, left, answers, never, np.random.default_rng(4)) is None


def test_answers_that_are_explained_nowhere_make_nothing() -> None:
    points = RNG.standard_normal((300, 3))
    answers = Answers.of(KNOWN, points, np.sin(3 * points[:, :1]), np.ones(300, dtype=np.bool_))
    assert LeftOver.of(ROW, answers, np.sqrt(3)).median > 1e-3
