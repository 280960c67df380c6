"""Judge a detector: attacks on the model alone beside attacks that know the detector, never the first alone.

All attacks have the same radii in the units of the inputs, noise has their norm, and no input is left out.
Whatever an attack hands back is measured here: outside the radius or the box it counts as no change, and
its class and its score are asked of the model and the detector themselves.

Cost: for each radius about ten attacks of 80 steps and two or three restarts; once, two searches for the
smallest change, some thousand rows for each input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray, as_points, frozen
from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink, Note, ignore
from hingeline.core.randomness import Randomness
from hingeline.defences.detector.adaptive import ExtraClassAttack, FeatureMatching, joint_attacks
from hingeline.defences.detector.detector import HiddenLayerDetector
from hingeline.defences.detector.judgement import AttackRecord, DetectorJudgement
from hingeline.defences.detector.oblivious import OBLIVIOUS, equal_noise
from hingeline.defences.detector.sanity import sanity_facts
from hingeline.defences.detector.smallest import LabelsAttack, SmallestUndetected
from hingeline.defences.doors.defence import AdaptiveAttack
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.results import sealed
from hingeline.sensitivity.threat import Threat

_ROUNDING = 1e-9
"""By which a change may exceed its radius, as a share."""
Runs = Callable[[float, np.random.Generator], FloatArray]


def judge_detector(
    model: Model,
    detector: HiddenLayerDetector,
    x: object,
    y: object,
    threat: Threat,
    radii: Sequence[float],
    *,
    attacks: Sequence[AdaptiveAttack] | None = None,
    searches: Sequence[SmallestUndetected | LabelsAttack] | None = None,
    seed: int = 0,
    on_event: EventSink = ignore,
) -> DetectorJudgement:
    """Judge a detector against attacks that do not know it and against attacks that do.

    Args:
        model: What is defended: the detector's model, or a wrapper that answers the same.
        detector: What fires.
        x: Inputs that neither has seen, shape "n d".
        y: Their true classes, shape "n".
        threat: Which changes count.
        radii: How large they may be, in the threat's norm; judged in rising order.
        attacks: Those that know the detector; `adaptive_attacks` if not given.
        searches: Those for the smallest change, run once; by gradients and by labels if not given.
        seed: Of whatever attacks draw.
        on_event: Where progress goes.

    Raises:
        InvalidInput: Inputs, classes or radii that do not fit, or no attack that knows the detector.
    """
    points, labels, sizes = _checked(model, detector, x, y, radii)
    if not np.array_equal(points, threat.inside(points)):
        raise InvalidInput(f"some inputs lie outside the box {threat.box}; clip them first")
    knowing = adaptive_attacks(detector, points, labels) if attacks is None else tuple(attacks)
    once = (SmallestUndetected(detector), LabelsAttack(detector)) if searches is None else tuple(searches)
    if not knowing and not once:
        raise InvalidInput("a detector is not judged without an attack that knows it; leave `attacks` out")
    chance = Randomness(seed)

    def bound(attack: AdaptiveAttack) -> Runs:
        return lambda radius, rng: attack(model, points, labels, threat, radius, rng)

    def record(name: str, run: Runs) -> AttackRecord:
        on_event(Note(f"{name}, {len(sizes)} radii"))
        candidates = [run(float(r), chance.step(name, i)) for i, r in enumerate(sizes)]
        return _measured(model, detector, points, labels, threat, sizes, candidates)

    adaptive = {name_of(attack): record(name_of(attack), bound(attack)) for attack in knowing}
    smallest = np.where(_undetected(model, detector, points, labels), 0.0, np.inf)
    for search in once:
        found, least = search.smallest(model, points, labels, threat, chance.step(search.name))
        smallest = np.minimum(smallest, least)
        adaptive[search.name] = record(search.name, _within(points, found, least))
    judged = DetectorJudgement(
        detector=detector.summary(),
        threat=threat_words(threat),
        radii=frozen(sizes),
        right=sealed(Decision(model.output_dim).of(model.outputs(points)) == labels),
        clean_scores=frozen(detector.scores(points)),
        clean_fires=sealed(detector.fires(points)),
        noise=record("noise", bound(equal_noise)),
        oblivious={name: record(name, bound(attack)) for name, attack in OBLIVIOUS.items()},
        adaptive=adaptive,
        smallest=frozen(smallest),
    )
    facts = sanity_facts(judged, model, detector, points, labels, threat, chance.step("effort"))
    return replace(judged, facts=facts)


def adaptive_attacks(
    detector: HiddenLayerDetector, guides: FloatArray, guide_classes: IntArray
) -> tuple[AdaptiveAttack, ...]:
    """All attacks at a fixed radius that know the detector.

    Args:
        detector: The detector.
        guides: Clean inputs whose features may be imitated, shape "g d".
        guide_classes: Their classes, shape "g".
    """
    return (
        *joint_attacks(detector),
        ExtraClassAttack(detector),
        FeatureMatching(detector, guides, guide_classes),
    )


def best_of(detector: HiddenLayerDetector, attacks: Sequence[AdaptiveAttack]) -> AdaptiveAttack:
    """For each input the first candidate that is wrong and undetected; the input itself where none is."""

    def attack(
        model: Model,
        x: FloatArray,
        y: IntArray,
        threat: Threat,
        radius: float,
        rng: np.random.Generator,
    ) -> FloatArray:
        best, found = x.copy(), _undetected(model, detector, x, y)
        for each in attacks:
            rows = np.nonzero(~found)[0]
            if not len(rows):
                break
            tried = each(model, x[rows], y[rows], threat, radius, rng)
            won = _undetected(model, detector, tried, y[rows])
            best[rows[won]], found[rows[won]] = tried[won], True
        return best

    return attack


def name_of(attack: AdaptiveAttack) -> str:
    """What an attack calls itself, or its function's name."""
    return str(getattr(attack, "name", getattr(attack, "__name__", type(attack).__name__)))


