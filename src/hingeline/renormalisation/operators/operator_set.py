"""Operators: functions of a layer's units whose couplings flow from layer to layer.

A product operator is prod_{i in S} h_i; with all subsets the set is complete and any law of positive
probabilities is exp(sum of couplings times operators). A collective operator is a weighted sum of units. The
conditional mean of either given the layer below is known in closed form: units are independent then.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from hingeline.core.arrays import FloatArray, frozen
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.operators.product_moments import Overlaps, overlaps


class OperatorSet(Protocol):
    """K functions of the w units of a layer."""

    @property
    def kind(self) -> str:
        """For people, such as "single units"."""
        ...

    @property
    def width(self) -> int:
        """Units they look at, w."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """One for each operator, K of them."""
        ...

    def values(self, states: FloatArray) -> FloatArray:
        """Operators at states: "m w" to "m K"."""
        ...

    def expected(self, means: FloatArray) -> FloatArray | None:
        """Their means where the units are independent with these means, "m w" to "m K"; None if not known."""
        ...

    def expected_products(self, means: FloatArray) -> FloatArray | None:
        """Sum over rows of E[O_a O_b] for independent units with these means, "m w" to "K K"; or None."""
        ...


@dataclass(frozen=True, eq=False)
class ProductOperators:
    """Products of units, one for each subset.

    Attributes:
        width: Units in the layer.
        subsets: Which units each operator multiplies, in ascending order; none is empty.
    """

    width: int
    subsets: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        for subset in self.subsets:
            if (
                not subset
                or list(subset) != sorted(set(subset))
                or not 0 <= subset[0] <= subset[-1] < self.width
            ):
                raise InvalidInput(
                    f"an operator multiplies units of 0 to {self.width - 1}, in ascending order; got {subset}"
                )
        if len(set(self.subsets)) != len(self.subsets):
            raise InvalidInput("an operator is given twice; the stability matrix would have no inverse")

    @property
    def kind(self) -> str:
        """For people."""
        degree = max((len(subset) for subset in self.subsets), default=0)
        return {1: "single units", 2: "single units and pairs"}.get(
            degree, f"products of up to {degree} units"
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Such as "h3" and "h1 h4"."""
        return tuple(" ".join(f"h{i}" for i in subset) for subset in self.subsets)

    def values(self, states: FloatArray) -> FloatArray:
        """Products at states: "m w" to "m K"."""
        return _products(states, self.subsets)

    def expected(self, means: FloatArray) -> FloatArray:
        """Products of the means: "m w" to "m K"."""
        return _products(means, self.subsets)

    def expected_products(self, means: FloatArray) -> FloatArray:
        """Sum over rows of E[O_a O_b], "m w" to "K K": squares of units are 1, so common units drop out."""
        expected = self.expected(means)
        summed = expected.T @ expected
        # only operators with a common unit differ from the product of their means
        pairs = self._overlaps
        products = pairs.summed(means)[pairs.remainder]
        summed[pairs.first, pairs.second] = products
        summed[pairs.second, pairs.first] = products
        return summed

    @cached_property
    def _overlaps(self) -> Overlaps:
        return overlaps(self.subsets)


@dataclass(frozen=True, eq=False)
class CollectiveOperators:
    """Weighted sums of units, such as their total.

    Attributes:
        matrix: One row of weights for each operator, shape "K w", not writeable.
        names: One for each row.
    """

    matrix: FloatArray
    names: tuple[str, ...]

    def __init__(self, matrix: Any, names: Sequence[str] | None = None) -> None:
        rows = frozen(matrix)
        if rows.ndim != 2 or not rows.size or not np.isfinite(rows).all():
            raise InvalidInput(
                f"collective operators want a finite matrix (operators, units); got {rows.shape}"
            )
        object.__setattr__(self, "matrix", rows)
        told = tuple(names) if names is not None else tuple(f"sum {i}" for i in range(len(rows)))
        if len(told) != len(rows):
            raise InvalidInput(f"{len(rows)} operators want as many names; got {len(told)}")
        object.__setattr__(self, "names", told)

    @property
    def kind(self) -> str:
        """For people."""
        return "collective"

    @property
    def width(self) -> int:
        """Units in the layer."""
        return self.matrix.shape[1]

    def values(self, states: FloatArray) -> FloatArray:
        """Sums at states: "m w" to "m K"."""
        return states @ self.matrix.T

    def expected(self, means: FloatArray) -> FloatArray:
        """Sums of the means: "m w" to "m K"."""
        return means @ self.matrix.T

    def expected_products(self, means: FloatArray) -> FloatArray:
        """Sum over rows of E[O_a O_b], "m w" to "K K": products of means, plus variances 1 - mean^2."""
        expected = self.expected(means)
        variances = (1.0 - means**2).sum(axis=0)
        return expected.T @ expected + (self.matrix * variances) @ self.matrix.T


@dataclass(frozen=True, eq=False)
class CallableOperators:
    """Any functions of the units.

    Attributes:
        width: Units in the layer.
        names: One for each operator.
        function: States "m w" to values "m K".
        kind: For people.
    """

    width: int
    names: tuple[str, ...]
    function: Callable[[FloatArray], FloatArray]
    kind: str = "given functions"

    def values(self, states: FloatArray) -> FloatArray:
        """The functions at states: "m w" to "m K".

        Raises:
            InvalidInput: They gave something else, or numbers that are not finite.
        """
        found = np.asarray(self.function(states), dtype=np.float64)
        if found.shape != (len(states), len(self.names)) or not np.isfinite(found).all():
            raise InvalidInput(
                f"operators of {len(states)} states want finite values of shape "
                f"({len(states)}, {len(self.names)}); got {found.shape}"
            )
        return found

    def expected(self, means: FloatArray) -> None:
        """Not known in closed form."""

    def expected_products(self, means: FloatArray) -> None:
        """Not known in closed form."""


def single_units(width: int) -> ProductOperators:
    """Every unit by itself."""
    return product_operators(width, 1)


def product_operators(width: int, degree: int) -> ProductOperators:
    """All products of at most `degree` units, by size and then by number; complete if `degree` is `width`."""
    if not 1 <= degree <= width:
        raise InvalidInput(f"products of 1 to {width} units can be had of {width} units; got degree={degree}")
    subsets = (s for size in range(1, degree + 1) for s in itertools.combinations(range(width), size))
    return ProductOperators(width, tuple(subsets))


def total(width: int) -> CollectiveOperators:
    """The sum of all units: the collective operator that is the same in layers of any width."""
    return CollectiveOperators(np.ones((1, width)), ("sum of all units",))


def _products(values: FloatArray, subsets: tuple[tuple[int, ...], ...]) -> FloatArray:
    if all(len(subset) == 1 for subset in subsets):
        return values[:, [subset[0] for subset in subsets]]
    found = np.empty((len(values), len(subsets)))
    degrees = np.array([len(subset) for subset in subsets])
    for degree in np.unique(degrees):
        which = np.flatnonzero(degrees == degree)
        units = np.array([subsets[i] for i in which])
        made = values[:, units[:, 0]]
        for place in range(1, degree):
            made = made * values[:, units[:, place]]
        found[:, which] = made
    return found
