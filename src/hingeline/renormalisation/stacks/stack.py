"""A directed chain of stochastic layers: real or binary input, layers of units that are -1 or +1, classes.

    P(h'|h) = prod_j exp(h'_j a_j) / (2 cosh a_j),    a = W h + b,

so that unit j is +1 with probability 1 / (1 + exp(-2 a_j)) and has the mean tanh a_j. Samples are drawn
upward from one input: independent of each other, without a Markov chain. The last step is either a layer of
units, whose joint states are the classes, or a softmax over classes.

Source: layers trained as restricted Boltzmann machines and sampled upward from the input, Kenway 2018 (arXiv
1803.06111), by its words; the formulas are ours. Cost of a sample: one product with every matrix.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import log_softmax

from hingeline.core.arrays import FloatArray, as_points, frozen
from hingeline.core.errors import InvalidInput

Head = Literal["softmax", "units"]

BATCH = 4096
"""Samples held at once; memory stays below a few times this many rows of the widest layer."""
_SAMPLES_AT_ONCE = 256
LARGEST = 1e100
"""Largest weight, bias or input: far above what sampling can tell from infinity, and squares are finite."""
MOST_TOP_UNITS = 10
"""Units whose joint states can be classes: 2^10 of them."""


@dataclass(frozen=True, eq=False)
class StochasticStack:
    """Weights and biases of a chain of stochastic layers; units are -1 or +1.

    Attributes:
        weights: One matrix per step upward, shape "out in", float64, not writeable.
        biases: One vector per step, shape "out".
        head: "softmax": the last step gives the logits of the classes; "units": it is a layer of units as all
            others, and the classes are its joint states (two for a single unit: 0 is -1, 1 is +1).
        name: For people.

    Raises:
        InvalidInput: Shapes that do not follow each other, values that are not finite or beyond 1e100, a head
            that is not known, a name that is no text, or a top layer with more joint states than can be
            told apart.
    """

    weights: tuple[FloatArray, ...]
    biases: tuple[FloatArray, ...]
    head: Head
    name: str

    def __init__(
        self, weights: Iterable[Any], biases: Iterable[Any], head: Head = "softmax", name: str = "stack"
    ) -> None:
        object.__setattr__(self, "weights", tuple(frozen(weight) for weight in weights))
        object.__setattr__(self, "biases", tuple(frozen(bias) for bias in biases))
        object.__setattr__(self, "head", head)
        object.__setattr__(self, "name", name)
        _check_shapes(self.weights, self.biases)
        _check_name(name)
        if head not in ("softmax", "units"):
            raise InvalidInput(f"no head is called {head!r}; known are softmax and units")
        if head == "softmax" and len(self.weights) < 2:
            raise InvalidInput("a softmax alone has no layer of units; give at least two steps")
        if head == "units" and self.widths[-1] > MOST_TOP_UNITS:
            raise InvalidInput(
                f"the top layer has {self.widths[-1]} units, hence 2^{self.widths[-1]} joint states; classes "
                f"are told apart up to {MOST_TOP_UNITS} units, or with head='softmax'"
            )

    @property
    def input_dim(self) -> int:
        """Numbers in one input row, d."""
        return self.weights[0].shape[1]

    @property
    def unit_layers(self) -> int:
        """Layers of units, N; the input is layer 0 and not among them."""
        return len(self.weights) - (self.head == "softmax")

    @property
    def widths(self) -> tuple[int, ...]:
        """Numbers in the input and units in each layer, (d, w_1, ..., w_N)."""
        return (self.input_dim, *(len(bias) for bias in self.biases[: self.unit_layers]))

    @property
    def classes(self) -> int:
        """Classes the head tells apart, C."""
        return len(self.biases[-1]) if self.head == "softmax" else 2 ** self.widths[-1]

    @property
    def last_hidden(self) -> int:
        """The layer whose state decides the law of the classes; 0 if that is the input itself."""
        return len(self.weights) - 1

    def fields(self, layer: int, below: FloatArray) -> FloatArray:
        """Fields a at the units of `layer` (1 to N) given states of the layer below: "m w" to "m w'"."""
        return below @ self.weights[layer - 1].T + self.biases[layer - 1]

    def means(self, layer: int, below: FloatArray) -> FloatArray:
        """Conditional means tanh a of the units of `layer`: "m w" to "m w'"."""
        return np.tanh(self.fields(layer, below))

    def draw(self, layer: int, below: FloatArray, rng: np.random.Generator) -> FloatArray:
        """States of `layer` drawn given those of the layer below: "m w" to "m w'", of -1 and +1."""
        return draw_units(self.means(layer, below), rng)

    def class_law(self, states: FloatArray) -> FloatArray:
        """Probabilities of the classes given states of layer `last_hidden`: "m w" to "m C"."""
        fields = states @ self.weights[-1].T + self.biases[-1]
        if self.head == "softmax":
            return np.exp(log_softmax(fields, axis=1))
        return np.exp(_log_state_law(fields))

    def batches(
        self,
        x: FloatArray,
        samples: int,
        rng: np.random.Generator,
        *,
        layers: int | None = None,
        batch: int = BATCH,
    ) -> Iterator[tuple[FloatArray, ...]]:
        """Samples upward from one input, some at a time.

        Args:
            x: The input, shape "d".
            samples: How many to draw.
            rng: Draws them.
            layers: How many layers to draw; all unit layers if None.
            batch: Most samples at once.

        Yields:
            The states of layers 0 (the input, repeated), 1, ..., `layers`, each of shape "m w_n".
        """
        depth = self.unit_layers if layers is None else layers
        row = as_points(x, self.input_dim)
        if len(row) != 1:
            raise InvalidInput(f"samples are drawn upward from one input; got {len(row)}")
        for start in range(0, samples, batch):
            m = min(batch, samples - start)
            states = [np.broadcast_to(row[0], (m, self.input_dim))]
            # the first layer's means are the same for all samples
            means = np.broadcast_to(self.means(1, row), (m, self.widths[1])) if depth else None
            for layer in range(1, depth + 1):
                if layer > 1 or means is None:
                    means = self.means(layer, states[-1])
                states.append(draw_units(means, rng))
            yield tuple(states)

    def class_probabilities(
        self,
        points: FloatArray,
        samples: int,
        rng: np.random.Generator,
        *,
        common: bool = True,
        batch: int = BATCH,
    ) -> FloatArray:
        """Estimated P(c|x) at each of `points`: means of the class law over samples, "n d" to "n C".

        Args:
            points: Inputs, shape "n d".
            samples: Drawn for each input.
            rng: Draws them.
            common: Take the same random numbers for all inputs, so that differences between inputs are less
                noisy than the values are.
            batch: Most rows at once.
        """
        rows = as_points(points, self.input_dim)
        found = np.zeros((len(rows), self.classes))
        depth = self.last_hidden
        if depth == 0:
            return self.class_law(rows)
        first = self.means(1, rows)
        # as many samples at once whatever the number of inputs: the same seed gives each the same numbers
        each = min(samples, _SAMPLES_AT_ONCE)
        rows_at_once = max(1, batch // max(1, each))
        for start in range(0, samples, each):
            m = min(each, samples - start)
            noise = self._noise(1, m, rng) if common else None
            for low in range(0, len(rows), rows_at_once):
                part = slice(low, low + rows_at_once)
                drawn = noise or self._noise(len(first[part]), m, rng)
                found[part] += self._summed_law(first[part], drawn)
        return found / samples

    def _noise(self, inputs: int, samples: int, rng: np.random.Generator) -> list[FloatArray]:
        """Uniform numbers for every unit that the classes depend on."""
        return [rng.random((inputs, samples, w)) for w in self.widths[1 : self.last_hidden + 1]]

    def _summed_law(self, first: FloatArray, noise: list[FloatArray]) -> FloatArray:
        """Sum of the class law over the samples that `noise` makes, for inputs with these first means."""
        n, m = len(first), noise[0].shape[1]
        states = np.where(noise[0] < 0.5 * (1.0 + first[:, np.newaxis]), 1.0, -1.0)
        for layer, drawn in enumerate(noise[1:], start=2):
            means = self.means(layer, states.reshape(n * m, -1)).reshape(n, m, -1)
            states = np.where(drawn < 0.5 * (1.0 + means), 1.0, -1.0)
        return self.class_law(states.reshape(n * m, -1)).reshape(n, m, -1).sum(axis=1)

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.widths))
        return f"<StochasticStack {sizes}{f', {self.classes} classes' if self.head == 'softmax' else ''}>"


def draw_units(means: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Independent units of -1 and +1 with these means, of the same shape."""
    return np.where(rng.random(means.shape) < 0.5 * (1.0 + means), 1.0, -1.0)


