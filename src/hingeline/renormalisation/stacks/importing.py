"""Stacks made of restricted Boltzmann machines with units of 0 and 1, from arrays or from scikit-learn.

With h = (1 + u) / 2 the same conditional laws hold for units u of -1 and +1: the field of a unit is halved,
for P(h = 1) = 1 / (1 + exp(-a)) there and 1 / (1 + exp(-2a)) here, and whatever lies above units of 0 and 1
takes W h + b = (W / 2) u + (b + W 1 / 2). The input of the first machine stays as it is.

scikit-learn's objects are known by their attributes; it need not be installed. A pipeline hands on the means
of hidden units where a stack hands on states: conditional probabilities agree, predictions only nearly.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.special import softmax

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.stacks.stack import StochasticStack

_ALIKE = 1e-5
"""Difference of two probabilities below which they are the same; single precision is enough."""


def stack_from_machines(
    machines: Iterable[Any],
    head_weights: Any | None = None,
    head_biases: Any | None = None,
    *,
    name: str = "stack",
) -> StochasticStack:
    """A stack from machines with units of 0 and 1, the lowest first.

    Args:
        machines: Each a pair of weights "hidden visible" and hidden biases "hidden", or an object with
            `components_` and `intercept_hidden_`, such as scikit-learn's BernoulliRBM.
        head_weights: Logits of the classes from the top units of 0 and 1, shape "C w"; None to take the top
            units themselves for the classes.
        head_biases: Shape "C".
        name: For people.

    Raises:
        InvalidInput: A machine that is neither, or shapes that do not follow each other.
    """
    weights: list[FloatArray] = []
    biases: list[FloatArray] = []
    for index, machine in enumerate(machines):
        weight, bias = _arrays(machine, index)
        if index:
            weight, bias = _above_units(weight, bias)
        weights.append(weight / 2.0)
        biases.append(bias / 2.0)
    if (head_weights is None) != (head_biases is None):
        raise InvalidInput("a head wants weights and biases; one of them is missing")
    if head_weights is None or head_biases is None:
        return StochasticStack(weights, biases, "units", name)
    if not weights:
        raise InvalidInput("a stack wants at least one machine below its head")
    weight, bias = _above_units(*_matrix(head_weights, head_biases, "the head"))
    return StochasticStack([*weights, weight], [*biases, bias], "softmax", name)


def stack_from_pipeline(pipeline: Any, *, name: str = "stack") -> StochasticStack:
    """A stack from a fitted scikit-learn pipeline of BernoulliRBMs that ends in a LogisticRegression.

    Class c of the stack is `classes_[c]` of the regression.

    Raises:
        InvalidInput: Another step, nothing fitted yet, or a regression of one class against the rest, whose
            probabilities are no softmax.
    """
    steps = [(label, step) for label, step in getattr(pipeline, "steps", ()) if step != "passthrough"]
    if len(steps) < 2:
        raise InvalidInput(
            f"{type(pipeline).__name__} is not a pipeline of machines with a regression at its end; pass a "
            "fitted sklearn.pipeline.Pipeline, or arrays to stack_from_machines"
        )
    for label, step in steps[:-1]:
        if not hasattr(step, "components_") or not hasattr(step, "intercept_hidden_"):
            raise InvalidInput(
                f"step {label!r} ({type(step).__name__}) is not a fitted BernoulliRBM; apply what comes "
                "before the machines to the inputs yourself, and pass the rest"
            )
    return stack_from_machines(
        [step for _, step in steps[:-1]], *_regression(steps[-1][0], steps[-1][1]), name=name
    )


def _regression(label: str, step: Any) -> tuple[FloatArray, FloatArray]:
    """Weights and biases of a softmax, from a fitted logistic regression."""
    if not hasattr(step, "coef_") or not hasattr(step, "intercept_"):
        raise InvalidInput(
            f"the last step {label!r} ({type(step).__name__}) is not a fitted LogisticRegression"
        )
    weight, bias = _matrix(step.coef_, step.intercept_, f"step {label!r}")
    if len(weight) == 1:
        # two classes are told by one score z, with P(second) = 1 / (1 + exp(-z))
        weight, bias = np.vstack([np.zeros_like(weight), weight]), np.concatenate([np.zeros(1), bias])
    if not _is_softmax(step, weight, bias):
        raise InvalidInput(
            f"step {label!r} ({type(step).__name__}) tells each class from the rest, or answers "
            "otherwise than by the softmax of its scores; fit a LogisticRegression with its default settings"
        )
    return weight, bias


def _is_softmax(step: Any, weight: FloatArray, bias: FloatArray) -> bool:
    """Whether what a fitted step answers is the softmax of these logits, at states of its input."""
    if not callable(getattr(step, "predict_proba", None)):
        return False
    width = weight.shape[1]
    # none, all, and each half of the units by the bits of their numbers: no two units are always alike
    bits = (np.arange(width) >> np.arange(max(1, width.bit_length()))[:, np.newaxis]) & 1
    states = np.vstack([np.zeros((1, width)), np.ones((1, width)), bits, 1 - bits]).astype(np.float64)
    with warnings.catch_warnings():
        # of columns without the names that a table had
        warnings.simplefilter("ignore")
        told = np.asarray(step.predict_proba(states))
    wanted = softmax(states @ weight.T + bias, axis=1)
    return told.shape == wanted.shape and bool(np.allclose(told, wanted, rtol=0.0, atol=_ALIKE))


def _above_units(weight: FloatArray, bias: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The same affine map of units of 0 and 1, as one of units of -1 and +1."""
    return weight / 2.0, bias + weight.sum(axis=1) / 2.0


def _arrays(machine: Any, index: int) -> tuple[FloatArray, FloatArray]:
    if hasattr(machine, "components_") and hasattr(machine, "intercept_hidden_"):
        return _matrix(machine.components_, machine.intercept_hidden_, f"machine {index}")
    try:
        weight, bias = machine
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"machine {index} wants to be (weights, hidden biases) or a fitted BernoulliRBM; got "
            f"{type(machine).__name__}"
        ) from error
    return _matrix(weight, bias, f"machine {index}")


def _matrix(weight: Any, bias: Any, what: str) -> tuple[FloatArray, FloatArray]:
    try:
        rows, offsets = np.asarray(weight, dtype=np.float64), np.asarray(bias, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{what} has weights or biases that are no numbers: {error}") from error
    if rows.ndim != 2 or offsets.shape != rows.shape[:1]:
        raise InvalidInput(
            f"{what} wants weights (hidden, visible) and biases (hidden,); got {rows.shape}, {offsets.shape}"
        )
    return rows, offsets
