from __future__ import annotations

import numpy as np
import pytest
from practice_benches import he_network

from hingeline.extraction.coordinates import moved_back
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.probing.coordinates import centred
from hingeline.probing.ground import Ground
from hingeline.probing.probe import Calibration

MEASURED = Calibration(NoiseFloor(1e-15, 1e-16), 3.0, np.inf)


def test_without_bounds_nothing_moves() -> None:
    found = centred(MEASURED, Ground.of(9, None, None))
    assert (found.centre, found.scale, found.noise) == (None, 3.0, MEASURED.noise)


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-1.0, 1.0), (2.0, 3.0), (0.0, 255.0)])
def test_within_bounds_the_middle_of_the_box_is_the_origin(bounds: tuple[float, float]) -> None:
    found = centred(MEASURED, Ground.of(4, bounds, None))
    low, high = bounds
    assert found.centre == pytest.approx(np.full(4, (low + high) / 2))
    assert found.half_width == pytest.approx((high - low) / 2)
    assert found.scale == pytest.approx((high - low) / 3)
    assert found.noise.absolute == pytest.approx(1e-15 + 1e-16 * (low + high))


@pytest.mark.parametrize("sizes", [(4, 2), (4, 6, 1), (4, 3, 5, 2)])
def test_a_network_moved_back_takes_plain_inputs(sizes: tuple[int, ...]) -> None:
    network, centre = he_network(*sizes), np.array([1.0, -2.0, 3.0, 0.5])
    points = np.random.default_rng(0).standard_normal((20, 4))
    assert moved_back(network, centre)(points + centre) == pytest.approx(network(points), abs=1e-12)
    assert moved_back(network, None) is network
