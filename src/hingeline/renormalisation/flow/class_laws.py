"""Classes as laws per layer: how far apart they lie, how long they live, how sure they are.

A class is the mixture of the laws P_n(.|x) over its inputs. For each layer of units and each pair of classes
the total-variation distance is bounded from below by a linear rule; where all layers up to it have at most 12
units it is found exactly by enumeration. With finite width every stack forgets in the end: classes are not
fixed points but states that live a number of layers, and that number is what is reported.

Source: the idea that classes are fixed points of a flow is Kenway's (arXiv 1803.06111); the measures are
ours. Cost: `samples` per class, drawn upward once; one linear rule for each pair and layer.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.flow.class_law_results import ClassLaws
from hingeline.renormalisation.flow.discriminator import Distance, linear_distance
from hingeline.renormalisation.flow.lifetime import fit_lifetime
from hingeline.renormalisation.stacks.enumerated import MOST_STATES
from hingeline.renormalisation.stacks.exact import kernel_lifetime, state_laws
from hingeline.renormalisation.stacks.stack import BATCH, StochasticStack, joint_states

FROZEN = 100.0
"""A unit with samples times variance below this hardly ever flips; nothing can be regressed on it."""
_BLOCKS = 20
"""Independent estimates of every input's class law, whose spread gives its error."""
_SIGMAS = 2.0


def class_laws(
    stack: StochasticStack,
    points: FloatArray,
    classes: Sequence[int] | IntArray,
    *,
    samples: int = 4000,
    samples_each: int = 400,
    rng: np.random.Generator,
) -> ClassLaws:
    """Measure the laws of classes in every layer of units.

    Args:
        stack: The directed stack.
        points: Labelled inputs, shape "n d".
        classes: Their labels, 0 to C - 1, shape "n"; at least two of them must occur.
        samples: Drawn for each class in all, for distances and frozen units.
        samples_each: Drawn for each input, for its class law.
        rng: Draws everything.

    Raises:
        InvalidInput: Labels that do not fit, fewer than two classes, or fewer than 40 samples.
    """
    rows, labels = as_points(points, stack.input_dim), np.asarray(classes)
    _check(stack, rows, labels, min(samples, samples_each))
    found = np.unique(labels)
    pairs = list(itertools.combinations(range(len(found)), 2))
    drawn = [_mixture(stack, rows[labels == label], samples, rng) for label in found]
    laws = _exact_laws(stack, [rows[labels == label] for label in found])
    table = [[_distance(drawn, laws, n, pair) for n in range(stack.unit_layers)] for pair in pairs]
    means, close = _sureness(stack, rows, samples_each, rng)
    entropies = -np.sum(means * np.log(np.where(means > 0, means, 1.0)), axis=1)
    right = means.argmax(axis=1) == labels
    return ClassLaws(
        labels=tuple(int(label) for label in found),
        pairs=tuple((int(found[a]), int(found[b])) for a, b in pairs),
        distances=tuple(tuple(line) for line in table),
        lifetimes=tuple(fit_lifetime(line) for line in table),
        tied_lifetime=_tied(stack),
        entropies=np.array([entropies[labels == label].mean() for label in found]),
        accuracies=np.array([right[labels == label].mean() for label in found]),
        undecided=float(close.mean()),
        frozen=np.array([[_frozen(states) for states in layers] for layers in drawn]).T,
        samples=samples,
        samples_each=samples_each,
    )


