"""From the doctor's notebook to conclusions: which head, how noisy, straight or not. Asks nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.oracles.protocol import Answers
from hingeline.probing.clipping import same_answers
from hingeline.probing.evidence import Evidence, known_error
from hingeline.probing.heads import Head, read_head
from hingeline.probing.ladder import Ladder, Shape, fit_noise, shape_of
from hingeline.probing.resolution import Resolution, read_resolution

# Radius chosen, as a share of the norm where the head should run out of digits in the directions seen.
_HEADROOM = 0.5
# Answers finer than this, relative to how much they vary, show curvature beyond doubt.
FINE = 1e-10
# Answers coarser than this cannot tell many kinks from a curve.
COARSE = 1e-6
# Ladders up to this many scales out tell straight from curved.
WITHIN = 5.0
# A probability this close to 0 or 1 is saturated.
_SATURATED = 1e-3
# Relative error assumed where the values do not vary at all.
_BLIND = 0.1


@dataclass(frozen=True)
class Reading:
    """What the answers so far say; decides what is asked next."""

    constant: bool
    """All answers are identical."""
    labels: bool
    """Answers are class labels, or one-hot rows."""
    resolution: Resolution
    """How finely answers arrive."""
    head: Head
    """How answers become values."""
    variation: float
    """How much values vary within the scale."""
    relative: float
    """Error of a value, relative to `variation`."""
    radius: float
    """Largest |x| at which values are expected to be usable; inf if free."""


def read(evidence: Evidence, said: Answers) -> Reading:
    """Read survey, repeats and far answers, as far as they are there.

    Args:
        evidence: The notebook; the survey must be in it.
        said: What the user says the answers are.
    """
    every = evidence.all_answers()
    resolution = read_resolution(every)
    constant = bool(np.all(every == every[0]))
    labels = not constant and (said == "labels" or (said == "auto" and _are_labels(evidence, every)))
    head = Head() if labels or constant else _head(evidence, resolution, said)
    return _measured(evidence, resolution, head, constant=constant, labels=labels)


def settle_head(evidence: Evidence, reading: Reading, said: Answers) -> Reading:
    """Decide whether a suspected sigmoid is one, now that ladders are there.

    Far out, log-odds grow without limit and the probability saturates. Where the answers themselves are
    straight, they are scores that happen to lie between 0 and 1 (or are cut off there). A kink proves
    nothing: the sigmoid of a ReLU network has kinks as well.
    """
    if reading.head.kind != "sigmoid" or said == "probabilities":
        return reading
    as_scores = _measured(evidence, reading.resolution, Head(), constant=False, labels=False)
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
    floors = [fit_noise(ladders, unit=reading.resolution.unit, curved=curved) for curved in (False, True)]
    return [min(float(f.at_norm(np.array(ladder.norm))) for f in floors) for ladder in ladders]


def straightness(evidence: Evidence, reading: Reading) -> bool | None:
    """True if the values are piecewise linear, False if they are curved, None if that cannot be seen.

    Fine answers decide by a single ladder. In coarse ones the steps are long and meet many kinks, which
    may imitate a curve: two ladders must agree and none object. In very coarse ones no curve is believed.
    """
    ladders = read_ladders(evidence, reading)
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


def measure_noise(ladders: Sequence[Ladder], reading: Reading, *, curved: bool) -> NoiseFloor:
    """The noise floor of the values; rounding alone where no ladder could be read."""
    if not ladders:
        return NoiseFloor(reading.relative * reading.variation, 0.0)
    floor = fit_noise(ladders, unit=reading.resolution.unit, curved=curved)
    at_radius = reading.head.noise_at_radius(reading.resolution)
    if at_radius > 0 and np.isfinite(reading.radius):
        floor = NoiseFloor(floor.absolute, max(floor.per_norm, at_radius / max(reading.radius, 1e-300)))
    if not inputs_rounded(ladders):
        return floor
    # Rounded inputs shift the answer by the same amount wherever it is asked.
    shifts = [float(np.sqrt(np.mean(ladder.bends[0] ** 2) / 6.0)) for ladder in ladders if ladder.stuck]
    return NoiseFloor(max(floor.absolute, *shifts), floor.per_norm)


def measured_radius(evidence: Evidence, reading: Reading) -> float:
    """Largest |x| at which values are usable, no larger than where an unusable answer was met."""
    norms = [raw.norm for raw in evidence.ladders]
    usable = [bool(reading.head.usable(raw.answers).all()) for raw in evidence.ladders]
    good = [norm for norm, fine in zip(norms, usable, strict=True) if fine]
    bad = [norm for norm, fine in zip(norms, usable, strict=True) if not fine]
    radius = min(reading.radius, evidence.ground.corner_norm)
    if bad:
        below = [norm for norm in good if norm < min(bad)]
        radius = min(radius, max(below, default=0.0))
    elif np.isfinite(reading.head.largest_value):
        # Nothing is promised beyond what was seen to work.
        radius = min(radius, max(good, default=0.0))
    if evidence.flat_beyond is not None:
        radius = min(radius, max(abs(end) for end in evidence.flat_beyond))
    return radius


def relative_at(evidence: Evidence, reading: Reading, factor: float) -> float:
    """Error of a value far out, relative to how much values vary there.

    An absolute error, such as a rounding grid, matters less where values are larger.
    """
    if evidence.far is None or reading.head.kind != "none" or reading.variation == 0:
        return reading.relative
    rounding = float(np.median(reading.resolution.rounding(np.abs(evidence.far))))
    error = known_error(rounding, evidence.uncertainty(reading.head))
    return float(np.clip(error / (reading.variation * factor), 2.0**-53, reading.relative))


def _measured(
    evidence: Evidence, resolution: Resolution, head: Head, *, constant: bool, labels: bool
) -> Reading:
    usable = head.usable(evidence.survey_answers)
    points, answers = evidence.survey[usable], evidence.survey_answers[usable]
    if not len(answers):
        return Reading(constant, labels, resolution, head, 0.0, _BLIND, 0.0)
    values = head.values(answers)
    variation = float(np.ptp(values, axis=0).max())
    error = known_error(float(np.median(head.rounding(answers, resolution))), evidence.uncertainty(head))
    relative = error / variation if variation > 0 else _BLIND
    relative = float(np.clip(relative, 2.0**-53, _BLIND))
    radius = _expected_radius(head, points, values, evidence.survey[~usable])
    return Reading(constant, labels, resolution, head, variation, relative, radius)


def _expected_radius(head: Head, points: FloatArray, values: FloatArray, unusable: FloatArray) -> float:
    """Norm up to which the head should keep its digits, from the growth of log-ratios seen so far."""
    largest = head.largest_value
    radius = np.inf if not len(unusable) else 0.9 * float(np.linalg.norm(unusable, axis=1).min())
    if not np.isfinite(largest):
        return radius
    norms, sizes = np.linalg.norm(points, axis=1), np.abs(values).max(axis=1)
    first = int(np.argmin(norms))
    moved = np.abs(values - values[first])[norms > norms[first]] / norms[norms > norms[first], np.newaxis]
    # The largest growth seen, or twice its root mean square where few outputs and directions were seen.
    growth = max(float(moved.max(initial=0)), 2 * float(np.sqrt(np.mean(moved**2, axis=0)).max(initial=0)))
    return min(radius, _HEADROOM * (largest - float(sizes.min())) / growth) if growth > 0 else radius


def _head(evidence: Evidence, resolution: Resolution, said: Answers) -> Head:
    head = read_head(evidence.survey_answers, resolution, said)
    far = evidence.far
    leaves_unit = far is not None and bool(np.any((far < 0) | (far > 1)))
    return Head() if head.kind == "sigmoid" and leaves_unit and said == "auto" else head


def _are_labels(evidence: Evidence, every: FloatArray) -> bool:
    """Whole numbers that stay the same further out on a ray; or rows of zeros and ones."""
    if not np.all(every == np.rint(every)):
        return False
    if every.shape[1] > 1:
        return bool(np.all((every == 0) | (every == 1)))
    # Scores rounded to whole numbers keep growing along a ray, labels do not.
    return bool(every.min() >= -1) and (evidence.far is None or _far_is_flat(evidence.far))


def _far_is_flat(far: FloatArray) -> bool:
    return bool(np.array_equal(far[0], far[1]) and np.array_equal(far[2], far[3]))


def _saturates(far: FloatArray) -> bool:
    return bool(np.all(np.minimum(np.abs(far), np.abs(1 - far)) < _SATURATED))


def flat_far_out(evidence: Evidence, reading: Reading) -> bool:
    """Whether answers stand still on both far rays without the head being saturated."""
    far = evidence.far
    if far is None or not reading.head.usable(far).all():
        return False
    pairs: list[BoolArray | bool] = [
        same_answers(far[i], far[i + 1], reading.resolution, evidence.uncertainty(Head())) for i in (0, 2)
    ]
    return all(pairs)
