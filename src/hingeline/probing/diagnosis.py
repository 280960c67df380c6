"""From the doctor's ladders to conclusions: sigmoid or score, how noisy, straight or not. Asks nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.oracles.protocol import Answers
from hingeline.probing.evidence import Evidence
from hingeline.probing.heads import Head
from hingeline.probing.ladder import COARSE, FINE, Ladder, Shape, shape_of
from hingeline.probing.noise_fit import fit_noise
from hingeline.probing.reading import Reading, measured_with

# Ladders up to this many scales out tell straight from curved.
WITHIN = 5.0
# A probability this close to 0 or 1 is saturated.
_SATURATED = 1e-3


def settle_head(evidence: Evidence, reading: Reading, said: Answers) -> Reading:
    """Decide whether a suspected sigmoid is one, now that ladders are there.

    Far out, log-odds grow without limit and the probability saturates. Where the answers themselves are
    straight, they are scores that happen to lie between 0 and 1 (or are cut off there). A kink proves
    nothing: the sigmoid of a ReLU network has kinks as well.
    """
    if reading.head.kind != "sigmoid" or said == "probabilities":
        return reading
    as_scores = measured_with(evidence, reading.resolution, Head(), constant=False, labels=False)
    ladders = read_ladders(evidence, as_scores)
    plainly_straight = "straight" in _within(evidence, ladders, shapes(evidence, as_scores, ladders))
    if evidence.far is None:
        return as_scores if plainly_straight else reading
    odds = straightness(evidence, reading)
    if _saturates(evidence.far):
        return as_scores if plainly_straight and odds is False else reading
    return reading if odds is True and not plainly_straight else as_scores


def read_ladders(evidence: Evidence, reading: Reading) -> list[Ladder]:
    """The ladders in values, those left out that have an unusable answer."""
    head, resolution = reading.head, reading.resolution
    ladders = [raw.read(head, resolution, evidence.uncertainty(head, raw.norm)) for raw in evidence.ladders]
    return [ladder for ladder in ladders if ladder is not None]


def shapes(evidence: Evidence, reading: Reading, ladders: Sequence[Ladder]) -> list[Shape]:
    """The shape of each ladder, seen through the noise of all of them."""
    natural = reading.variation / evidence.ground.scale**2
    sigmas = deviations(reading, ladders)
    return [shape_of(ladder, sigma, natural) for ladder, sigma in zip(ladders, sigmas, strict=True)]


def deviations(reading: Reading, ladders: Sequence[Ladder]) -> list[float]:
    """Noise at each ladder, whether or not the values are curved.

    A curved function spoils the straight estimate, a kink the curved one: the smaller is the noise.
    """
    if not ladders:
        return []
    floors = [_fitted(ladders, reading, curved=curved) for curved in (False, True)]
    return [min(float(f.at_norm(np.array(ladder.norm))) for f in floors) for ladder in ladders]


def straightness(evidence: Evidence, reading: Reading) -> bool | None:
    """True if the values are piecewise linear, False if they are curved, None if that cannot be seen.

    Fine answers decide by a single ladder. In coarse ones the steps are long and meet many kinks, which
    may imitate a curve: two ladders must agree and none object. In very coarse ones no curve is believed.
    Where the door rounds its inputs, all bends may come from that. Neurons far from where they switch
    are as straight in a GELU network as in a ReLU one, so a network straight at all probes may be either.
    """
    ladders = read_ladders(evidence, reading)
    if inputs_rounded(ladders):
        return None
    seen = shapes(evidence, reading, ladders)
    curved = seen.count("curved")
    # Far out a smooth network is as straight as a ReLU one.
    near = _within(evidence, ladders, seen)
    pieces = near.count("straight") + near.count("kinked")
    if not curved:
        return True if pieces else None
    if reading.relative < FINE:
        return False
    return False if curved >= 2 and not pieces and reading.relative < COARSE else None


def _within(evidence: Evidence, ladders: Sequence[Ladder], seen: Sequence[Shape]) -> list[Shape]:
    limit = WITHIN * evidence.ground.scale
    return [shape for ladder, shape in zip(ladders, seen, strict=True) if ladder.norm <= limit]


def inputs_rounded(ladders: Sequence[Ladder]) -> bool:
    """Whether the door rounds its inputs: somewhere the short steps move nothing and the long ones do."""
    return any(ladder.stuck for ladder in ladders)


def _fitted(ladders: Sequence[Ladder], reading: Reading, *, curved: bool) -> NoiseFloor:
    rounded = reading.resolution.step is not None
    return fit_noise(ladders, unit=reading.resolution.unit, curved=curved, rounded=rounded)


def measure_noise(ladders: Sequence[Ladder], reading: Reading, *, curved: bool) -> NoiseFloor:
    """The noise floor of the values; rounding alone where no ladder could be read."""
    if not ladders:
        return NoiseFloor(reading.relative * reading.variation, 0.0)
    floor = _fitted(ladders, reading, curved=curved)
    at_radius = reading.head.noise_at_radius(reading.resolution)
    if at_radius > 0 and np.isfinite(reading.radius):
        floor = NoiseFloor(floor.absolute, max(floor.per_norm, at_radius / max(reading.radius, 1e-300)))
    if not inputs_rounded(ladders):
        return floor
    # Rounded inputs shift the answer by the same amount wherever it is asked.
    shifts = [float(np.sqrt(np.mean(ladder.bends[0] ** 2) / 6.0)) for ladder in ladders if ladder.stuck]
    return NoiseFloor(max(floor.absolute, *shifts), floor.per_norm)


def _saturates(far: FloatArray) -> bool:
    return bool(np.all(np.minimum(np.abs(far), np.abs(1 - far)) < _SATURATED))
