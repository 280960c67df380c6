"""The undirected stack, a deep Boltzmann machine with its input held fixed, by block Gibbs sampling.

    P(h_1, ..., h_N | x) ~ exp(sum_n h_n.(W_n h_{n-1} + b_n)),    h_0 = x,

and with a softmax head one class unit y more, with exp((W h_N + b)_y). Given its two neighbours a layer's
units are independent, so that all odd layers are drawn at once given the even ones, then all even ones.
Successive sweeps depend on each other; many chains run side by side, and errors are taken from the spread of
chains.

Source: Salakhutdinov and Hinton 2009 (deep Boltzmann machines). Cost of a sweep: one product with every
matrix, twice, for all chains at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from hingeline.core.arrays import FloatArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.stacks.stack import StochasticStack, draw_units

_STATES_AT_ONCE = 2**14
"""States of all units yielded at once, chains times sweeps; bounds the memory."""


@dataclass(frozen=True, eq=False)
class UndirectedStack:
    """A stack whose connections work in both directions.

    Attributes:
        stack: The weights and biases, the same as those of the directed stack.
    """

    stack: StochasticStack

    def gibbs(
        self,
        x: FloatArray,
        chains: int,
        sweeps: int,
        burn_in: int,
        rng: np.random.Generator,
        *,
        at_once: int | None = None,
    ) -> Iterator[tuple[FloatArray, ...]]:
        """Run chains side by side at one input, from independent random states.

        Args:
            x: The input, held fixed, shape "d".
            chains: How many run.
            sweeps: Sweeps kept of each; one draws every unit once.
            burn_in: Sweeps dropped first; 20 autocorrelation times are enough.
            rng: Draws everything.
            at_once: Most sweeps yielded at once; as many as memory suggests if None.

        Yields:
            The states of layers 0 (the input, repeated), 1, ..., N, each of shape "sweeps chains w_n"; with
            a softmax head last the class, as an indicator of shape "sweeps chains C".

        Raises:
            InvalidInput: Not one input, or numbers of chains and sweeps that cannot be.
        """
        row = as_points(x, self.stack.input_dim)
        if len(row) != 1 or chains < 1 or sweeps < 1 or burn_in < 0:
            raise InvalidInput(
                "chains want one input, at least one chain and one sweep, and drop 0 sweeps or more; got "
                f"{len(row)} inputs, chains={chains}, sweeps={sweeps}, burn_in={burn_in}"
            )
        state = self._start(row[0], chains, rng)
        for _ in range(burn_in):
            self._sweep(state, rng)
        most = max(1, _STATES_AT_ONCE // chains) if at_once is None else at_once
        for start in range(0, sweeps, most):
            yield self._run(state, min(most, sweeps - start), rng)

    def _start(self, row: FloatArray, chains: int, rng: np.random.Generator) -> list[FloatArray]:
        """Independent states at random, so that chains which agree later have forgotten them."""
        state = [np.broadcast_to(row, (chains, len(row)))]
        state += [draw_units(np.zeros((chains, width)), rng) for width in self.stack.widths[1:]]
        if self.stack.head == "softmax":
            state.append(np.eye(self.stack.classes)[rng.integers(self.stack.classes, size=chains)])
        return state

    def _run(self, state: list[FloatArray], sweeps: int, rng: np.random.Generator) -> tuple[FloatArray, ...]:
        """The next sweeps, kept; `state` moves on."""
        kept = [np.empty((sweeps, *layer.shape)) for layer in state[1:]]
        for sweep in range(sweeps):
            self._sweep(state, rng)
            for held, layer in zip(kept, state[1:], strict=True):
                held[sweep] = layer
        return (np.broadcast_to(state[0], (sweeps, *state[0].shape)), *kept)

    def _sweep(self, state: list[FloatArray], rng: np.random.Generator) -> None:
        """Odd layers given the even ones, then even layers given the odd ones; in place."""
        for first in (1, 2):
            for layer in range(first, len(state), 2):
                field = self._field(layer, state)
                softmax_head = layer > self.stack.unit_layers
                state[layer] = _draw_class(field, rng) if softmax_head else draw_units(np.tanh(field), rng)

    def _field(self, layer: int, state: list[FloatArray]) -> FloatArray:
        """Field at the units of a layer from both neighbours, or the logits of the class unit."""
        field = self.stack.fields(layer, state[layer - 1])
        return field + state[layer + 1] @ self.stack.weights[layer] if layer + 1 < len(state) else field


def _draw_class(logits: FloatArray, rng: np.random.Generator) -> FloatArray:
    """One class for each row, as an indicator: "m C" to "m C"."""
    passed = rng.random((len(logits), 1)) < np.cumsum(softmax(logits, axis=1), axis=1)
    # rounding may leave the last sum below 1
    passed[:, -1] = True
    return np.eye(logits.shape[1])[passed.argmax(axis=1)]
