"""A stack as a model whose outputs are estimated log-probabilities, so that flips can be counted on it.

    P(c|x) = E[P(c|h)],    dP(c|x)/dx = E[(P(c|h) - P(c|x)) s],    s = W_1' (h_1 - tanh a_1),

with h the last hidden layer and s the score of the first; the gradient of log P(c|x) is their quotient. Both
means are over states drawn upward from x, with the softmax's own probabilities in place of drawn classes.
Numbers are new at every call, so an input asked again answers a little otherwise, and a control at step
zero says how often its class wavers.

Source: score-function gradients are the textbook's; the pulled-back metric is Kenway's idea (2018), the
estimator ours. Cost: for n inputs and m samples nm products with every matrix above the first.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.stacks.stack import StochasticStack, joint_states

_SAMPLES_AT_ONCE, _INPUTS_AT_ONCE = 256, 32
"""How many states of all layers are held at once; fixed, so that common numbers stay common."""
_FEWEST_CHANGES = 100.0
"""Variance of the first layer's units times samples, below which gradients are not trusted."""
_SMALLEST = float(np.finfo(np.float64).tiny)
"""Floor of an estimated probability: 2e-308, met only where every sample's probability underflows."""


class StackModel:
    """Estimated log-probabilities of a stack's classes, and their gradients.

    Estimated gradients carry noise, and their Fisher information with it: its trace is too large by about
    the trace of the first layer's over the samples.

    Args:
        stack: What is sampled.
        samples: Drawn for each input at each call.
        seed: Of the numbers, which are new at each call.
        gradient_samples: Drawn for each input where gradients are estimated; as many as `samples` if None.
        common: Draw the same numbers at every call and for every input, so that answers depend on inputs
            alone, and differences between inputs are less noisy than the answers are.

    Raises:
        InvalidInput: Fewer than one sample, or fewer than two for gradients.
    """

    def __init__(
        self,
        stack: StochasticStack,
        samples: int,
        seed: int,
        *,
        gradient_samples: int | None = None,
        common: bool = False,
    ) -> None:
        self.stack = stack
        self.samples = samples
        self.gradient_samples = samples if gradient_samples is None else gradient_samples
        self.common = common
        self._seed = seed
        self._rng = np.random.default_rng(seed)
        if samples < 1 or self.gradient_samples < 2:
            raise InvalidInput(
                f"outputs want at least one sample and gradients two; got {samples}, {self.gradient_samples}"
            )

    @property
    def name(self) -> str:
        """For people."""
        return self.stack.name

    @property
    def input_dim(self) -> int:
        """Numbers in one input row."""
        return self.stack.input_dim

    @property
    def output_dim(self) -> int:
        """Classes."""
        return self.stack.classes

    def with_common_numbers(self) -> StackModel:
        """The same stack, with numbers drawn once for all calls and inputs."""
        seed = int(self._rng.integers(2**32))
        return StackModel(self.stack, self.samples, seed, gradient_samples=self.gradient_samples, common=True)

    def with_samples(self, samples: int) -> StackModel:
        """The same stack, asked with other, independent numbers, and `samples` of them."""
        seed = int(self._rng.integers(2**32))
        return StackModel(self.stack, samples, seed, gradient_samples=max(2, samples))

    def frozen(self, points: FloatArray) -> BoolArray:
        """Inputs whose first layer hardly ever changes in the samples of a gradient, "n d" to "n".

        The gradient is carried by states that are not drawn there, and what is estimated of it is wrong by
        any factor. Without a sampled layer gradients are exact, and none is frozen.
        """
        rows = as_points(points, self.input_dim)
        if self.stack.last_hidden == 0:
            return np.zeros(len(rows), np.bool_)
        variances = 1.0 - self.stack.means(1, rows) ** 2
        return self.gradient_samples * variances.sum(axis=1) < _FEWEST_CHANGES

    def outputs(self, points: FloatArray) -> FloatArray:
        """Estimated log P(c|x): "n d" to "n C"; never below the logarithm of the smallest normal float64."""
        law = self.stack.class_probabilities(points, self.samples, self._numbers(), common=self.common)
        return np.log(np.maximum(law, _SMALLEST))

    def gradients(self, points: FloatArray, weights: FloatArray) -> FloatArray:
        """Estimated gradients of sum_c weights[i, c] log P(c|x): "n d" and "n C" to "n d"."""

        def weighted(slopes: FloatArray, part: slice) -> FloatArray:
            return (weights[part, np.newaxis] @ slopes)[:, 0]

        return self._differentiated(points, (), weighted)

    def jacobians(self, points: FloatArray) -> FloatArray:
        """Estimated gradients of all log P(c|x): "n d" to "n C d"."""
        return self._differentiated(points, (self.output_dim,), lambda slopes, _: slopes)

    def _differentiated(
        self, points: FloatArray, shape: tuple[int, ...], reduced: Callable[[FloatArray, slice], FloatArray]
    ) -> FloatArray:
        """Gradients with respect to the first fields, reduced, carried down to the input."""
        rows = as_points(points, self.input_dim)
        found = np.empty((len(rows), *shape, self.input_dim))
        for first in range(0, len(rows), _INPUTS_AT_ONCE):
            part = slice(first, min(first + _INPUTS_AT_ONCE, len(rows)))
            slopes = self._field_slopes(self.stack.means(1, rows[part]), self._numbers())
            found[part] = reduced(slopes, part) @ self.stack.weights[0]
        return found

    def _numbers(self) -> np.random.Generator:
        """Where numbers come from: the start of a stream if they are common, or else its next part."""
        return np.random.default_rng(self._seed) if self.common else self._rng

    def _field_slopes(self, means: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Derivatives of log P(c|x) by the fields of the first layer, "n w" to "n C w"."""
        stack = self.stack
        if stack.last_hidden == 0:
            # classes are the joint states of the only layer, and nothing is drawn
            return joint_states(means.shape[1]) - means[:, np.newaxis]
        n, width = means.shape
        products = np.zeros((n, stack.classes, width))
        law_sum, score_sum = np.zeros((n, stack.classes)), np.zeros((n, 1, width))
        for first in range(0, self.gradient_samples, _SAMPLES_AT_ONCE):
            m = min(_SAMPLES_AT_ONCE, self.gradient_samples - first)
            drawn = self._drawn(np.broadcast_to(means[:, np.newaxis], (n, m, width)), rng)
            states = drawn
            for layer in range(2, stack.last_hidden + 1):
                above = stack.means(layer, states.reshape(n * m, -1))
                states = self._drawn(above.reshape(n, m, -1), rng)
            law, score = (
                stack.class_law(states.reshape(n * m, -1)).reshape(n, m, -1),
                drawn - means[:, np.newaxis],
            )
            products += law.transpose(0, 2, 1) @ score
            law_sum += law.sum(axis=1)
            score_sum += score.sum(axis=1, keepdims=True)
        # sum (P - mean P) s over sum P, a mean of scores with weights: no sample can make it large
        share = law_sum[..., np.newaxis]
        slopes = products / np.maximum(share, _SMALLEST) - score_sum / self.gradient_samples
        # the covariance divides by one less than the samples, the mean by all of them
        return slopes * (self.gradient_samples / (self.gradient_samples - 1))

    def _drawn(self, means: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Units with these means, "n m w"; from the same numbers for all n inputs if those are common."""
        noise = rng.random(means[:1].shape if self.common else means.shape)
        return np.where(noise < 0.5 * (1.0 + means), 1.0, -1.0)
