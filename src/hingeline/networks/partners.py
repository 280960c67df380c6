"""Who is whose partner in two networks, in the original rows, for a bound on how far their outputs part.

A bound may rest on any pairing, since it holds for every one; a good pairing makes it small. This one is
that of `alignment`: exact copies of a neuron share its partner, and what reduction set aside has none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, IntArray
from hingeline.networks.alignment import align
from hingeline.networks.matching import Pairs
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.reduction import Reduced, reduced


@dataclass(frozen=True, eq=False)
class Side:
    """The neurons of one layer of one network."""

    partner: IntArray
    """Which leader each neuron goes with, "n"; -1 where with none."""
    sign: IntArray
    """1, or -1 where it is on at the other side of its hyperplane, "n"."""
    alone: BoolArray
    """Neurons that matter and have no partner, "n"."""


@dataclass(frozen=True, eq=False)
class LayerPartners:
    """One hidden layer of both networks, or their outputs."""

    leaders: IntArray
    """The neurons of a that others are compared with, "p"."""
    a: Side
    b: Side


def find_partners(a: PiecewiseLinearNetwork, b: PiecewiseLinearNetwork) -> list[LayerPartners]:
    """The partners in every hidden layer and among the outputs of two networks of the same depth.

    Raises:
        InvalidInput: The scales of a network overflow.
    """
    kept_a, kept_b = reduced(a), reduced(b)
    aligned = align(kept_a, kept_b).layers
    hidden = [_layer(kept_a, kept_b, index, layer.pairs) for index, layer in enumerate(aligned)]
    return [*hidden, same_order(a.output_dim)]


def same_order(count: int) -> LayerPartners:
    """Every neuron is the partner of the one with its number."""
    order = np.arange(count)
    side = Side(order, np.ones(count, dtype=np.int64), np.zeros(count, dtype=np.bool_))
    return LayerPartners(order, side, side)


def _layer(a: Reduced, b: Reduced, layer: int, pairs: Pairs) -> LayerPartners:
    leaders = [a.members[layer][index][0] for index in pairs.a]
    straight = np.ones(len(pairs.a), dtype=np.int64)
    return LayerPartners(
        np.array(leaders, dtype=np.int64),
        _side(a, layer, pairs.a, straight),
        _side(b, layer, pairs.b, pairs.orientation),
    )


def _side(network: Reduced, layer: int, paired: IntArray, orientation: IntArray) -> Side:
    members, aside = network.members[layer], network.set_aside[layer]
    count = sum(map(len, members)) + len(aside)
    partner, sign = np.full(count, -1), np.ones(count, dtype=np.int64)
    for leader, index in enumerate(paired):
        partner[list(members[index])], sign[list(members[index])] = leader, orientation[leader]
    alone = partner < 0
    alone[[neuron.neuron for neuron in aside]] = False
    return Side(partner, sign, alone)
