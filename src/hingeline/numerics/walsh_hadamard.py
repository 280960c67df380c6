"""Functions of units that are -1 or +1, written as sums of products of units.

    f(h) = sum_S c_S prod_{i in S} h_i,    c_S = 2^-w sum_h f(h) prod_{i in S} h_i,

over all 2^w subsets S of the w units. The coefficients of a log-probability are its couplings.

Source: the fast transform of Walsh and Hadamard (Fino and Algazi 1976). Cost: w 2^w additions.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import InvalidInput


def product_coefficients(values: FloatArray) -> FloatArray:
    """Coefficients of all products of units, from values at all states.

    Args:
        values: f at the states in the order of counting: the last unit changes fastest, -1 before +1; shape
            "2^w ...".

    Returns:
        c_S in the same shape; the subset S stands at the number whose binary digits mark its units, the last
        unit being the last digit (so the empty subset comes first).

    Raises:
        InvalidInput: The number of states is no power of two.
    """
    count = len(values)
    units = count.bit_length() - 1
    if count != 2**units:
        raise InvalidInput(f"all states of some units are 2^w of them; got {count}")
    found = np.array(values, dtype=np.float64)
    rest = found.shape[1:]
    for unit in range(units):
        pairs = found.reshape(2**unit, 2, 2 ** (units - unit - 1), *rest)
        down, up = pairs[:, 0].copy(), pairs[:, 1].copy()
        pairs[:, 0], pairs[:, 1] = up + down, up - down
    return found / count


def places(subsets: tuple[tuple[int, ...], ...], units: int) -> IntArray:
    """Where `product_coefficients` puts the coefficients of these subsets, one place for each."""
    return np.array([sum(1 << (units - 1 - unit) for unit in subset) for subset in subsets], dtype=np.int64)
