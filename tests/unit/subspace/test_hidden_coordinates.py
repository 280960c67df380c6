"""Hidden layers as inputs: exact values, the region, the next layer's span, and what cannot be done."""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest
from known_spans import row_span

from hingeline.core.errors import IllConditioned, InvalidInput
from hingeline.core.outcome import Finding, Outcome, Provenance, Spending, Status
from hingeline.evaluation.targets import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.oracles.local import network_oracle
from hingeline.oracles.session import QuerySession
from hingeline.probing.probe import Calibration, Probe
from hingeline.subspace.hidden import hidden_coordinates
from hingeline.subspace.rank_profile import local_ranks, rank_profile
from hingeline.subspace.span import span
from hingeline.subspace.white_box import white_box_span


def network(*sizes, seed=0):
    return random_network(sizes, np.random.default_rng(seed), weight=1.4)


def box_points(door, count=200):
    raw = np.random.default_rng(1).uniform(-1, 1, (count, door.spec.input_dim))
    raw[::2] = np.sign(raw[::2])
    return door.radius * raw


CASES = [
    ((30, 12, 6, 2), 1, None),
    ((30, 12, 6, 5, 2), 2, None),
    ((12, 12, 1), 1, None),
    ((9, 4, 2), 1, (-1.0, 2.0)),
]


@pytest.mark.parametrize(("sizes", "layer", "bounds"), CASES)
def test_hidden_values_are_set_exactly_all_neurons_on_and_inputs_in_bounds(sizes, layer, bounds):
    known = network(*sizes)
    door = hidden_coordinates(network_oracle(known, bounds=bounds), known, layer)
    moves = box_points(door)
    x = door.inputs(moves)
    before = known.pre_activations(x)[:layer]
    assert min(values.min() for values in before) >= 0
    np.testing.assert_allclose(before[-1], door.hidden_centre + moves, atol=1e-12)
    low, high = bounds or (-3.0, 3.0)
    assert x.min() >= low - 1e-9 and x.max() <= high + 1e-9
    # the door answers as the rest of the network does
    biases = [known.weights[layer] @ door.hidden_centre + known.biases[layer], *known.biases[layer + 1 :]]
    rest = PiecewiseLinearNetwork(known.weights[layer:], biases)
    np.testing.assert_allclose(door.query(moves), rest(moves), atol=1e-12)
    assert door.spec.bounds == (-door.radius, door.radius) and door.spec.input_dim == sizes[layer]


def test_the_box_is_the_largest_one():
    # one neuron h = x + 1 with x in [-3, 3]: on for x > -1, so r = 2 around x0 = 1
    known = PiecewiseLinearNetwork([np.eye(1), np.eye(1)], [np.ones(1), np.zeros(1)])
    door = hidden_coordinates(network_oracle(known), known)
    assert (door.centre[0], door.hidden_centre[0]) == pytest.approx((1, 2))
    assert door.radius == pytest.approx(2, rel=1e-5)


def test_the_verb_recovers_the_span_of_the_second_layer():
    known = network(30, 12, 4, 3, seed=3)
    door = hidden_coordinates(network_oracle(known), known)
    found = span(door, seed=0).value
    truth = row_span(known.weights[1])
    assert 1 <= found.rank <= 4
    assert np.abs(found.basis - truth @ (truth.T @ found.basis)).max() < 1e-9


IMPOSSIBLE = {
    "wider than its input": ([np.random.default_rng(0).standard_normal((7, 4))], None, "only 4 independent"),
    "dependent rows": ([np.array([[1.0, 0, 0], [0, 1, 0], [1, 1, 0]])], None, "only 2 independent"),
    "always off": ([np.eye(2), -np.eye(2)], [np.zeros(2), -np.ones(2)], "has all neurons"),
    "a row of zeros": ([np.zeros((1, 3))], [np.ones(1)], "only 0 independent"),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_cannot_be_done_is_told(name):
    weights, biases, complaint = IMPOSSIBLE[name]
    biases = biases or [np.zeros(len(w)) for w in weights]
    known = PiecewiseLinearNetwork([*weights, np.ones((1, len(weights[-1])))], [*biases, np.zeros(1)])
    with pytest.raises(IllConditioned, match=complaint):
        hidden_coordinates(network_oracle(known), known, len(weights))


def test_what_cannot_be_meant_is_refused():
    known, other = network(5, 3, 1), network(6, 3, 1)
    for wrong in ({"network": other}, {"layer": 0}, {"layer": 2}, {"reach": -1.0}, {"reach": np.nan}):
        with pytest.raises(InvalidInput):
            hidden_coordinates(network_oracle(known), **({"network": known} | wrong))


def looked_up(door, known, asked):
    """A recovery that reads the answer off the weights."""
    asked.append(door.spec.input_dim)
    layer = known.sizes.index(door.spec.input_dim)
    rest = PiecewiseLinearNetwork(known.weights[layer:], known.biases[layer:])
    value = white_box_span(rest, np.random.default_rng(0).standard_normal((200, rest.input_dim)))
    provenance = Provenance("span", door.spec.name, 0)
    return Finding(value, Outcome(Status.COMPLETE, "read off"), {}, Spending(7, 0.0), provenance)


def test_the_rank_profile_goes_through_the_known_layers_and_names_what_is_missing():
    known, asked = network(20, 9, 10, 3, 2), []
    profile = rank_profile(
        network_oracle(known), known, functools.partial(looked_up, known=known, asked=asked)
    )
    assert [entry.width for entry in profile.layers] == [20, 9, 10, 3] and asked[:2] == [20, 9]
    assert [entry.rank for entry in profile.layers[:2]] == [9, 9]
    # ten values of nine neurons, and behind them three that cannot all be on may go either way
    assert profile.layers[2].finding is None and "only 9 independent" in profile.layers[2].reason
    assert profile.queries == 7 * len(asked)
    json.dumps(profile.to_dict(), allow_nan=False)


def test_local_ranks_show_the_bottleneck():
    # eight inputs matter, but never more than two at once
    rng = np.random.default_rng(0)
    shapes = [(8, 15), (2, 8), (6, 2)]
    weights = [
        np.abs(rng.standard_normal(shape)) if i else rng.standard_normal(shape)
        for i, shape in enumerate(shapes)
    ]
    known = PiecewiseLinearNetwork(weights, [np.zeros(8), np.full(2, 0.1), np.zeros(6)])
    calibration = Calibration(NoiseFloor(1e-15, 1e-16), np.sqrt(15), np.inf)
    probe = Probe(QuerySession(network_oracle(known)), calibration)
    points = rng.standard_normal((60, 15))
    counts = local_ranks(probe, row_span(weights[0]), points, rng)
    truth = [np.linalg.matrix_rank(known.affine_map(x)[0], tol=1e-10) for x in points]
    assert counts.sum() >= 55 and counts[3:].sum() == 0
    assert np.abs(counts[:3] - np.bincount(truth, minlength=3)[:3]).max() <= 60 - counts.sum()


def test_a_constant_network_has_local_rank_zero():
    calibration = Calibration(NoiseFloor(1e-15, 0.0), 1.0, np.inf)
    probe = Probe(QuerySession(network_oracle(network(4, 3, 1))), calibration)
    assert list(local_ranks(probe, np.zeros((4, 0)), np.zeros((5, 4)), np.random.default_rng(0))) == [5]
