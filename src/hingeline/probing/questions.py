"""What the doctor asks, in order: each answer decides what is asked next.

Six points at growing norms; a typical one again, alone and in a pair; two rays far out; three ladders
within the scale (seven points on a short line each); one ladder far out, or the ends of the interval
outside which answers stand still; where curvature is suspected in coarse answers, a further step.

Cost: 42 queries without surprises, never more than 48; 5 to 8 batches.
"""

from __future__ import annotations

import numpy as np

from hingeline.probing.clipping import END_QUERIES, find_flat_ends
from hingeline.probing.diagnosis import WITHIN, deviations, read_ladders, shapes, straightness
from hingeline.probing.evidence import Evidence, Repeats
from hingeline.probing.ladder import FINE, Ladder, Steps, ladder_points, visible_bend
from hingeline.probing.reading import Reading, flat_far_out, read, relative_at

MOST_QUERIES = 48
# Norms of the survey in units of the scale; the origin tells biases from weights.
_SURVEY = (0.0, 0.1, 0.5, 1.0, 1.5, 3.0)
_TYPICAL = 3
# Further norms where everything looked constant, or where labels are to be counted.
_WIDER = (0.01, 0.2, 0.7, 1.2, 2.0, 10.0, 30.0, 100.0)
_LABELS = (0.3, 0.6, 0.8, 1.0, 1.0, 1.2, 1.5, 2.0, 2.0, 3.0, 4.0, 6.0, 10.0, 30.0)
_FAR = 1000.0
# Where a door refuses to answer far out, this is tried.
_LESS_FAR = 30.0


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
    elif not reading.constant and reading.radius > 0:
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
    known = evidence.survey_answers
    pair = evidence.ask(evidence.survey[[_TYPICAL, _TYPICAL + 1]], fresh=True)
    known = evidence.survey_answers
    runs = np.concatenate([known[[_TYPICAL]], first, again, pair[:1]])
    evidence.repeats = Repeats(runs, np.stack([known[_TYPICAL + 1], pair[1]]))


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
    stands_still = flat_far_out(evidence, reading)
    if not stands_still:
        _climb_far(evidence, reading, farthest, rng)
    _climb_again(evidence, reading, MOST_QUERIES - (END_QUERIES if stands_still else 0))
    affordable = evidence.rows + END_QUERIES <= MOST_QUERIES
    if stands_still and affordable and straightness(evidence, reading) is not False:
        evidence.flat_beyond = find_flat_ends(evidence, reading.resolution)


def _climb_far(evidence: Evidence, reading: Reading, factor: float, rng: np.random.Generator) -> None:
    factor = min(factor, _LESS_FAR) if evidence.far_failure else factor
    steps = Steps.for_resolution(relative_at(evidence, reading, factor))
    points = ladder_points(evidence.ground, rng, np.array([factor]), steps)
    if evidence.rows + len(points) > MOST_QUERIES:
        return
    answers = evidence.ask_far(points)
    if answers is not None:
        evidence.keep_ladders(points, answers, steps)


def _climb_again(evidence: Evidence, reading: Reading, most: int) -> None:
    """Where straight or curved is not settled, ask further steps on the lines already begun."""
    straight = straightness(evidence, reading)
    if straight is True or (straight is False and reading.relative < FINE):
        return
    ladders = read_ladders(evidence, reading)
    seen = zip(ladders, shapes(evidence, reading, ladders), deviations(reading, ladders), strict=True)
    readable = [i for i, raw in enumerate(evidence.ladders) if raw.usable(reading.head)]
    within = WITHIN * evidence.ground.scale
    open_ones = [
        (i, _further_lengths(ladder, sigma, reading))
        for i, (ladder, shape, sigma) in zip(readable, seen, strict=True)
        if shape in ("unclear", "curved") and ladder.norm <= within
    ]
    for index, lengths in reversed(open_ones[-2:]):
        raw = evidence.ladders[index]
        if lengths and evidence.rows + 2 * len(lengths) <= most:
            points = np.concatenate([raw.pair(length) for length in lengths])
            evidence.ladders[index] = raw.with_further(points, evidence.ask(points))


def _further_lengths(ladder: Ladder, sigma: float, reading: Reading) -> list[float]:
    """Steps at which curvature would show: within the widest, or beyond if noise was more than thought."""
    widest = float(np.abs(ladder.bends[0]).max())
    if widest > visible_bend(sigma):
        # Curvature would leave four times the visible bend at this step; kinks leave something else.
        share = float(np.clip(np.sqrt(4 * visible_bend(sigma) / widest), 0.125, 0.5))
        return [share * ladder.width]
    relative = float(np.clip(sigma / max(reading.variation, 1e-300), 2.0**-53, 0.1))
    growth = Steps.for_resolution(relative).wide / ladder.steps.wide
    return [growth * ladder.width, growth * ladder.width / 6] if growth > 2 else []