def joint_states(units: int) -> FloatArray:
    """All states of `units` units, shape "2^units units"; the last unit changes fastest, -1 before +1."""
    numbers = np.arange(2**units)[:, np.newaxis]
    return 2.0 * ((numbers >> np.arange(units - 1, -1, -1)) & 1) - 1.0


def _log_state_law(fields: FloatArray) -> FloatArray:
    """Log-probabilities of all joint states of independent units: "m w" to "m 2^w"."""
    # log P(+1) = -log(1 + exp(-2a)), and for -1 with a of the other sign
    up, down = -np.logaddexp(0.0, -2.0 * fields), -np.logaddexp(0.0, 2.0 * fields)
    states = joint_states(fields.shape[1])
    return up @ (states > 0).T.astype(np.float64) + down @ (states < 0).T.astype(np.float64)


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise InvalidInput(f"the name of a stack is text; got {type(name).__name__}")


def _check_shapes(weights: tuple[FloatArray, ...], biases: tuple[FloatArray, ...]) -> None:
    if not weights or len(weights) != len(biases):
        raise InvalidInput(
            f"a stack wants as many biases as weights, at least one; got {len(weights)}, {len(biases)}"
        )
    for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        if weight.ndim != 2 or bias.shape != weight.shape[:1] or 0 in weight.shape:
            raise InvalidInput(
                f"step {index} wants a matrix (out, in) and a vector (out,); got {weight.shape}, {bias.shape}"
            )
        if index and weight.shape[1] != weights[index - 1].shape[0]:
            raise InvalidInput(
                f"step {index} takes {weight.shape[1]} units, but {weights[index - 1].shape[0]} lie below it"
            )
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise InvalidInput(f"step {index} has weights or biases that are NaN or infinite")
        largest = max(np.abs(weight).max(), np.abs(bias).max())
        if largest > LARGEST:
            raise InvalidInput(
                f"step {index} has a weight or bias of {largest:.3g}; up to {LARGEST:g} can be squared and "
                "added up, and a unit never flips long before that"
            )
