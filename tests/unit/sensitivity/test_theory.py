"""The lines of theory, at the places where they are known in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.networks.activations import activation_named
from hingeline.sensitivity.measures import theory


def test_half_normal_constants() -> None:
    assert pytest.approx(0.6745, abs=5e-5) == theory.HALF_NORMAL_MEDIAN
    assert pytest.approx(0.798, abs=5e-4) == theory.HALF_NORMAL_MEAN
    np.testing.assert_allclose(theory.success(np.array([1.0, 2.0, 3.0])), [0.683, 0.954, 0.997], atol=5e-4)


@pytest.mark.parametrize(
    ("widths", "profile"),
    [
        ((256, 256, 256, 256), [85.3, 51.2, 36.6]),
        ((512, 512, 64, 512, 512), [170.7, 26.9, 24.4, 22.3]),
        ((512, 32, 512, 512), [15.5, 14.6, 13.8]),
        ((784, 100, 100, 100), [47.0, 24.2, 16.3]),
    ],
)
def test_the_rank_profile_is_the_harmonic_sum(widths: tuple[int, ...], profile: list[float]) -> None:
    np.testing.assert_allclose(theory.pr_profile(widths), profile, atol=0.06)


@pytest.mark.parametrize(
    ("widths", "value"),
    [((256,) * 2, 0.023), ((256,) * 4, 0.089), ((128,) * 6, 0.245), ((32,) * 3, 0.151), ((256,) * 17, 0.87)],
)
def test_validity_of_equal_widths(widths: tuple[int, ...], value: float) -> None:
    assert theory.validity(widths) == pytest.approx(value, abs=6e-3)


def test_critical_depths_are_those_at_which_validity_is_reached() -> None:
    assert [round(theory.critical_depth(256, v)) for v in (0.1, 0.3)] == [4, 8]
    assert [round(theory.critical_depth(1024, v)) for v in (0.1, 0.3)] == [6, 13]


def test_widths_below_one_are_refused() -> None:
    with pytest.raises(InvalidInput, match="1 or more"):
        theory.pr_profile((20, 0))


def test_the_angle_map_at_known_cosines() -> None:
    np.testing.assert_allclose(
        theory.angle_map(np.array([1.0, 0.0, -1.0])), [1.0, 1 / math.pi, 0.0], atol=1e-15
    )
    found = theory.iterated_angles(np.array([math.pi / 2]), 64)[:, 0]
    np.testing.assert_allclose(found[[4, 8, 16, 32, 64]], [0.82, 0.58, 0.378, 0.23, 0.126], atol=6e-3)
    assert theory.shallow_angle(0.0, np.array([3.0]))[0] == 0
    np.testing.assert_allclose(theory.agreement(np.array([0.0, math.pi])), [1.0, 0.0])


@pytest.mark.parametrize(
    ("name", "constant"),
    # closed forms: E sin^2(3z) = (1 - e^-18) / 2, E 9 cos^2(3z) = 9 (1 + e^-18) / 2; E z^4 = 3, E 4 z^2 = 4
    [
        ("relu", 1.0),
        ("abs", 1.0),
        ("leaky relu", 1.0),
        ("square", math.sqrt(3) / 2),
        ("sin3", math.tanh(9.0) ** 0.5 / 3),
        ("tanh", 0.622 / 0.6745),
        ("gelu", 0.651 / 0.6745),
        ("sign", math.inf),
        ("staircase", math.inf),
    ],
)
def test_constants_of_two_layers(name: str, constant: float) -> None:
    assert theory.activation_constant(activation_named(name)) == pytest.approx(constant, rel=1e-3)


def test_natural_units_of_the_three_norms_agree_with_samples() -> None:
    z = np.random.default_rng(3).standard_normal((4000, 50))
    free = np.array([50])
    assert 1 / theory.natural_unit("l2", free)[0] == pytest.approx(np.sqrt(50))
    assert 1 / theory.natural_unit("linf", free)[0] == pytest.approx(np.abs(z).sum(axis=1).mean(), rel=0.01)
    assert 1 / theory.natural_unit("l1", free)[0] == pytest.approx(np.abs(z).max(axis=1).mean(), rel=0.01)
