"""The verb: how small differences grow or die through the layers of a stack or a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray, frozen
from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink, ignore
from hingeline.core.outcome import Finding, Provenance
from hingeline.core.randomness import Randomness
from hingeline.numerics.statistics import median
from hingeline.renormalisation.call import StabilityCall
from hingeline.renormalisation.diagnose_stack import diagnose_stack
from hingeline.renormalisation.diagnosis import StabilityDiagnosis
from hingeline.renormalisation.feed_forward.network_diagnosis import diagnose_network
from hingeline.renormalisation.feed_forward.network_findings import NetworkDiagnosis
from hingeline.renormalisation.perturbations.binary import BinaryFlips, binary_flips
from hingeline.renormalisation.perturbations.line import LineFlips, flips_on_lines
from hingeline.renormalisation.perturbations.stack_model import StackModel
from hingeline.renormalisation.settings import StabilitySettings
from hingeline.renormalisation.stack_findings import StackFindings
from hingeline.renormalisation.stacks.stack import StochasticStack
from hingeline.renormalisation.wording import worded
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.directions import FisherDirections, fisher_directions
from hingeline.sensitivity.fisher.flip_curve import FlipCurves
from hingeline.sensitivity.fisher.flip_curves import flip_curves
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.stages import Stages

SOURCES = (
    "Kenway, Vulnerability of Deep Learning, 2018, arXiv 1803.06111 (the idea; formulas are ours)",
    "Swendsen, Monte Carlo renormalization group, 1979 (the linear system behind the stability matrix)",
    "Wu and Car, Variational approach to Monte Carlo renormalization group, 2017, arXiv 1707.08683",
    "Raju, Machta and Sethna, Information loss under coarse-graining, 2017, arXiv 1710.05787 (information "
    "can only fall)",
    "Zhao et al., The Adversarial Attack and Detection under the Fisher Information Metric, 2019, arXiv "
    "1810.03806",
)
_GRADIENT_SAMPLES = 2000
"""Least samples of a stack behind the gradients at each input."""
_FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Lengths of the steps, in units of the median linearised distance."""
_REACH = 8.0
"""Longest step looked at along a line, in the same units."""
_PIXELS = (1, 2, 4, 8)


def stability(
    target: Any,
    x: Any,
    y: Any = None,
    *,
    seed: int = 0,
    settings: StabilitySettings | Mapping[str, Any] | None = None,
    on_event: EventSink = ignore,
    **chosen: Any,
) -> Finding[StabilityDiagnosis]:
    """Measure how small differences grow or die through the layers, and what they do to the class.

    Args:
        target: A `StochasticStack`, a file of one, or fitted scikit-learn machines; a network of ours,
            (weights, biases), a file or a finding of one; a torch module. Weights are read, nothing is asked.
        x: Inputs, shape "n d"; images may keep theirs, such as "n 1 28 28".
        y: What they should be classified as, whole numbers, shape "n".
        seed: Of all random choices.
        settings: What is measured, as `StabilitySettings` or as a mapping of its fields.
        on_event: Where events go.
        chosen: Fields of the settings by name, such as `identification="collective"`.

    Returns:
        The diagnosis. The outcome is complete where all estimates hold together (operators, routes, halves),
        partial where some do not or could not be made, inconclusive where the classes themselves waver or
        the answer has no slope anywhere.

    Raises:
        InvalidInput: A target, inputs, labels or settings that cannot be meant, or a setting that would have
            no effect on this target.

    Cost: no query. A stack of 64-48-32 units and 10 classes with 100 inputs: about a minute on 2 cores.
    Source: `SOURCES`; the modules of this package say what is whose.
    """
    if settings is not None and chosen:
        raise InvalidInput(f"say {', '.join(chosen)} inside settings, or leave settings out")
    call = StabilityCall.read(target, x, y, settings if settings is not None else chosen)
    work = _Work(call, Randomness(seed), on_event)
    found = work.run()
    provenance = Provenance("stability", found.name, seed, call.settings.told(), SOURCES)
    evidence = {"diagnosis": found.to_dict()}
    return Finding(found, worded(found), evidence, work.stages.spending(), provenance)


