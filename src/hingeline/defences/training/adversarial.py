"""Adversaries to train against: one step or several up the cross-entropy, within a threat's ball.

Sources: one step is the fast gradient sign method (Goodfellow, Shlens and Szegedy, Explaining and Harnessing
Adversarial Examples, ICLR 2015); several from a random start are projected gradient descent (Madry et al.,
Towards Deep Learning Models Resistant to Adversarial Attacks, ICLR 2018). For l2 a step goes along the
gradient itself, for l-infinity along its signs.
Cost: one pass forward and one back for each step and minibatch; no queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink, ignore
from hingeline.defences.training.classifier import TrainingSettings, train_classifier
from hingeline.defences.training.pull import outputs_and_pull
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.attacks.base import Scene
from hingeline.sensitivity.attacks.geometry import within
from hingeline.sensitivity.attacks.projected_gradient import random_within
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Threat

_WHOLE_WAY = 2.5
"""All steps together, in radii: from one side of the ball to the other with some left (Madry et al.)."""


@dataclass(frozen=True, eq=False)
class GradientAdversary:
    """Moves a share of each minibatch up the loss of the network as it is; made by `fgsm` and `pgd`."""

    threat: Threat
    radius: float
    """Largest size of a change, in the threat's norm."""
    steps: int
    from_random: bool
    """Whether the first step begins at a random place in the ball, not at the input."""
    share: float = 1.0
    """Of examples that are changed; the rest are trained on as they are."""

    def __post_init__(self) -> None:
        if not (np.isfinite(self.radius) and self.radius > 0 and self.steps >= 1 and 0 < self.share <= 1):
            raise InvalidInput(
                "an adversary wants a finite radius above 0, at least one step and a share above 0 up to 1; "
                f"got {self.radius}, {self.steps}, {self.share}"
            )

    def __call__(
        self,
        network: PiecewiseLinearNetwork,
        points: FloatArray,
        labels: IntArray,
        rng: np.random.Generator,
    ) -> FloatArray:
        """The minibatch that is trained on: "n d" to "n d"."""
        rows = (
            np.nonzero(rng.random(len(points)) < self.share)[0] if self.share < 1 else np.arange(len(points))
        )
        if not len(rows):
            return points
        changed = points.copy()
        changed[rows] = self.against([NetworkModel(network)], points[rows], labels[rows], rng)
        return changed

    def against(
        self, models: Sequence[Model], points: FloatArray, labels: IntArray, rng: np.random.Generator
    ) -> FloatArray:
        """Points moved up the sum of the models' cross-entropies: "n d" to "n d".

        Raises:
            InvalidInput: Points outside the threat's box, or not as long as the models' inputs.
        """
        decision = Decision(models[0].output_dim)
        scene = Scene(models[0], decision, points, labels, self.threat)
        radii = np.full(len(points), self.radius)
        moved = random_within(scene, radii, rng) if self.from_random else scene.points
        # one step goes all the way
        length = self.radius * (1.0 if self.steps == 1 else _WHOLE_WAY / self.steps)
        for _ in range(self.steps):
            up = -sum((cross_entropy_gradients(m, moved, labels) for m in models), np.zeros_like(points))
            moved = within(scene, moved + length * self.threat.steepest(up), radii)
        return moved


def fgsm(threat: Threat, radius: float, *, share: float = 1.0) -> GradientAdversary:
    """One step of the whole radius from the input."""
    return GradientAdversary(threat, radius, 1, False, share)


def pgd(threat: Threat, radius: float, *, steps: int = 10, share: float = 1.0) -> GradientAdversary:
    """Several steps from a random place in the ball."""
    return GradientAdversary(threat, radius, steps, True, share)


def cross_entropy_gradients(model: Model, points: FloatArray, labels: IntArray) -> FloatArray:
    """Gradients of -log softmax(f(x))[y] by x at each of `points`: "n d"."""
    outputs, pull = outputs_and_pull(model, points)
    chances = softmax(outputs, axis=1)
    chances[np.arange(len(points)), labels] -= 1.0
    return pull(chances)


def train_robust(
    x: object,
    y: object,
    threat: Threat,
    radius: float,
    *,
    steps: int = 10,
    share: float = 1.0,
    classes: int | None = None,
    settings: TrainingSettings | None = None,
    seed: int = 0,
    on_event: EventSink = ignore,
) -> PiecewiseLinearNetwork:
    """Train one classifier against projected gradient descent: what any other defence is to be compared with.

    Args:
        x: Inputs, shape "n d", inside the threat's box.
        y: Classes from 0 up, shape "n".
        threat: What the adversary may change.
        radius: By how much.
        steps: Of the adversary at each minibatch.
        share: Of examples that it changes.
        classes: How many there are; one more than the largest in `y` if not given.
        settings: How it is trained.
        seed: Of the first weights, the order of examples and the adversary's starts.
        on_event: Where progress goes.

    Raises:
        InvalidInput: Inputs or classes that do not fit together, or inputs outside the box.
    """
    adversary = pgd(threat, radius, steps=steps, share=share)
    return train_classifier(
        x, y, classes=classes, settings=settings, seed=seed, adversary=adversary, on_event=on_event
    )
