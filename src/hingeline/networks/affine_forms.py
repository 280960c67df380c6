"""Quantities over a box as affine forms with certain errors: what two networks are compared in.

Each quantity is centre + generators @ e + theta, with symbols e in [-1, 1] that all quantities share and a
theta of at most its own slack. Sums keep what is shared, so that equal parts of two networks cancel; a ReLU
that may switch costs a fresh symbol. Besides, each quantity lies between its low and high, which interval
arithmetic finds as well; the narrower of both is kept.

Rounding: a sum of n products is wrong by at most (n + 2) u times the sum of their sizes, with u = 2^-53
(Higham 2002, Accuracy and Stability of Numerical Algorithms, section 3.1, for n below 10^7), whatever the
order. Every operation adds that to the slack, and sums of sizes are themselves rounded up.
Sources: Singh et al. 2018, Fast and Effective Robustness Certification (the forms); Paulsen, Wang and Wang
2020, ReluDiff (bounding a difference itself). Cost: n m s for m quantities of n others in s symbols.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray

UNIT = 0.5 * float(np.finfo(np.float64).eps)
"""Largest relative error of one rounded operation."""
TINY = float(np.finfo(np.float64).tiny)
"""More than what all underflows of one sum can lose together."""
_MOST_NUMBERS = 2**25
# A quarter of a gigabyte of generators; beyond it fresh errors become slack, which is as certain.


@dataclass
class Symbols:
    """How many symbols there are so far."""

    count: int


@dataclass(frozen=True, eq=False)
class AffineForms:
    """The quantities of one layer, over all points of a box."""

    centre: FloatArray
    """Shape "n"."""
    generators: FloatArray
    """What each symbol adds, "n s"; symbols made later count as zero."""
    slack: FloatArray
    """Largest further error, "n"."""
    low: FloatArray
    """None of the values lies below, "n"."""
    high: FloatArray
    """None of the values lies above, "n"."""

    @property
    def largest(self) -> FloatArray:
        """Largest absolute values, "n"."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    @property
    def sizes(self) -> FloatArray:
        """Sum of the sizes of all parts, "n"."""
        return _size(self.centre, self.generators) + self.slack

    def rows(self, index: IntArray) -> AffineForms:
        """Some of the quantities."""
        return AffineForms(
            self.centre[index], self.generators[index], self.slack[index], self.low[index], self.high[index]
        )

    def plus(self, other: AffineForms) -> AffineForms:
        """Sums of quantities in the same order."""
        one, two = _padded(self.generators, other.generators)
        centre, generators = self.centre + other.centre, one + two
        # a sum of two floats is exact where it underflows
        slack = _up(self.slack + other.slack + UNIT * _size(centre, generators), generators.shape[1])
        return _met(
            centre,
            generators,
            slack,
            _lower(self.low + other.low),
            _higher(self.high + other.high),
        )

    def minus(self, other: AffineForms) -> AffineForms:
        """Differences of quantities in the same order."""
        return self.plus(AffineForms(-other.centre, -other.generators, other.slack, -other.high, -other.low))

    def plus_constant(self, constant: FloatArray, error: FloatArray) -> AffineForms:
        """Quantities plus numbers "n" that are known up to an `error` "n"."""
        nothing = np.zeros((len(constant), 0))
        return self.plus(
            AffineForms(constant, nothing, error, _lower(constant - error), _higher(constant + error))
        )

    def loosened(self, error: FloatArray) -> AffineForms:
        """The same quantities, each wrong by at most a further `error` "n"."""
        return self.plus_constant(np.zeros(len(error)), error)

    def scaled(self, factor: FloatArray) -> AffineForms:
        """Quantities times a factor "n" from 0 to 1 each."""
        centre, generators = factor * self.centre, factor[:, np.newaxis] * self.generators
        underflow = np.where((factor != 0) & (factor != 1) & (self.sizes > 0), TINY, 0.0)
        lost = np.where(underflow > 0, UNIT * _size(centre, generators) + underflow, 0.0)
        slack = _up(factor * self.slack + lost, generators.shape[1])
        low, high = factor * self.low - underflow, factor * self.high + underflow
        return _met(centre, generators, slack, _lower(low), _higher(high))


def of_box(low: FloatArray, high: FloatArray, symbols: Symbols) -> AffineForms:
    """The coordinates of a point of the box from `low` to `high` ("d")."""
    centre = 0.5 * low + 0.5 * high
    reach = np.maximum(high - centre, centre - low)
    generators = np.diag(np.where(reach > 0, np.nextafter(reach, np.inf), 0.0))
    symbols.count = len(low)
    return AffineForms(centre, generators, np.zeros(len(low)), low, high)


def no_forms(count: int) -> AffineForms:
    """Quantities that are zero."""
    nothing = np.zeros(count)
    return AffineForms(nothing, np.zeros((count, 0)), nothing, nothing, nothing)


def scattered(count: int, parts: Sequence[tuple[IntArray, AffineForms]]) -> AffineForms:
    """`count` quantities: those of each part at its rows, zero elsewhere."""
    wide = max((forms.generators.shape[1] for _, forms in parts), default=0)
    whole = AffineForms(
        np.zeros(count), np.zeros((count, wide)), np.zeros(count), np.zeros(count), np.zeros(count)
    )
    for rows, forms in parts:
        whole.centre[rows], whole.slack[rows] = forms.centre, forms.slack
        whole.generators[rows, : forms.generators.shape[1]] = forms.generators
        whole.low[rows], whole.high[rows] = forms.low, forms.high
    return whole


