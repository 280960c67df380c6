"""Long moves find what is left outside a span, also where most of the input space is dead."""

import numpy as np
from practice import bench_of

from hingeline.subspace.complement import Complement
from hingeline.subspace.moves import Moves
from hingeline.subspace.spots import SpotFinder


def tried(function, dim, found, count=200, **door):
    bench = bench_of(function, dim, **door)
    complement = Complement(dim, np.random.default_rng(0))
    for direction in found:
        complement.append(direction, 1.0, 1e-14)
    moves = Moves(SpotFinder(bench.probe, bench.law, np.random.default_rng(1)), np.random.default_rng(2))
    hits = [moves.attempt(complement, 16) for _ in range(count // 16)]
    return moves, [hit for hit in hits if hit is not None]


def ridge(axis, start=0.0):
    """max(x_axis - start, 0): dead on one side."""
    return lambda x: np.maximum(x[:, [axis]] - start, 0)


def test_nothing_is_found_outside_the_whole_span():
    moves, hits = tried(ridge(3), 10, [np.eye(10)[3]])
    assert not hits
    assert moves.quiet == moves.tried == 192


def test_a_missing_direction_is_hit_where_it_is_alive():
    _, hits = tried(ridge(3), 10, [np.eye(10)[0]])
    assert hits
    assert all(hit.point[3] > 0 for hit in hits)


def test_a_neuron_that_wakes_far_out_is_hit():
    # alive for one N(0, 1) input in 3e4
    _, hits = tried(ridge(3, start=4.0), 10, [])
    assert hits


def test_moves_across_a_box_reach_its_far_faces():
    # alive only in the outer tenth of the box along the diagonal of ten inputs
    direction = np.ones(10) / np.sqrt(10)
    _, hits = tried(
        lambda x: np.maximum(x @ direction[:, np.newaxis] - 2.6, 0),
        10,
        [np.eye(10)[0]],
        480,
        bounds=(0.0, 1.0),
    )
    assert hits