class _Work:
    """One call of the verb: directions and flips first, then what stacks or networks have of their own."""

    def __init__(self, call: StabilityCall, randomness: Randomness, on_event: EventSink) -> None:
        self.seen, self.inputs, self.settings = call.seen, call.inputs, call.settings
        self.randomness = randomness
        self.stages = Stages(None, on_event)
        seen = self.seen
        self.model: Model = seen if not isinstance(seen, StochasticStack) else self._sampled(seen)
        self.decision = Decision(self.model.output_dim)

    def _sampled(self, stack: StochasticStack) -> StackModel:
        seed = int(self.randomness.step("answers").integers(2**32))
        per_answer = self.settings.samples_per_answer
        return StackModel(stack, per_answer, seed, gradient_samples=max(per_answer, _GRADIENT_SAMPLES))

    def run(self) -> StabilityDiagnosis:
        """Everything that can be measured of the target."""
        points = self.inputs.points
        labels = self.inputs.labels_for(self.decision)
        with self.stages.stage("sensitive directions"):
            outputs = self.model.outputs(points)
            fisher = fisher_directions(self.model, self.decision, points)
        trusted = self._trusted(points)
        # where slopes are not known, sizes of steps must not come from them
        distances = np.where(trusted, fisher.linear_distances, np.inf)
        sizes = self.settings.sizes or _sizes(distances)
        # of the class of these very answers: where classes waver, another draw may decide otherwise
        margins = self.decision.leads(outputs, self.decision.of(outputs)).min(axis=1)
        rows = _spread(np.arange(len(points)), self.settings.curve_inputs)
        if len(rows) < len(points) and sizes:
            self.stages.left_out.append(
                f"Inputs of the flip curves: {len(rows)} of {len(points)}, evenly spread; more with "
                "curve_inputs"
            )
        stack = isinstance(self.seen, StochasticStack)
        return StabilityDiagnosis(
            name=self.model.name,
            kind="stack" if stack else "network",
            points=frozen(points),
            labels=labels,
            classes=fisher.classes,
            margins=frozen(margins),
            fisher=fisher,
            trusted=trusted,
            curves=self._curves(rows, sizes),
            curve_rows=rows,
            lines=self._lines(fisher, sizes),
            binary=self._binary(rows),
            stack=self._stack(fisher, labels, distances),
            network=None if stack else self._network(),
            left_out=tuple(self.stages.left_out),
        )

    def _trusted(self, points: FloatArray) -> BoolArray:
        """Inputs whose slopes can be estimated; says at how many they cannot."""
        if not isinstance(self.model, StackModel):
            return np.ones(len(points), np.bool_)
        unknown = self.model.frozen(points)
        if count := int(unknown.sum()):
            self.stages.left_out.append(
                f"Directions and distances at {count} of {len(points)} inputs: units of the first layer "
                "hardly ever change there, and samples do not tell them"
            )
        return ~unknown

    def _curves(self, rows: IntArray, sizes: tuple[float, ...] | None) -> FlipCurves | None:
        if sizes is None:
            self.stages.left_out.append(
                "Flip curves and lines: the inputs have no linearised boundary to take sizes from; give sizes"
            )
            return None
        return self.stages.measured(
            "flip curves",
            lambda: flip_curves(
                self.model,
                self.decision,
                self.inputs.points[rows],
                sizes,
                rng=self.randomness.step("random directions"),
                random_directions=self.settings.random_directions,
            ),
        )

    def _lines(self, fisher: FisherDirections, sizes: tuple[float, ...] | None) -> LineFlips | None:
        if sizes is None:
            return None
        reach = max(sizes) * (1.0 if self.settings.sizes else _REACH / _FACTORS[-1])
        return self.stages.measured(
            "flips on the line",
            lambda: flips_on_lines(self.model, self.decision, self.inputs.points, fisher.top, reach=reach),
        )

    def _binary(self, rows: IntArray) -> BinaryFlips | None:
        values = self.settings.values
        if values is None:
            return None
        counts = [k for k in _PIXELS if k <= self.model.input_dim]
        return self.stages.measured(
            "binary inputs",
            lambda: binary_flips(
                self.model,
                self.decision,
                self.inputs.points[rows],
                counts,
                values=values,
                rng=self.randomness.step("random pixels"),
            ),
        )

    def _stack(
        self, fisher: FisherDirections, labels: IntArray | None, distances: FloatArray
    ) -> StackFindings | None:
        if not isinstance(self.seen, StochasticStack):
            return None
        # from the nearest to the farthest boundary
        order = np.argsort(distances, kind="stable")
        return diagnose_stack(
            self.seen,
            self.inputs.points,
            fisher.classes if labels is None else labels,
            np.sort(_spread(order, self.settings.closely)),
            settings=self.settings,
            randomness=self.randomness,
            stages=self.stages,
        )

    def _network(self) -> NetworkDiagnosis | None:
        return self.stages.measured(
            "layers",
            lambda: diagnose_network(
                self.model, self.inputs.points, rng=self.randomness.step("network"), decision=self.decision
            ),
        )


def _sizes(distances: FloatArray) -> tuple[float, ...] | None:
    """Steps around the median linearised distance; None where there is none."""
    finite = distances[np.isfinite(distances)]
    middle = median(finite)
    if not (np.isfinite(middle) and middle > 0):
        return None
    return tuple(float(middle * factor) for factor in _FACTORS)


def _spread(order: IntArray, most: int) -> IntArray:
    """At most so many, evenly spread over an order; its ends belong to them."""
    if len(order) <= most:
        return order
    places: FloatArray = np.linspace(0, len(order) - 1, most)
    return order[np.unique(places.round().astype(np.int64))]