def product(matrix: FloatArray, forms: AffineForms) -> AffineForms:
    """`matrix` ("m n", each entry known up to u of its size) times the quantities."""
    sizes = np.abs(matrix)
    terms = matrix.shape[1] + 3  # one for the entries
    centre, generators = matrix @ forms.centre, matrix @ forms.generators
    parts = forms.sizes
    underflow = np.where((matrix != 0) @ (parts > 0).astype(np.float64) > 0, TINY, 0.0)
    slack = _up(sizes @ forms.slack + terms * UNIT * (sizes @ parts) + underflow, terms + generators.shape[1])
    lost = _up(terms * UNIT * (sizes @ forms.largest) + underflow, terms)
    above, below = np.maximum(matrix, 0.0), np.minimum(matrix, 0.0)
    low = _lower(above @ forms.low + below @ forms.high - lost)
    high = _higher(above @ forms.high + below @ forms.low + lost)
    return _met(centre, generators, slack, low, high)


def relu(forms: AffineForms, symbols: Symbols) -> AffineForms:
    """max(z, 0) of each quantity z.

    With l <= z <= u and any 0 <= k <= 1, max(z, 0) - k z is convex in z, so it lies between its value 0
    at 0 and the larger of -k l and (1 - k) u. k is 1 or 0 where z keeps its sign.
    """
    low, high = forms.low, forms.high
    with np.errstate(divide="ignore", invalid="ignore"):
        chord = np.clip(high / (high - low), 0.0, 1.0)
    keep = np.where(low >= 0, 1.0, np.where(high <= 0, 0.0, chord))
    switching = (low < 0) & (high > 0)
    spread = _up(np.maximum(-keep * low, (1.0 - keep) * high), 0) + TINY
    half = np.where(switching, 0.5 * spread, 0.0)
    kept = forms.scaled(keep).plus_constant(half, np.zeros(len(half)))
    return _with_fresh(kept, half, np.maximum(low, 0.0), np.maximum(high, 0.0), symbols)


def relu_change(base: AffineForms, change: AffineForms, symbols: Symbols) -> AffineForms:
    """max(z + c, 0) - max(z, 0) for each z of `base` and c of `change`.

    It is t c with 0 <= t <= 1: c itself where z and z + c are surely not negative, 0 where neither is
    positive, and else c / 2 up to |c| / 2.
    """
    on = (base.low >= 0) & (_lower(base.low + change.low) >= 0)
    off = (base.high <= 0) & (_higher(base.high + change.high) <= 0)
    half = np.where(on | off, 0.0, 0.5 * change.largest)
    keep = np.where(on, 1.0, np.where(off, 0.0, 0.5))
    low = np.where(on, change.low, np.where(off, 0.0, np.minimum(change.low, 0.0)))
    high = np.where(on, change.high, np.where(off, 0.0, np.maximum(change.high, 0.0)))
    kept = change.scaled(keep)
    return _with_fresh(kept, np.where(half > 0, _higher(half), 0.0), low, high, symbols)


def errors_as_symbols(forms: AffineForms, symbols: Symbols) -> AffineForms:
    """The same with a symbol for the slack of each quantity, so that later sums can cancel it."""
    bare = AffineForms(forms.centre, forms.generators, np.zeros(len(forms.slack)), forms.low, forms.high)
    return _with_fresh(bare, forms.slack, forms.low, forms.high, symbols)


def _with_fresh(
    forms: AffineForms, radius: FloatArray, low: FloatArray, high: FloatArray, symbols: Symbols
) -> AffineForms:
    """`forms`, each with a fresh symbol of this `radius`; the values are known to be in [low, high]."""
    rows = np.flatnonzero(radius)
    total = symbols.count + len(rows)
    if len(radius) * total > _MOST_NUMBERS:
        slack = _up(forms.slack + radius, 2)
        return _met(forms.centre, forms.generators, slack, low, high)
    generators = np.zeros((len(radius), total if len(rows) else forms.generators.shape[1]))
    generators[:, : forms.generators.shape[1]] = forms.generators
    generators[rows, symbols.count + np.arange(len(rows))] = radius[rows]
    symbols.count = total
    return _met(forms.centre, generators, forms.slack, low, high)


def _met(
    centre: FloatArray, generators: FloatArray, slack: FloatArray, low: FloatArray, high: FloatArray
) -> AffineForms:
    """The forms, with the narrower of their own range and [low, high]."""
    reach = _up(np.abs(generators).sum(axis=1) + slack, generators.shape[1])
    return AffineForms(
        centre,
        generators,
        slack,
        np.maximum(low, _lower(centre - reach)),
        np.minimum(high, _higher(centre + reach)),
    )


def _size(centre: FloatArray, generators: FloatArray) -> FloatArray:
    return np.abs(centre) + np.abs(generators).sum(axis=1)


def _padded(one: FloatArray, two: FloatArray) -> tuple[FloatArray, FloatArray]:
    wide = max(one.shape[1], two.shape[1])
    return _wide(one, wide), _wide(two, wide)


def _wide(generators: FloatArray, wide: int) -> FloatArray:
    missing = wide - generators.shape[1]
    return np.pad(generators, ((0, 0), (0, missing))) if missing else generators


def _up(sizes: FloatArray, terms: int) -> FloatArray:
    """At least the exact value of a sum of that many sizes; zero stays zero."""
    return sizes * (1.0 + 4.0 * (terms + 8) * UNIT)


def _lower(values: FloatArray) -> FloatArray:
    """Below what one rounded operation stands for; zero stays zero, since it comes from exact sums."""
    return np.where(values == 0, 0.0, np.nextafter(values, -np.inf))


def _higher(values: FloatArray) -> FloatArray:
    return np.where(values == 0, 0.0, np.nextafter(values, np.inf))