def _mixture(
    stack: StochasticStack, points: FloatArray, samples: int, rng: np.random.Generator
) -> list[FloatArray]:
    """States of all layers for one class, its inputs in turn in random order, as signs of one byte each."""
    kept: list[list[Any]] = [[] for _ in range(stack.unit_layers)]
    chosen = np.concatenate([rng.permutation(len(points)) for _ in range(-(-samples // len(points)))])[
        :samples
    ]
    for start in range(0, samples, BATCH):
        state = points[chosen[start : start + BATCH]]
        for layer in range(1, stack.unit_layers + 1):
            state = stack.draw(layer, state, rng)
            kept[layer - 1].append(state.astype(np.int8))
    return [np.concatenate(parts) for parts in kept]


def _distance(
    drawn: list[list[FloatArray]], laws: list[list[FloatArray]], n: int, pair: tuple[int, int]
) -> Distance:
    """Between two classes in layer n + 1: exact where their laws are known, else bounded."""
    a, b = pair
    if n < len(laws[a]):
        value = float(0.5 * np.abs(laws[a][n] - laws[b][n]).sum())
        return Distance(value, value, value, exact=True)
    return linear_distance(drawn[a][n].astype(np.float64), drawn[b][n].astype(np.float64))


def _exact_laws(stack: StochasticStack, groups: list[FloatArray]) -> list[list[FloatArray]]:
    """Laws of each group of inputs in the first layers, up to one that is too wide to enumerate."""
    found: list[list[FloatArray]] = [[] for _ in groups]
    for layer in range(1, stack.unit_layers + 1):
        if 2 ** stack.widths[layer] > MOST_STATES:
            break
        if layer == 1:
            for laws, points in zip(found, groups, strict=True):
                laws.append(_mean_first_law(stack, points))
            continue
        # one kernel at a time, for all groups at once
        kernel = state_laws(stack.fields(layer, joint_states(stack.widths[layer - 1])))
        for laws in found:
            laws.append(laws[-1] @ kernel)
    return found


def _mean_first_law(stack: StochasticStack, points: FloatArray) -> FloatArray:
    at_once = max(1, BATCH // 8)
    parts = [points[low : low + at_once] for low in range(0, len(points), at_once)]
    return np.sum([state_laws(stack.fields(1, part)).sum(axis=0) for part in parts], axis=0) / len(points)


def _sureness(
    stack: StochasticStack, points: FloatArray, samples: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Mean class law of each input, "n C", and whether its two leading classes are within two errors, "n"."""
    each = max(1, samples // _BLOCKS)
    blocks = np.stack(
        [stack.class_probabilities(points, each, rng, common=False) for _ in range(_BLOCKS)], axis=1
    )
    means = blocks.mean(axis=1)
    leading = np.argsort(means, axis=1)[:, -2:]
    pairs = np.take_along_axis(blocks, leading[:, np.newaxis], axis=2)
    gaps = pairs[:, :, 1] - pairs[:, :, 0]
    error = gaps.std(axis=1, ddof=1) / np.sqrt(_BLOCKS)
    return means, gaps.mean(axis=1) <= _SIGMAS * error


def _frozen(states: FloatArray) -> int:
    """Units of one layer that hardly flip within a class."""
    means = states.mean(axis=0, dtype=np.float64)
    return int((len(states) * (1.0 - means**2) < FROZEN).sum())


def _tied(stack: StochasticStack) -> float | None:
    """The lifetime that the second eigenvalue gives, for small stacks of equal steps."""
    hidden = stack.unit_layers
    width = stack.widths[1]
    if hidden < 3 or set(stack.widths[1:]) != {width} or 2**width > MOST_STATES:
        return None
    for held in (stack.weights, stack.biases):
        if any((step != held[1]).any() for step in held[2:hidden]):
            return None
    return kernel_lifetime(state_laws(stack.fields(2, joint_states(width))))


def _check(stack: StochasticStack, rows: FloatArray, labels: IntArray, samples: int) -> None:
    if labels.shape != (len(rows),) or labels.dtype.kind not in "iu":
        raise InvalidInput(f"{len(rows)} inputs want as many whole numbers as labels; got {labels.shape}")
    if len(rows) == 0 or labels.min() < 0 or labels.max() >= stack.classes or len(np.unique(labels)) < 2:
        raise InvalidInput(
            f"labels are 0 to {stack.classes - 1}, at least two of them; got {np.unique(labels)}"
        )
    if samples < 2 * _BLOCKS:
        raise InvalidInput(f"{samples} samples tell nothing; draw {2 * _BLOCKS} or more for each class")
