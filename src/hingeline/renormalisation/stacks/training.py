"""Stacks trained layer by layer: machines without labels, then a softmax that sees them.

Each restricted Boltzmann machine learns the states that the one below draws from the data, drawn anew for
every epoch; then a regularised softmax learns the labels from states of the top layer. Machines are not
changed by the labels. The result takes inputs as given and has units of -1 and +1.

Source: greedy layerwise training, Hinton, Osindero and Teh 2006; machines by persistent contrastive
divergence, Tieleman 2008. Cost: 1,597 digits of 8x8 pixels, 64-48-32-10: about five seconds.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink, Note, ignore
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.renormalisation.stacks.boltzmann import Machine, train_machine
from hingeline.renormalisation.stacks.importing import stack_from_machines
from hingeline.renormalisation.stacks.settings import TrainingSettings
from hingeline.renormalisation.stacks.softmax_head import SoftmaxHead, fit_softmax
from hingeline.renormalisation.stacks.stack import StochasticStack
from hingeline.sensitivity.results import listed, numbers

MOST_CLASSES = 10_000
"""Classes beyond which labels are taken for a mistake: numbers of people, years, hashes."""


@dataclass(frozen=True, eq=False)
class TrainedStack:
    """A stack and how it came to be.

    Attributes:
        stack: With a softmax head over the classes 0 to C - 1.
        machines: The machines it was made of, units of 0 and 1, with their progress by epoch.
        head: How the softmax was fitted, to units of -1 and +1.
        accuracy: Share of the training rows whose most probable class is their label.
        rows: Training rows.
        settings: How it was trained.
    """

    stack: StochasticStack
    machines: tuple[Machine, ...]
    head: SoftmaxHead
    accuracy: float
    rows: int
    settings: TrainingSettings

    def summary(self) -> dict[str, Any]:
        """What one reads first, JSON-ready; errors and likelihoods are those after the last epoch."""
        return {
            "widths": list(self.stack.widths),
            "classes": self.stack.classes,
            "rows": self.rows,
            "training_accuracy": self.accuracy,
            "reconstruction_errors": [float(m.reconstruction_errors[-1]) for m in self.machines],
            "pseudo_likelihoods": [float(m.pseudo_likelihoods[-1]) for m in self.machines],
            "head_loss": self.head.loss,
            "head_converged": self.head.converged,
        }

    def to_dict(self) -> dict[str, Any]:
        """Summary, settings and progress by epoch, JSON-ready; weights are stored beside it, not in it."""
        progress = [
            {name: listed(getattr(machine, name)) for name in ("reconstruction_errors", "pseudo_likelihoods")}
            for machine in self.machines
        ]
        return {"summary": self.summary(), "settings": self.settings.to_dict(), "machines": progress}

    def figures(self) -> tuple[Curves, ...]:
        """Reconstruction error and pseudo-likelihood of each machine, by epoch."""
        return (
            _progress(self.machines, "reconstruction_errors", "mean squared error", "rows rebuilt"),
            _progress(self.machines, "pseudo_likelihoods", "nats per row", "pseudo-likelihood"),
        )


def train_stack(
    points: Any,
    labels: Any,
    *,
    hidden: Sequence[int] = (48, 32),
    rng: np.random.Generator,
    settings: TrainingSettings | None = None,
    on_event: EventSink = ignore,
    name: str = "stack",
) -> TrainedStack:
    """Train a stack of machines with a softmax at its top.

    Args:
        points: Inputs between 0 and 1, shape "n d"; what is neither 0 nor 1 is taken as a probability.
        labels: Classes, whole numbers from 0, shape "n".
        hidden: Units of each layer, the lowest first.
        rng: All chance comes from it: the same generator gives the same stack.
        settings: How long and how fast; defaults if None.
        on_event: Told the reconstruction error after every epoch.
        name: For people.

    Raises:
        InvalidInput: Inputs outside 0 to 1, labels that are no classes, no layer of units, or learning that
            ran away.
    """
    settings = settings or TrainingSettings()
    rows, classes = _data(points, labels)
    widths = _widths(hidden)
    machines: list[Machine] = []
    for number, units in enumerate(widths, start=1):

        def told(epoch: int, error: float, number: int = number) -> None:
            on_event(Note(f"machine {number}, epoch {epoch}: reconstruction error {error:.4f}"))

        below = tuple(machines)
        machines.append(train_machine(lambda m=below: _drawn(m, rows, rng), units, rng, settings, told))
    states = np.concatenate([_drawn(machines, rows, rng) for _ in range(settings.head_draws)])
    many = np.tile(classes, settings.head_draws)
    # fitted to units of -1 and +1, so that the penalty is on the weights the stack has
    head = fit_softmax(2.0 * states - 1.0, many, int(classes.max()) + 1, settings.penalty)
    on_event(Note(f"softmax: loss {head.loss:.4f} nats after {head.iterations} steps"))
    stack = stack_from_machines(
        [(machine.weights, machine.hidden_biases) for machine in machines],
        2.0 * head.weights,
        head.biases - head.weights.sum(axis=1),
        name=name,
    )
    accuracy = stack_accuracy(stack, rows, classes, samples=settings.samples, rng=rng)
    on_event(Note(f"accuracy on the {len(rows):,} training rows {accuracy:.3f}"))
    return TrainedStack(stack, tuple(machines), head, accuracy, len(rows), settings)


def stack_accuracy(
    stack: StochasticStack, points: Any, labels: Any, *, samples: int, rng: np.random.Generator
) -> float:
    """Share of `points` whose most probable class, estimated from `samples` each, is their label."""
    law = stack.class_probabilities(as_points(points, stack.input_dim), samples, rng)
    return float((law.argmax(axis=1) == np.asarray(labels)).mean())


def _drawn(machines: Sequence[Machine], rows: FloatArray, rng: np.random.Generator) -> FloatArray:
    """States of 0 and 1 at the top of `machines`, one for each row; the rows themselves if there is none."""
    for machine in machines:
        means = machine.hidden_means(rows)
        rows = (rng.random(means.shape) < means).astype(np.float64)
    return rows


def _data(points: Any, labels: Any) -> tuple[FloatArray, IntArray]:
    rows = as_points(points, np.shape(points)[-1] if np.ndim(points) else 0)
    if not rows.size:
        raise InvalidInput(
            f"nothing to train on: there are {len(rows) or 'no'} rows, of {rows.shape[1]} numbers"
        )
    if rows.min() < 0.0 or rows.max() > 1.0:
        raise InvalidInput(
            f"inputs lie between {rows.min():g} and {rows.max():g}; scale them to 0 to 1, where they are "
            "read as probabilities of a visible unit"
        )
    classes = np.asarray(labels)
    whole = classes.dtype.kind in "iu" and classes.shape == (len(rows),) and classes.min() >= 0
    if not whole or classes.max() < 1:
        raise InvalidInput(
            f"labels must be {len(rows)} whole numbers from 0, with at least two classes; got shape "
            f"{classes.shape}, {classes.dtype}"
        )
    if classes.max() >= MOST_CLASSES:
        raise InvalidInput(
            f"the largest label is {classes.max()}, and classes are numbered from 0: a stack with as many is "
            f"not trained (up to {MOST_CLASSES:,} are); number the classes that occur 0, 1, 2, ..."
        )
    return rows, classes.astype(np.int64)


def _widths(hidden: Sequence[int]) -> tuple[int, ...]:
    """Units of each layer, checked."""
    given: Any = hidden
    try:
        widths = tuple(operator.index(units) for units in given)
    except TypeError as error:
        raise InvalidInput(
            f"hidden wants the units of each layer as whole numbers, such as (48, 32); got {given!r}"
        ) from error
    if not widths or min(widths) < 1:
        raise InvalidInput(f"a stack wants at least one layer of at least one unit; got hidden={given}")
    return widths


def _progress(machines: Sequence[Machine], field: str, unit: str, words: str) -> Curves:
    curves = tuple(
        Curve(f"machine {number}", tuple(float(e) for e in range(1, len(y) + 1)), numbers(y))
        for number, y in enumerate((getattr(machine, field) for machine in machines), start=1)
    )
    return Curves(
        f"training-{field.replace('_', '-')}",
        f"Progress of each machine of the stack while it was trained: {words}, after each epoch.",
        Axis("epoch", whole=True),
        Axis(unit),
        curves,
    )