def threat_words(threat: Threat) -> str:
    """Norm, box and fixed coordinates in words."""
    box = "" if threat.box is None else f", inputs from {threat.box[0]:g} to {threat.box[1]:g}"
    free = "" if threat.free is None else f", {int(threat.free.sum())} coordinates may change"
    return f"{threat.norm}{box}{free}"


def _within(points: FloatArray, found: FloatArray, least: FloatArray) -> Runs:
    """What a search for the smallest change has found, as far as it lies within the radius."""
    return lambda radius, rng: np.where((least <= radius)[:, np.newaxis], found, points)


def _measured(
    model: Model,
    detector: HiddenLayerDetector,
    points: FloatArray,
    labels: IntArray,
    threat: Threat,
    sizes: FloatArray,
    candidates: Sequence[FloatArray],
) -> AttackRecord:
    """Classes and scores of candidates, each put back to its start where it is not allowed."""
    decision = Decision(model.output_dim)
    wrong, fires, scores = [], [], []
    for radius, given in zip(sizes, candidates, strict=True):
        change = given - points
        legal = np.isfinite(given).all(axis=1) & (threat.size(change) <= radius * (1.0 + _ROUNDING))
        legal &= (given == threat.inside(given)).all(axis=1) & (threat.masked(change) == change).all(axis=1)
        asked = np.where(legal[:, np.newaxis], given, points)
        wrong.append(decision.of(model.outputs(asked)) != labels)
        scores.append(detector.scores(asked))
        fires.append(detector.fires(asked))
    return AttackRecord(
        sealed(np.array(wrong)), sealed(np.array(wrong) & ~np.array(fires)), frozen(np.array(scores))
    )


def _undetected(
    model: Model, detector: HiddenLayerDetector, points: FloatArray, labels: IntArray
) -> BoolArray:
    return (Decision(model.output_dim).of(model.outputs(points)) != labels) & ~detector.fires(points)


def _checked(
    model: Model, detector: HiddenLayerDetector, x: object, y: object, radii: Sequence[float]
) -> tuple[FloatArray, IntArray, FloatArray]:
    points = as_points(x, model.input_dim)
    labels, sizes = np.asarray(y), np.sort(np.asarray(radii, dtype=np.float64))
    classes = Decision(model.output_dim).classes
    if labels.shape != (len(points),) or labels.dtype.kind not in "iu" or not len(labels):
        raise InvalidInput(
            f"want one whole number as class for each of {len(points)} inputs; got {labels.shape}"
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise InvalidInput(f"classes lie from 0 to {classes - 1}; got {labels.min()} to {labels.max()}")
    if sizes.ndim != 1 or not sizes.size or not (np.isfinite(sizes) & (sizes > 0)).all():
        raise InvalidInput(f"want radii above 0; got {radii}")
    if not np.array_equal(model.outputs(points), detector.model.outputs(points)):
        raise InvalidInput("the detector was fitted on another model than the one judged")
    return points, labels.astype(np.int64), sizes
