"""The operators that a diagnosis measures of each layer, and more of them for the test of growth.

Collective operators are scaled so that the squares of their weights have the mean 1, as those of the sum of
all units have: with that convention the same sum in a smaller layer may grow. Their cubes, over the width,
are the next operators of the same symmetry, and are what growth adds. Where the layer above holds one unit
only, its one operator is complete and nothing can be added.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.renormalisation.operators.operator_set import (
    CallableOperators,
    CollectiveOperators,
    OperatorSet,
    ProductOperators,
    single_units,
    total,
)
from hingeline.renormalisation.operators.screening import class_difference_operators, screened_pairs
from hingeline.renormalisation.stacks.stack import StochasticStack

MOST_PAIRS = 64
"""Pairs kept of a layer; each operator wants 500 samples."""


def layer_operators(
    stack: StochasticStack,
    kind: str,
    pilot: Sequence[tuple[FloatArray, ...]],
    laws: Sequence[FloatArray],
    *,
    tied: bool = False,
) -> tuple[OperatorSet, ...]:
    """Operators for the layers 1 to N.

    Args:
        stack: The stack.
        kind: Of `settings.OPERATORS`.
        pilot: States of the layers 0 to N of samples that are not used again, in batches.
        laws: Probabilities of the classes that belong to each batch, shapes "m C".
        tied: Units of neighbouring layers are the same, so that all layers want the same pairs.

    Raises:
        InvalidInput: Class means of inputs whose classes do not differ.
    """
    layers = range(1, stack.unit_layers + 1)
    match kind:
        case "total":
            return tuple(total(stack.widths[n]) for n in layers)
        case "class means":
            return tuple(_class_means([states[n] for states in pilot], laws) for n in layers)
        case "pairs" if tied:
            singles = [single_units(stack.widths[n]) for n in layers]
            return _joined(singles, _screened(singles, pilot, laws))
        case "pairs":
            return tuple(_pairs([states[n] for states in pilot], laws) for n in layers)
        case _:
            return tuple(single_units(stack.widths[n]) for n in layers)


def grown_operators(
    stack: StochasticStack,
    operators: Sequence[OperatorSet],
    pilot: Sequence[tuple[FloatArray, ...]],
    laws: Sequence[FloatArray],
) -> tuple[OperatorSet, ...]:
    """The same operators and more, with the same names in all layers.

    Products grow by the pairs of units that tell classes apart in any layer, or by the next pairs and triples
    where all of those are there; collective operators grow by their cubes.
    """
    products = [one for one in operators if isinstance(one, ProductOperators)]
    if len(products) == len(operators):
        return _joined(products, _screened(products, pilot, laws) or _next(products))
    return tuple(_with_cubes(one) for one in operators if isinstance(one, CollectiveOperators))


def _class_means(states: Sequence[FloatArray], laws: Sequence[FloatArray]) -> CollectiveOperators:
    found = class_difference_operators(zip(states, laws, strict=True))
    return CollectiveOperators(found.matrix * np.sqrt(found.width), found.names)


def _pairs(states: Sequence[FloatArray], laws: Sequence[FloatArray]) -> ProductOperators:
    return screened_pairs(zip(states, laws, strict=True), most=MOST_PAIRS)


def _screened(
    operators: Sequence[ProductOperators],
    pilot: Sequence[tuple[FloatArray, ...]],
    laws: Sequence[FloatArray],
) -> list[tuple[int, ...]]:
    """Pairs that stand out in any layer and are in none of the sets."""
    known = {subset for one in operators for subset in one.subsets}
    wanted = dict.fromkeys(
        subset
        for n in range(1, len(operators) + 1)
        for subset in _pairs([states[n] for states in pilot], laws).subsets
        if subset not in known
    )
    return list(wanted)[:MOST_PAIRS]


def _next(operators: Sequence[ProductOperators]) -> list[tuple[int, ...]]:
    """Pairs, then triples, that are in none of the sets."""
    known = {subset for one in operators for subset in one.subsets}
    units = range(max(one.width for one in operators))
    all_of_them = itertools.chain(itertools.combinations(units, 2), itertools.combinations(units, 3))
    return list(itertools.islice((subset for subset in all_of_them if subset not in known), MOST_PAIRS))


def _joined(
    operators: Sequence[ProductOperators], more: Sequence[tuple[int, ...]]
) -> tuple[ProductOperators, ...]:
    """The sets with more products, the same in all layers that have those units."""
    return tuple(
        ProductOperators(one.width, (*one.subsets, *(s for s in more if s[-1] < one.width)))
        for one in operators
    )


def _with_cubes(operators: CollectiveOperators) -> OperatorSet:
    width = operators.width

    def values(states: FloatArray) -> FloatArray:
        sums = operators.values(states)
        return np.hstack([sums, sums**3 / width])

    names = (*operators.names, *(f"{name}, cubed" for name in operators.names))
    return CallableOperators(width, names, values, "sums and their cubes")
