"""Asking for real values: a session, what the doctor measured, and answers an attack can use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.oracles.session import QuerySession


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


class Probe:
    """Asks for values and knows their noise; every row goes through the session.

    Args:
        session: Where queries go and are counted.
        calibration: What the doctor measured on this session.
    """

    def __init__(self, session: QuerySession, calibration: Calibration) -> None:
        self.session = session
        self.calibration = calibration

    @property
    def input_dim(self) -> int:
        """Numbers in one query row."""
        return self.session.input_dim

    @property
    def noise(self) -> NoiseFloor:
        """Measured error of one value."""
        return self.calibration.noise

    def ask(self, points: FloatArray) -> FloatArray:
        """Values at `points`: "n d" to "n k"; n queries.

        Raises:
            InvalidInput: The points leave the radius in which values are usable.
        """
        if not len(points):
            raise InvalidInput("no points to ask")
        answers = self.session.ask(points)
        convert = self.calibration.to_values
        return answers if convert is None else convert(answers)
