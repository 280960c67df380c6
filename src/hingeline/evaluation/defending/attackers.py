"""Attackers of the grid: one who knows nothing of the defence, one who only has the door, one who knows all.

Each brings candidates, one input for each start and attack; who stands is then decided by asking the door.

- *transfer*: gradient and random attacks on the undefended model, carried over as they are.
- *unaware*: descends through the defended door as if it were the model, its slopes taken from small
  differences along random directions. Rounding or labels leave such an attacker without a slope, which looks
  like safety and is none (gradient masking: Athalye, Carlini and Wagner 2018).
- *adaptive*: all of the above, and whatever the defence itself names (`Defence.attacks`).
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.defences.doors.defence import Defence
from hingeline.evaluation.defending.shown import Reading
from hingeline.oracles.session import QuerySession
from hingeline.sensitivity.attacks.base import Scene
from hingeline.sensitivity.attacks.geometry import within
from hingeline.sensitivity.attacks.projected_gradient import ProjectedGradient, random_within

_DIRECTIONS = 24
"""Random directions behind one slope of the unaware attacker."""
_UNAWARE_STEPS = 15
_SMALL = 1e-5
"""Its differences, as a share of the radius: as small as one would take for float64."""
_NOISES = 4
_AIMS = 3
"""Nearest classes that are aimed at one by one."""
_TRIALS = 150


def transfer_candidates(
    scene: Scene, radius: float, rng: np.random.Generator, *, steps: int, restarts: int
) -> FloatArray:
    """Changed inputs that fool the undefended model, just and by far: "a n d".

    What barely fools a model may not fool it behind a defence; so the margin is also brought down by all of
    the radius, from the input and from a random place, and towards each of the nearest classes.
    """
    nearest = ProjectedGradient(radius, steps, restarts).run(scene, rng).points
    places = random_within(scene, np.full(len(scene.points), radius), rng)
    begins = (scene.points, places)
    far = [_descended(scene, begin, radius, steps) for begin in begins]
    leads = scene.decision.leads(scene.model.outputs(scene.points), scene.classes)
    aims = leads.argsort(axis=1)[:, :_AIMS].T if leads.shape[1] > 1 else ()
    return np.stack([nearest, *far, *(_descended(scene, scene.points, radius, steps, aim) for aim in aims)])


def one_step_candidates(scene: Scene, radius: float) -> FloatArray:
    """One step of the whole radius along the gradient: "1 n d"; draws nothing."""
    return _descended(scene, scene.points, radius, 1)[np.newaxis]


def noise_candidates(scene: Scene, radius: float, rng: np.random.Generator) -> FloatArray:
    """Random changes of the full radius: "a n d"."""
    drawn = rng.standard_normal((_NOISES, *scene.points.shape))
    change = scene.threat.masked(np.sign(drawn) if scene.threat.norm == "linf" else drawn)
    size = scene.threat.size(change)[..., np.newaxis]
    return scene.threat.inside(scene.points + radius * change / np.where(size > 0, size, 1.0))


def search_candidates(
    session: QuerySession, reading: Reading, scene: Scene, radius: float, rng: np.random.Generator
) -> FloatArray:
    """Random search through the door, which needs no gradient: "1 n d". Asks `_TRIALS` + 1 rows each.

    Every trial draws a share of the coordinates anew at the full radius and is kept where the margin falls:
    the idea of Square Attack (Andriushchenko et al. 2020) without windows.
    """
    radii, inputs = np.full(len(scene.points), radius), len(scene.points)
    best = noise_candidates(scene, radius, rng)[0]
    lowest = reading.margins(session.ask(best, fresh=True), scene.classes)
    for trial in range(_TRIALS):
        share = max(1.0 / scene.free_count, 0.3 * (1.0 - trial / _TRIALS) ** 2)
        drawn = rng.random(best.shape) < share
        signs = rng.choice([-1.0, 1.0], (inputs, 1)) if trial % 2 else rng.choice([-1.0, 1.0], best.shape)
        reach = (
            radius if scene.threat.norm == "linf" else radius / np.sqrt(max(1.0, share * scene.free_count))
        )
        tried = np.where(drawn, scene.points + reach * signs, best)
        tried = within(scene, scene.allowed(tried), radii)
        margins = reading.margins(session.ask(tried, fresh=True), scene.classes)
        better = margins <= lowest
        best, lowest = np.where(better[:, np.newaxis], tried, best), np.minimum(margins, lowest)
    return best[np.newaxis]


def adaptive_candidates(
    defence: Defence | None, scene: Scene, radius: float, rng: np.random.Generator
) -> FloatArray:
    """What the attacks bring that the defence itself names: "a n d", possibly none."""
    attacks = () if defence is None else defence.attacks()
    found = [
        _legal(attack(scene.model, scene.points, scene.classes, scene.threat, radius, rng), scene, radius)
        for attack in attacks
    ]
    return np.stack(found) if found else np.zeros((0, *scene.points.shape))


def _legal(candidates: FloatArray, scene: Scene, radius: float) -> FloatArray:
    """What an attack of a defence brought, if an attacker could have sent it.

    Raises:
        InvalidInput: Another shape, no numbers, or outside the box or the radius.
    """
    found = np.asarray(candidates, dtype=np.float64)
    if found.shape != scene.points.shape or not np.isfinite(found).all():
        raise InvalidInput(
            f"an attack of a defence wants to bring finite inputs of shape {scene.points.shape}; "
            f"got {found.shape}"
        )
    inside = within(scene, found, np.full(len(found), radius))
    if not np.allclose(inside, found, rtol=1e-6, atol=1e-9 * radius):
        raise InvalidInput(f"an attack of a defence left the box or the radius {radius:g} that it was given")
    return inside


def unaware_candidates(
    session: QuerySession, reading: Reading, scene: Scene, radius: float, rng: np.random.Generator
) -> FloatArray:
    """Where descending through the door ends: "1 n d".

    Asks 2 `_DIRECTIONS` rows for each input and step; of the scene only its inputs and its threat are used.
    """
    radii, moved = np.full(len(scene.points), radius), scene.points.copy()
    for step in range(_UNAWARE_STEPS):
        slopes = _slopes(session, reading, scene, moved, radius * _SMALL, rng)
        length = radius * (1.0 - step / _UNAWARE_STEPS)
        moved = within(scene, moved + length * scene.threat.steepest(slopes), radii)
    return moved[np.newaxis]


def _slopes(
    session: QuerySession,
    reading: Reading,
    scene: Scene,
    points: FloatArray,
    step: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Slope of the margin as the door shows it, from differences along random directions: "n d"."""
    inputs, dim = points.shape
    directions = rng.standard_normal((_DIRECTIONS, inputs, dim))
    ends = [scene.threat.inside(points + sign * step * directions) for sign in (1.0, -1.0)]
    wanted = np.tile(scene.classes, _DIRECTIONS)
    up, down = (
        reading.margins(session.ask(end.reshape(-1, dim), fresh=True), wanted).reshape(_DIRECTIONS, inputs)
        for end in ends
    )
    return np.einsum("mn,mnd->nd", (up - down) / (2.0 * step * _DIRECTIONS), directions)


def _descended(
    scene: Scene, begin: FloatArray, radius: float, steps: int, aim: IntArray | None = None
) -> FloatArray:
    """Down the smallest lead, or that over the class aimed at, to the end: "n d"."""
    radii, points = np.full(len(begin), radius), begin
    best, lowest = begin, np.full(len(begin), np.inf)
    for step in range(steps + 1):
        outputs = scene.model.outputs(points)
        leads = scene.decision.leads(outputs, scene.classes)
        nearest = leads.argmin(axis=1) if aim is None else aim
        lead = leads[np.arange(len(points)), nearest]
        better = lead < lowest
        best, lowest = np.where(better[:, np.newaxis], points, best), np.minimum(lead, lowest)
        if step == steps:
            break
        weights = scene.decision.rows(scene.classes)[np.arange(len(points)), nearest]
        slopes = scene.model.gradients(points, weights)
        length = radius * (1.0 if steps == 1 else 0.5 * (1.0 - step / steps))
        points = within(scene, points + length * scene.threat.steepest(slopes), radii)
    return best
