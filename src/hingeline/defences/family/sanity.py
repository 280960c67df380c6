"""Checks of an attack on a family: an accuracy is worth as much as the attack that was tried.

Source: Carlini et al., On Evaluating Adversarial Robustness, 2019: iterative attacks beat one step, more
steps and restarts change little, a larger radius never helps the defender, a very large one leaves nothing,
random noise does worse than gradients. Cost: about eight attacks on the inputs given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.events import EventSink, Note, ignore
from hingeline.core.randomness import Randomness
from hingeline.defences.family.expectation import FamilyAttacked, FamilyAttackSettings, attack_family
from hingeline.defences.family.family import ModelFamily
from hingeline.defences.family.judgement import Fact
from hingeline.defences.training.adversarial import fgsm
from hingeline.numerics.statistics import wilson
from hingeline.sensitivity.attacks.base import Scene
from hingeline.sensitivity.attacks.projected_gradient import random_within
from hingeline.sensitivity.threat import Threat

LITTLE = 0.03
"""By how much twice the effort may lower the accuracy: that much the spec allows between two attacks."""
_NOISES = 20
"""Random changes tried at each input."""
_RADII = (0.25, 0.5, 1.0, 2.0)
"""In the judged radius."""


@dataclass(frozen=True, eq=False)
class Checked:
    """What the checks attack."""

    family: ModelFamily
    points: FloatArray
    classes: IntArray
    threat: Threat
    radius: float
    settings: FamilyAttackSettings
    chance: Randomness

    def attacked(
        self, name: str, *, radius: float | None = None, settings: FamilyAttackSettings | None = None
    ) -> FamilyAttacked:
        """The attack, started afresh."""
        return attack_family(
            self.family, self.points, self.classes, self.threat, radius or self.radius,
            self.chance.step(name), settings=settings or self.settings,
        )  # fmt: skip


def sanity_facts(checked: Checked, on_event: EventSink = ignore) -> tuple[Fact, ...]:
    """Look at the attack from all sides; each fact says what was seen.

    Where one fails the accuracies of the judgement are only upper limits.
    """
    on_event(Note(f"checks of the attack on {len(checked.points)} inputs"))
    # members alone do not matter to an expectation that is lower anyhow, and cost as much again
    checked = replace(checked, settings=replace(checked.settings, one_by_one=False))
    once = checked.attacked("as judged")
    return (
        _beats_one_step(checked, once),
        _changes_little(checked, once, "twice the steps", steps=2 * checked.settings.steps),
        _changes_little(checked, once, "twice the restarts", restarts=2 * checked.settings.restarts),
        _beats_noise(checked, once),
        *_radius_facts(checked),
        _beats_sampling(checked, once),
    )


def sweep(checked: Checked, radii: Sequence[float]) -> tuple[FloatArray, FloatArray]:
    """Chances of a right answer at rising radii: with candidates carried on, and each attack by itself.

    Returns:
        Two arrays "r n"; the first does not rise with the radius at any input.
    """
    carried: list[FamilyAttacked] = []
    alone = [checked.attacked(f"radius {radius:g}", radius=radius) for radius in radii]
    for radius, found in zip(radii, alone, strict=True):
        known = [found.points, *(before.points for before in carried[-1:])]
        # what was found is looked at again, nothing new is searched
        carried.append(_merged(checked, radius, known))
    return np.stack([c.expected_right for c in carried]), np.stack([a.expected_right for a in alone])


def _merged(checked: Checked, radius: float, known: Sequence[FloatArray]) -> FamilyAttacked:
    least = replace(
        checked.settings, steps=1, restarts=1, losses=checked.settings.losses[:1], one_by_one=False
    )
    return attack_family(
        checked.family, checked.points, checked.classes, checked.threat, radius, checked.chance.step("merge"),
        settings=least, known=known,
    )  # fmt: skip


def _beats_one_step(checked: Checked, once: FamilyAttacked) -> Fact:
    rng = checked.chance.step("one step")
    step = fgsm(checked.threat, checked.radius).against(
        checked.family.members, checked.points, checked.classes, rng
    )
    single = checked.family.expected_accuracy(step, checked.classes)
    words = f"accuracy {once.expected_accuracy:.3f}, after one step on all members {single:.3f}"
    return _fact(checked, "iterative beats one step", once.expected_accuracy <= single, words)


def _changes_little(checked: Checked, once: FamilyAttacked, words: str, **more: int) -> Fact:
    twice = checked.attacked(words, settings=replace(checked.settings, **more))
    drop = once.expected_accuracy - twice.expected_accuracy
    told = (
        f"accuracy {twice.expected_accuracy:.3f} instead of {once.expected_accuracy:.3f}; {LITTLE:g} allowed"
    )
    return _fact(checked, f"{words} change little", drop <= LITTLE, told)


def _beats_noise(checked: Checked, once: FamilyAttacked) -> Fact:
    family, rng = checked.family, checked.chance.step("noise")
    scene = Scene(family.members[0], family.decision, checked.points, checked.classes, checked.threat)
    radii = np.full(len(checked.points), checked.radius)
    least = np.ones(len(checked.points))
    for _ in range(_NOISES):
        noisy = random_within(scene, radii, rng)
        least = np.minimum(least, family.expected_right(noisy, checked.classes))
    told = (
        f"accuracy {once.expected_accuracy:.3f}, at the worst of {_NOISES} random changes {least.mean():.3f}"
    )
    return _fact(checked, "random noise is worse", once.expected_accuracy <= least.mean(), told)


def _radius_facts(checked: Checked) -> tuple[Fact, Fact]:
    radii = [share * checked.radius for share in _RADII]
    radii.append(max(whole_space(checked.threat, checked.points), 2.0 * radii[-1]))
    carried, alone = sweep(checked, radii)
    rises = int((np.diff(carried, axis=0) > 1e-9).any(axis=0).sum())
    means = alone.mean(axis=1)
    steady = rises == 0 and bool((np.diff(means) <= LITTLE).all())
    told = ", ".join(f"{r:.3g}: {a:.3f}" for r, a in zip(radii, means, strict=True))
    never = _fact(
        checked, "a larger radius never helps", steady,
        f"{rises} inputs where it does with candidates carried on; attacks by themselves: accuracy at {told}",
    )  # fmt: skip
    last, chance = float(means[-1]), 1.0 / checked.family.classes
    # what guessing would get on as many inputs
    limit = wilson(chance * len(checked.points), len(checked.points))[1]
    words = f"accuracy {last:.3f} at {radii[-1]:.3g}; guessing gives {chance:.3f}, at most {limit:.3f}"
    return never, _fact(checked, "a very large radius reaches chance", last <= limit, words)


def _beats_sampling(checked: Checked, once: FamilyAttacked, draws: int = 20) -> Fact:
    exact = once.expected_accuracy
    sampled = replace(checked.settings, draws=draws)
    drawn = checked.attacked("drawn", settings=sampled).expected_accuracy
    words = (
        f"accuracy {exact:.3f} with the sum over members, {drawn:.3f} with {draws} draws for each gradient"
    )
    return _fact(checked, "drawing members does not beat their sum", exact - drawn <= LITTLE, words)


def whole_space(threat: Threat, points: FloatArray) -> float:
    """A radius that reaches every corner of the box, or many times the inputs where there is no box."""
    if threat.box is None:
        return 10.0 * float(threat.size(points).max())
    low, high = threat.box
    return float(threat.size(np.full(points.shape[1], high - low)))


def _fact(checked: Checked, name: str, passed: bool | np.bool_, words: str) -> Fact:
    return Fact(name, bool(passed), words, len(checked.points))
