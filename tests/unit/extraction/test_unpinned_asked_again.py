"""A row that the first fit leaves unpinned is asked for again where its neuron is on."""

from __future__ import annotations

import numpy as np
import pytest
from practice_benches import bench_of, he_network

from hingeline.extraction import finish as finishing
from hingeline.extraction.finish import finish
from hingeline.extraction.fit_answers import MORE_PER_NUMBER, FitAnswers
from hingeline.extraction.null_space import Straight
from hingeline.extraction.recovery import Bench
from hingeline.extraction.verify import perturbed
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

WIDTH = 6


def rarely_on() -> PiecewiseLinearNetwork:
    """The first neuron of the last layer is on at about one input in two hundred."""
    network = he_network(8, WIDTH, WIDTH, 1, seed=3)
    heights = network.pre_activations(np.random.default_rng(5).standard_normal((20_000, 8)))[1][:, 0]
    biases = [bias.copy() for bias in network.biases]
    biases[1][0] -= np.quantile(heights, 0.995)
    return PiecewiseLinearNetwork(network.weights, biases).canonical()


def only_where_off(bench: Bench, straight: Straight) -> FitAnswers:
    """Answers for a fit, none of them where that neuron is on."""
    points = np.random.default_rng(7).standard_normal((400, 8))
    points = points[straight.network.pre_activations(points)[1][:, 0] < 0]
    noise = np.full(len(points), 1e-15)
    return FitAnswers(points, bench.probe.ask(points), noise, np.arange(len(points)) < 20)


def test_more_is_asked_where_an_unpinned_neuron_is_on(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = rarely_on()
    monkeypatch.setattr(finishing, "answers_to_fit", only_where_off)
    start = perturbed(truth, [np.full(WIDTH, 1e-9)] * 2, np.random.default_rng(8))
    bench = bench_of(truth)
    recovery = finish(bench, start, [np.full(WIDTH, 1e-8)] * 2, "")
    assert recovery.outcome.ok, recovery.outcome
    assert not bench.evidence["polish"]["undetermined"]

    kept = bench_of(truth)
    monkeypatch.setattr(finishing, "with_more", lambda bench, straight, recorded, unpinned: recorded)
    recovery = finish(kept, start, [np.full(WIDTH, 1e-8)] * 2, "")
    assert not recovery.outcome.ok
    assert (2, 0) in [tuple(row) for row in kept.evidence["polish"]["undetermined"]]
    spent = bench.probe.session.spent - kept.probe.session.spent
    assert 0 < spent <= 1.5 * MORE_PER_NUMBER * (WIDTH + 1)
