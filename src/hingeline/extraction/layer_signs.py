"""The signs of a complete unsigned layer, or why they are not decided.

A system with a 0/1 solution decides them; from coarse answers, plain least squares near enough to 0 and 1.

Cost: no queries. Source: `single_layer`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.core.arrays import BoolArray
from hingeline.core.events import Note
from hingeline.extraction.recovery import Bench
from hingeline.extraction.single_layer import (
    RegionView,
    SingleLayer,
    decide_signs,
    flipped,
    sign_equations,
)
from hingeline.numerics.binary_system import BinarySolution, BinaryStatus
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.probe import is_coarse

UNDECIDED = {
    BinaryStatus.NONE: "no choice of signs gives its linear part (opposite neurons, a skip connection, or a "
    "slope per neuron that too few equations tell)",
    BinaryStatus.AMBIGUOUS: "several choices of signs fit equally well",
    BinaryStatus.UNDECIDED: "the search for the signs took too long",
}
"""Why signs are not decided, by the outcome of the 0/1 system."""
ROUNDABLE = 0.25
"""From coarse answers, sign bits are rounded if all lie so near to 0 or 1; a missing neuron leaves more."""
BIT_SIGMAS = 3.0
"""Deviations of a bit's own noise that must lie within that: bits that nothing tells are not rounded."""
UNPROVED = "that no other choice of signs fits is not proved"


def signed_layer(
    bench: Bench, layer: SingleLayer, view: RegionView, name: str, given: BoolArray | None = None
) -> tuple[SingleLayer, str]:
    """The layer with decided signs, or unchanged (bypass kept) with the reason why not; no queries.

    Neurons that are `given` (shape "n") are taken as they are.
    """
    with bench.probe.session.phase(name):
        bare = SingleLayer(
            layer.normals, layer.offsets, layer.jumps, layer.errors,
            np.zeros_like(layer.linear), layer.constant,
        )  # fmt: skip
        solution = decide_signs(bare, view, given)
    if is_coarse(bench.probe):
        solution = rounded(bare, view, solution)
    bench.evidence[name] = {
        "status": str(solution.status),
        "deviation": solution.deviation,
        "rank": solution.rank,
        "free_bits": solution.free_bits,
    }
    if solution.bits is None or solution.status is not BinaryStatus.EXACT:
        bench.probe.session.emit(Note(f"signs not decided ({solution.status}); a linear bypass carries them"))
        return layer, UNDECIDED[solution.status]
    signed = flipped(bare, solution.bits)
    # the bias goes with the bypass: what the turned neurons no longer give becomes constant
    shift = layer.offsets[solution.bits] @ layer.jumps[solution.bits]
    return SingleLayer(
        signed.normals, signed.offsets, signed.jumps, signed.errors, signed.linear, layer.constant + shift
    ), "" if solution.unique else UNPROVED


def rounded(layer: SingleLayer, view: RegionView, solution: BinarySolution) -> BinarySolution:
    """Bits that plain least squares name, where coarse rows fit no bits well; verification has the last word.

    The 0/1 system allows for errors that all point one way; those of coarse rows are noise.
    """
    if solution.status is BinaryStatus.EXACT or not layer.width:
        return solution
    columns, right = sign_equations(layer, view)
    if columns.shape[0] < columns.shape[1]:
        return solution
    relaxed = np.linalg.lstsq(columns, right, rcond=None)[0]
    bits = relaxed > 0.5
    deviation = float(np.abs(relaxed - bits).max())
    # what the rows' noise, as the bits leave it, does to each unknown: without a bound, chance names the bits
    noise = float(np.sqrt(np.mean((columns @ bits - right) ** 2)))
    doubt = noise * float(np.linalg.norm(np.linalg.pinv(columns, rcond=EPSILON), axis=1).max())
    if max(deviation, BIT_SIGMAS * doubt) > ROUNDABLE:
        return solution
    return replace(
        solution, status=BinaryStatus.EXACT, bits=bits, unique=True, relaxed=relaxed, deviation=deviation
    )
