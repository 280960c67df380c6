"""Energy of the two-dimensional Ising model on a finite torus, exactly.

    Z = (1/2) (2 sinh 2K)^(n n / 2) (Z1 + Z2 + Z3 + Z4),
    Z1 = prod 2 cosh(n g_(2r+1) / 2),   Z2 = prod 2 sinh(n g_(2r+1) / 2),
    Z3 = prod 2 cosh(n g_(2r) / 2),     Z4 = prod 2 sinh(n g_(2r) / 2),     r = 0 ... n - 1,
    cosh g_l = cosh 2K coth 2K - cos(l pi / n),  g_l > 0,  but g_0 = 2K + ln tanh K with its sign.

The mean of s_i s_j over neighbours is d ln Z / dK / (2 n n), differentiated by hand; products are held as
logarithms, and the factor of g_0 in Z4, which is 0 at the critical point, apart from them.

Source: Kaufman 1949; the form with signs is that of Ferdinand and Fisher 1969.
Cost: microseconds.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.known_answers.ising import CRITICAL_COUPLING


def neighbour_correlation(size: int, coupling: float = CRITICAL_COUPLING) -> float:
    """The exact mean of s_i s_j over nearest neighbours of an L x L torus.

    Args:
        size: L, at least 2; a torus of L = 2 has two bonds between neighbours.
        coupling: K, above 0.

    Raises:
        InvalidInput: A number out of range.
    """
    if size < 2 or not (np.isfinite(coupling) and coupling > 0):
        raise InvalidInput(f"the exact energy wants size >= 2 and coupling > 0; got {size}, {coupling}")
    double = 2.0 * coupling
    angles, slopes = _angles(size, double)
    odd, even = _parts(angles[1::2], slopes[1::2], size), _parts(angles[2::2], slopes[2::2], size)
    # g_0 keeps its sign, and so does its sinh
    half, slope = size / 2 * (double + np.log(np.tanh(coupling))), size / 2 * (2 + 2 / np.sinh(double))
    logarithms = np.array([odd[0], odd[2], even[0], even[2]])
    factors = np.array([1.0, 1.0, 2 * np.cosh(half), 2 * np.sinh(half)])
    derivatives = np.array([0.0, 0.0, 2 * np.sinh(half), 2 * np.cosh(half)]) * slope
    inner = np.array([odd[1], odd[3], even[1], even[3]])
    weights = np.exp(logarithms - logarithms.max())
    # (sum Z_i)' / sum Z_i with Z_i = factor_i exp(logarithm_i)
    share = weights @ (derivatives + factors * inner) / (weights @ factors)
    return float((share / size**2 + 1 / np.tanh(double)) / 2)


def _angles(size: int, double: float) -> tuple[FloatArray, FloatArray]:
    """g_l and its derivative by K for l = 0 ... 2n - 1; the entries of l = 0 are not used."""
    cosines = np.cos(np.arange(2 * size) * np.pi / size)
    # cosh g - 1 without cancellation: cosh 2K coth 2K - 2 = (sinh 2K - 1)^2 / sinh 2K
    excess = (np.sinh(double) - 1) ** 2 / np.sinh(double) + (1 - cosines)
    sinh = np.sqrt(excess * (excess + 2))
    angles = np.log1p(excess + sinh)
    slope = 2 * np.cosh(double) * (1 - 1 / np.sinh(double) ** 2)
    slopes = np.divide(slope, sinh, out=np.zeros_like(sinh), where=sinh > 0)
    return angles, slopes


def _parts(angles: FloatArray, slopes: FloatArray, size: int) -> tuple[float, float, float, float]:
    """Logarithms of prod 2 cosh(n g / 2) and prod 2 sinh(n g / 2), each before its derivative."""
    half, rate = size / 2 * angles, size / 2 * slopes
    tail = np.exp(-2 * half)
    return (
        float((half + np.log1p(tail)).sum()),
        float((rate * np.tanh(half)).sum()),
        float((half + np.log1p(-tail)).sum()),
        float((rate / np.tanh(half)).sum()),
    )
