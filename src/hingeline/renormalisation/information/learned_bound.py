"""What a learned function of a layer's units knows of the input, out of sample.

For any g(h), E[s|h] has at least the covariance E[g s'] + E[s g'] - E[g g'], so a regression of the score on
a layer's state that was learned from other samples bounds the layer's information from below, however good
or bad it is. Held in memory: all samples of that layer and their scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.information.first_layer import first_layer, one_input, samples_per_block
from hingeline.renormalisation.information.spectrum import top_direction
from hingeline.renormalisation.operators.learned import RandomFeatureRidge, Regressor
from hingeline.renormalisation.stacks.stack import BATCH, StochasticStack
from hingeline.sensitivity.results import number


@dataclass(frozen=True, eq=False)
class LearnedBound:
    """A lower bound on the information of one layer from a learned function.

    Attributes:
        layer: Which.
        eigenvalue: The bound along the top direction of what was learned.
        error: Standard error of it.
        trace: Trace of the bound.
        trace_error: Standard error of it.
        explained: Share of the first layer's information that the trace is.
        samples: Learned from; as many others gave the numbers.
    """

    layer: int
    eigenvalue: float
    error: float
    trace: float
    trace_error: float
    explained: float
    samples: int

    def summary(self) -> dict[str, Any]:
        """All of it, JSON-ready."""
        return {
            "layer": self.layer,
            "eigenvalue": number(self.eigenvalue),
            "error": number(self.error),
            "trace": number(self.trace),
            "trace_error": number(self.trace_error),
            "explained": number(self.explained),
            "samples": self.samples,
        }

    def to_dict(self) -> dict[str, Any]:
        """The summary, which is all there is."""
        return self.summary()


def learned_bound(
    stack: StochasticStack,
    x: FloatArray,
    layer: int,
    *,
    samples: int,
    rng: np.random.Generator,
    regressor: Regressor | None = None,
    batch: int = BATCH,
) -> LearnedBound:
    """Learn the score from one half of the samples and see on the other how much of it is explained.

    Args:
        stack: The stack.
        x: The input, shape "d".
        layer: Of units, 1 to N.
        samples: In both halves together.
        rng: Draws them, and the features if no regressor is given.
        regressor: Anything with `fit` and `predict`; ridge on random features if None.
        batch: Most samples drawn at once.

    Raises:
        InvalidInput: No such layer, too few samples, or predictions of a wrong shape or not finite.
    """
    if not 1 <= layer <= stack.unit_layers:
        raise InvalidInput(f"layers of units are 1 to {stack.unit_layers}; got layer={layer}")
    row = one_input(stack, x)
    half = samples_per_block(samples, 4, least=10) * 2
    coordinates, means = first_layer(stack), stack.means(1, row)[0]
    drawn = list(stack.batches(row[0], 2 * half, rng, layers=layer, batch=batch))
    states = np.concatenate([levels[layer] for levels in drawn])
    scores = np.concatenate([coordinates.scores(levels[1], means) for levels in drawn])
    learner = RandomFeatureRidge(rng) if regressor is None else regressor
    learner.fit(states[:half], scores[:half])
    known, fresh = (_predicted(learner, part, scores.shape[1]) for part in (states[:half], states[half:]))
    direction = top_direction(known - known.mean(axis=0))
    # E[s] is 0, so any constant in g only loosens the bound: take it off
    fresh = fresh - known.mean(axis=0)
    along, score = fresh @ direction, scores[half:] @ direction
    tops = 2 * along * score - along**2
    traces = 2 * (fresh * scores[half:]).sum(axis=1) - (fresh**2).sum(axis=1)
    whole = float(coordinates.traces(means[np.newaxis])[0])
    return LearnedBound(
        layer,
        *_mean_and_error(tops),
        *_mean_and_error(traces),
        explained=float(traces.mean()) / whole if whole > 0 else float("nan"),
        samples=half,
    )


def _mean_and_error(values: FloatArray) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def _predicted(regressor: Regressor, states: FloatArray, count: int) -> FloatArray:
    found = np.asarray(regressor.predict(states), dtype=np.float64).reshape(len(states), -1)
    if found.shape[1] != count or not np.isfinite(found).all():
        raise InvalidInput(f"a regressor of {count} targets gave {found.shape[1]}, or numbers not finite")
    return found
