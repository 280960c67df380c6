"""Neurons missing in any hidden layer of a network that explains most answers, from those that it does not.

Where one neuron is missing, answers differ from the network's by (p . w)(a . h + b): h are the channels below
the neuron, p is how the answers move with the layer above it, both known from the network. So what is left
over tells its weights on both sides, w and (a, b), as a matrix of rank one: no boundary need be met, and
layers above need not be found again. In which layer it is missing is told by where the fit agrees.

Cost: some 300 answers for each neuron looked for. Source: ours; `from_answers` does it for the last layer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.errors import BudgetExhausted
from hingeline.extraction.depth.rank_one import OneRank, rank_one
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

STRANGE = 1e-8
"""What is left of an answer, of scale + norm, above which something is missing there."""
WANTED, MOST_ASKED = 220, 900
"""Strange places gathered around one, and most answers asked for that."""
AT_ONCE = 40
"""Answers asked at a time."""
NEAREST, FARTHEST = -2.5, 0.3
"""Powers of ten of the steps between them, of scale + norm."""
TRIES = 40
"""Places from which a missing neuron is looked for."""
FEWEST = 20
"""Answers that a neuron must explain."""
BROKEN = 0.05
"""Answers that it may spoil, as a share of those."""
AGREES = 1e-4
"""Part of what is left of an answer that a neuron may leave."""


@dataclass(frozen=True, eq=False)
class Asked:
    """Answers of the network that is looked for."""

    points: FloatArray
    """Shape "n r"."""
    answers: FloatArray
    """Shape "n k"."""

    def left(self, network: PiecewiseLinearNetwork) -> FloatArray:
        """What a network does not explain, "n k"."""
        return self.answers - network(self.points)

    def strange(self, network: PiecewiseLinearNetwork, scale: float) -> BoolArray:
        """Which answers a network does not explain, "n"."""
        size = scale + np.linalg.norm(self.points, axis=1)
        return np.asarray(np.abs(self.left(network)).max(axis=1) > STRANGE * size)

    def only(self, chosen: BoolArray) -> Asked:
        """Some of them."""
        return Asked(self.points[chosen], self.answers[chosen])

    def and_(self, other: Asked) -> Asked:
        """Both."""
        return Asked(
            np.concatenate([self.points, other.points]), np.concatenate([self.answers, other.answers])
        )


def with_missing(
    network: PiecewiseLinearNetwork,
    asked: Asked,
    ask: Callable[[FloatArray], FloatArray],
    scale: float,
    rng: np.random.Generator,
) -> tuple[PiecewiseLinearNetwork, Asked]:
    """The network with neurons that explain more answers and spoil hardly any, and all answers it explains.

    Args:
        network: Explains most answers; returned as it is if no neuron does.
        asked: Answers so far, some of which it does not explain.
        ask: Gives answers at points "p r"; until the budget ends.
        scale: Typical input norm.
        rng: Draws places.
    """
    for _ in range(TRIES):
        strange = np.nonzero(asked.strange(network, scale))[0]
        if not len(strange):
            break
        try:
            around = _around(network, asked.points[rng.choice(strange)], ask, scale, rng)
        except BudgetExhausted:
            break
        asked = asked.and_(around)
        network = _best(network, around.only(around.strange(network, scale)), asked, scale)
    return network, asked.only(~asked.strange(network, scale))


def _around(
    network: PiecewiseLinearNetwork,
    start: FloatArray,
    ask: Callable[[FloatArray], FloatArray],
    scale: float,
    rng: np.random.Generator,
) -> Asked:
    """Answers at places reached from a strange one by steps between strange ones."""
    asked = Asked(start[np.newaxis], ask(start[np.newaxis]))
    strange = asked.points
    while len(strange) < WANTED and len(asked.points) < MOST_ASKED:
        origin = strange[rng.integers(len(strange), size=AT_ONCE)]
        length = 10 ** rng.uniform(NEAREST, FARTHEST, AT_ONCE) * (scale + np.linalg.norm(origin, axis=1))
        steps = rng.standard_normal(origin.shape) / origin.shape[1] ** 0.5
        points = origin + length[:, np.newaxis] * steps
        new = Asked(points, ask(points))
        asked = asked.and_(new)
        strange = np.concatenate([strange, points[new.strange(network, scale)]])
    return asked


def _best(
    network: PiecewiseLinearNetwork, around: Asked, asked: Asked, scale: float
) -> PiecewiseLinearNetwork:
    """With one neuron more in the layer where that explains most; the same if it spoils too much in each."""
    before, best, most = asked.strange(network, scale), network, FEWEST
    for layer in range(1, len(network.weights)):
        made = neuron_inside(network, layer, around)
        if made is None:
            continue
        larger = with_neuron_inside(network, layer, made)
        after = asked.strange(larger, scale)
        fixed, broken = int((before & ~after).sum()), int((after & ~before).sum())
        if broken <= BROKEN * fixed and fixed - broken >= most:
            best, most = larger, fixed - broken
    return best


def neuron_inside(network: PiecewiseLinearNetwork, layer: int, around: Asked) -> OneRank | None:
    """The neuron of a hidden layer that explains what is left at most of some strange places, if one does.

    Args:
        network: Explains most other answers.
        layer: From 1.
        around: Answers that it does not explain.
    """
    above, below = _paths(network, layer, around.points)
    outputs, left = above.shape[1], around.left(network)
    above = above.reshape(-1, above.shape[2])
    made = rank_one(above, np.repeat(below, outputs, axis=0), left.ravel())
    if made is None:
        return None
    agree = np.abs(made.rest.reshape(-1, outputs)).max(axis=1) < AGREES * np.abs(left).max(axis=1)
    if agree.sum() < above.shape[1] + below.shape[1] + FEWEST // 2:
        return None
    side = np.median(below[agree] @ made.right)
    return made if side > 0 else OneRank(-made.left, -made.right, made.rest)


def _paths(network: PiecewiseLinearNetwork, layer: int, points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How answers move with the sums of the next layer, "n k c", and the channels below and one, "n b"."""
    values, below, on = points, points, list[BoolArray]()
    for index, (weights, biases) in enumerate(zip(network.weights[:-1], network.biases[:-1], strict=True)):
        below = values if index == layer - 1 else below
        sums = values @ weights.T + biases
        on.append(sums > 0)
        values = np.maximum(sums, 0.0)
    outputs = network.output_dim
    above = np.broadcast_to(np.eye(outputs), (len(points), outputs, outputs))
    for index in range(len(network.weights) - 1, layer, -1):
        above = (above @ network.weights[index]) * on[index - 1][:, np.newaxis]
    return above, np.concatenate([below, np.ones((len(points), 1))], axis=1)


def with_neuron_inside(network: PiecewiseLinearNetwork, layer: int, made: OneRank) -> PiecewiseLinearNetwork:
    """A network with one neuron more in a hidden layer, counted from 1."""
    weights, biases = list(network.weights), list(network.biases)
    weights[layer - 1] = np.concatenate([weights[layer - 1], made.right[np.newaxis, :-1]])
    biases[layer - 1] = np.append(biases[layer - 1], made.right[-1])
    weights[layer] = np.concatenate([weights[layer], made.left[:, np.newaxis]], axis=1)
    return PiecewiseLinearNetwork(weights, biases)
