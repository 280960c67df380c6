"""What the doctor asks, in order: each answer decides what is asked next.

Six points at growing norms; a typical one again, alone and in a pair; two rays far out; three ladders
within the scale (seven points on a short line each); one ladder far out, or the ends of the interval
outside which answers stand still; where curvature is suspected in coarse answers, a further step.

Cost: 42 queries without surprises, never more than 48; 5 to 8 batches.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.probing.clipping import find_flat_ends
from hingeline.probing.diagnosis import (
    Reading,
    flat_far_out,
    read,
    read_ladders,
    relative_at,
    shapes,
    straightness,
)
from hingeline.probing.evidence import Evidence, RawLadder, Repeats
from hingeline.probing.ladder import Steps, ladder_points

MOST_QUERIES = 48
# Norms of the survey in units of the scale; the origin tells biases from weights.
_SURVEY = (0.0, 0.1, 0.5, 1.0, 1.5, 3.0)
_TYPICAL = 3
# Further norms where everything looked constant, or where labels are to be counted.
_WIDER = (0.01, 0.2, 0.7, 1.2, 2.0, 10.0, 30.0, 100.0)
_LABELS = (0.3, 0.6, 0.8, 1.0, 1.0, 1.2, 1.5, 2.0, 2.0, 3.0, 4.0, 6.0, 10.0, 30.0)
_FAR = 1000.0


def ask_everything(evidence: Evidence, rng: np.random.Generator) -> None:
    """Fill the notebook; at most 48 queries.

    Raises:
        BudgetExhausted: What was answered so far is in the notebook.
        OracleError: No usable answer came from the heart of the domain.
    """
    said = evidence.session.oracle.spec.answers
    _survey(evidence, rng)
    _repeat(evidence)
    _look_far(evidence, rng)
    reading = read(evidence, said)
    if reading.constant:
        _look_wider(evidence, rng)
        reading = read(evidence, said)
    if reading.labels:
        evidence.ask(np.array([evidence.ground.point(rng, factor) for factor in _LABELS]))
    elif not reading.constant:
        _climb(evidence, reading, rng)
    evidence.complete = True


def _survey(evidence: Evidence, rng: np.random.Generator) -> None:
    points = np.array([evidence.ground.point(rng, factor) for factor in _SURVEY])
    evidence.survey_answers = evidence.ask(points)
    evidence.survey = points


def _repeat(evidence: Evidence) -> None:
    """Ask a typical row alone, alone again, and in a pair: 4 queries."""
    row = evidence.survey[[_TYPICAL]]
    first, again = evidence.ask(row, fresh=True), evidence.ask(row, fresh=True)
    pair = evidence.ask(evidence.survey[[_TYPICAL, _TYPICAL + 1]], fresh=True)
    known = evidence.survey_answers
    same = bool(np.array_equal(first, again))
    runs = np.concatenate([known[[_TYPICAL]], first, again, pair[:1]])
    other = np.stack([known[_TYPICAL + 1], pair[1]])
    squares = np.sum((runs - runs.mean(axis=0)) ** 2) + np.sum((other - other.mean(axis=0)) ** 2)
    change = max(np.abs(runs - first).max(), np.abs(other[1] - other[0]).max())
    # Three and one degrees of freedom per output.
    spread = 0.0 if same else float(np.sqrt(squares / (4 * runs.shape[1])))
    evidence.repeats = Repeats(same, spread, float(change) if same else 0.0)


def _look_far(evidence: Evidence, rng: np.random.Generator) -> None:
    """Ask far out on a ray, half as far again, and the same on the opposite ray: 4 queries."""
    if evidence.ground.bounds is not None:
        return
    far = evidence.ground.point(rng, _FAR)
    evidence.far = evidence.ask_far(np.array([far, 1.5 * far, -far, -1.5 * far]))


def _look_wider(evidence: Evidence, rng: np.random.Generator) -> None:
    """Everything was the same so far: ask 8 more points, nearer and farther."""
    points = np.array([evidence.ground.point(rng, factor) for factor in _WIDER])
    answers = evidence.ask_far(points)
    if answers is not None:
        evidence.survey = np.concatenate([evidence.survey, points])
        evidence.survey_answers = np.concatenate([evidence.survey_answers, answers])


def _climb(evidence: Evidence, reading: Reading, rng: np.random.Generator) -> None:
    """Ask three ladders within the scale, then one far out or, where answers stand still there, its ends."""
    ground, steps = evidence.ground, Steps.for_resolution(reading.relative)
    farthest = min(_FAR if ground.bounds is None else 1.0, reading.radius / ground.scale)
    middle = np.array([0.5, 2.0] if ground.bounds is None else [0.4, 0.8])
    near = max(1e-3, steps.narrow)
    factors = np.append(np.minimum([near], 0.1 * farthest), middle * min(1.0, 0.4 * farthest / middle.max()))
    points = ladder_points(ground, rng, factors, steps)
    evidence.keep_ladders(points, evidence.ask(points), steps)
    seen = straightness(evidence, read_ladders(evidence, reading.head, reading.resolution), reading.relative)
    if seen is not False and flat_far_out(evidence, reading):
        evidence.flat_beyond = find_flat_ends(evidence, reading.resolution)
        return
    _climb_far(evidence, reading, farthest, rng)
    _confirm_curvature(evidence, reading)


def _climb_far(evidence: Evidence, reading: Reading, factor: float, rng: np.random.Generator) -> None:
    steps = Steps.for_resolution(relative_at(evidence, reading, factor))
    points = ladder_points(evidence.ground, rng, np.array([factor]), steps)
    if evidence.far_failure or evidence.rows + len(points) > MOST_QUERIES:
        return
    answers = evidence.ask_far(points)
    if answers is not None:
        evidence.keep_ladders(points, answers, steps)


def _confirm_curvature(evidence: Evidence, reading: Reading) -> None:
    """Ask curved ladders at half their widest step too: a smooth bend is then a quarter as large."""
    ladders = [(raw, raw.read(reading.head, reading.resolution, evidence.spread)) for raw in evidence.ladders]
    readable = [(raw, ladder) for raw, ladder in ladders if ladder is not None]
    seen = shapes([ladder for _, ladder in readable], reading.resolution.unit)
    curved = [raw for (raw, _), shape in zip(readable, seen, strict=True) if shape == "curved"][:2]
    if not curved or evidence.rows + 2 * len(curved) > MOST_QUERIES:
        return
    halves = [0.5 * (raw.points[0] + raw.points[end]) for raw in curved for end in (1, 4)]
    answers = evidence.ask(np.array(halves))
    checks = [_halves_quarter(raw, answers[2 * i : 2 * i + 2], reading) for i, raw in enumerate(curved)]
    evidence.curvature_confirmed = all(checks)


def _halves_quarter(raw: RawLadder, halves: FloatArray, reading: Reading) -> bool:
    if not reading.head.usable(np.concatenate([raw.answers, halves])).all():
        return False
    middle, ahead, behind = reading.head.values(raw.answers)[[0, 1, 4]]
    due = (ahead + behind - 2 * middle) / 4
    bend = reading.head.values(halves).sum(axis=0) - 2 * middle
    return bool(np.linalg.norm(bend - due) <= 0.25 * np.linalg.norm(due))
