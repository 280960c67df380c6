"""What a copy claims, tried at the door: its classes, its smallest flips, and what it says goes unnoticed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.auditing.ground import DEVIATIONS, NO_BUDGET, Done, Ground
from hingeline.auditing.plan import HIDDEN_QUESTIONS
from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.oracles.row_memory import as_sent
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.profile import FragilityProfile
from hingeline.subspace.obfuscate import obfuscate

_AGREES = 0.99  # share of given inputs that a copy must decide as the door did: ties may fall either way
_NO_PROMISE = "Just beyond its boundary the copy is nowhere clear of what noise can hide."
_BEYOND = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)  # shares of a change that lead from the boundary to beyond it


def compared(ground: Ground, done: Done) -> Done:
    """With how often the copy decides as the door did at the given inputs; costs nothing."""
    copy, usage = ground.copy, ground.usage
    if copy is None or usage is None:
        return done
    outputs = copy(usage.points)
    decided = Decision(outputs.shape[1], ground.call.settings.threshold).of(outputs)
    agreed = float((decided == usage.classes).mean())
    doubt = f"The copy decides as the door did at {agreed:.1%} of the given inputs only."
    return replace(done, facts={"agreement": agreed}, doubt=doubt if agreed < _AGREES else "")


def with_hidden(ground: Ground, done: Done) -> Done:
    """With inputs that the network should not tell from given ones, tried at the door."""
    found, points = done.finding, ground.call.points
    span_found = None if found is None else found.value
    if span_found is None or points is None or not span_found.basis.shape[1]:
        return done
    if span_found.input_dim == span_found.rank:
        return done
    rows = ground.spread(ground.call.settings.hidden_inputs)
    if not ground.affords(HIDDEN_QUESTIONS * len(rows)):
        return replace(done, starved=True, facts={"hidden": {"inputs": 0, "not_tried": NO_BUDGET}})
    # not the finding: the copy answers values where the door may answer probabilities
    ground.hidden = obfuscate(
        ground.door, span_found, points[rows], box=ground.call.box, seed=ground.seed, on_event=ground.on_event
    )
    value, outcome = ground.hidden.value, ground.hidden.outcome
    if value is None:
        return replace(done, facts={"hidden": {"status": str(outcome.status), "reason": outcome.reason}})
    told = {"inputs": len(rows), "labels_kept": value.labels_kept, "status": str(outcome.status)}
    doubt = "" if value.labels_kept == 1 else f"Tried at the door: {outcome.reason}"
    return replace(done, facts={"hidden": told}, doubt=doubt)


def tried_at_door(ground: Ground, done: Done) -> Done:
    """With whether flips that were computed on the copy flip the target too."""
    profile = None if done.finding is None else done.finding.value
    if profile is None:
        return done
    flips = np.flatnonzero(np.isfinite(profile.upper))
    if not len(flips):
        return replace(done, facts={"tried": 0})
    if not ground.affords(2 * len(flips)):
        return replace(done, starved=True, facts={"tried": 0, "not_tried": NO_BUDGET})
    points = profile.points[flips]
    moved, promised = _beyond(ground, profile, flips)
    # where the boundary turns back, or noise hides the next step, the copy promises nothing to try
    points, moved = points[promised], moved[promised]
    if not len(points):
        return replace(done, facts={"tried": 0, "not_tried": _NO_PROMISE})
    before = ground.classes(ground.door.query(points))
    after = ground.classes(ground.door.query(moved))
    tried, own = len(points), flips[promised]
    held = int(((before == profile.classes[own]) & (after == profile.flipped_to[own])).sum())
    facts = {"tried": tried, "held": held, "flipped": int((after != before).sum())}
    lost = tried - held
    doubt = f"{lost} of {tried} flips that the copy promises did not happen at the door." if lost else ""
    return replace(done, facts=facts, doubt=doubt)


def _beyond(ground: Ground, profile: FragilityProfile, flips: IntArray) -> tuple[FloatArray, BoolArray]:
    """Points just beyond smallest flips, "n d", and where the copy is clear of what can hide them.

    That is the door's noise, what the copy was seen to be off by, and the type that inputs are sent in.
    """
    copy, points, changes = ground.copy, profile.points[flips], profile.changes[flips]
    moved, clear = points.copy(), np.zeros(len(flips), dtype=np.bool_)
    if copy is None:
        return moved, clear
    decision = Decision(copy.output_dim, ground.call.settings.threshold)
    # both outputs of a lead may be off
    hidden = max(DEVIATIONS * ground.card.noise_at_scale, 2 * ground.copy_gap)
    for step in _BEYOND:
        there = points + (1 + step) * changes
        there = there if ground.call.box is None else there.clip(*ground.call.box)
        there = as_sent(there, ground.door.spec.dtype).astype(np.float64)
        leads = decision.leads(copy(there), profile.flipped_to[flips]).min(axis=1)
        good = ~clear & (leads > hidden)
        moved[good], clear = there[good], clear | good
    return moved, clear
