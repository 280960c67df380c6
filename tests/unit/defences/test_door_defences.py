"""What each defence shows, against closed forms."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import hingeline as hl
from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.errors import HingelineError, InvalidInput, OutsideDomain, QueryFailed
from hingeline.defences.doors.abstaining import Abstaining, with_abstention
from hingeline.defences.doors.defended import defended
from hingeline.defences.doors.keyed_noise import keyed_normals
from hingeline.defences.doors.labels_only import LabelsOnly
from hingeline.defences.doors.random_member import RandomMember
from hingeline.defences.doors.rate_limited import RateLimited
from hingeline.oracles.local import network_oracle
from hingeline.oracles.session import QuerySession


def relu_network(widths: tuple[int, ...], seed: int) -> hl.PiecewiseLinearNetwork:
    drawn = hl.random_network(widths, seed=seed)
    return hl.PiecewiseLinearNetwork(drawn.weights, drawn.biases)


NETWORK = relu_network((6, 12, 4), seed=5)
ONE = relu_network((6, 12, 1), seed=5)
POINTS = np.random.default_rng(91).standard_normal((200, 6))
LOGITS = NETWORK(POINTS)


def shown(*texts: Any, network: Any = NETWORK, points: FloatArray = POINTS, seed: int = 0) -> FloatArray:
    return defended(network, *texts, seed=seed).query(points)


def answering(rows: Any, **known: Any) -> Any:
    """A door whose answers are given: row i is answered to the input (i, 0)."""
    table = np.array(rows, dtype=np.float64)
    return hl.oracle(lambda x: table[x[:, 0].astype(int)], input_dim=2, **known)


def asked(rows: Any, *defences: Any, **known: Any) -> list[list[float]]:
    points = np.column_stack([np.arange(len(rows)), np.zeros(len(rows))])
    return defended(answering(rows, **known), *defences).query(points).tolist()


def test_rounding_to_decimals_and_to_bits_gives_the_nearest_grid_point() -> None:
    assert np.array_equal(shown("round:3"), np.round(LOGITS, 3))
    grid = shown("bits:5") * 32
    assert np.array_equal(grid, np.rint(grid))
    assert np.abs(shown("bits:5") - LOGITS).max() <= 1 / 64
    assert asked([[1e305, -1e305]], "round:17") == [[1e305, -1e305]]
    assert asked([[1e305, 0.3]], "bits:60")[0][0] == 1e305


def test_a_smaller_type_casts_answers_or_inputs() -> None:
    for dtype in ("float32", "float16"):
        assert np.array_equal(shown(dtype), LOGITS.astype(dtype).astype(np.float64))
        cast = POINTS.astype(dtype).astype(np.float64)
        assert np.array_equal(shown(f"{dtype}-inputs"), NETWORK(cast))
    with pytest.raises(OutsideDomain):
        shown("float16-inputs", points=np.full((1, 6), 1e6))


def test_a_score_beyond_float16_is_an_answer_that_cannot_be_used() -> None:
    session = QuerySession(defended(answering([[1e6, 0.0]]), "float16"))
    with pytest.raises(QueryFailed, match="infinity"):
        session.ask(np.zeros((1, 2)))


def test_fresh_noise_has_its_size_is_drawn_again_and_does_not_know_batches() -> None:
    door = defended(NETWORK, "noise:0.5", seed=3)
    first, again = door.query(POINTS), door.query(POINTS)
    assert not np.array_equal(first, again)
    assert np.std(first - LOGITS) == pytest.approx(0.5, rel=0.1)
    split = defended(NETWORK, "noise:0.5", seed=3)
    assert np.allclose(np.vstack([split.query(POINTS[:7]), split.query(POINTS[7:])]), first, atol=1e-12)


def test_noise_from_many_threads_uses_every_draw_once() -> None:
    door = defended(answering([[0.0]]), "noise:1", seed=4)
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(lambda _: door.query(np.zeros((25, 2))), range(40)))
    alone = defended(answering([[0.0]]), "noise:1", seed=4).query(np.zeros((1000, 2)))
    assert np.array_equal(np.sort(np.vstack(parts), axis=0), np.sort(alone, axis=0))


def test_keyed_noise_repeats_at_a_row_and_is_normal_across_rows_and_outputs() -> None:
    points = np.random.default_rng(6).standard_normal((20_000, 3))
    draws = keyed_normals(b"secret", points, "float64", 5)
    assert np.abs(draws.mean(axis=0)).max() < 0.03
    assert np.abs(np.corrcoef(draws.T) - np.eye(5)).max() < 0.03
    assert np.abs(draws.std(axis=0) - 1).max() < 0.03
    from scipy.stats import kstest

    assert kstest(draws.ravel(), "norm").pvalue > 1e-3
    assert np.array_equal(draws[::-1][:50], keyed_normals(b"secret", points[::-1][:50], "float64", 5))
    assert np.abs(np.corrcoef(draws[:, 0], keyed_normals(b"other", points, "float64", 1)[:, 0])[0, 1]) < 0.03


def test_keyed_noise_is_that_of_the_row_as_sent_and_of_no_sign_of_zero() -> None:
    x = POINTS[:1]
    near = x * (1 + 1e-12)
    assert np.array_equal(*[keyed_normals(b"s", p, "float32", 2) for p in (x, near)])
    assert not np.array_equal(*[keyed_normals(b"s", p, "float64", 2) for p in (x, near)])
    signs = [keyed_normals(b"s", np.array([[z, 1.0]]), "float32", 2) for z in (0.0, -0.0, -1e-60)]
    assert np.array_equal(signs[0], signs[1]) and np.array_equal(signs[0], signs[2])


def test_averaging_repeats_helps_against_fresh_noise_only() -> None:
    def error(text: str) -> float:
        door = defended(NETWORK, text, seed=8)
        return float(np.std(np.mean([door.query(POINTS) for _ in range(100)], axis=0) - LOGITS))

    assert error("noise:0.1") == pytest.approx(0.01, rel=0.2)
    assert error("keyed-noise:0.1") == pytest.approx(0.1, rel=0.2)


def test_probabilities_are_softmax_and_for_one_output_the_logistic_function() -> None:
    powers = np.exp(LOGITS)
    assert np.allclose(shown("softmax"), powers / powers.sum(axis=1, keepdims=True), rtol=1e-12)
    assert np.allclose(shown("softmax", network=ONE), 1 / (1 + np.exp(-ONE(POINTS))), rtol=1e-12)
    assert shown("softmax-pair", network=ONE).shape == (200, 2)
    assert asked([[1e300, -1e300]], "softmax") == [[1.0, 0.0]]


def test_outside_the_top_k_a_probability_is_0_and_a_logit_is_the_kth() -> None:
    assert asked([[3.0, 1.0, 2.0, 0.0]], "top-k:2") == [[3.0, 2.0, 2.0, 2.0]]
    assert asked([[0.2, 0.2, 0.5, 0.1]], "top-k:2", answers="probabilities") == [[0.2, 0.0, 0.5, 0.0]]
    assert asked([[1.0, 2.0]], "top-k:2") == [[1.0, 2.0]]


@pytest.mark.parametrize("text", ["top-k:1", "top-k:2", "top-k:3", "softmax+top-k:1"])
def test_top_k_keeps_every_decision_also_among_ties(text: str) -> None:
    rows = np.random.default_rng(12).integers(-2, 3, (500, 5)).astype(np.float64)
    for scale in (1.0, 1e-9, 1e280):
        after = np.array(asked(rows * scale, text))
        if scale == 1.0 or "softmax" not in text:
            assert np.array_equal(after.argmax(axis=1), rows.argmax(axis=1))


def test_labels_are_the_winner_and_for_one_output_the_sign() -> None:
    assert np.array_equal(shown("labels")[:, 0], LOGITS.argmax(axis=1))
    assert np.array_equal(shown("labels", network=ONE), (ONE(POINTS) > 0).astype(float))
    assert np.array_equal(shown("softmax+labels", network=ONE), (ONE(POINTS) > 0).astype(float))
    assert asked([[1.0, 1.0], [0.0, 2.0]], "labels") == [[0.0], [1.0]]


def test_a_chain_goes_from_the_inside_out_and_draws_apart() -> None:
    powers = np.exp(LOGITS)
    likely = powers / powers.sum(axis=1, keepdims=True)
    assert np.allclose(shown("softmax+round:2"), np.round(likely, 2))
    assert np.array_equal(shown("softmax", "round:2"), shown("softmax+round:2"))
    twice = shown("noise:1+noise:1", seed=2) - LOGITS
    assert twice.std() == pytest.approx(np.sqrt(2), rel=0.1)


class Right:
    """Fires where the first input is positive."""

    def fires(self, points: FloatArray) -> BoolArray:
        return points[:, 0] > 0


def test_an_abstaining_door_answers_the_last_class_exactly_where_its_detector_fires() -> None:
    rng = np.random.default_rng(77)
    ties = rng.integers(-2, 3, (3000, 5)).astype(float)
    large = np.finfo(np.float64).max
    scores = np.vstack([ties, ties * 1e300, ties / 2 * large, rng.standard_normal((3000, 5)), ties * 5e-324])
    fires = rng.random(len(scores)) < 0.5
    wanted = np.where(fires, 5, scores.argmax(axis=1))
    together = with_abstention(scores, fires)
    assert np.isfinite(together).all()
    assert np.array_equal(together.argmax(axis=1), wanted)
    likely = rng.dirichlet(np.ones(5) / 5, 3000)
    after = with_abstention(likely, fires[:3000], "probabilities")
    assert np.array_equal(after.argmax(axis=1), np.where(fires[:3000], 5, likely.argmax(axis=1)))
    assert np.allclose(after.sum(axis=1), 1)


@pytest.mark.parametrize("outside", [(), ("round:0",), ("float16",), ("softmax",), ("top-k:1",), ("labels",)])
def test_what_comes_after_abstention_keeps_it(outside: tuple[str, ...]) -> None:
    door = defended(NETWORK, Abstaining(Right()), *outside)
    seen = door.query(POINTS)
    label = seen[:, 0] if outside == ("labels",) else seen.argmax(axis=1)
    assert np.array_equal(label == 4, POINTS[:, 0] > 0)
    assert outside in ((), ("labels",)) or seen.shape[1] == door.spec.output_dim == 5


def test_abstention_over_one_output_and_over_labels_has_the_next_class() -> None:
    wanted = np.where(POINTS[:, 0] > 0, 2, ONE(POINTS)[:, 0] > 0)
    for before in ((), ("softmax",), ("labels",)):
        seen = defended(ONE, *before, Abstaining(Right())).query(POINTS)
        assert np.array_equal(seen[:, 0] if before == ("labels",) else seen.argmax(axis=1), wanted)
    plain = network_oracle(NETWORK, answers="labels")
    with pytest.raises(InvalidInput, match="classes=10"):
        defended(plain, Abstaining(Right()))
    assert defended(plain, Abstaining(Right(), classes=4)).spec.output_dim == 4


def test_members_are_drawn_per_row_by_their_weights() -> None:
    members = [lambda x, i=i: np.full((len(x), 1), float(i)) for i in range(3)]
    defence = RandomMember(members, weights=(1.0, 0.0, 3.0))
    seen = defended(lambda x: x[:, :1], defence, input_dim=2, seed=9).query(np.zeros((4000, 2)))[:, 0]
    assert np.bincount(seen.astype(int), minlength=3)[1] == 0
    assert (seen == 2).mean() == pytest.approx(0.75, abs=0.03)
    assert defence.is_random


def test_a_member_drawn_once_answers_everything_of_one_client() -> None:
    networks = [relu_network((6, 8, 4), seed=s) for s in range(4)]
    defence = RandomMember(networks, draw="once")
    fits: set[int] = set()
    for seed in range(20):
        seen = defended(NETWORK, defence, seed=seed).query(POINTS)
        (fit,) = [i for i, n in enumerate(networks) if np.allclose(seen, n(POINTS))]
        fits.add(fit)
    assert fits == {0, 1, 2, 3}
    assert not defence.is_random


def test_a_rate_turns_rows_away_with_429_and_answers_later() -> None:
    now = [0.0]
    session = QuerySession(defended(NETWORK, RateLimited(50, clock=lambda: now[0])))
    session.ask(POINTS[:50])
    with pytest.raises(QueryFailed, match="429") as refused:
        session.ask(POINTS[50:75])
    assert (refused.value.status, refused.value.sent, session.spent) == (429, False, 50)
    now[0] += 0.5
    assert session.ask(POINTS[50:75]).shape == (25, 4)
    assert session.spent == 75


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (("labels", "round:3"), "put round:3 first"),
        (("labels", "labels"), "put labels first"),
        (("labels", "noise:1"), "there are no scores for noise:1"),
        (("labels", "softmax"), "there are no scores"),
        (("labels", "rate:50", "top-k:2"), "there are no scores"),
        (("softmax", "softmax"), "probabilities already"),
        (("top-k:2", "round:3"), r"put round:3 first, such as 'round:3\+top-k"),
        (("top-k:2", "rate:5", "softmax"), "put softmax first"),
        (("top-k:9",), "4 scores"),
        (("round:3", RandomMember([NETWORK])), "random member first"),
        ((RandomMember([relu_network((3, 2, 1), seed=0)]),), "member 0 takes 3"),
        ((7,), "want a defence or a text"),
    ],
)
def test_an_order_that_cannot_be_meant_is_refused_in_words(texts: tuple[Any, ...], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        defended(NETWORK, *texts)


def test_what_is_known_about_the_door_stays_known() -> None:
    door = network_oracle(NETWORK, bounds=(-1.0, 1.0), max_batch=7, dtype="float32", remote=True)
    for text in ("round:3", "labels", "softmax", "rate:5", "float32-inputs", "keyed-noise:1"):
        spec = defended(door, text).spec
        assert (spec.bounds, spec.max_batch, spec.dtype, spec.remote) == ((-1.0, 1.0), 7, "float32", True)
    assert defended(NETWORK, "labels").spec.output_dim == 1
    assert defended(NETWORK, LabelsOnly()).spec.answers == "labels"


def test_a_session_asks_a_random_door_again_only_when_it_is_told_to() -> None:
    session = QuerySession(defended(NETWORK, "noise:1"))
    first = session.ask(POINTS)
    assert np.array_equal(first, session.ask(POINTS))
    assert not np.array_equal(first, session.ask(POINTS, fresh=True))
    assert session.spent == 400


@pytest.mark.parametrize("broken", [np.zeros(200), np.zeros((200, 1), dtype=bool)])
def test_a_detector_that_answers_something_else_is_told(broken: Any) -> None:
    class Odd:
        def fires(self, points: FloatArray) -> Any:
            return broken

    with pytest.raises(HingelineError, match="one truth value"):
        defended(NETWORK, Abstaining(Odd())).query(POINTS)
