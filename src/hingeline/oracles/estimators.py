"""Doors to models of scikit-learn and torch that live in this process, without importing either.

A scikit-learn network with ReLUs answers its logits, by the forward pass that its own `predict` starts
with; other estimators answer probabilities, scores or labels, whichever of these they have first. A torch
module keeps its device, precision and training mode. Cost: that of the model.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput, QueryFailed, UnsupportedOracle
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.protocol import Answers, OracleSpec

# What the output layer of a scikit-learn network does to its logits; "identity" leaves them as values.
_MONOTONE_HEADS = ("identity", "softmax", "logistic")
_TORCH_DTYPES = ("float64", "float32", "float16")


def is_estimator(target: Any) -> bool:
    """True for what looks like a scikit-learn estimator."""
    return (
        not isinstance(target, type)
        and callable(getattr(target, "predict", None))
        and callable(getattr(target, "get_params", None))
    )


def estimator_oracle(
    model: Any, *, answers: Answers = "auto", input_dim: int | None = None
) -> CallableOracle:
    """A door to a fitted scikit-learn classifier or regressor.

    Args:
        model: The estimator; pipelines too.
        answers: Which of its answers to give; "auto" takes the most telling one that is there. Values of
            a regressor count as logits. Labels are given as their place in `classes_`.
        input_dim: Numbers per row, if the estimator does not say.

    Raises:
        InvalidInput: It is not fitted.
        UnsupportedOracle: It has no such answers.
    """
    name = type(model).__name__
    features = getattr(model, "n_features_in_", input_dim)
    if features is None:
        raise InvalidInput(f"this {name} is not fitted: call its fit(X, y) first (or pass input_dim=)")
    function, kind = _estimator_answers(model, name, answers)
    dtype = model.coefs_[0].dtype.name if kind == "logits" and _has_logits(model) else "float64"
    return CallableOracle(function, OracleSpec(name, int(features), answers=kind, dtype=dtype))


def is_torch_module(target: Any) -> bool:
    """True for a torch module; a user who has one has imported torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(target, torch.nn.Module)


def torch_oracle(
    module: Any, *, input_dim: int | None = None, input_shape: tuple[int, ...] | None = None
) -> CallableOracle:
    """A door to a torch module: evaluation mode, no gradients, its own device and precision.

    Args:
        module: The module; its modes are put back after each call.
        input_dim: Numbers per row; read from the first layer if that is linear.
        input_shape: Shape of one example, such as (1, 28, 28), where the module wants images.

    Raises:
        InvalidInput: The number of inputs is not known.
        UnsupportedOracle: It computes in a precision that NumPy does not have.
    """
    torch: Any = sys.modules["torch"]
    name = type(module).__name__
    tensors = [t for t in (*module.parameters(), *module.buffers()) if t.is_floating_point()]
    dtype = tensors[0].dtype if tensors else torch.get_default_dtype()
    device = tensors[0].device if tensors else torch.device("cpu")
    dtype_name = str(dtype).removeprefix("torch.")
    if dtype_name not in _TORCH_DTYPES:
        raise UnsupportedOracle(
            f"this {name} computes in {dtype_name}; convert it, for example with .float()"
        )

    def ask(rows: Any) -> Any:
        inputs = torch.from_numpy(rows).to(device=device, dtype=dtype)
        with _evaluating(module), torch.no_grad():
            answers = module(inputs)
        if not isinstance(answers, torch.Tensor):
            raise QueryFailed(f"{name} answered a {type(answers).__name__}; want one tensor", sent=True)
        return answers.to(device="cpu", dtype=torch.float64).reshape(len(answers), -1).numpy()

    known = input_dim or (int(np.prod(input_shape)) if input_shape else _first_width(module))
    if known is None:
        raise InvalidInput(
            f"how many inputs does this {name} take? Pass input_dim=784, or input_shape=(1, 28, 28)"
        )
    return CallableOracle(ask, OracleSpec(name, known, dtype=dtype_name), input_shape)


def _estimator_answers(model: Any, name: str, wanted: Answers) -> tuple[Callable[[Any], Any], Answers]:
    """The function to ask and what its answers are: the first choice that the estimator has."""
    is_classifier = hasattr(model, "classes_")
    choices: list[tuple[Answers, bool, Callable[[Any], Any]]] = [
        ("logits", _has_logits(model), lambda rows: _logits(model, rows)),
        ("logits", not is_classifier, lambda rows: _called(model, "predict", rows)),
        (
            "probabilities",
            hasattr(model, "predict_proba"),
            lambda rows: _called(model, "predict_proba", rows),
        ),
        (
            "logits",
            hasattr(model, "decision_function"),
            lambda rows: _called(model, "decision_function", rows),
        ),
        ("labels", is_classifier, lambda rows: _labels(model, rows)),
    ]
    for kind, has, function in choices:
        if has and wanted in ("auto", kind):
            return function, kind
    there = sorted({kind for kind, has, _ in choices if has})
    raise UnsupportedOracle(f"this {name} cannot answer {wanted}; it can answer {', '.join(there)}")


def _has_logits(model: Any) -> bool:
    return (
        hasattr(model, "coefs_")
        and getattr(model, "activation", None) == "relu"
        and getattr(model, "out_activation_", None) in _MONOTONE_HEADS
    )


def _logits(model: Any, rows: Any) -> Any:
    hidden = rows
    for weight, bias in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        hidden = np.maximum(hidden @ weight + bias, 0)
    return hidden @ model.coefs_[-1] + model.intercepts_[-1]


def _called(model: Any, method: str, rows: Any) -> Any:
    with warnings.catch_warnings():
        # An estimator fitted on a data frame says so on every call with an array.
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        return getattr(model, method)(rows)


def _labels(model: Any, rows: Any) -> FloatArray:
    places = {label: place for place, label in enumerate(np.asarray(model.classes_).tolist())}
    return np.array([places[label] for label in _called(model, "predict", rows).tolist()], dtype=np.float64)


def _first_width(module: Any) -> int | None:
    """Inputs of the first layer that has parameters, if it is linear."""
    layers = [layer for layer in module.modules() if any(True for _ in layer.parameters(recurse=False))]
    return getattr(layers[0], "in_features", None) if layers else None


@contextmanager
def _evaluating(module: Any) -> Generator[None]:
    """Evaluation mode inside; every part's own mode is put back after."""
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True
