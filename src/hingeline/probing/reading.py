"""What the answers say so far: constant, labels, head, resolution, usable radius. Asks nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.oracles.protocol import Answers
from hingeline.probing.clipping import same_answers
from hingeline.probing.evidence import Evidence, known_error
from hingeline.probing.heads import Head, read_head
from hingeline.probing.resolution import Resolution, read_resolution

# Radius chosen, as a share of the norm where the head should run out of digits in the directions seen.
_HEADROOM = 0.5
# Inputs are cast to these before they are sent; their rounding moves the values as much as that of answers.
_INPUT_UNITS = {"float32": 2.0**-24, "float16": 2.0**-11}
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
    return measured_with(evidence, resolution, head, constant=constant, labels=labels)


def relative_at(evidence: Evidence, reading: Reading, factor: float) -> float:
    """Error of a value far out, relative to how much values vary there.

    An absolute error, such as a rounding grid, matters less where values are larger.
    """
    if evidence.far is None or reading.head.kind != "none" or reading.variation == 0:
        return reading.relative
    rounding = float(np.median(reading.resolution.rounding(np.abs(evidence.far))))
    error = known_error(rounding, evidence.uncertainty(reading.head))
    return float(np.clip(error / (reading.variation * factor), 2.0**-53, reading.relative))


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
    elif np.isfinite(reading.head.largest_value) or evidence.far_failure:
        # Nothing is promised beyond what was seen to work.
        survey = [float(np.linalg.norm(point)) for point in evidence.survey]
        radius = min(radius, max(good or survey))
    if evidence.flat_beyond is not None:
        radius = min(radius, max(abs(end) for end in evidence.flat_beyond))
    return radius


def flat_far_out(evidence: Evidence, reading: Reading) -> bool:
    """Whether answers stand still on both far rays without the head being saturated."""
    far = evidence.far
    if far is None or not reading.head.usable(far).all():
        return False
    uncertainty = evidence.uncertainty(Head())
    return all(same_answers(far[i], far[i + 1], reading.resolution, uncertainty) for i in (0, 2))


def measured_with(
    evidence: Evidence, resolution: Resolution, head: Head, *, constant: bool, labels: bool
) -> Reading:
    """The reading that follows once it is known how answers become values."""
    usable = head.usable(evidence.survey_answers)
    points, answers = evidence.survey[usable], evidence.survey_answers[usable]
    if not len(answers):
        return Reading(constant, labels, resolution, head, 0.0, _BLIND, 0.0)
    values = head.values(answers)
    variation = float(np.ptp(values, axis=0).max())
    error = known_error(float(np.median(head.rounding(answers, resolution))), evidence.uncertainty(head))
    relative = error / variation if variation > 0 else _BLIND
    by_inputs = _INPUT_UNITS.get(evidence.session.oracle.spec.dtype, 0.0)
    relative = float(np.clip(max(relative, by_inputs), 2.0**-53, _BLIND))
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
    if not np.any(norms > norms[first]):
        return radius
    moved = np.abs(values - values[first])[norms > norms[first]] / norms[norms > norms[first], np.newaxis]
    # The largest growth seen, or twice its root mean square where few outputs and directions were seen.
    growth = max(float(moved.max()), 2 * float(np.sqrt(np.mean(moved**2, axis=0)).max()))
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
