"""Asking for real values: a session, what the doctor measured, and answers an attack can use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.oracles.session import QuerySession
from hingeline.probing.domain import Domain

COARSE = 1e-11
"""Answers are coarse if their noise at typical inputs is more than this share of what they vary there."""
ROUNDING = 0.3
"""Standard deviation of a rounded number, in epsilons: uniform between half an epsilon either way."""


@dataclass(frozen=True)
class Calibration:
    """What every later tolerance derives from."""

    noise: NoiseFloor
    """Measured error of one value, per output coordinate."""
    scale: float
    """Typical input norm at which the network is interesting: |x| of its domain, input units."""
    radius: float
    """Largest |x| at which values are usable; inf if free."""
    to_values: Callable[[FloatArray], FloatArray] | None = None
    """Turns raw answers into values (log-ratios of probabilities); None if they are values already."""
    centre: FloatArray | None = None
    """The input that attacks see as their origin, shape "d": the middle of declared bounds; None: zero."""
    half_width: float = np.inf
    """Largest coordinate, seen from the centre, that may be asked; inf if free."""
    rounding: float | None = None
    """Step to which values are rounded, if that is nearly all of their error; None if not."""
    unit: float = 1.0
    """Attacks see f(unit x) / unit, and everything here is in those coordinates; a power of two, so that
    nothing is rounded. The same weights, biases divided by the unit, and so is any absolute error."""

    def seen_from(self, unit: float) -> Calibration:
        """The same door seen in a unit of length so many times larger; only for doors without a centre."""
        noise = replace(self.noise, absolute=self.noise.absolute / unit)
        rounding = None if self.rounding is None else self.rounding / unit
        radius = self.radius / unit
        return replace(self, noise=noise, radius=radius, rounding=rounding, unit=self.unit * unit)


class Probe:
    """Asks for values and knows their noise; every row goes through the session.

    Args:
        session: Where queries go and are counted.
        calibration: What the doctor measured on this session.
    """

    def __init__(self, session: QuerySession, calibration: Calibration) -> None:
        self.session = session
        self.calibration = calibration
        self.domain = Domain(calibration.radius, calibration.half_width)
        self._steepest = 0.0
        self.noise_checked = False
        """Whether the calibrated noise has been measured again."""
        dtype = np.dtype(session.oracle.spec.dtype)
        self._input_epsilon = float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0

    @property
    def input_dim(self) -> int:
        """Numbers in one query row."""
        return self.session.input_dim

    @property
    def noise(self) -> NoiseFloor:
        """Measured error of one value, and never less than what the rounding of inputs makes of it."""
        measured = self.calibration.noise
        return replace(measured, per_norm=max(measured.per_norm, self.input_noise(self._steepest)))

    def input_noise(self, slope: FloatArray | float) -> Any:
        """Error of a value, per unit of |x|, from rounding the input where the slope is so steep."""
        return ROUNDING * self._input_epsilon * slope

    def with_noise(self, noise: NoiseFloor) -> Probe:
        """The same door with a noise that was measured again."""
        probe = Probe(self.session, replace(self.calibration, noise=noise))
        probe.note_slope(self._steepest)
        probe.noise_checked = True
        return probe

    def inside_span(self, rank: int) -> Probe:
        """The same door for points of the `rank` dimensions that the network looks at, where it is coarse.

        Noise was measured at random inputs, of which the network sees only the part in those dimensions;
        points within them are seen whole, and a norm means so much larger intermediate values.
        """
        noise = self.calibration.noise
        stretch = float(np.sqrt(self.input_dim / max(1, rank)))
        return self.with_noise(replace(noise, per_norm=stretch * noise.per_norm))

    def note_slope(self, slope: float) -> None:
        """Take in a slope that was seen: the calibration may have looked where the network is dead."""
        self._steepest = max(self._steepest, slope)

    @property
    def steepest(self) -> float:
        """The largest slope seen so far; 0 before any."""
        return self._steepest

    def ask(self, points: FloatArray, *, fresh: bool = False) -> FloatArray:
        """Values at `points`, seen from the centre: "n d" to "n k"; n queries.

        Args:
            points: Where.
            fresh: Ask also what was asked before, to see whether the answer repeats.

        Raises:
            InvalidInput: No points.
            OutsideDomain: A point outside the declared bounds; nothing was sent.
        """
        if not len(points):
            raise InvalidInput("no points to ask")
        centre, unit = self.calibration.centre, self.calibration.unit
        if unit != 1.0:
            points = points * unit
        answers = self.session.ask(points if centre is None else points + centre, fresh=fresh)
        convert = self.calibration.to_values
        values = answers if convert is None else convert(answers)
        return values if unit == 1.0 else values / unit


def is_coarse(probe: Probe) -> bool:
    """Whether answers carry so few digits that steps must be as wide as regions allow."""
    scale = probe.calibration.scale
    noise = float(probe.noise.at_norm(np.array([scale]))[0])
    return probe.steepest > 0 and noise > COARSE * probe.steepest * scale
