"""Attacks on a family whose draws are not known but whose members are: the expectation, enumerated.

The expected loss over who answers is a sum over members, and so is its gradient: nothing is sampled (Athalye,
Engstrom, Ilyas and Kwok 2018 sample where they cannot sum). One loss is not enough, several are descended
from several starts, and of everything seen on the way each input keeps what fewest members get right (ties by
the mean margin). Members are also attacked one at a time: whoever may ask again needs only one of them.
Cost: for each step of each start, one pass forward and one back through every member; no queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.defences.doors.defence import AdaptiveAttack
from hingeline.defences.family.family import ModelFamily
from hingeline.defences.family.kept import Kept
from hingeline.defences.family.losses import LOSSES, FamilyLoss
from hingeline.sensitivity.attacks.base import Scene
from hingeline.sensitivity.attacks.geometry import within
from hingeline.sensitivity.attacks.projected_gradient import random_within, spread_steepest, step_share
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.results import sealed
from hingeline.sensitivity.threat import Threat

_ALONE = ("margins clamped at 3", "cross-entropy")
"""Losses against one member; clamped later than at its boundary, so that what fools it may fool others."""


@dataclass(frozen=True)
class FamilyAttackSettings:
    """How hard a family is attacked."""

    steps: int = 60
    """Steps from each start."""
    restarts: int = 3
    """Starts for each loss: the input, the best that is known so far, then random places."""
    first_step: float = 0.5
    """Length of the first step, as a share of the radius; it falls along a cosine."""
    losses: tuple[str, ...] = tuple(LOSSES)
    """Names of losses over the whole family."""
    draws: int = 0
    """Members drawn for each gradient; 0 for the sum over all. What is found is judged by the sum."""
    one_by_one: bool = True
    """Whether members are also attacked one at a time."""
    rows: int = 1024
    """Inputs attacked at a time; bounds the memory."""

    def __post_init__(self) -> None:
        counts = min(self.steps, self.restarts, self.rows) >= 1 and self.draws >= 0
        if not (counts and self.first_step > 0 and self.losses):
            raise InvalidInput(
                f"an attack wants steps, restarts and rows from 1 up, a first step and losses; got {self}"
            )
        unknown = sorted(set(self.losses) - set(LOSSES))
        if unknown:
            raise InvalidInput(f"no losses {', '.join(unknown)}; known are {', '.join(LOSSES)}")


@dataclass(frozen=True, eq=False)
class FamilyAttacked:
    """What was found at each input.

    Attributes:
        weights: Chances of the members, shape "m".
        points: The candidate that fewest members get right, shape "n d".
        right: Which members get it right, shape "m n".
        own_points: What fools member j best, found by attacking it alone, shape "m n d".
        own_right: Whether member k gets right what was made for member j, shape "m m n" (j, k, input).
        reached: Which members anything that was seen fools, shape "m n".
        passes: Inputs passed forward and back through one member.
    """

    weights: FloatArray
    points: FloatArray
    right: BoolArray
    own_points: FloatArray
    own_right: BoolArray
    reached: BoolArray
    passes: int

    @property
    def expected_right(self) -> FloatArray:
        """The chance that the answer is right at the candidate: "n"."""
        return self.weights @ self.right

    @property
    def expected_accuracy(self) -> float:
        """Accuracy expected over who answers, at the worst candidates known."""
        return float(self.expected_right.mean())

    @property
    def any_fooled(self) -> BoolArray:
        """Inputs at which some candidate fools some member: "n"."""
        return np.asarray(self.reached.any(axis=0))

    @property
    def all_fooled(self) -> BoolArray:
        """Inputs at which one candidate fools every member: "n"."""
        return np.asarray(~self.right.any(axis=0))


def attack_family(
    family: ModelFamily,
    x: Any,
    y: IntArray,
    threat: Threat,
    radius: float,
    rng: np.random.Generator,
    *,
    settings: FamilyAttackSettings | None = None,
    known: Sequence[FloatArray] = (),
) -> FamilyAttacked:
    """Find for each input, within the radius, what the fewest members get right.

    Args:
        family: Who answers.
        x: Inputs, shape "n d", inside the threat's box.
        y: Their true classes, shape "n".
        threat: What may be changed.
        radius: By how much at most.
        rng: Draws random starts, and members if the settings say so.
        settings: How hard.
        known: Candidates of earlier attacks or smaller radii, each "n d"; no result is worse than these.

    Raises:
        InvalidInput: Inputs or candidates that leave the box or the radius, or classes that do not fit.
    """
    chosen = settings or FamilyAttackSettings()
    points, classes = as_points(x, family.input_dim), np.asarray(y, dtype=np.int64)
    if not (np.isfinite(radius) and radius > 0):
        raise InvalidInput(f"want a finite radius above 0; got {radius}")
    if not len(points) or (len(classes) and not 0 <= classes.min() <= classes.max() < family.classes):
        raise InvalidInput(f"want at least one input, and classes from 0 to {family.classes - 1}")
    scene = Scene(family.members[0], family.decision, points, classes, threat)
    search = _Search(family, radius, chosen, rng)
    parts = [slice(i, i + chosen.rows) for i in range(0, len(points), chosen.rows)]
    found = [search.at(scene.at(np.arange(len(points))[p]), [k[p] for k in known]) for p in parts]
    kept = [kept for kept, _ in found]
    own = np.concatenate([alone for _, alone in found], axis=1)
    return FamilyAttacked(
        weights=family.weights,
        points=sealed(np.concatenate([k.points for k in kept])),
        right=sealed(np.concatenate([k.right for k in kept], axis=1)),
        own_points=sealed(own),
        own_right=sealed(np.stack([family.right(each, classes) for each in own])),
        reached=sealed(np.concatenate([k.reached for k in kept], axis=1)),
        passes=search.passes,
    )


def adaptive_attack(family: ModelFamily, settings: FamilyAttackSettings | None = None) -> AdaptiveAttack:
    """The attack on a door behind which this family answers; all members are attacked."""

    def attack(
        model: Model,
        x: FloatArray,
        y: IntArray,
        threat: Threat,
        radius: float,
        rng: np.random.Generator,
    ) -> FloatArray:
        return attack_family(family, x, y, threat, radius, rng, settings=settings).points

    return attack


def expectation_gradient(
    family: ModelFamily, points: FloatArray, classes: IntArray, loss: FamilyLoss, weights: FloatArray
) -> FloatArray:
    """Gradient of a loss over the family, by the input: a sum over members with `weights` ("m n"): "n d"."""
    logits, pull = family.logits_and_pull(points)
    return pull(loss(logits, classes, weights)[1])


@dataclass
class _Search:
    """One attack while it goes on."""

    family: ModelFamily
    radius: float
    settings: FamilyAttackSettings
    rng: np.random.Generator
    passes: int = 0

    def at(self, scene: Scene, known: Sequence[FloatArray]) -> tuple[Kept, FloatArray]:
        """What is kept at some of the inputs, and what was made for each member alone: "m n d"."""
        kept = Kept.at(self.family, scene)
        for candidates in known:
            kept.look(_allowed(scene, candidates, self.radius))
        own = self._one_by_one(scene, kept) if self.settings.one_by_one and len(self.family) > 1 else None
        for name in self.settings.losses:
            for restart in range(self.settings.restarts):
                rows = np.nonzero(kept.expected > 0)[0]
                if len(rows):
                    part = scene.at(rows)
                    begin = self._begin(restart, part, kept.points[rows])
                    self._descend(kept, rows, part, begin, LOSSES[name])
        return kept, np.broadcast_to(
            kept.points, (len(self.family), *kept.points.shape)
        ) if own is None else own

    def _one_by_one(self, scene: Scene, kept: Kept) -> FloatArray:
        """Each member as if it always answered; what fools it is then shown to the others."""
        own = np.empty((len(self.family), *scene.points.shape))
        every = np.arange(len(scene.points))
        for index in range(len(self.family)):
            alone = _Search(self.family.alone(index), self.radius, self.settings, self.rng)
            best = Kept.at(alone.family, scene)
            for name in _ALONE:
                for restart in range(self.settings.restarts):
                    begin = self._begin(restart, scene, best.points)
                    alone._descend(best, every, scene, begin, LOSSES[name])
            self.passes += alone.passes
            own[index] = best.points
            kept.look(best.points)
        return own

    def _descend(self, kept: Kept, rows: IntArray, scene: Scene, begin: FloatArray, loss: FamilyLoss) -> None:
        """Descend the loss from `begin`, showing every place on the way to what is kept at `rows`."""
        points, radii = begin, np.full(len(rows), self.radius)
        steps = self.settings.steps
        for step in range(steps):
            logits, pull = self.family.logits_and_pull(points)
            kept.offer(rows, points, logits)
            gradients = pull(loss(logits, scene.classes, self._weights(len(rows)))[1])
            length = self.radius * step_share(step, steps, self.settings.first_step)
            points = within(scene, points + length * spread_steepest(scene.threat, gradients), radii)
        self.passes += steps * len(rows) * len(self.family)
        kept.offer(rows, points, self.family.member_logits(points))

    def _weights(self, count: int) -> FloatArray:
        """Chances of members, or shares of those drawn: "m n"."""
        chances, draws = self.family.weights, self.settings.draws
        if not draws:
            return np.broadcast_to(chances[:, np.newaxis], (len(chances), count))
        return self.rng.multinomial(draws, chances, size=count).T / draws

    def _begin(self, restart: int, scene: Scene, best: FloatArray) -> FloatArray:
        match restart:
            case 0:
                return scene.points
            case 1:
                return best.copy()
            case _:
                return random_within(scene, np.full(len(best), self.radius), self.rng)


def _allowed(scene: Scene, candidates: FloatArray, radius: float) -> FloatArray:
    """Candidates, once it is sure that an attacker could have sent them."""
    legal = candidates.shape == scene.points.shape and np.array_equal(candidates, scene.allowed(candidates))
    if not legal or scene.sizes(candidates).max() > radius * (1 + 1e-9):
        raise InvalidInput(f"known candidates must lie in the box and within {radius:g} of the inputs")
    return candidates
