"""A network without the parts that cannot matter, in one scale: the form in which two networks are compared.

Hidden rows get norm one and their scale moves forward. Then, until nothing changes: a neuron with a zero
row is a constant and becomes part of the next biases; neurons with the same row and bias become one whose
outgoing weights are the sum; a neuron that nobody reads, or that provably never switches on, goes. None
of this changes the function. Positive scaling: Rolnick and Körding 2020, introduction. Cost: n² d per
layer for finding copies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork, row_norms

# Rows that differ by no more than rounding after normalisation: some tens of epsilons.
_COPY = 1e-14


@dataclass(frozen=True)
class SetAside:
    """A neuron that was taken out because the function does not depend on it."""

    neuron: int
    """Its row in the original weight matrix, counted from 0."""
    reason: str
    """Why it cannot matter."""


@dataclass
class Reduced:
    """A network in reduced form, with the way back to the original neurons."""

    weights: list[FloatArray]
    """Hidden rows of norm one; layers may be empty ("0 in")."""
    biases: list[FloatArray]
    members: list[list[tuple[int, ...]]]
    """Per hidden layer and reduced neuron: the original neurons it stands for, more than one if copies."""
    set_aside: list[list[SetAside]]
    """Per hidden layer: the neurons taken out."""


def reduced(network: PiecewiseLinearNetwork) -> Reduced:
    """`network` with unit rows, without constants, copies and parts without effect.

    Raises:
        InvalidInput: The scales of the layers multiply to more than float64 holds.
    """
    state = Reduced(
        list(network.weights),
        list(network.biases),
        [[(neuron,) for neuron in range(width)] for width in network.hidden_widths],
        [[] for _ in network.hidden_widths],
    )
    with np.errstate(over="ignore", invalid="ignore"):
        # Each round but the last removes a neuron, so this ends.
        while _simplified(state):
            pass
    if not all(np.isfinite(array).all() for array in (*state.weights, *state.biases)):
        raise InvalidInput(f"{network}: the product of its scales overflows float64")
    return state


def _simplified(state: Reduced) -> bool:
    """One round over all hidden layers; True if a neuron went."""
    gone = [_simplify(state, layer) for layer in range(len(state.members))]
    return any(gone)


def _simplify(state: Reduced, layer: int) -> bool:
    """One pass over one hidden layer; True if a neuron went."""
    before = len(state.members[layer])
    _normalise(state, layer)
    _fold_constants(state, layer)
    _merge_copies(state, layer)
    _drop(state, layer, _unread(state, layer), "nothing reads its output")
    if layer > 0:  # its inputs are outputs of ReLUs, so none is negative
        _drop(
            state,
            layer,
            _never_on(state, layer),
            "no weight and no bias is positive, so it never switches on",
        )
    return len(state.members[layer]) < before


def _normalise(state: Reduced, layer: int) -> None:
    norms = row_norms(state.weights[layer])
    # Rows that are unit already stay as they are, bit for bit.
    scale = np.where((norms > 0) & (np.abs(norms - 1.0) > 4 * np.finfo(np.float64).eps), norms, 1.0)
    state.weights[layer] = state.weights[layer] / scale[:, np.newaxis]
    state.biases[layer] = state.biases[layer] / scale
    state.weights[layer + 1] = state.weights[layer + 1] * scale


def _fold_constants(state: Reduced, layer: int) -> None:
    constant: BoolArray = np.all(state.weights[layer] == 0, axis=1)
    value = np.maximum(state.biases[layer][constant], 0.0)
    state.biases[layer + 1] = state.biases[layer + 1] + state.weights[layer + 1][:, constant] @ value
    _drop(state, layer, constant, "its row is zero, so it is a constant")


def _merge_copies(state: Reduced, layer: int) -> None:
    first = _first_copies(state.weights[layer], state.biases[layer])
    kept = np.unique(first)
    if len(kept) == len(first):
        return
    outgoing = np.zeros((len(state.weights[layer + 1]), len(first)))
    np.add.at(outgoing.T, first, state.weights[layer + 1].T)
    groups = [np.flatnonzero(first == keep) for keep in kept]
    state.members[layer] = [_joined(state.members[layer], group) for group in groups]
    state.weights[layer], state.biases[layer] = state.weights[layer][kept], state.biases[layer][kept]
    state.weights[layer + 1] = outgoing[:, kept]


def _joined(members: list[tuple[int, ...]], group: IntArray) -> tuple[int, ...]:
    return tuple(sorted(neuron for index in group for neuron in members[index]))


def _first_copies(rows: FloatArray, biases: FloatArray) -> IntArray:
    """For each neuron the first one with the same row and bias, up to rounding."""
    first = np.arange(len(rows))
    # Copies agree in any projection, so only neighbours in one are compared in full.
    weights = np.cos(np.arange(rows.shape[1]) ** 2 + 1.0)
    projection = rows @ weights
    order = np.argsort(projection, kind="stable")
    slack = 4 * _COPY * max(1.0, float(np.abs(weights).sum()))
    for place, one in enumerate(order):
        if first[one] != one:
            continue
        for other in order[place + 1 :]:
            if projection[other] - projection[one] > slack:
                break
            if _is_copy(rows, biases, one, other):
                first[other] = one
    return first


def _is_copy(rows: FloatArray, biases: FloatArray, one: int, other: int) -> bool:
    return bool(
        abs(biases[one] - biases[other]) <= _COPY * (1.0 + abs(biases[one]))
        and np.abs(rows[one] - rows[other]).max(initial=0.0) <= _COPY
    )


def _unread(state: Reduced, layer: int) -> BoolArray:
    return np.asarray(np.all(state.weights[layer + 1] == 0, axis=0))


def _never_on(state: Reduced, layer: int) -> BoolArray:
    return (state.weights[layer] <= 0).all(axis=1) & (state.biases[layer] <= 0)


def _drop(state: Reduced, layer: int, gone: BoolArray, reason: str) -> None:
    if not gone.any():
        return
    for index in np.flatnonzero(gone):
        state.set_aside[layer] += [SetAside(neuron, reason) for neuron in state.members[layer][index]]
    state.members[layer] = [names for index, names in enumerate(state.members[layer]) if not gone[index]]
    state.weights[layer], state.biases[layer] = state.weights[layer][~gone], state.biases[layer][~gone]
    state.weights[layer + 1] = state.weights[layer + 1][:, ~gone]
