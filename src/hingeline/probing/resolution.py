"""How finely a door answers: significant bits, decimal digits, rounding grid.

A float of p bits shows in every answer: the last 53 - p bits of its mantissa are zero. A grid shows as
a step of which all answers are multiples, coarser than the spacing of the floats; significant decimal
digits show in what is left after rounding to them. Each of these is read off the answers; nothing is asked.

Cost: no queries; milliseconds for 48 rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray

# Fewer different answers than this say nothing about precision.
_FEWEST = 5
# Decimal and binary steps that somebody may round to, coarsest first.
_STEPS = sorted({10.0**-k for k in range(-3, 13)} | {2.0**-k for k in range(-10, 46)}, reverse=True)
_DOUBLE_BITS = 53
_SINGLE_BITS = 24
# Shortest decimal form of a float32; a door that writes those sends float32.
_SINGLE_DIGITS = 9
_SMALLEST_NORMAL = {"float32": 1.2e-38, "float16": 6.2e-5, "bfloat16": 1.2e-38}


@dataclass(frozen=True)
class Resolution:
    """How finely answers arrive."""

    precision: str
    """float64, float32, float16, bfloat16; "unknown" if a grid hides it or the answers do not vary."""
    bits: int
    """Significant bits of the float type that arrives; 53 if unknown."""
    step: float | None = None
    """All answers are multiples of this, in output units; None if there is no such grid."""
    digits: int | None = None
    """Answers carry at most so many significant decimal digits; None if they are not cut to decimals."""

    @property
    def unit(self) -> float:
        """Largest relative error that rounding one answer makes, grid aside."""
        by_bits = 2.0**-self.bits
        return by_bits if self.digits is None else max(by_bits, 0.5 * 10.0 ** (1 - self.digits))

    @property
    def tiny(self) -> float:
        """Smallest positive answer that keeps its relative precision."""
        return _SMALLEST_NORMAL.get(self.precision, 1e-300)

    @property
    def coarse(self) -> bool:
        """Whether answers are rounded: to a grid, to few digits, or to a half-precision float."""
        return self.step is not None or self.digits not in (None, 7, 8, 9) or self.bits <= 11

    def rounding(self, magnitude: FloatArray) -> FloatArray:
        """Standard deviation that rounding alone gives answers of size `magnitude`.

        A rounding error is uniform within half a spacing, so its deviation is the spacing / sqrt(12).
        """
        return np.hypot((self.step or 0.0) / np.sqrt(12.0), self.unit * magnitude / np.sqrt(3.0))

    def describe_step(self) -> str:
        """The grid as people write it, such as 0.0001 or 2^-15; empty without one."""
        if self.step is None:
            return ""
        mantissa, exponent = np.frexp(self.step)
        written_as_power = mantissa == 0.5 and self.step < 0.05
        return f"2^{int(exponent) - 1}" if written_as_power else f"{self.step:.10g}"


def read_resolution(answers: FloatArray) -> Resolution:
    """Read precision and rounding off `answers`, any shape."""
    values = np.unique(np.abs(answers[np.isfinite(answers) & (answers != 0)]))
    if len(values) < _FEWEST:
        return Resolution("unknown", _DOUBLE_BITS, _common_step(values))
    bits = int(significant_bits(values).max())
    step = _common_step(values)
    if step is not None and 2.0**bits <= 4.0 * values[-1] / step:
        # The grid alone leaves so few bits: the float type beneath cannot be told.
        return Resolution("unknown", _DOUBLE_BITS, step)
    digits = _decimal_digits(values) if bits > _SINGLE_BITS else None
    if digits is not None and step is not None:
        # Numbers cut to few significant digits lie on a grid too; the reading that says more counts.
        grid_digits = np.log10(values[-1] / step)
        step, digits = (None, digits) if digits + 1 < grid_digits else (step, None)
    if digits is not None and 6 < digits <= _SINGLE_DIGITS:
        return Resolution("float32", _SINGLE_BITS, None, digits)
    return Resolution(_float_name(bits), _float_bits(bits), step, digits)


def significant_bits(values: FloatArray) -> IntArray:
    """Mantissa bits that each of the nonzero `values` needs: at most 53 for float64, 24 for float32."""
    mantissa, _ = np.frexp(values)
    whole = (np.abs(mantissa) * 2.0**_DOUBLE_BITS).astype(np.int64)
    return _DOUBLE_BITS - np.log2(whole & -whole).astype(np.int64)


def _common_step(values: FloatArray) -> float | None:
    """The coarsest known step of which all `values` (sorted, positive, different) are multiples."""
    if len(values) < _FEWEST:
        whole = len(values) > 0 and bool(np.all(values == np.rint(values)))
        return 1.0 if whole else None
    # The smaller half decides: floats are spaced widest at large values, which would pass for a grid.
    small = values[: max(_FEWEST, (len(values) + 1) // 2)]
    spacing = 2.0 ** -_spacing_bits(values) * small[-1]
    return next((s for s in _STEPS if s > 64 * spacing and _on_grid(small, s, spacing).all()), None)


def _spacing_bits(values: FloatArray) -> int:
    """Bits of the float type that `values` fill; float32's at least where a grid takes their last bits.

    Random floats of p bits need p or p - 1 of them in three cases of four, whatever their size. Random
    multiples of a step need as many bits as their size has room for. The reading that fills more is right,
    but sums that cancel in float32 lie on a grid too: steps that fine are no rounding.
    """
    needed = significant_bits(values)
    bits = _float_bits(int(needed.max()))
    exponents = np.frexp(values)[1]
    room = exponents - (exponents - needed).min()
    by_float, by_grid = np.mean(needed >= bits - 1), np.mean(needed >= room - 1)
    return bits if by_float >= by_grid else max(bits, _SINGLE_BITS)


def _on_grid(values: FloatArray, step: float, spacing: float) -> BoolArray:
    multiples = values / step
    return np.abs(multiples - np.rint(multiples)) <= 4 * spacing / step


def _decimal_digits(values: FloatArray) -> int | None:
    """Fewest significant decimal digits (at most 9) that write all of `values`; None if more are needed."""
    sample = values[:: max(1, len(values) // 60)]
    for digits in range(2, _SINGLE_DIGITS + 1):
        written = np.array([float(f"{v:.{digits - 1}e}") for v in sample])
        if np.all(np.abs(written - sample) <= 4 * np.finfo(np.float64).eps * sample):
            return digits
    return None


def _float_bits(bits: int) -> int:
    return next((b for b in (8, 11, 24) if bits <= b), _DOUBLE_BITS)


def _float_name(bits: int) -> str:
    return {8: "bfloat16", 11: "float16", 24: "float32"}.get(_float_bits(bits), "float64")
