"""From the doctor's notebook to conclusions: which head, how noisy, straight or not. Asks nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.oracles.protocol import Answers
from hingeline.probing.clipping import same_answers
from hingeline.probing.evidence import Evidence, answer_error
from hingeline.probing.heads import Head, read_head
from hingeline.probing.ladder import Ladder, Shape, fit_noise, shape_of
from hingeline.probing.resolution import Resolution, read_resolution

# Radius chosen, as a share of the norm where the head should run out of digits in the directions seen.
_HEADROOM = 0.5
# Answers finer than this, relative to how much they vary, show curvature beyond doubt.
_FINE = 1e-10
# Relative error assumed where the values do not vary at all.
_BLIND = 0.1
# A probability this close to 0 or 1 is saturated.
_SATURATED = 1e-3


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

    Log-odds of a ReLU network are straight where the probability is curved. If neither is told, a
    probability that saturates far out is taken for a sigmoid.
    """
    if reading.head.kind != "sigmoid" or said == "probabilities":
        return reading
    raw = straightness(evidence, read_ladders(evidence, Head(), reading.resolution), reading.relative)
    odds = straightness(evidence, read_ladders(evidence, reading.head, reading.resolution), reading.relative)
    is_sigmoid = raw is not True and (odds is True or _saturates(evidence))
    if is_sigmoid:
        return reading
    return _measured(evidence, reading.resolution, Head(), constant=False, labels=False)


def read_ladders(evidence: Evidence, head: Head, resolution: Resolution) -> list[Ladder]:
    """The ladders in values, those left out that have an unusable answer."""
    ladders = [raw.read(head, resolution, evidence.spread) for raw in evidence.ladders]
    return [ladder for ladder in ladders if ladder is not None]


def shapes(ladders: Sequence[Ladder], unit: float) -> list[Shape]:
    """The shape of each ladder, seen through the noise of all of them."""
    if not ladders:
        return []
    # A curved function spoils the straight estimate, a kink the curved one: the smaller is the noise.
    floors = [fit_noise(ladders, unit=unit, curved=curved) for curved in (False, True)]
    sigmas = [min(float(f.at_norm(np.array(ladder.norm))) for f in floors) for ladder in ladders]
    return [shape_of(ladder, sigma) for ladder, sigma in zip(ladders, sigmas, strict=True)]


def straightness(evidence: Evidence, ladders: Sequence[Ladder], relative: float) -> bool | None:
    """True if the values are piecewise linear, False if they are curved, None if that cannot be seen."""
    seen = shapes(ladders, unit=2.0**-53)
    if "curved" in seen and (relative < _FINE or evidence.curvature_confirmed):
        return False
    if "straight" in seen or ("curved" in seen and evidence.curvature_confirmed is False):
        return True
    return None


def measure_noise(ladders: Sequence[Ladder], reading: Reading, *, curved: bool) -> NoiseFloor:
    """The noise floor of the values; rounding alone where no ladder could be read."""
    if ladders:
        return fit_noise(ladders, unit=reading.resolution.unit, curved=curved)
    return NoiseFloor(reading.relative * reading.variation, 0.0)


def measured_radius(evidence: Evidence, reading: Reading) -> float:
    """Largest |x| at which values are usable, no larger than where an unusable answer was met."""
    norms = [float(np.linalg.norm(raw.points[0])) for raw in evidence.ladders]
    usable = [bool(reading.head.usable(raw.answers).all()) for raw in evidence.ladders]
    good = [norm for norm, fine in zip(norms, usable, strict=True) if fine]
    bad = [norm for norm, fine in zip(norms, usable, strict=True) if not fine]
    radius = min(reading.radius, evidence.ground.corner_norm)
    if bad:
        below = [norm for norm in good if norm < min(bad)]
        radius = min(radius, max(below, default=0.0))
    if evidence.flat_beyond is not None:
        radius = min(radius, max(abs(end) for end in evidence.flat_beyond))
    return radius


def relative_at(evidence: Evidence, reading: Reading, factor: float) -> float:
    """Error of a value far out, relative to how much values vary there.

    An absolute error, such as a rounding grid, matters less where values are larger.
    """
    if evidence.far is None or reading.head.kind != "none" or reading.variation == 0:
        return reading.relative
    error = float(np.median(answer_error(evidence.far, reading.resolution, evidence.spread)))
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
    errors = head.value_error(answers, answer_error(answers, resolution, evidence.spread), resolution.unit)
    relative = float(np.median(errors)) / variation if variation > 0 else _BLIND
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
    growth = (sizes - sizes[np.argmin(norms)]) / np.maximum(norms, 1e-300)
    if growth.max() <= 0:
        return radius
    return min(radius, _HEADROOM * (largest - float(sizes.min())) / float(growth.max()))


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


def _saturates(evidence: Evidence) -> bool:
    return evidence.far is not None and bool(
        np.all(np.minimum(np.abs(evidence.far), np.abs(1 - evidence.far)) < _SATURATED)
    )


def flat_far_out(evidence: Evidence, reading: Reading) -> bool:
    """Whether answers stand still on both far rays without the head being saturated."""
    far = evidence.far
    if far is None or not reading.head.usable(far).all():
        return False
    pairs: list[BoolArray | bool] = [
        same_answers(far[i], far[i + 1], reading.resolution, evidence.spread) for i in (0, 2)
    ]
    return all(pairs)
