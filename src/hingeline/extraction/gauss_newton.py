"""Gauss-Newton on all free parameters of a network, for recorded questions and answers.

Idea: with every sample's pattern frozen, one linear least-squares problem gives the step. Samples that the
step would carry across a hyperplane are left out of it, so one step squares the error. A step is taken whole
or in part if it lowers the residual over all samples; if no part does, damping grows.

Sources: Levenberg 1944, Marquardt 1963; the linear algebra is in `preconditioning` and `conjugate_gradients`.
Cost: see `polish`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.events import Event, EventSink
from hingeline.extraction.backed_products import BackedProducts
from hingeline.extraction.linearised import Layers, Linearised, Samples, forward, moved
from hingeline.extraction.parameter_chart import ParameterChart
from hingeline.extraction.preconditioning import DenseInverse, KroneckerInverse, Preconditioner
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.backend import NUMPY, Backend, chosen_backend
from hingeline.numerics.conjugate_gradients import LeastSquaresStep, solve_least_squares
from hingeline.numerics.memory import physical_memory

# A sample stays in while every pre-activation is at least this many times its predicted change.
CROSSING_MARGIN = 2.0
# Samples are left out only while the others are this many times the unknowns.
SPARE_SAMPLES = 1.02
# Parts of a step that are tried before damping grows.
PARTS = (1.0, 0.5, 0.25, 0.1, 0.03)
# A fit that gains less than this has converged.
STALLED = 0.7
# Residuals below this many deviations are noise: a refused step ends the fit.
AT_NOISE = 3.0
# Growth of the damping at a refused step, and where it ends; relative to the diagonal.
DAMPING_GROWTH, DAMPING_END = 1e3, 10.0
# A residual of so many deviations or more deserves a step of full accuracy; below, of so much less.
FORCING, COARSEST = 1e3, 1e-2
# A factored matrix that needs more passes than this is out of date.
STALE_AFTER = 40
# Matrices held at once, and the part of the machine's memory that they may take.
MATRICES, MEMORY_SHARE = 2.5, 0.5
# A fit that ends farther from the answers than this many deviations lacks something that no step brings.
HOPELESS = 1e7


@dataclass(frozen=True)
class PolishSettings:
    """How far to go."""

    iterations: int = 10
    """Most Gauss-Newton iterations."""
    dense_unknowns: int = 20_000
    """Most parameters for which the normal equations are formed, where memory allows: 3.2 GB at 20,000."""
    single_first: int = 9_000
    """Up to so many they are formed again in double precision (1.3 GB) if single proves coarse."""
    freeze_below: float = 1e-8
    """Directions that excite the answers less than this, relative to a typical parameter, do not move."""
    prior_error: float = float("inf")
    """Largest error that a parameter may have at the start, rows at unit norm: no step goes farther."""
    inner_iterations: int = 400
    """Most passes over the samples in one step."""
    draws: int = 2
    """Draws from which errors and undetermined neurons are estimated; dense engine only."""
    backend: str = "numpy"
    """Where products are taken: "numpy", "torch", or "auto" (see `hingeline.numerics.backend`)."""


@dataclass(frozen=True)
class PolishStep(Event):
    """One iteration of a polish was accepted."""

    iteration: int
    residual: float
    """Root mean square over the fitted samples, in units of the noise."""
    change: float
    """Largest change of a parameter, rows at unit norm."""
    dropped: int
    """Samples left out because the step would carry them across a hyperplane."""
    passes: int
    """Products with the derivative that the step took."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """Questions and answers."""

    points: FloatArray
    """Shape "n d"."""
    answers: FloatArray
    """Shape "n k"."""
    importance: FloatArray
    """One over the noise, "n 1" or "n k"."""

    def select(self, rows: BoolArray) -> Recorded:
        """Some of the rows."""
        return Recorded(self.points[rows], self.answers[rows], self.importance[rows])

    def residual(self, values: FloatArray) -> FloatArray:
        """What `values` miss, in deviations."""
        return (self.answers - values) * self.importance

    def misfit(self, network: PiecewiseLinearNetwork) -> tuple[float, float]:
        """Root mean square and largest residual, in deviations."""
        residual = self.residual(network(self.points))
        return root_mean_square(residual), float(np.abs(residual).max())


def root_mean_square(values: FloatArray) -> float:
    """Of all entries."""
    return float(np.sqrt(np.mean(values**2)))


@dataclass(frozen=True, eq=False)
class Descent:
    """Where a fit ended."""

    layers: Layers
    iterations: int
    first: float
    """Root mean square residual at the start, in deviations."""
    last: float
    """The same at the end, over the samples that were not left out."""
    change: float
    """Largest change of a parameter in the last iteration; 0 if there was none."""
    dropped: int
    """Samples that the last iteration left out."""
    note: str
    """Why it ended."""
    engine: str
    """dense or kronecker."""
    inverse: Preconditioner
    backend: str
    """numpy or torch."""


def descend(chart: ParameterChart, data: Recorded, settings: PolishSettings, on_event: EventSink) -> Descent:
    """Lower the residual as far as it goes."""
    fit = Fit(chart.samples(data.points), data, settings, chart.layers)
    linear = fit.linearise(chart.layers)
    engine = _engine(linear.unknowns, settings)
    inverse: Preconditioner = fit.inverse(linear, engine)
    damping = floor = settings.freeze_below**2
    radius = settings.prior_error
    residual = data.residual(linear.values)
    first = size = root_mean_square(residual)
    iterations, dropped, last, note = 0, 0, 0.0, "the iterations ended"
    while iterations < settings.iterations:
        step, kept = fit.step(linear, residual, inverse, damping)
        change = np.where(inverse.idle, 0.0, chart.without_stretch(step.vector, linear.layers))
        length = chart.largest(change)
        before = root_mean_square(residual[kept])
        part = fit.part_to_take(linear, change, kept, before) if length <= radius else 0.0
        ahead = fit.linearise(moved(linear.layers, part * change)) if part else linear
        left = data.residual(ahead.values)
        after = root_mean_square(left[kept])
        lost = part > 0.0 and after > max(STALLED * before, HOPELESS)
        if engine is DenseInverse and step.iterations > STALE_AFTER and not lost:
            if damping > floor:
                inverse = inverse.damped(damping)
            elif linear.unknowns <= settings.single_first:
                inverse = fit.inverse(linear, engine, precise=True)
        if part == 0.0:
            damping *= DAMPING_GROWTH
            if before < AT_NOISE or damping > DAMPING_END:
                note = "no step lowers the residual"
                break
            continue
        linear, residual, size, dropped = ahead, left, after, int((~kept).sum())
        iterations, last = iterations + 1, part * length
        on_event(PolishStep(iterations, size, last, dropped, step.iterations))
        if size > STALLED * before:
            note = "no step leads nearer to the answers" if lost else "converged"
            break
        # Gauss-Newton steps shrink; one that grows follows a direction that the samples do not fix
        radius = length
    return Descent(
        linear.layers, iterations, first, size, last, dropped, note, engine.NAME, inverse, fit.backend.NAME
    )


@dataclass(frozen=True, eq=False)
class Fit:
    """What stays the same through a fit."""

    samples: Samples
    data: Recorded
    settings: PolishSettings
    layers: Layers
    """Parameters at the start."""

    @cached_property
    def backend(self) -> Backend:
        """Where products are taken."""
        unknowns = sum(weight.size + bias.size for weight, bias in self.layers)
        return chosen_backend(self.settings.backend, float(self.data.answers.size) * unknowns)

    def inverse(
        self,
        linear: Linearised,
        engine: type[DenseInverse] | type[KroneckerInverse],
        *,
        precise: bool = False,
    ) -> Preconditioner:
        """The engine's approximate inverse at a derivative."""
        if engine is KroneckerInverse:
            return KroneckerInverse.of(linear)
        return DenseInverse.of(linear, precise=precise, backend=self.backend)

    def linearise(self, layers: Layers) -> Linearised:
        """The derivative at `layers`, over all samples."""
        return Linearised.at(layers, self.samples, self.data.importance)

    def step(
        self, linear: Linearised, residual: FloatArray, inverse: Preconditioner, damping: float
    ) -> tuple[LeastSquaresStep, BoolArray]:
        """The Gauss-Newton step, and the samples it rests on: those it does not carry across a hyperplane."""
        # no more digits than it takes to reach the noise; later steps correct the rest
        wanted = inverse.ACCURACY * max(1.0, FORCING / max(root_mean_square(residual), 1.0))
        tolerance = min(wanted, COARSEST)
        step = self.solve(linear, residual, inverse, damping, tolerance)
        kept = ~_crossing(linear, step.vector)
        if kept.all() or _too_few(kept, linear):
            return step, np.ones_like(kept)
        chosen = linear.reweighted(self.data.importance * kept[:, np.newaxis])
        return self.solve(chosen, residual * kept[:, np.newaxis], inverse, damping, tolerance), kept

    def solve(
        self,
        linear: Linearised,
        data: FloatArray,
        inverse: Preconditioner,
        damping: float,
        tolerance: float,
    ) -> LeastSquaresStep:
        """The least-squares step for a right side in deviations."""
        products = linear.halved() if isinstance(inverse, KroneckerInverse) else linear
        return solve_least_squares(
            products if self.backend is NUMPY else BackedProducts(products, self.backend),
            data.astype(products.importance.dtype),
            inverse.solve,
            damping * inverse.scales**2,
            tolerance=tolerance,
            limit=self.settings.inner_iterations,
        )

    def part_to_take(self, linear: Linearised, step: FloatArray, kept: BoolArray, size: float) -> float:
        """The largest of `PARTS` of a step that lowers the residual of the kept samples; 0 if none does."""
        for part in PARTS:
            values = forward(moved(linear.layers, part * step), self.samples)[0]
            if root_mean_square(self.data.residual(values)[kept]) < size:
                return part
        return 0.0


def _engine(unknowns: int, settings: PolishSettings) -> type[DenseInverse] | type[KroneckerInverse]:
    """Which approximate inverse so many unknowns get: the matrix of a dense one must fit into memory.

    Beyond `single_first` it stays in single precision: OpenBLAS 0.3 with two threads was seen to fail on a
    factor in double precision of more than 2 GiB.
    """
    single = MATRICES * np.dtype(np.float32).itemsize * unknowns**2
    fits = unknowns <= settings.single_first or single <= MEMORY_SHARE * physical_memory()
    return DenseInverse if unknowns <= settings.dense_unknowns and fits else KroneckerInverse


def _crossing(linear: Linearised, step: FloatArray) -> BoolArray:
    """Samples with a pre-activation that the step may carry through zero."""
    crossing = np.zeros(len(linear.values), dtype=np.bool_)
    for height, change in zip(linear.heights, linear.changes(step)[:-1], strict=True):
        crossing |= (np.abs(height) < CROSSING_MARGIN * np.abs(change)).any(axis=1)
    return crossing


def _too_few(kept: BoolArray, linear: Linearised) -> bool:
    return float(kept.sum()) * linear.values.shape[1] < SPARE_SAMPLES * linear.unknowns
