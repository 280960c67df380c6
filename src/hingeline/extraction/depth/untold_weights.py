"""Weights of last-layer neurons that no bend told, from answers where they matter.

Where a neuron below is on that seldom is, the neurons over it move with weights that are not told. Few of
their boundaries may lie there, but every answer tells of all of them: with the outputs' weights known from
everywhere else, the untold weights are the few unknowns of

    f(x) = sum_j u_j relu((theta_j + U_j t_j) h(x)) + ...

which is fitted from many starts, most answers counting and not all: a neuron that is still missing may be on
at some of those places. Only directions that the answers which fit do pin are told.

Elsewhere only the sum of all slopes is known, and many sets of slopes give it there. So where slopes are not
what sides make, a linear part over the untold directions is fitted as well: a weight of a neuron that never
switches there cannot be told from it.

Cost: no queries. Source: ours; Gauss-Newton with reweighted residuals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.extraction.depth.partial_neuron import PartialNeuron

MATTERS = 1e-7
"""Share of a place's channels in untold directions above which they matter."""
STARTS = 24
"""Starts of the fit, the first without any untold weight."""
STEPS = 30
"""Steps of each."""
SMALLER = 0.35
"""Factor on the smallest residual that counts, each step."""
MOST = 600
"""Places fitted."""
FITS = 1e-8
"""Residual of an answer that fits, of what answers vary."""
MOST_FIT = 0.5
"""Share of the places that must fit."""
LEVERAGE = 0.9
"""Of a place, for each output, above which what it pins is not confirmed by other places."""
PINNED = 1e-5
"""Singular values of the equations that fit, of the largest, above which a direction is pinned."""


@dataclass(frozen=True, eq=False)
class UntoldWeights:
    """The unknowns of a fit: what is untold of some neurons of the last layer.

    Args:
        neurons: All of the layer, in order.
        jumps: Weights of the outputs over relu(z) of each, shape "k n".
        slopes: Over z itself, zero where a side is decided, shape "k n".
        offered: Channels below and a one at each place, shape "p c+1".
        rest: Answers less the outputs' constant, shape "p k".
        sizes: What answers vary at each place, shape "p".
        sided: Whether slopes are what sides make: none, or minus the jump.
    """

    neurons: Sequence[PartialNeuron]
    jumps: FloatArray
    slopes: FloatArray
    offered: FloatArray
    rest: FloatArray
    sizes: FloatArray
    sided: bool = True

    def told(self, rng: np.random.Generator) -> dict[int, PartialNeuron]:
        """Neurons of which answers tell more, by their number in the layer.

        Args:
            rng: Draws places and starts.
        """
        partial = [index for index, one in enumerate(self.neurons) if not one.whole]
        if not partial:
            return {}
        places = np.nonzero(self._matters(partial))[0]
        places = rng.permutation(places)[:MOST]
        fit = _Fit(self, partial, places)
        starts = rng.standard_normal((STARTS, fit.unknowns)) * np.exp(rng.uniform(-1.5, 1.5, (STARTS, 1)))
        starts[0] = starts[:, fit.weights :] = 0
        if len(places) < 2 * fit.unknowns:
            return {}
        found = [fit.solved(start) for start in starts]
        best = max(found, key=lambda solution: int(fit.fits(solution).sum()))
        return fit.completed(best)

    def _matters(self, partial: Sequence[int]) -> BoolArray:
        """Places where something untold matters: "p"."""
        size = np.linalg.norm(self.offered, axis=1)
        parts = [np.linalg.norm(self.offered @ self.neurons[index].untold, axis=1) for index in partial]
        return np.asarray((np.array(parts) > MATTERS * size).any(axis=0))


