"""What must hold before a claim of robustness is believed, named one by one.

Condensed from Carlini et al., On Evaluating Adversarial Robustness, 2019. A fact that does not hold does not
make the numbers wrong: it says that the attacks were weaker than they could be, so that the defence rate is
an upper limit and no more. Cost: a joint attack with twice the steps and restarts at one radius.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.defences.detector.adaptive import JointAttack
from hingeline.defences.detector.detector import HiddenLayerDetector
from hingeline.defences.detector.judgement import DetectorJudgement, SanityFact
from hingeline.defences.detector.pursuit import Pursuit
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.threat import Threat

_SAME = 0.02
"""Shares that differ by less are called the same."""
_ALL = 0.99
_MOST_INPUTS = 100
"""Inputs that are attacked again with more effort."""


def sanity_facts(
    judged: DetectorJudgement,
    model: Model,
    detector: HiddenLayerDetector,
    x: FloatArray,
    y: IntArray,
    threat: Threat,
    rng: np.random.Generator,
) -> tuple[SanityFact, ...]:
    """All facts about one judgement."""
    return (
        _iterations(judged),
        _more_effort(judged, model, detector, x, y, threat, rng),
        _larger_is_stronger(judged),
        _reaches_all(judged),
        _knowing_helps(judged),
        _noise_is_weaker(judged),
        _gradients_beat_labels(judged),
        _promised_rate(judged),
        _nothing_drawn(detector, x),
    )


def _iterations(judged: DetectorJudgement) -> SanityFact:
    one, many = (judged.oblivious[name].wrong.mean(axis=1) for name in ("one step", "many steps"))
    words = f"wrong after one step {_row(one)}, after many {_row(many)}"
    return SanityFact("many steps beat one", bool((many >= one - _SAME).all()), words)


def _more_effort(
    judged: DetectorJudgement,
    model: Model,
    detector: HiddenLayerDetector,
    x: FloatArray,
    y: IntArray,
    threat: Threat,
    rng: np.random.Generator,
) -> SanityFact:
    """At the radius whose success is nearest to one half: there more effort has most to gain."""
    shares = judged.undetected.mean(axis=1)
    place = int(np.abs(shares - 0.5).argmin())
    rows = np.arange(min(len(x), _MOST_INPUTS))
    before = judged.undetected[place, rows]
    usual, after, decision = Pursuit(), before.copy(), Decision(model.output_dim)
    twice = Pursuit(steps=2 * usual.steps, restarts=2 * usual.restarts)
    left = rows[~after]
    if len(left):
        attack = JointAttack(detector, pursuit=twice)
        tried = attack(model, x[left], y[left], threat, float(judged.radii[place]), rng)
        after[left] = (decision.of(model.outputs(tried)) != y[left]) & ~detector.fires(tried)
    gain = float(after.mean() - before.mean())
    words = f"at {judged.radii[place]:g}: {before.mean():.3f}, with twice as much {after.mean():.3f}"
    return SanityFact("twice the effort changes nothing", gain <= _SAME, words)


def _larger_is_stronger(judged: DetectorJudgement) -> SanityFact:
    """Before successes at smaller radii are carried over, which would make it true by itself."""
    once = ("smallest change", "labels alone")  # run for all radii at once
    each = [r.undetected for name, r in judged.adaptive.items() if name not in once]
    each = each or [record.undetected for record in judged.adaptive.values()]
    raw = np.logical_or.reduce([*each, np.broadcast_to(judged.clean_success, each[0].shape)]).mean(axis=1)
    return SanityFact(
        "larger changes never help the defender", bool((np.diff(raw) >= -_SAME).all()), _row(raw)
    )


def _reaches_all(judged: DetectorJudgement) -> SanityFact:
    share = float(judged.undetected[-1].mean())
    words = f"{share:.3f} wrong and undetected at {judged.radii[-1]:g}"
    return SanityFact("the attacks reach every input at the largest radius", share >= _ALL, words)


def _knowing_helps(judged: DetectorJudgement) -> SanityFact:
    own, other = (w.mean(axis=1) for w in (judged.undetected_adaptive, judged.undetected_oblivious))
    words = f"who knows it {_row(own)}, who does not {_row(other)}"
    return SanityFact("knowing the detector is no disadvantage", bool((own >= other - 1e-12).all()), words)


def _noise_is_weaker(judged: DetectorJudgement) -> SanityFact:
    noise, best = judged.noise.undetected.mean(axis=1), judged.undetected.mean(axis=1)
    words = f"noise {_row(noise)}, attacks {_row(best)}"
    return SanityFact("noise does worse than attacks", bool((noise <= best + 1e-12).all()), words)


def _gradients_beat_labels(judged: DetectorJudgement) -> SanityFact:
    """Otherwise gradients are masked."""
    if "labels alone" not in judged.adaptive:
        return SanityFact("gradients beat labels alone", False, "no attack by labels alone was run")
    labels = judged.adaptive["labels alone"].undetected.mean(axis=1)
    others = [r.undetected for name, r in judged.adaptive.items() if name != "labels alone"]
    if not others:
        return SanityFact("gradients beat labels alone", False, "no attack by gradients was run")
    best = np.logical_or.reduce(others).mean(axis=1)
    words = f"labels {_row(labels)}, gradients {_row(best)}"
    return SanityFact("gradients beat labels alone", bool((labels <= best + _SAME).all()), words)


def _promised_rate(judged: DetectorJudgement) -> SanityFact:
    """Within two standard deviations of held-out and fresh inputs together."""
    promised, held = float(judged.detector["false_positives"]), int(judged.detector["held_out"])
    share = float(judged.clean_fires.mean())
    spread = np.sqrt(promised * (1.0 - promised) * (1.0 / held + 1.0 / judged.inputs))
    words = f"{share:.3f} of fresh clean inputs, promised {promised:g} +- {2 * spread:.3f}"
    return SanityFact(
        "it fires on clean inputs as often as promised", bool(abs(share - promised) <= 2 * spread), words
    )


def _nothing_drawn(detector: HiddenLayerDetector, x: FloatArray) -> SanityFact:
    first, second = detector.scores(x), detector.scores(x)
    same = bool(np.array_equal(first, second))
    return SanityFact("nothing is drawn that attacks would have to average over", same, "asked twice")


def _row(shares: FloatArray) -> str:
    return ", ".join(f"{share:.3f}" for share in shares)
