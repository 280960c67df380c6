"""Values with their noise, one by one, from doors that round, shake or answer in float32.

Noise decides here how long steps may be, so it is measured again where they will be taken: the doctor saw a
few lines of 48 queries, on which kinks can pass for noise. Second differences over lengths so short that
kinks are rare have a median that tells the noise, and never less than the rounding of the answers.

A rounded probability p makes log-ratios with an error of quantum / (sqrt(12) p), small for one output and
hopeless for the next: every value has its own deviation, and rows without a value come as nan, not as an
error. Inputs that must be multiples of a quantum (8-bit images) are snapped here and nowhere else.

Cost: what is asked; 7 queries for each point of a calibration.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.heads import Head
from hingeline.probing.resolution import Resolution
from hingeline.subspace.workbench import Bench

# Lengths of calibrating rays, in typical coordinates: a network of 1,000 neurons has a kink on one in five.
_SHORT = (1e-2, 3e-3, 1e-3)
# Median of |N(0, 1)|, and caution for the smallest of three medians.
_MEDIAN = 0.6745
_CAUTION = 1.3
# Keeps a division by a vanished probability finite.
_SMALLEST = 1e-300


class NoisyDoor:
    """The probe of a bench, seen value by value.

    Args:
        bench: Its probe answers values; its card, where there is one, tells how answers are rounded.

    Raises:
        InvalidInput: The bench has no probe: values are needed.
    """

    def __init__(self, bench: Bench) -> None:
        if bench.probe is None:
            raise InvalidInput("central differences need values; this door answers labels only")
        self.bench, self.probe = bench, bench.probe
        self.dim = self.probe.input_dim
        self.quantum = bench.settings.quantum
        card = bench.card
        ratios = card is not None and card.head.kind in ("softmax", "sigmoid")
        self._head: Head | None = card.head if card is not None and ratios else None
        self._rounded = card is not None and ratios and card.rounding is not None
        self._resolution: Resolution | None = card.resolution if card is not None else None
        self._calibrations: list[tuple[float, float]] = []

    def calibrate(self, points: FloatArray, unit: float, rng: np.random.Generator) -> None:
        """Measure the noise around `points` ("n d"), `unit` being a typical coordinate of theirs.

        Cost: 7 n queries; none where the noise of rounded probabilities is known value by value.
        """
        if self._rounded or self.quantum is not None or not len(points):
            return
        rays = rng.standard_normal(points.shape)
        rays *= unit / np.linalg.norm(rays, axis=1, keepdims=True)
        values, _ = self.ask(points)
        bends = [
            self.ask(points + length * rays)[0] + self.ask(points - length * rays)[0] - 2 * values
            for length in _SHORT
        ]
        known = ~np.isnan(np.sum(bends, axis=0)).any(axis=1)
        if not known.any():
            return
        # a second difference of equal errors has 6 times their variance; the noisiest output counts
        medians = [float(np.median(np.abs(bend[known]), axis=0).max()) / (_MEDIAN * 6**0.5) for bend in bends]
        size = np.abs(values[known]).max()
        floor = 0.0 if self._resolution is None else float(self._resolution.rounding(size))
        sigma = max(_CAUTION * min(medians), floor)
        self._calibrations.append((float(np.median(np.linalg.norm(points, axis=1))), sigma))

    def sigma(self, points: FloatArray) -> FloatArray:
        """Deviation of one value at each of `points`, "n d" to "n"."""
        if not self._calibrations:
            return self.probe.noise.at(points)
        norms = np.maximum(np.linalg.norm(points, axis=1), _SMALLEST)
        known = np.array(self._calibrations)
        nearest = np.abs(np.log(norms[:, np.newaxis] / known[:, 0])).argmin(axis=1)
        # farther out than the nearest calibration, errors may grow with the intermediate values
        return known[nearest, 1] * np.maximum(1.0, norms / known[nearest, 0])

    def ask(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values and their deviations, "n d" to "n m" each; rows without a value are nan.

        Raises:
            BudgetExhausted: The budget ended.

        Cost: n queries.
        """
        if self._head is None:
            values = self.probe.ask(points)
            return values, self.sigma(points)[:, np.newaxis] + EPSILON * np.abs(values)
        centre = self.probe.calibration.centre
        answers = self.bench.session.ask(points if centre is None else points + centre)
        usable = self._head.usable(answers)
        width = answers.shape[1] - (self._head.kind != "sigmoid")
        values, sigma = np.full((len(answers), width), np.nan), np.full((len(answers), width), np.inf)
        if usable.any():
            values[usable] = self._head.values(answers[usable])
            sigma[usable] = self._ratio_sigma(answers[usable], values[usable], points[usable])
        return values, sigma

    def _ratio_sigma(self, answers: FloatArray, values: FloatArray, points: FloatArray) -> FloatArray:
        """Deviation of log-ratios: known value by value where probabilities are rounded, else as measured."""
        if self._head is not None and self._resolution is not None and self._rounded:
            return _ratio_noise(self._head, self._resolution, answers)
        return self.sigma(points)[:, np.newaxis] + EPSILON * np.abs(values)

    def snapped(self, points: FloatArray) -> FloatArray:
        """The nearest points that may be asked: multiples of the quantum, in the door's own coordinates."""
        if self.quantum is None:
            return points
        centre = self.probe.calibration.centre
        offset = np.zeros(self.dim) if centre is None else centre
        return np.rint((points + offset) / self.quantum) * self.quantum - offset

    @property
    def narrowed(self) -> str:
        """A sentence if answers are usable in a part of the box only; empty otherwise."""
        domain = self.probe.domain
        if domain.radius >= domain.half_width * np.sqrt(self.dim) or np.isinf(domain.half_width):
            return ""
        return (
            f"Answers are usable only within {domain.radius:.3g} of the middle of the box, not in all of it."
        )

    def step(self, length: float) -> float:
        """The step nearest to `length` that may be taken along a coordinate; at least one quantum."""
        return length if self.quantum is None else max(1.0, round(length / self.quantum)) * self.quantum


def _ratio_noise(head: Head, resolution: Resolution, answers: FloatArray) -> FloatArray:
    """Deviation of each log-ratio: "n k" to "n k-1" (softmax) or "n k" (sigmoid)."""
    error = resolution.rounding(np.abs(answers))
    if head.kind == "sigmoid":
        return error / np.maximum(answers * (1 - answers), _SMALLEST)
    logs = error / np.maximum(answers, _SMALLEST)
    return np.hypot(np.delete(logs, head.reference, axis=1), logs[:, [head.reference]])
