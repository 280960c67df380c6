"""How finely answers arrive, on numbers whose fineness is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hingeline.probing.resolution import Resolution, read_resolution, significant_bits

quick = settings(derandomize=True, deadline=None, max_examples=80)
NUMBERS = np.random.default_rng(0).normal(size=40) * 10.0 ** np.random.default_rng(1).uniform(-2, 3, 40)


@pytest.mark.parametrize(
    ("values", "bits"),
    [([1.0, 2.0, 0.5], 1), ([3.0], 2), ([1 + 2.0**-23], 24), ([1 + 2.0**-52], 53), ([0.1], 52)],
)
def test_significant_bits_of_known_numbers(values, bits):
    assert significant_bits(np.array(values)).max() == bits


@pytest.mark.parametrize("name", ["float64", "float32", "float16"])
def test_float_types_are_recognised_whatever_their_scale(name):
    for scale in (0.3, 1.0, 30.0):
        assert read_resolution((scale * NUMBERS / 1e3).astype(name).astype(np.float64)).precision == name


def test_bfloat16_is_recognised():
    upper_half = NUMBERS.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)
    assert read_resolution(upper_half.view(np.float32).astype(np.float64)).precision == "bfloat16"


@quick
@given(decimals=st.integers(0, 8), seed=st.integers(0, 2**32 - 1))
def test_decimal_rounding_is_found(decimals, seed):
    values = np.round(np.random.default_rng(seed).normal(size=30) * 50, decimals)
    assert read_resolution(values).step == pytest.approx(10.0**-decimals)


@quick
@given(power=st.integers(1, 15) | st.integers(26, 32), seed=st.integers(0, 2**32 - 1))
def test_binary_rounding_is_found(power, seed):
    # In between, the steps are those of float32 itself.
    values = np.round(np.random.default_rng(seed).normal(size=30) * 5 * 2.0**power) / 2.0**power
    assert read_resolution(values).step == 2.0**-power


@quick
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(1e-6, 1e6), single=st.booleans())
def test_unrounded_floats_are_never_called_rounded(seed, scale, single):
    values = np.random.default_rng(seed).normal(size=24) * scale
    found = read_resolution(values.astype(np.float32).astype(np.float64) if single else values)
    assert (found.step, found.digits, found.precision) == (None, None, "float32" if single else "float64")


@pytest.mark.parametrize("digits", [2, 3, 4, 5, 6])
def test_significant_digits_are_found(digits):
    values = np.array([float(f"{v:.{digits - 1}e}") for v in NUMBERS])
    assert read_resolution(values).digits == digits


def test_float32_written_as_decimals_is_float32():
    values = np.array([float(str(v)) for v in NUMBERS.astype(np.float32)])
    assert read_resolution(values).precision == "float32"


def test_rounding_of_float32_answers_keeps_both_facts():
    values = np.round(NUMBERS.astype(np.float32), 2).astype(np.float64)
    assert (read_resolution(values).precision, read_resolution(values).step) == ("float32", 0.01)


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [0.3] * 50, [0.1, 0.2, 0.3]])
def test_too_few_different_answers_say_nothing(values):
    found = read_resolution(np.array(values))
    assert (found.precision, found.step) == ("unknown", None)


@pytest.mark.parametrize(
    ("step", "words"),
    [(1e-4, "0.0001"), (2.0**-15, "2^-15"), (1.0, "1"), (0.5, "0.5"), (100.0, "100"), (None, "")],
)
def test_steps_are_written_as_people_write_them(step, words):
    assert Resolution("float64", 53, step).describe_step() == words


def test_rounding_noise_is_a_spacing_over_root_twelve():
    grid = Resolution("float64", 53, 0.12)
    assert grid.rounding(np.array([1.0])) == pytest.approx(0.12 / np.sqrt(12))
    single = Resolution("float32", 24)
    assert single.rounding(np.array([2.0])) == pytest.approx(2 * 2.0**-24 / np.sqrt(3))
