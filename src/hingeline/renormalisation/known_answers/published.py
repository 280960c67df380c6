"""Critical exponents of the two-dimensional Ising model: exact ones, and those printed by Swendsen.

Source: the exact exponents are Onsager 1944 and Yang 1952. The table is that of Swendsen 1982 as Landau and
Binder print it (A Guide to Monte Carlo Simulations in Statistical Physics, Table 9.1); we know it from a
reproduction, not from the paper. The order in which it adds operators is not stated there; values for one to
three of them agree with ours.
"""

from __future__ import annotations

import numpy as np

THERMAL_EXPONENT = 1.0
"""y_T, exact; the eigenvalue is 2^y = 2."""
MAGNETIC_EXPONENT = 1.875
"""y_H = 15/8, exact; the eigenvalue is 2^y = 3.668."""

SOURCE = "Swendsen 1982, as printed in Landau and Binder, Table 9.1"
SIZES = (64, 32, 16)

SWENDSEN: dict[tuple[int, int], tuple[tuple[float, float] | None, ...]] = {
    (1, 1): ((0.912, 0.002), (0.904, 0.001), (0.897, 0.003)),
    (1, 2): ((0.967, 0.003), (0.966, 0.002), (0.964, 0.003)),
    (1, 3): ((0.968, 0.002), (0.968, 0.002), (0.966, 0.003)),
    (1, 4): ((0.969, 0.004), (0.968, 0.002), (0.966, 0.003)),
    (2, 1): ((0.963, 0.004), (0.953, 0.002), (0.937, 0.003)),
    (2, 2): ((0.999, 0.004), (0.998, 0.002), (0.993, 0.003)),
    (2, 3): ((1.001, 0.004), (1.000, 0.002), (0.994, 0.003)),
    (2, 4): ((1.002, 0.005), (0.998, 0.002), (0.984, 0.004)),
    (3, 1): ((0.957, 0.002), (0.936, 0.003), (0.921, 0.005)),
    (3, 2): ((0.998, 0.002), (0.991, 0.003), (1.013, 0.004)),
    (3, 3): ((0.999, 0.002), (0.993, 0.003), (1.020, 0.003)),
    (3, 4): ((0.997, 0.002), (0.987, 0.004), None),
}
"""y_T with its error at (level, operators), one for each of `SIZES`."""


def published_thermal(size: int, level: int, operators: int) -> tuple[float, float] | None:
    """y_T and its error as printed, None where nothing is."""
    row = SWENDSEN.get((level, operators))
    return row[SIZES.index(size)] if row is not None and size in SIZES else None


def z_between(value: float, error: float, other: tuple[float, float]) -> float:
    """Difference of two measured values in units of their joint error."""
    return float((value - other[0]) / np.hypot(error, other[1]))
