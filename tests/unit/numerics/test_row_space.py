"""Directions that rows span."""

import numpy as np
import pytest

from hingeline.numerics.row_space import row_directions


@pytest.mark.parametrize("shape", [(3, 7), (7, 7), (40, 7)])
def test_the_rows_lie_in_the_directions_given(shape: tuple[int, int]) -> None:
    rows = np.random.default_rng(1).standard_normal(shape)
    size, right = row_directions(rows)
    np.testing.assert_allclose(rows @ right.T @ right, rows, atol=1e-12)
    np.testing.assert_allclose(size, np.linalg.svd(rows, compute_uv=False), rtol=1e-10)
    np.testing.assert_allclose(right @ right.T, np.eye(len(right)), atol=1e-12)


def test_a_decomposition_that_gives_up_is_done_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def gives_up(*_: object, **__: object) -> None:
        raise np.linalg.LinAlgError("SVD did not converge")

    rows = np.random.default_rng(2).standard_normal((4, 6))
    expected = np.linalg.svd(rows, compute_uv=False)
    monkeypatch.setattr(np.linalg, "svd", gives_up)
    np.testing.assert_allclose(row_directions(rows)[0], expected, rtol=1e-10)
