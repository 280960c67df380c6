from __future__ import annotations

import numpy as np
import pytest

from hingeline.extraction.skips.aligned import align


def problem(
    items: int, entries: int, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    signs = np.where(rng.uniform(size=count) < 0.5, -1.0, 1.0)
    match, sizes = rng.permutation(items), rng.uniform(0.5, 2.0, items)
    directions = rng.standard_normal((items, entries))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    matrices = rng.standard_normal((items, entries, count))
    targets = matrices @ signs + sizes[:, np.newaxis] * directions[match]
    return targets, matrices, directions, signs, match, sizes


# the last needs more choices than are tried: the sparsest combination finds it
@pytest.mark.parametrize("shape", [(4, 6, 5), (8, 3, 8), (12, 10, 12), (30, 8, 30)])
def test_signs_and_directions_are_found_together(shape: tuple[int, int, int]) -> None:
    targets, matrices, directions, signs, match, sizes = problem(*shape, seed=401)
    found = align(targets, matrices, directions, 1e-9)
    assert found is not None
    assert np.array_equal(found.signs, signs)
    assert np.array_equal(found.match, match)
    assert found.sizes == pytest.approx(sizes, abs=1e-9)


def test_remainders_in_other_directions_are_no_alignment() -> None:
    targets, matrices, directions, *_ = problem(6, 5, 6, seed=402)
    targets[3] += 1e-3 * np.random.default_rng(403).standard_normal(5)
    assert align(targets, matrices, directions, 1e-9) is None


def test_single_numbers_tell_no_direction() -> None:
    targets, matrices, directions, *_ = problem(6, 1, 4, seed=404)
    assert align(targets, matrices, directions, 1e-9) is None
