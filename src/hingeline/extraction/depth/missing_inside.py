"""Neurons missing in any hidden layer of a network that explains most answers, from those that it does not.

Where one neuron is missing, answers differ from the network's by (p . w)(a . h + b): h are the channels below
the neuron, p is how the answers move with the layer above it, both known from the network. So what is left
over tells its weights on both sides, w and (a, b), as a matrix of rank one: no boundary need be met, and
layers above need not be found again. In which layer it is missing is told by where the fit agrees.

Cost: some 300 answers for each neuron looked for. Source: ours; `from_answers` does it for the last layer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.errors import BudgetExhausted
from hingeline.extraction.depth.partial_neuron import PartialNeuron
from hingeline.extraction.depth.rank_one import OneRank, rank_one
from hingeline.extraction.depth.untold_off import turned_off
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

STRANGE = 1e-8
"""What is left of an answer, of scale + norm, above which something is missing there."""
WANTED, MOST_ASKED = 220, 900
"""Strange places gathered around some, and most answers asked for that."""
STARTS = 3
"""Strange places around which they are gathered: around one, not all weights of a neuron may show."""
MOST_TRIED = 500
"""Strange places that are fitted at once."""
HELD_OFF = 3000
"""Explained places at which a neuron must be off where nothing is told of it."""
BARELY = 1e-9
"""Part of its largest value, over all places, below which a channel tells nothing."""
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

    def share(self, network: PiecewiseLinearNetwork, scale: float) -> FloatArray:
        """Largest part of each answer, of scale + norm, that a network does not explain, "n"."""
        size = scale + np.linalg.norm(self.points, axis=1)
        return np.asarray(np.abs(self.left(network)).max(axis=1) / size)

    def strange(self, network: PiecewiseLinearNetwork, scale: float, above: float = STRANGE) -> BoolArray:
        """Which answers a network does not explain, "n"."""
        return np.asarray(self.share(network, scale) > above)

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
    above: float = STRANGE,
    tries: int = TRIES,
) -> tuple[PiecewiseLinearNetwork, Asked]:
    """The network with neurons that explain more answers and spoil hardly any, and all answers.

    Args:
        network: Explains most answers; returned as it is if no neuron does.
        asked: Answers so far, some of which it does not explain.
        ask: Gives answers at points "p r"; until the budget ends.
        scale: Typical input norm.
        rng: Draws places.
        above: What is left of an answer, of scale + norm, above which it is not explained.
        tries: Times that answers are asked around strange places.
    """
    for _ in range(tries):
        strange = np.nonzero(asked.strange(network, scale, above))[0]
        if not len(strange):
            break
        starts = asked.points[rng.choice(strange, min(STARTS, len(strange)), replace=False)]
        try:
            around = _around(network, starts, ask, scale, rng, above)
        except BudgetExhausted:
            break
        asked = asked.and_(around)
        every = np.nonzero(asked.strange(network, scale, above))[0]
        several = asked.only(np.isin(np.arange(len(asked.points)), rng.permutation(every)[:MOST_TRIED]))
        sets = [several, around.only(around.strange(network, scale, above))]
        network = _best(network, sets, asked, scale, above)
    return network, asked


def _around(
    network: PiecewiseLinearNetwork,
    starts: FloatArray,
    ask: Callable[[FloatArray], FloatArray],
    scale: float,
    rng: np.random.Generator,
    above: float,
) -> Asked:
    """Answers at places reached from strange ones by steps between strange ones."""
    asked = Asked(starts, ask(starts))
    strange = asked.points
    while len(strange) < WANTED and len(asked.points) < MOST_ASKED:
        origin = strange[rng.integers(len(strange), size=AT_ONCE)]
        length = 10 ** rng.uniform(NEAREST, FARTHEST, AT_ONCE) * (scale + np.linalg.norm(origin, axis=1))
        steps = rng.standard_normal(origin.shape) / origin.shape[1] ** 0.5
        points = origin + length[:, np.newaxis] * steps
        new = Asked(points, ask(points))
        asked = asked.and_(new)
        strange = np.concatenate([strange, points[new.strange(network, scale, above)]])
    return asked


def _best(
    network: PiecewiseLinearNetwork, sets: list[Asked], asked: Asked, scale: float, above: float
) -> PiecewiseLinearNetwork:
    """With one neuron more in the layer where that explains most; the same if it spoils too much in each."""
    before, best, most = asked.strange(network, scale, above), network, FEWEST
    explained = np.nonzero(~before)[0]
    kept = asked.points[explained[:: len(explained) // HELD_OFF + 1]]
    for layer in range(1, len(network.weights)):
        for around in sets:
            made = neuron_inside(network, layer, around)
            if made is None:
                continue
            made = off_where_untold(network, layer, made, around.points, kept)
            larger = with_neuron_inside(network, layer, made)
            after = asked.strange(larger, scale, above)
            fixed, broken = int((before & ~after).sum()), int((after & ~before).sum())
            if broken <= BROKEN * fixed and fixed - broken >= most:
                best, most = larger, fixed - broken
    return best


def off_where_untold(
    network: PiecewiseLinearNetwork, layer: int, made: OneRank, strange: FloatArray, explained: FloatArray
) -> OneRank:
    """The neuron off at explained places where channels are on that were off at all strange ones.

    Args:
        network: Without it.
        layer: In which it is, from 1.
        made: On at strange places.
        strange: Places of which it was made, shape "s r".
        explained: Places at which the network lacks nothing, shape "p r".
    """
    below = _paths(network, layer, np.concatenate([strange, explained]))[1]
    largest = np.abs(below).max(axis=0)
    silent = np.abs(below[: len(strange)]).max(axis=0) <= BARELY * largest
    if not silent.any() or not len(explained):
        return made
    neuron = PartialNeuron(made.right, np.eye(len(silent))[:, silent], ())
    return replace(made, right=turned_off(neuron, below[len(strange) :], 1.0))


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