class _Fit:
    """The fit at some places."""

    def __init__(self, weights: UntoldWeights, partial: list[int], places: IntArray) -> None:
        self.of, self.partial = weights, partial
        self.offered, self.rest = weights.offered[places], weights.rest[places]
        self.sizes = weights.sizes[places][:, np.newaxis]
        self.base = self.offered @ np.array([one.theta for one in weights.neurons]).T
        # how z of each partial neuron moves with its own unknowns
        self.moves = [self.offered @ weights.neurons[index].untold for index in partial]
        ends = np.cumsum([move.shape[1] for move in self.moves])
        begins = np.concatenate([[0], ends])
        self.blocks = [slice(int(a), int(b)) for a, b in pairwise(begins)]
        self.weights = int(ends[-1])
        # the linear part over all untold directions, one for each output
        spanned, strength, _ = np.linalg.svd(
            np.concatenate([weights.neurons[index].untold for index in partial], axis=1), full_matrices=False
        )
        along = spanned[:, (strength > PINNED) & (not weights.sided)]
        self.linear = self.offered @ along
        self.unknowns = self.weights + along.shape[1] * self.rest.shape[1]

    def heights(self, solution: FloatArray) -> FloatArray:
        """Pre-activations of all neurons: "p n"."""
        z = self.base.copy()
        for index, move, block in zip(self.partial, self.moves, self.blocks, strict=True):
            z[:, index] += move @ solution[block]
        return z

    def residual(self, solution: FloatArray) -> FloatArray:
        """Of each answer, of what answers vary: "p k"."""
        z = self.heights(solution)
        linear = self.linear @ solution[self.weights :].reshape(-1, self.rest.shape[1])
        known = np.maximum(z, 0.0) @ self.of.jumps.T + z @ self.of.slopes.T
        return (known + linear - self.rest) / self.sizes

    def rates(self, solution: FloatArray) -> FloatArray:
        """Derivative of the residuals by the unknowns: "p k u"."""
        z, outputs = self.heights(solution), self.rest.shape[1]
        rates = np.zeros((*self.rest.shape, self.unknowns))
        for index, move, block in zip(self.partial, self.moves, self.blocks, strict=True):
            gain = self.of.slopes[:, index] + (z[:, [index]] > 0) * self.of.jumps[:, index]
            rates[:, :, block] = gain[:, :, np.newaxis] * move[:, np.newaxis]
        for output in range(outputs):
            rates[:, output, self.weights + output :: outputs] = self.linear
        return rates / self.sizes[:, :, np.newaxis]

    def solved(self, start: FloatArray) -> FloatArray:
        """Reweighted Gauss-Newton from a start, then without what does not fit."""
        solution, floor = start, 1.0
        for step in range(STEPS):
            wrong = self.residual(solution)
            length = np.linalg.norm(wrong, axis=1)
            floor = max(SMALLER * min(floor, float(np.median(length)) + 1e-300), 1e-15)
            weight = (np.maximum(length, floor) / floor) ** -0.5
            if 3 * step > 2 * STEPS and (length < FITS).sum() > self.unknowns:
                weight = (length < FITS).astype(np.float64)
            rows = (weight[:, np.newaxis, np.newaxis] * self.rates(solution)).reshape(-1, self.unknowns)
            target = (weight[:, np.newaxis] * wrong).ravel()
            solution = solution - np.linalg.lstsq(rows, target, rcond=1e-9)[0]
        return solution

    def fits(self, solution: FloatArray) -> BoolArray:
        """Places whose answers are met: "p"."""
        return np.linalg.norm(self.residual(solution), axis=1) < FITS

    def completed(self, solution: FloatArray) -> dict[int, PartialNeuron]:
        """What the answers that fit pin, if most do."""
        fits = self.fits(solution)
        if fits.sum() < max(MOST_FIT * len(fits), 2 * self.unknowns):
            return {}
        loose = _loose(self.rates(solution)[fits])
        found: dict[int, PartialNeuron] = {}
        for index, block in zip(self.partial, self.blocks, strict=True):
            left, strength, _ = np.linalg.svd(loose[:, block].T, full_matrices=True)
            open_ = left[:, : int((strength > PINNED).sum())]
            if open_.shape[1] == left.shape[1]:
                continue
            one = self.of.neurons[index]
            step = solution[block] - open_ @ (open_.T @ solution[block])
            theta = one.theta + one.untold @ step
            found[index] = PartialNeuron(theta / np.linalg.norm(theta), one.untold @ open_, one.members)
        return found


def _loose(rates: FloatArray) -> FloatArray:
    """Directions of the unknowns that places ("p k u") do not pin, or so few that all would fit."""
    unknowns = rates.shape[2]
    while True:
        rows = rates.reshape(-1, unknowns)
        left, size, right = np.linalg.svd(rows, full_matrices=False)
        pins = size > PINNED * max(float(size.max(initial=0.0)), 1e-300)
        # what a place alone pins passes through it: a leverage of one
        leverage = (left[:, pins] ** 2).reshape(len(rates), -1).sum(axis=1)
        alone = leverage > LEVERAGE * rates.shape[1]
        if not alone.any():
            whole = np.linalg.svd(right[pins].T, full_matrices=True)[0]
            return np.asarray(whole[:, int(pins.sum()) :].T)
        rates = rates[~alone]
