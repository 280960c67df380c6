"""Random bases are orthonormal, span what they should, and single no coordinate out, small or large."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.numerics import rotation
from hingeline.numerics.rotation import random_basis, randomly_turned


@pytest.fixture(params=["dense", "mixed"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways at sizes where a test is quick."""
    if request.param == "mixed":
        monkeypatch.setattr(rotation, "DENSE", 0)
    return str(request.param)


@pytest.mark.parametrize("size", [1, 2, 7, 64, 150])
def test_a_random_basis_is_orthonormal(way: str, size: int) -> None:
    rows = random_basis(size, np.random.default_rng(5))
    assert np.abs(rows @ rows.T - np.eye(size)).max() < 1e-13


def test_turned_rows_span_what_they_spanned(way: str) -> None:
    rng = np.random.default_rng(6)
    basis = np.linalg.qr(rng.standard_normal((90, 40)))[0].T
    turned = randomly_turned(basis, rng)
    assert np.abs(turned @ turned.T - np.eye(40)).max() < 1e-13
    assert np.abs(turned - turned @ basis.T @ basis).max() < 1e-13


def test_no_coordinate_stands_out(way: str) -> None:
    """Entries of a random rotation of d rows have size d^-1/2; the largest of d^2 is a few times that."""
    rows = random_basis(400, np.random.default_rng(7))
    assert np.abs(rows).max() * 20 < 7
    assert 0.9 < np.sqrt(np.mean(rows[:, 0] ** 2)) * 20 < 1.1


def test_another_draw_is_another_basis(way: str) -> None:
    rng = np.random.default_rng(8)
    assert np.abs(random_basis(30, rng) @ random_basis(30, rng).T).max() < 0.95


def test_above_the_limit_no_matrix_is_decomposed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("decomposed")

    monkeypatch.setattr(np.linalg, "qr", refuse)
    assert random_basis(rotation.DENSE + 1, np.random.default_rng(9)).shape[0] == rotation.DENSE + 1
