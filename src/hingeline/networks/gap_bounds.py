"""A bound on how far the outputs of two matched ReLU networks part, for every input in a box.

Neuron i of either network is written h_i = s_i (H_p + D_i), where H_p is its leader, a neuron of a, s_i > 0
its scale, and D_i an affine form (`affine_forms`). Neurons without a partner have no H_p; then D_i is all
of h_i. With V = W diag(s) divided by the scales of its own rows, the leaders' pre-activations z and the
differences c of their partners' from them are, layer by layer,

    z  =  V_a (H + D_a) + b_a
    c  =  (V_b - V_a) H + V_b D_b - V_a D_a + (b_b - b_a)

so that equal weights cancel before anything is bounded, and D' = max(z + c, 0) - max(z, 0) lies between 0
and c. Where no neuron of a pair can switch on the box, D' is c itself or 0. A partner on at the other side
of its hyperplane has max(-(z + c), 0) = max(z, 0) + D' - (z + c). At the output layer c is the gap.

Soundness: these are identities, whoever is paired with whom, and each operation on forms holds with its
rounding; rescaled weights are wrong by a few u of their size, which is added where they are used.
Cost: that of a few products of the weight matrices with (inputs + neurons) columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.networks.affine_forms import (
    TINY,
    UNIT,
    AffineForms,
    Symbols,
    no_forms,
    of_box,
    product,
    relu,
    relu_change,
    scattered,
)
from hingeline.networks.partners import LayerPartners, Side
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork, row_norms

# A scale this near a power of two is taken for it: such scales round nothing.
_SNAP = 16 * UNIT


@dataclass(frozen=True, eq=False)
class GapBounds:
    """What holds on one box, in exact arithmetic."""

    low: FloatArray
    """No output of b lies further below that of a, "k"."""
    high: FloatArray
    """No output of b lies further above that of a, "k"."""
    alone: tuple[tuple[int, int], ...]
    """Per hidden layer: neurons of a, and of b, that may switch on the box and have no partner."""

    @property
    def largest(self) -> FloatArray:
        """Largest absolute gap of each output, "k"."""
        return np.maximum(np.abs(self.low), np.abs(self.high))


@dataclass(frozen=True, eq=False)
class _Outputs:
    """What one layer of one network hands to the next."""

    partner: IntArray
    """Leader of each neuron, "n"; -1 where it has none."""
    scale: FloatArray
    """Its scale s > 0, "n"."""
    rest: AffineForms
    """Its D, "n"."""


@dataclass(frozen=True, eq=False)
class _Rows:
    """Pre-activations of one network, each divided by its scale."""

    scale: FloatArray
    """Negative where the neuron is on at the other side, "n"."""
    weights: FloatArray
    """Weights on the leaders, "n p"."""
    rest: AffineForms
    """V D, with what rounding the weights may have changed, "n"."""
    bias: FloatArray
    """Biases, "n"."""
    bias_error: FloatArray
    """What rounding may have changed in them, "n"."""


def gap_bounds(
    a: PiecewiseLinearNetwork,
    b: PiecewiseLinearNetwork,
    partners: Sequence[LayerPartners],
    low: FloatArray,
    high: FloatArray,
) -> GapBounds:
    """Bound b(x) - a(x) for all x of the box from `low` to `high` ("d").

    Args:
        a: One network.
        b: Another one with as many layers, inputs and outputs.
        partners: Per hidden layer and for the outputs, from `find_partners`.
        low: Least input coordinates.
        high: Largest input coordinates.

    Bounds that overflow come back as inf or NaN.
    """
    symbols = Symbols(0)
    leaders = of_box(low, high, symbols)
    out_a = out_b = _Outputs(np.arange(len(low)), np.ones(len(low)), no_forms(len(low)))
    alone: list[tuple[int, int]] = []
    for layer, who in enumerate(partners[:-1]):
        rows_a, rows_b = _rows_of_both(a, b, layer, (out_a, out_b), leaders, who)
        base = _values(rows_a, who.leaders, leaders)
        following = relu(base, symbols)
        out_a, alone_a = _outputs(rows_a, who.a, (rows_a, who.leaders, base), leaders, symbols)
        out_b, alone_b = _outputs(rows_b, who.b, (rows_a, who.leaders, base), leaders, symbols)
        alone.append((alone_a, alone_b))
        leaders = following
    rows_a, rows_b = _rows_of_both(a, b, len(partners) - 1, (out_a, out_b), leaders, partners[-1])
    order = np.arange(a.output_dim)
    gap = _change(rows_b, order, rows_a, order, leaders)
    return GapBounds(gap.low, gap.high, tuple(alone))


def _rows_of_both(
    a: PiecewiseLinearNetwork,
    b: PiecewiseLinearNetwork,
    layer: int,
    before: tuple[_Outputs, _Outputs],
    leaders: AffineForms,
    who: LayerPartners,
) -> tuple[_Rows, _Rows]:
    """Pre-activations of one layer of both networks, in the scales of their leaders."""
    ones = [np.ones(len(network.biases[layer])) for network in (a, b)]
    lead = _folded(_scaled(a.weights[layer], before[0].scale, ones[0])[0], before[0].partner, leaders)
    scales = ones
    if layer + 1 < len(a.weights):  # outputs have a scale of their own
        scales = [
            _scales(
                _folded(_scaled(network.weights[layer], out.scale, one)[0], out.partner, leaders),
                side,
                lead[who.leaders],
            )
            for network, out, one, side in zip((a, b), before, ones, (who.a, who.b), strict=True)
        ]
    return (
        _rows(a, layer, before[0], leaders, scales[0]),
        _rows(b, layer, before[1], leaders, scales[1]),
    )


def _rows(
    network: PiecewiseLinearNetwork, layer: int, before: _Outputs, leaders: AffineForms, scale: FloatArray
) -> _Rows:
    weights, error = _scaled(network.weights[layer], before.scale, scale)
    bias, bias_error = _scaled(network.biases[layer][:, np.newaxis], np.ones(1), scale)
    partner = before.partner
    shared = np.where(partner >= 0, leaders.largest[partner] if len(leaders.low) else 0.0, 0.0)
    # copies of one leader are added up, which rounds
    linked = partner[partner >= 0]
    copies = len(linked) - len(np.unique(linked))
    error = error + 2 * UNIT * copies * np.abs(weights)
    rest = product(weights, before.rest)
    lost = (1.0 + 4.0 * (len(partner) + 8) * UNIT) * (error @ (shared + before.rest.largest))
    return _Rows(scale, _folded(weights, partner, leaders), rest.loosened(lost), bias[:, 0], bias_error[:, 0])


def _scaled(weights: FloatArray, columns: FloatArray, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weights times the scale of their columns over that of their rows, and how wrong they may be."""
    result = weights * columns / rows[:, np.newaxis]
    back = result * rows[:, np.newaxis] / columns
    exact = _is_power(columns) & _is_power(rows)[:, np.newaxis] & (back == weights)
    # what underflows before the division grows in it
    lost = TINY * (1.0 + 1.0 / np.abs(rows[:, np.newaxis]))
    error = np.where(exact | (weights == 0), 0.0, 3 * UNIT * np.abs(result) + lost)
    return result, error


