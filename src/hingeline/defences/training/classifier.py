"""Dense ReLU classifiers by minibatch Adam on the mean cross-entropy, plain or against an adversary.

    loss(theta) = mean_n -log softmax(f(x_n))[y_n] + penalty |W|^2 / 2

Against an adversary each minibatch is changed before the step, by whoever knows the network as it is then
(Madry et al., Towards Deep Learning Models Resistant to Adversarial Attacks, ICLR 2018).
Cost: three products of layer and batch for each step, and what the adversary does; no queries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from hingeline.core.arrays import FloatArray, IntArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink, Note, ignore
from hingeline.defences.training.adam import Adam
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

Adversary = Callable[[PiecewiseLinearNetwork, FloatArray, IntArray, np.random.Generator], FloatArray]
"""(network as it is, inputs "n d", classes "n", chance) to the inputs that are trained on, "n d"."""
_NOTES = 10
"""How often progress is told."""


@dataclass(frozen=True)
class TrainingSettings:
    """How a classifier is trained."""

    hidden: tuple[int, ...] = (128, 128)
    """Widths of the hidden layers."""
    epochs: int = 60
    """Passes over the data."""
    batch: int = 64
    """Examples in one step."""
    rate: float = 1e-3
    """Learning rate at the start; it falls to a twentieth along a cosine."""
    penalty: float = 1e-4
    """Of squared weights."""

    def __post_init__(self) -> None:
        widths = all(width >= 1 for width in self.hidden)
        if not (widths and self.epochs >= 1 and self.batch >= 1 and self.rate > 0 and self.penalty >= 0):
            raise InvalidInput(
                "training wants widths, epochs and a batch from 1 up, a rate above 0 and a penalty "
                f"from 0 up; got {self}"
            )


def train_classifier(
    x: object,
    y: object,
    *,
    classes: int | None = None,
    settings: TrainingSettings | None = None,
    seed: int = 0,
    adversary: Adversary | None = None,
    on_event: EventSink = ignore,
) -> PiecewiseLinearNetwork:
    """Train a dense ReLU classifier.

    Args:
        x: Inputs, shape "n d".
        y: Classes from 0 up, shape "n".
        classes: How many there are; one more than the largest in `y` if not given.
        settings: How.
        seed: Of the first weights and of the order of examples.
        adversary: Changes every minibatch before it is trained on.
        on_event: Where progress goes.

    Returns:
        A network whose outputs are logits, one for each class.

    Raises:
        InvalidInput: Inputs or classes that do not fit together.
    """
    chosen = settings or TrainingSettings()
    points, labels = _examples(x, y)
    count = int(labels.max()) + 1 if classes is None else classes
    if labels.max() >= count:
        raise InvalidInput(
            f"a class of {int(labels.max())} where there are {count} classes, 0 to {count - 1}"
        )
    rng = np.random.default_rng([seed, 0x7EA1])
    start = random_network((points.shape[1], *chosen.hidden, count), seed=seed)
    weights, biases = [w.copy() for w in start.weights], [b.copy() for b in start.biases]
    adam = Adam([*weights, *biases], chosen.rate)
    for epoch in range(chosen.epochs):
        adam.rate = chosen.rate * (0.05 + 0.95 * 0.5 * (1.0 + np.cos(np.pi * epoch / chosen.epochs)))
        loss = 0.0
        for part in np.array_split(rng.permutation(len(points)), max(1, len(points) // chosen.batch)):
            shown = points[part]
            if adversary is not None:
                shown = adversary(PiecewiseLinearNetwork(weights, biases), shown, labels[part], rng)
            value, gradients = loss_gradients(weights, biases, shown, labels[part], chosen.penalty)
            adam.step(gradients)
            loss += value * len(part) / len(points)
        if (epoch + 1) % max(1, chosen.epochs // _NOTES) == 0:
            on_event(Note(f"epoch {epoch + 1} of {chosen.epochs}: loss {loss:.4f}"))
    return PiecewiseLinearNetwork(weights, biases)


def loss_gradients(
    weights: Sequence[FloatArray],
    biases: Sequence[FloatArray],
    points: FloatArray,
    labels: IntArray,
    penalty: float,
) -> tuple[float, list[FloatArray]]:
    """Mean cross-entropy, and the gradients of the penalised loss by the weights, then by the biases."""
    states = [points]
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        states.append(np.maximum(states[-1] @ weight.T + bias, 0.0))
    chances = softmax(states[-1] @ weights[-1].T + biases[-1], axis=1)
    rows = np.arange(len(points))
    loss = -float(np.log(np.maximum(chances[rows, labels], 1e-300)).mean())
    down = chances
    down[rows, labels] -= 1.0
    down /= len(points)
    by_weight: list[FloatArray] = []
    by_bias: list[FloatArray] = []
    for weight, state in zip(reversed(weights), reversed(states), strict=True):
        by_weight.append(down.T @ state + penalty * weight)
        by_bias.append(down.sum(axis=0))
        # a state is above zero where its neuron is on
        down = (down @ weight) * (state > 0)
    return loss, [*reversed(by_weight), *reversed(by_bias)]


def accuracy(network: Callable[[FloatArray], FloatArray], points: FloatArray, labels: IntArray) -> float:
    """Share of `points` ("n d") whose largest output is that of `labels` ("n")."""
    return float((network(points).argmax(axis=1) == labels).mean())


def _examples(x: object, y: object) -> tuple[FloatArray, IntArray]:
    rows = np.asarray(x, dtype=np.float64)
    points = as_points(rows, rows.shape[-1] if rows.ndim else 0)
    labels = np.asarray(y)
    if labels.shape != (len(points),) or not len(points):
        raise InvalidInput(f"want one class for each of {len(points)} inputs; got shape {labels.shape}")
    if labels.dtype.kind not in "iu" or labels.min() < 0:
        raise InvalidInput(f"classes must be whole numbers from 0 up; got {labels.dtype} {labels[:3]}")
    return points, labels.astype(np.int64)
