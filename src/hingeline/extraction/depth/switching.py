"""Whether a neuron made from answers goes off where it should.

Answers where two missing neurons are both on are linear in the channels too, and their sum passes for a
neuron. But nothing bends at its zeros.

Cost: three questions for each place tried, at most 3 `PLACES`. Source: ours.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.left_over import Answers, LeftOver

PLACES = 6
"""Places of the boundary that are tried."""
WALKERS = 40
"""Places from which the boundary is walked to, offline."""
STEPS = 30
"""Steps of a walk."""
LONGEST = 0.3
"""And the longest of them, of scale + norm."""
BESIDE = 1e-3
"""How far on either side of it answers are asked, of scale + norm."""
AT = np.array([-3.0, -1.0, 1.0])
"""Where, in units of that."""
AGREES = 1e-4
"""Residual of an answer on its side, of what the neuron adds there."""
CLEAR = 1e-7
"""Part of the channels along an untold direction up to which a place tells of none."""
CONFIRMED = 2
"""Places that must agree."""


def switches(
    known: KnownLayers,
    left: LeftOver,
    coefficients: FloatArray,
    untold: FloatArray,
    places: FloatArray,
    ask: Callable[[FloatArray], Answers],
) -> bool:
    """Whether what is left over bends at the boundary as the neuron does.

    Args:
        known: The layers below.
        left: What other neurons leave over.
        coefficients: What the neuron adds to the answers where it is on, by channels and one, shape "c+1 k".
        untold: Directions of it that are not told, shape "c+1 f".
        places: Where it is on, shape "p r".
        ask: Answers at new points "p r".
    """
    theta = coefficients[:, int(np.argmax(np.abs(coefficients).max(axis=0)))]
    theta = theta * np.sign(np.median(known.offered(places) @ theta))
    points = _across(known, theta, untold, places[:: max(1, len(places) // WALKERS)], left.scale)
    answers = ask(points.reshape(-1, points.shape[2]))
    if not len(points) or len(answers.points) != points.shape[0] * points.shape[1]:
        return False
    rest = left.at(answers).reshape(len(points), len(AT), -1)
    added = (answers.offered @ coefficients).reshape(rest.shape)[:, 2]
    # f(1) - (2 f(-1) - f(-3)): what linear parts of others leave of it is nothing
    bend = rest[:, 2] - (2 * rest[:, 1] - rest[:, 0])
    met = np.abs(bend - added).max(axis=1) < AGREES * np.abs(added).max(axis=1)
    return int(met.sum()) >= min(CONFIRMED, len(points))


def _across(
    known: KnownLayers, theta: FloatArray, untold: FloatArray, points: FloatArray, scale: float
) -> FloatArray:
    """Places of the boundary that are walked to, three points across each: "q 3 r"."""
    for _ in range(STEPS):
        slope = np.einsum("c,pcr->pr", theta[:-1], known.slopes(points))
        steepness = np.maximum((slope**2).sum(axis=1), 1e-300)
        step = -(known.offered(points) @ theta / steepness)[:, np.newaxis] * slope
        longest = LONGEST * (scale + np.linalg.norm(points, axis=1))
        length = np.maximum(np.linalg.norm(step, axis=1), 1e-300)
        points = points + np.minimum(1.0, longest / length)[:, np.newaxis] * step
    slope = np.einsum("c,pcr->pr", theta[:-1], known.slopes(points))
    steep = np.maximum(np.linalg.norm(slope, axis=1), 1e-300)
    aside = (BESIDE * (scale + np.linalg.norm(points, axis=1)) / steep)[:, np.newaxis] * slope
    across = points[:, np.newaxis] + AT[:, np.newaxis] * aside[:, np.newaxis]
    offered = known.offered(across.reshape(-1, across.shape[2])).reshape(*across.shape[:2], -1)
    height, size = offered @ theta, np.linalg.norm(offered, axis=2)
    # what is below must be linear there, and nothing untold matter
    straight = np.abs(height[:, 2] - (2 * height[:, 1] - height[:, 0])) < CLEAR * np.abs(height[:, 2])
    clear = (np.linalg.norm(offered @ untold, axis=2) <= CLEAR * size).all(axis=1)
    good = np.nonzero(straight & clear & (height[:, 1] < 0) & (height[:, 2] > 0))[0]
    return across[good[:: max(1, len(good) // PLACES)][:PLACES]]