def _is_power(scale: FloatArray) -> BoolArray:
    return np.asarray(np.abs(np.frexp(scale)[0]) == 0.5)


def _folded(weights: FloatArray, partner: IntArray, leaders: AffineForms) -> FloatArray:
    """Weights "n m" on the neurons of a layer, as weights "n p" on their leaders."""
    folded = np.zeros((len(leaders.low), len(weights)))
    linked = partner >= 0
    np.add.at(folded, partner[linked], weights.T[linked])
    return np.ascontiguousarray(folded.T)


def _scales(weights: FloatArray, side: Side, lead: FloatArray) -> FloatArray:
    """The scale of each neuron over that of its leader; 1 where it has none."""
    scale, linked = np.ones(len(weights)), side.partner >= 0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        ratio = row_norms(weights[linked]) / row_norms(lead)[side.partner[linked]]
    mantissa, exponent = np.frexp(ratio)
    near = np.abs(mantissa - 0.5) <= _SNAP
    ratio = np.where(near, np.ldexp(0.5, exponent), ratio)
    near = np.abs(mantissa - 1.0) <= _SNAP
    ratio = np.where(near, np.ldexp(1.0, exponent), ratio)
    usable = np.isfinite(ratio) & (ratio > 1e-100) & (ratio < 1e100)
    scale[linked] = side.sign[linked] * np.where(usable, ratio, 1.0)
    return scale


def _values(rows: _Rows, index: IntArray, leaders: AffineForms) -> AffineForms:
    """Pre-activations of some neurons."""
    forms = product(rows.weights[index], leaders).plus(rows.rest.rows(index))
    return forms.plus_constant(rows.bias[index], rows.bias_error[index])


def _change(rows: _Rows, index: IntArray, lead: _Rows, led_by: IntArray, leaders: AffineForms) -> AffineForms:
    """Pre-activations of some neurons less those of the neurons that lead them."""
    shared = product(rows.weights[index] - lead.weights[led_by], leaders)
    rest = rows.rest.rows(index).minus(lead.rest.rows(led_by))
    bias = rows.bias[index] - lead.bias[led_by]
    error = rows.bias_error[index] + lead.bias_error[led_by]
    return shared.plus(rest).plus_constant(bias, (1.0 + 16 * UNIT) * (error + UNIT * np.abs(bias)))


def _outputs(
    rows: _Rows,
    side: Side,
    lead: tuple[_Rows, IntArray, AffineForms],
    leaders: AffineForms,
    symbols: Symbols,
) -> tuple[_Outputs, int]:
    """What the layer hands on, and how many neurons may switch without a partner.

    `lead` has the rows of a, which of them lead, and their pre-activations.
    """
    led = side.partner >= 0
    if rows is lead[0]:
        led[lead[1]] = False  # a leader is its own partner: no difference
    index, others = np.flatnonzero(led), np.flatnonzero(side.partner < 0)
    change = _change(rows, index, lead[0], lead[1][side.partner[index]], leaders)
    base = lead[2].rows(side.partner[index])
    moved = relu_change(base, change, symbols)
    back = np.flatnonzero(rows.scale[index] < 0)
    kept = np.flatnonzero(rows.scale[index] > 0)
    turned = moved.rows(back).minus(base.rows(back).plus(change.rows(back)))
    moved = scattered(len(index), [(kept, moved.rows(kept)), (back, turned)])
    own = _values(rows, others, leaders)
    switching = (own.low < 0) & (own.high > 0)
    rest = scattered(len(led), [(index, moved), (others, relu(own, symbols))])
    alone = int(np.count_nonzero(switching & side.alone[others]))
    return _Outputs(side.partner, np.abs(rows.scale), rest), alone
