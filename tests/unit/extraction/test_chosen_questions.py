"""Which questions a fit needs beside recorded answers."""

import numpy as np
from practice_benches import bench_of, he_network, measured_line

from hingeline.extraction.chosen_questions import SURE, chosen_questions
from hingeline.extraction.depth.recorded_answers import recorded_answers
from hingeline.extraction.polish import polish
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

RAMP = PiecewiseLinearNetwork([np.array([[1.0]]), np.array([[1.0]])], [np.array([0.0]), np.array([0.0])])
NOISE = 1e-12


def asked(recorded: list[float], pool: list[float], most: int = 10) -> list[float]:
    points = np.array(pool)[:, np.newaxis]
    there = np.array(recorded)[:, np.newaxis]
    noise = np.full(len(points), NOISE)
    chosen = chosen_questions(RAMP, (there, np.full(len(there), NOISE)), (points, noise), most)
    return [pool[index] for index in chosen]


def test_nothing_is_asked_where_recorded_answers_pin_all() -> None:
    assert asked([-1.0, -2.0, 1.0, 2.0, 3.0], [-1.5, 1.5, 2.5]) == []


def test_the_side_of_a_neuron_that_no_answer_shows_is_asked() -> None:
    found = asked([-1.0, -2.0, -3.0], [-1.5, -2.5, 1.0, 3.0])
    assert set(found) == {1.0, 3.0}


def test_no_more_is_asked_than_allowed() -> None:
    assert len(asked([-1.0], [0.5, 1.0, 2.0, 3.0], most=1)) == 1


def test_a_fit_of_recorded_and_chosen_answers_is_as_good_as_one_of_fresh_answers() -> None:
    network = he_network(8, 6, 5, 2, seed=41)
    rng = np.random.default_rng(42)
    there, pool, held = (rng.standard_normal((count, 8)) for count in (40, 400, 30))
    noise = np.full(400, 1e-13)
    start = PiecewiseLinearNetwork(
        [w + 1e-8 * rng.standard_normal(w.shape) for w in network.weights], network.biases
    )
    chosen = chosen_questions(start, (there, noise[:40]), (pool, noise), 200)
    assert 5 < len(chosen) < 100
    points = np.concatenate([held, there, pool[chosen]])
    fit = polish(start, points, network(points), 1e-13, hold_out=np.arange(len(points)) < len(held))
    far = rng.standard_normal((500, 8))
    # of what the pool nearly never shows nothing can be told
    gaps = np.abs(fit.network(far) - network(far)).max(axis=1)
    assert np.quantile(gaps, 0.9) < 10 * SURE * 1e-13


def test_recorded_answers_are_those_of_the_points_that_were_asked() -> None:
    network = he_network(9, 6, 5, 1, seed=43)
    bench = bench_of(network)
    line = measured_line(bench)
    rows = np.linalg.svd(network.weights[0], full_matrices=False)[2]
    beside = np.random.default_rng(44).standard_normal((5, 6))
    found = recorded_answers(bench.probe, [(line, rows)], [(beside, network(beside @ rows))], rows)
    assert len(found.points) > 2 * len(line.sweep.slopes)
    gaps = np.abs(network(found.points) - found.values).max(axis=1)
    assert (gaps < 12 * found.noise).all() and (found.noise < 1e-9).all()
