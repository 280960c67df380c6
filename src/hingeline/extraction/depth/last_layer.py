"""The last hidden layer: whether it is reached, and what answers tell of it that bends did not.

Cost: see `from_answers`; a few tens of points where neurons may be on that nearly never are.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from hingeline.extraction.depth.assembly import assembled
from hingeline.extraction.depth.from_answers import MadeNeuron, missing_neuron
from hingeline.extraction.depth.gathered import Gathered
from hingeline.extraction.depth.layer_step import FoundLayer
from hingeline.extraction.depth.left_over import LEFT_OVER, Answers, LeftOver
from hingeline.extraction.depth.linear_part import completed, turned
from hingeline.extraction.depth.made_neurons import MADE, with_neuron
from hingeline.extraction.depth.output_layer import OutputFit, fit_output
from hingeline.extraction.depth.partial_neuron import PartialNeuron
from hingeline.extraction.depth.rare_places import rare_places
from hingeline.extraction.depth.refit import Refit
from hingeline.extraction.depth.told_sides import told_by_outputs, undecided, with_rows, with_sides, without
from hingeline.extraction.depth.untold_off import turned_off
from hingeline.extraction.depth.untold_weights import UntoldWeights

EXPLAINED = 1e-9
"""Median residual of the outputs, of what they vary, below which the last layer has been reached."""
FAR_OUT, GIVEN = 30.0, 1e-8
"""Answers within so many typical norms are given by a network if it misses them by less, of scale + norm."""
LINES_BETWEEN = 4
"""Lines after which it is tried again to make a neuron from answers that made none."""
MOST_MADE = 6
"""Neurons of one layer made from answers in one go."""
LINEAR_ERROR = 1e-9
"""Standard deviation claimed of a coefficient that the linear part of the answers told, before the polish."""


@dataclass(eq=False)
class LastLayer(Gathered):
    """What is known so far, with the fit of the outputs."""

    output: OutputFit | None = None
    looks: int = 0
    """Times that rare places were asked."""
    nearest: tuple[tuple[FoundLayer, ...], OutputFit] | None = None
    """Layers and outputs that, put together, explained most answers."""
    in_vain: tuple[int, int, int] = (-1, 0, 0)
    """Layer, its neurons and lines swept when answers last made no neuron though one is missing."""

    def _is_last(self, number: int) -> bool:
        """Whether outputs are linear in a layer; then they tell its sides better than any vote."""
        opened, fit = self._fitted(number)
        for _ in range(MOST_MADE):
            if fit.residual > EXPLAINED or not (self._weighed(number) or self._filled(number)):
                break
            opened, fit = self._fitted(number)
        self.output = fit
        if fit.residual < EXPLAINED:
            self.found[number] = opened
            now = tuple(self.found), fit
            # the places asked later are those that were missed before: both are tried on the same
            if self.nearest is None or self._explains(now) >= self._explains(self.nearest):
                self.nearest = now
        return fit.residual < EXPLAINED

    def _explains(self, nearest: tuple[tuple[FoundLayer, ...], OutputFit]) -> float:
        """Share of the answers not far out that a network put together of layers and outputs gives."""
        layers, fit = nearest
        size = np.linalg.norm(self.record.samples, axis=1)
        near = size < FAR_OUT * self.probe.calibration.scale
        points, answers = self.record.samples[near], self.record.answers[near]
        network = assembled([one.layer for one in layers], fit.weights, np.eye(points.shape[1]))
        left = np.abs(network(points) - answers).max(axis=1)
        return (
            float((left <= GIVEN * (self.probe.calibration.scale + size[near])).mean()) if near.any() else 0.0
        )

    def _fitted(self, number: int) -> tuple[FoundLayer, OutputFit]:
        """A layer with all its sides open, and the outputs fitted to it: the best of several ways.

        Neurons that are not wholly known are off where that matters, or those places are left out, or those
        are left out that are known in few places.
        """
        step, known, scale = self.found[number], self.known_below(number), self.probe.calibration.scale
        ways = [undecided(step)]
        if not all(one.neuron.whole for one in step.neurons):
            ways = [self._off_where_untold(number), undecided(step, every=True), *ways]
        best: tuple[FoundLayer, OutputFit] | None = None
        for way in ways:
            fit = fit_output(self.record, known.with_layer(way.layer), scale)
            worse = best is not None and _badness(best[1]) <= _badness(fit)
            best = best if worse else (way, fit)
        if best is None:
            raise RuntimeError("no way to fit the outputs")
        return best

    def _off_where_untold(self, number: int) -> FoundLayer:
        """A layer whose neurons are off wherever something matters that is not told of them."""
        opened = undecided(self.found[number], every=True)
        offered = self.known_below(number).offered(self.record.samples)
        opened = with_rows(opened, [turned_off(one.neuron, offered) for one in opened.neurons])
        return replace(opened, layer=replace(opened.layer, untold=()))

    def _weighed(self, number: int) -> bool:
        """Let answers tell weights of the layer that no bend has told; True if they told any."""
        known, scale = self.known_below(number), self.probe.calibration.scale
        for every in (False, True):
            step = undecided(self.found[number], every=every)
            if all(one.neuron.whole for one in step.neurons[: step.layer.width]):
                continue
            fit = fit_output(self.record, known.with_layer(step.layer), scale)
            if fit.residual < EXPLAINED and self._weighed_by(number, step, fit):
                return True
        return False

    def _weighed_by(self, number: int, step: FoundLayer, fit: OutputFit) -> bool:
        known = self.known_below(number)
        reliable = known.reliable(self.record.samples)
        samples, width = self.record.samples[reliable], step.layer.width
        sizes = fit.variation * (1 + np.linalg.norm(samples, axis=1) / self.probe.calibration.scale)
        kept = [one.neuron for one in step.neurons[:width]]
        jumps, slopes, constant = fit.weights[:, :width], fit.weights[:, width:-1], fit.weights[:, -1]
        sided = len(told_by_outputs(fit.weights, step)) == width
        errors = np.array([float(one.refit.errors.max()) for one in step.neurons[:width]])
        shares = None if sided else turned(kept, jumps.T, slopes.T, errors)
        if shares is not None:
            # the same linear part made of sides, with another constant
            heights = np.array([one.theta[-1] for one in kept])
            constant = constant + (slopes + jumps * shares) @ heights
            sided, slopes = True, -jumps * shares
        weights = UntoldWeights(
            kept, jumps, slopes, known.offered(samples), self.record.answers[reliable] - constant, sizes,
            sided,
        )  # fmt: skip
        told = weights.told(self.randomness.step(f"untold weights {number}", len(self.record.samples)))
        return sum(self._taken_in(number, neuron, LINEAR_ERROR) for neuron in told.values()) > 0

    def _filled(self, number: int) -> bool:
        """Make what is missing of a layer from answers, if all but few of them are explained."""
        known, changed = self.known_below(number), False
        for attempt in range(MOST_MADE):
            step = self.found[number]
            whole = [one.neuron.theta for one in step.neurons if one.neuron.whole]
            rows = np.array(whole).reshape(-1, known.channels + 1)
            answers = Answers.of(known, self.record.samples, self.record.answers, self.record.typical)
            again = self.in_vain[:2] == (number, len(step.neurons))
            left = LeftOver.of(rows, answers, self.probe.calibration.scale, settled=again)
            if left.median > EXPLAINED:
                return changed
            if self._barren(number):
                break
            rng = self.randomness.step(f"missing by answers {number} {attempt}", len(self.record.samples))
            strange = bool((left.share(answers) > LEFT_OVER).any())
            made = missing_neuron(
                known, left, answers, lambda points: Answers.of(known, *self.asked(points)), rng,
                several=again,
            )  # fmt: skip
            if made is None and strange:
                self.in_vain = number, len(step.neurons), len(self.measured)
            elif made is None and self.looks < self.settings.looks:
                # all is explained so far: ask where neurons are on that nearly never are
                self.looks += 1
                self.asked(rare_places(known, left.scale, self.settings.look, rng))
                continue
            if made is None:
                break
            if not self._made(number, made, made.error):
                break
            changed = True
        else:
            return changed
        return self._filled_linearly(number, left) or changed

    def _barren(self, number: int) -> bool:
        """Whether the same was tried in vain a few lines ago."""
        layer, neurons, lines = self.in_vain
        few = len(self.measured) < lines + LINES_BETWEEN
        return few and (layer, neurons) == (number, len(self.found[number].neurons))

    def _filled_linearly(self, number: int, left: LeftOver) -> bool:
        """Complete neurons that are on nearly everywhere from the linear part of the answers."""
        neurons = self.found[number].neurons
        partial = [one.neuron for one in neurons if not one.neuron.whole]
        if left.median > EXPLAINED:
            return False
        ordered = sorted(neurons, key=lambda one: not one.neuron.whole)
        errors = [float(one.refit.errors.max()) for one in ordered]
        made = completed(left.rows, left.jumps, left.linear, partial, np.array(errors))
        return sum(self._made(number, one, max(one.error, LINEAR_ERROR)) for one in made.values()) > 0

    def _made(self, number: int, made: MadeNeuron, error: float) -> bool:
        return self._taken_in(number, PartialNeuron(made.theta, made.untold, ()), error)

    def _taken_in(self, number: int, neuron: PartialNeuron, error: float) -> bool:
        """Put a neuron made from answers into a layer, if lines do not speak against it."""
        refit = Refit(neuron, np.full(len(neuron.theta), error), 1.0)
        args = self.record, self.known_below(number), self.free(number), self.found[number], refit
        grown = with_neuron(*args)
        if grown is None:
            return False
        self.found[number] = grown
        return True

    def _explained(self) -> bool:
        """Whether the outputs are explained everywhere; then their weights decide the last signs."""
        if self.output is None or self.output.unfit > 0:
            return False
        # one neuron may have been made twice, in places where different weights of it are told
        doubtful = {one.key for one in self.found[-1].neurons if one.key >= MADE or not one.neuron.whole}
        if self._pruned(None if not self._sided() else doubtful):
            self._sided()
        return True

    def _sided(self) -> bool:
        """Let the outputs decide sides of the last layer; True if they decide all.

        Again while that tells more: with fewer channels left open the others' weights are sharper.
        """
        number = len(self.found) - 1
        while self.output is not None and not self.found[number].layer.decided.all():
            before, fit = self.found[number], self.output
            told = told_by_outputs(fit.weights, before)
            if not told:
                break
            self.found[number] = with_sides(before, told)
            self.output = fit_output(self.record, self.known, self.probe.calibration.scale)
            if self.output.residual > EXPLAINED or self.output.unfit > 0:
                self.found[number], self.output = before, fit
                break
        return self.output is not None and bool(self.found[number].layer.decided.all())

    def _pruned(self, doubtful: Collection[int] | None) -> bool:
        """Leave out neurons of the last layer without which all is explained as well; True if any was.

        One that is there twice may leave all sides open: the outputs are then the same with many weights.

        Args:
            doubtful: Keys of those that may be left out; None: all.
        """
        number, any_left_out = len(self.found) - 1, False
        known, scale = self.known_below(number), self.probe.calibration.scale
        hits = [len(one.vote.hits) for one in self.found[number].neurons[: self.found[number].layer.width]]
        keys = [self.found[number].neurons[index].key for index in np.argsort(hits, kind="stable")]
        for key in keys if doubtful is None else [key for key in keys if key in doubtful]:
            step = undecided(self.found[number])
            index = next((place for place, one in enumerate(step.neurons) if one.key == key), None)
            if index is None:
                continue
            fewer = without(step, index)
            fit = fit_output(self.record, known.with_layer(fewer.layer), scale)
            if fit.residual < EXPLAINED and fit.unfit == 0:
                self.found[number], self.output, any_left_out = fewer, fit, True
                if self._weighed(number):
                    # the outputs' weights are of the layer as it was
                    self.found[number], self.output = self._fitted(number)
        return any_left_out


def _badness(fit: OutputFit) -> tuple[bool, float]:
    return fit.residual > EXPLAINED, fit.unfit
