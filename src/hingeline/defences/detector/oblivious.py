"""Attacks that do not know the detector, and noise of their size: what a detector is usually shown against.

One step and many on the cross-entropy, written as a function of the leads so that one output serves as well
as many; many steps to the first flip (`sensitivity.attacks`); and random changes of the same norm, which are
no attack. All stay within one radius, in the units of the inputs.
Sources: Goodfellow et al. 2015 for one step, Madry et al. 2018 for many.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.defences.doors.defence import AdaptiveAttack
from hingeline.sensitivity.attacks.base import Scene
from hingeline.sensitivity.attacks.geometry import within
from hingeline.sensitivity.attacks.projected_gradient import ProjectedGradient
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.threat import Threat

STEPS = 80
"""As many as those who know the detector take."""
_FIRST, _LAST = 0.3, 0.01
_RESTARTS = 2


def one_step(
    model: Model, x: FloatArray, y: IntArray, threat: Threat, radius: float, rng: np.random.Generator
) -> FloatArray:
    """One step of the whole radius up the cross-entropy (for l-infinity the fast gradient sign): "n d"."""
    scene, radii = _scene(model, x, y, threat), np.full(len(x), radius)
    return within(scene, x + radius * threat.steepest(-loss_ascent(model, x, y)), radii)


def many_steps(
    model: Model, x: FloatArray, y: IntArray, threat: Threat, radius: float, rng: np.random.Generator
) -> FloatArray:
    """Many steps up the cross-entropy, to the end, wrong or not: confident errors, "n d"."""
    scene, radii, points = _scene(model, x, y, threat), np.full(len(x), radius), x
    for step in range(STEPS):
        share = _LAST + (_FIRST - _LAST) * 0.5 * (1.0 + np.cos(np.pi * step / (STEPS - 1)))
        steepest = threat.steepest(-loss_ascent(model, points, y))
        points = within(scene, points + share * radius * steepest, radii)
    return points


def first_flip(
    model: Model, x: FloatArray, y: IntArray, threat: Threat, radius: float, rng: np.random.Generator
) -> FloatArray:
    """Many steps up the margin, ended as soon as the class is another; the input where it never is: "n d"."""
    attack = ProjectedGradient(radius, steps=STEPS, restarts=_RESTARTS)
    return attack.run(_scene(model, x, y, threat), rng).points


def equal_noise(
    model: Model, x: FloatArray, y: IntArray, threat: Threat, radius: float, rng: np.random.Generator
) -> FloatArray:
    """Random changes of the whole radius in the threat's norm, moved into the box: "n d"."""
    signs = threat.norm == "linf"
    drawn = threat.masked(rng.choice([-1.0, 1.0], x.shape) if signs else rng.standard_normal(x.shape))
    size = threat.size(drawn)
    scale = radius / np.where(size > 0, size, 1.0)
    return within(_scene(model, x, y, threat), x + scale[:, np.newaxis] * drawn, np.full(len(x), radius))


OBLIVIOUS: Mapping[str, AdaptiveAttack] = {
    "one step": one_step,
    "many steps": many_steps,
    "first flip": first_flip,
}
"""By the names in tables."""


def loss_ascent(model: Model, points: FloatArray, classes: IntArray) -> FloatArray:
    """Gradients of log(1 + sum_r exp(-lead_r)), the cross-entropy: "n d"."""
    decision = Decision(model.output_dim)
    leads = decision.leads(model.outputs(points), classes)
    # softmax over the leads and the class itself, whose lead over itself is 0
    top = np.maximum(-leads.min(axis=1, keepdims=True), 0.0)
    parts = np.exp(-leads - top)
    share = parts / (np.exp(-top) + parts.sum(axis=1, keepdims=True))
    return -model.gradients(points, np.einsum("nr,nrk->nk", share, decision.rows(classes)))


def _scene(model: Model, x: FloatArray, y: IntArray, threat: Threat) -> Scene:
    return Scene(model, Decision(model.output_dim), x, y, threat)
