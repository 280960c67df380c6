"""Follow a boundary across one first-layer hyperplane with ten queries.

Around a foot there are four quarters: two sides of the hyperplane times two sides of the boundary. Six
points where the neuron is off tell the rest of the network on both sides, and by how much the hyperplane is
not where it was thought to be; what four points where it is on differ from that are values of z. Two of
them, on the home side, must be what is predicted: that the boundary is still there and still the same
neuron's. The other two must agree on the one unknown, the coefficient. If anything else bends nearby a check
fails, and the test is repeated closer to the foot.

Source: one new scalar per crossing, specs after Rolnick and Körding 2020; the ten points are ours.
Cost: ten queries for each try.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.facets import ASPECT, Foot
from hingeline.extraction.unsigned import UnsignedNeuron
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.probe import Probe

# In units of (room, aspect * room). Off: three at home, three beyond. On: two at home, two beyond.
_OFF_ALONG = np.array([-1.0, -0.4, -0.7, -1.0, -0.5, -0.8])
_OFF_ACROSS = np.array([-1.0, -1.0, -2.0, 1.0, 2.0, 1.7])
_ON_ALONG = np.array([1.0, 0.5, 1.0, 0.5])
_ON_ACROSS = np.array([-1.0, -2.0, 1.0, 2.0])
_HOME = 2
"""The first two of the points where the neuron is on lie on the home side."""


@dataclass(frozen=True)
class CrossingSettings:
    """How a crossing is tried."""

    first: float = 0.5
    """First size, as a fraction of the room."""
    shrink: float = 0.15
    """Factor on the size after each failure."""
    flatten: float = 0.5
    """Factor on the aspect after each failure: a large coefficient turns the boundary a lot."""
    tries: int = 5
    """Sizes tried."""
    sigmas: float = 12.0
    """Standard deviations within which a check must agree."""
    slack: float = 1e-6
    """Part of z's size at the points within which a check must agree whatever the error bars say."""
    displaced: float = 1e-8
    """Hyperplanes may be off by this part of the distance from the origin."""
    vague: float = 0.05
    """Predictions with larger error bars, as a part of z, check nothing."""


@dataclass(frozen=True, eq=False)
class Crossing:
    """What a crossing told about z."""

    foot: Foot
    points: FloatArray
    """Four points where the neuron is on, two on either side of the hyperplane, shape "4 d"."""
    values: FloatArray
    """z there, shape "4"."""
    errors: FloatArray
    """Standard deviations, shape "4"."""


def cross(
    probe: Probe,
    neuron: UnsignedNeuron,
    feet: Sequence[Foot],
    settings: CrossingSettings | None = None,
) -> list[Crossing | None]:
    """Measure z on both sides of the hyperplane at each foot; None where a check failed at all sizes.

    Raises:
        BudgetExhausted: The budget ended.
    """
    settings = settings or CrossingSettings()
    found: list[Crossing | None] = [None] * len(feet)
    for attempt in range(settings.tries):
        pending = [i for i, crossing in enumerate(found) if crossing is None]
        if not pending:
            break
        tests = [_Test.at(feet[i], attempt, settings) for i in pending]
        answers = probe.ask(np.concatenate([test.points for test in tests]))
        for i, test, y in zip(pending, tests, np.split(answers, len(tests)), strict=True):
            found[i] = test.judge(probe, neuron, y, settings)
    return found


@dataclass(frozen=True, eq=False)
class _Test:
    """Ten points around a foot."""

    foot: Foot
    along: FloatArray
    across: FloatArray

    @staticmethod
    def at(foot: Foot, attempt: int, settings: CrossingSettings) -> _Test:
        size = foot.room * settings.first * settings.shrink**attempt
        # on the home side the boundary may be tilted; the points must stay on their side of it
        aspect = min(ASPECT, 0.2 * foot.slope / max(abs(foot.tilt), 1e-300)) * settings.flatten**attempt
        along = size * np.concatenate([_OFF_ALONG, _ON_ALONG])
        return _Test(foot, along, size * aspect * np.concatenate([_OFF_ACROSS, _ON_ACROSS]))

    @property
    def points(self) -> FloatArray:
        """Shape "10 d"."""
        foot = self.foot
        return foot.point + np.outer(self.along, foot.along) + np.outer(self.across, foot.across)

    def judge(
        self, probe: Probe, neuron: UnsignedNeuron, answers: FloatArray, settings: CrossingSettings
    ) -> Crossing | None:
        """Apply the checks to the ten answers."""
        points = self.points
        noise = float(probe.noise.at(points).max()) + EPSILON * float(np.abs(answers).max())
        rest, errors, shift = self._without_others(answers, noise)
        farthest = settings.displaced * (probe.calibration.scale + float(np.linalg.norm(self.foot.point)))
        allowed = settings.sigmas * errors + settings.slack * np.abs(self.along) * self.foot.slope
        off = len(_OFF_ALONG)
        values = rest[off:] @ neuron.jump
        strange = np.abs(rest)
        strange[off:] = np.abs(rest[off:] - np.outer(values, neuron.jump))
        if (strange.max(axis=1) > allowed).any() or (values <= 0).any() or shift > farthest:
            return None
        predicted, doubt = neuron.values(points[off:]), neuron.errors(points[off:])
        excess = values - predicted
        slack = allowed[off:] + settings.sigmas * doubt
        if (slack > settings.vague * values).any() or (np.abs(excess) > slack)[:_HOME].any():
            return None
        beyond = self.across[off + _HOME :]
        weights = excess[_HOME:] / beyond
        moved = np.abs(weights).max() * shift
        if abs(weights[0] - weights[1]) > ((slack[_HOME:] + moved) / beyond).sum():
            return None
        return Crossing(
            self.foot, points[off:], values, np.hypot(errors[off:], moved * (self.across[off:] > 0))
        )

    def _without_others(self, answers: FloatArray, noise: float) -> tuple[FloatArray, FloatArray, float]:
        """Answers less the off quarters' affine maps, their errors, and the hyperplane's displacement."""
        new = (self.across > 0).astype(np.float64)
        design = np.stack([np.ones(len(new)), self.along, self.across, new, new * self.across], axis=1)
        scale = np.abs(design).max(axis=0)
        design /= scale
        off = len(_OFF_ALONG)
        inverse = np.linalg.pinv(design[:off])
        fitted = inverse @ answers[:off]
        # error of each residual: its own answer's and those of the six answers it is compared with
        errors = noise * np.sqrt(1.0 + ((design @ inverse) ** 2).sum(axis=1))
        # the kink gamma (u - u0) is -gamma u0 at u = 0
        constant, kink = fitted[3] / scale[3], fitted[4] / scale[4]
        doubt = 12 * noise * float(np.linalg.norm(inverse[3])) / scale[3]
        size = float(np.linalg.norm(kink))
        shift = max(0.0, float(np.linalg.norm(constant)) - doubt) / size if size > 0 else 0.0
        return answers - design @ fitted, errors, shift
