from __future__ import annotations

import numpy as np
import pytest
from practice_benches import bench_of, he_network, measured_line, true_planes

from hingeline.core.outcome import Status
from hingeline.extraction import deep


@pytest.mark.parametrize("missing", [0, 1, 2, 3, 4, 5])
def test_a_first_layer_that_lacks_a_neuron_is_widened_until_the_answers_are_explained(missing: int) -> None:
    """Where the line went, the neuron was off: no gradient showed that it was missing."""
    network = he_network(12, 6, 4, 1, seed=5)
    bench = bench_of(network, seed=2)
    planes = true_planes(network)
    known = planes.select(np.arange(planes.count) != missing)
    line = measured_line(bench)
    result, _, first, lines = deep._widened(bench, known, [line])  # pyright: ignore[reportPrivateUsage]
    assert first.count == planes.count
    assert len(lines) > 1
    assert result is not None
    assert result.outcome.status is Status.COMPLETE


def test_a_first_layer_that_cannot_be_widened_is_given_back_with_its_lines() -> None:
    """Three layers: what is missing above is not a first-layer neuron."""
    network = he_network(8, 5, 4, 4, 1, seed=1)
    bench = bench_of(network)
    planes = true_planes(network)
    lines = [measured_line(bench)]
    result, deeper, first, left = deep._widened(bench, planes, lines)  # pyright: ignore[reportPrivateUsage]
    assert (result, deeper) == (None, None)
    assert first is planes
    assert left is lines
