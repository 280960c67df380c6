"""Deeper layers: an oracle that takes the values of a known hidden layer, so that its span can be recovered.

Where all neurons of the known layers are on, the hidden values h are an affine map of x, and if its matrix M
has full row rank every h near h0 can be had from outside:

    x = x0 + M^+ u,    h = h0 + u,    |u| <= r in every coordinate.

A linear program finds x0 and the largest r for which all known neurons stay on and x stays where it may be
asked. A door in the coordinates u then answers f(x); what it looks at is the row span of the next layer, as
far as that shows inside this box.

What cannot be done: a layer wider than the rank of M moves in few directions only; of the next layer's rows
just their part in those can be seen from one region. And some layers are never all on.

Source: our design (hidden coordinates), after the layer by layer idea of Rolnick and Körding 2020.
Cost: no queries; one linear program with d + 1 unknowns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import FloatArray, frozen
from hingeline.core.errors import IllConditioned, InvalidInput
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.protocol import Oracle, OracleSpec

REACH = 3.0
"""Largest coordinate of an input where the oracle has no bounds, in typical coordinates (of size 1)."""
# Singular values of M below this share of the largest are zero as far as float64 weights can tell.
_RANK_SHARE = 1e-9
# A box whose half width is less of the typical hidden value is too small to see anything in.
_SMALLEST_BOX = 1e-6
# Room kept on every side for rounding, as a share of r.
_SAFETY = 1e-6


@dataclass(frozen=True, eq=False)
class HiddenOracle:
    """The oracle behind a known hidden layer; its inputs are u = h - h0."""

    oracle: Oracle
    """The door that is really asked."""
    layer: int
    """1 for the values of the first hidden layer."""
    centre: FloatArray
    """The input x0, shape "d"."""
    hidden_centre: FloatArray
    """The hidden values h0 there, all positive, shape "w"."""
    matrix: FloatArray
    """M^+, shape "d w"."""
    radius: float
    """Half width r of the box of u."""

    @property
    def spec(self) -> OracleSpec:
        """That of the door, with the hidden layer's width and the box as bounds."""
        known = self.oracle.spec
        return replace(
            known,
            name=f"{known.name} behind layer {self.layer}",
            input_dim=len(self.hidden_centre),
            bounds=(-self.radius, self.radius),
        )

    def inputs(self, points: FloatArray) -> FloatArray:
        """The inputs that give these hidden values: u "n w" to x "n d"."""
        x = self.centre + points @ self.matrix.T
        bounds = self.oracle.spec.bounds
        # the linear program kept them inside; this takes off the rounding
        return x if bounds is None else np.clip(x, *bounds)

    def query(self, points: FloatArray) -> FloatArray:
        """Answers of the door at those inputs: "n w" to "n k"."""
        return self.oracle.query(self.inputs(points))


def hidden_coordinates(
    oracle: Oracle, network: PiecewiseLinearNetwork, layer: int = 1, *, reach: float = REACH
) -> HiddenOracle:
    """A door that takes the values of a known hidden layer.

    Args:
        oracle: The door.
        network: Its first hidden layers are known: weights, biases and signs; later layers are not looked at.
        layer: Which hidden layer, 1 for the first.
        reach: Largest coordinate of an input, where the door has no bounds.

    Raises:
        InvalidInput: The network is of other inputs, or has no such hidden layer, or reach is not positive.
        IllConditioned: It cannot be done; the message says what is not identifiable.

    Cost: no queries.
    """
    if network.input_dim != oracle.spec.input_dim:
        raise InvalidInput(
            f"the network takes {network.input_dim} inputs, the oracle {oracle.spec.input_dim}"
        )
    if not 1 <= layer <= len(network.hidden_widths):
        raise InvalidInput(f"no hidden layer {layer} in {network!r}")
    if not (np.isfinite(reach) and reach > 0):
        raise InvalidInput(f"reach must be a positive number; got {reach}")
    maps = _all_on_maps(network, layer)
    matrix, offset = maps[-1]
    inverse = _inverse(matrix, layer)
    low, high = oracle.spec.bounds or (-np.inf, np.inf)
    low = low if np.isfinite(low) else min(-reach, high - reach)
    high = high if np.isfinite(high) else max(reach, low + reach)
    centre, radius = _largest_box(maps, inverse, (low, high))
    hidden = matrix @ centre + offset
    if not radius > _SMALLEST_BOX * float(np.linalg.norm(matrix, axis=1).max()) * reach:
        raise IllConditioned(
            f"no input within reach has all neurons of the first {layer} hidden layers on: the values of "
            f"layer {layer} cannot be set one by one, and the span behind it is not identifiable this way"
        )
    return HiddenOracle(
        oracle, layer, frozen(centre), frozen(hidden), frozen(inverse), radius * (1 - _SAFETY)
    )


def _all_on_maps(network: PiecewiseLinearNetwork, layers: int) -> list[tuple[FloatArray, FloatArray]]:
    """Matrix and offset of each layer's pre-activations where all neurons before are on."""
    maps = [(network.weights[0], network.biases[0])]
    for weight, bias in zip(network.weights[1:layers], network.biases[1:layers], strict=True):
        matrix, offset = maps[-1]
        maps.append((weight @ matrix, weight @ offset + bias))
    return maps


def _inverse(matrix: FloatArray, layer: int) -> FloatArray:
    """The pseudo-inverse of a matrix of full row rank.

    Raises:
        IllConditioned: Its rows are dependent.
    """
    left, sizes, right = np.linalg.svd(matrix, full_matrices=False)
    width = matrix.shape[0]
    rank = int(np.sum(sizes > _RANK_SHARE * sizes[0])) if sizes.size and sizes[0] > 0 else 0
    if rank < width:
        raise IllConditioned(
            f"the {width} values of layer {layer} move in only {rank} independent directions: of what "
            f"the next layer does to them only the part in those is identifiable; {width - rank} are not"
        )
    return (right.T / sizes) @ left.T


def _largest_box(
    maps: list[tuple[FloatArray, FloatArray]], inverse: FloatArray, bounds: tuple[float, float]
) -> tuple[FloatArray, float]:
    """Centre x0 and the largest r with every known neuron on and x within bounds for all |u| <= r."""
    # SciPy's optimisers and sparse matrices take a third of a second to import.
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, hstack, identity, vstack

    rows = np.concatenate([matrix for matrix, _ in maps])
    offsets = np.concatenate([offset for _, offset in maps])
    dim = inverse.shape[0]
    # the worst u of a box for the row c is r |c M^+|_1 away
    shrink = np.abs(rows @ inverse).sum(axis=1, keepdims=True)
    spread = np.abs(inverse).sum(axis=1, keepdims=True)
    low, high = bounds
    # c x + e - r |c M^+|_1 >= 0;   low + r s <= x <= high - r s
    left = vstack(
        [
            hstack([csr_array(-rows), csr_array(shrink)]),
            hstack([identity(dim), csr_array(spread)]),
            hstack([-identity(dim), csr_array(spread)]),
        ]
    )
    right = np.concatenate([offsets, np.full(dim, high), np.full(dim, -low)])
    goal = np.append(np.zeros(dim), -1.0)
    found = linprog(goal, A_ub=left, b_ub=right, bounds=[(None, None)] * (dim + 1), method="highs")
    if found.x is None:
        raise IllConditioned(f"the linear program for a region was not solved: {found.message}")
    return found.x[:dim], float(found.x[dim])
