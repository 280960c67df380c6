"""What a model answers on a table of inputs, whatever kind of answer it gives, and what identifies it.

A model is anything that `hingeline.oracle` opens, a network with any activation, or a `Model` of
sensitivity. It is asked in batches through a session that counts rows; a row that stands in the table twice
is asked once. Scikit-learn classifiers are asked twice, for scores and for what they predict. Filtering is no
attack: who filters owns the models or may ask them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink, ignore
from hingeline.core.outcome import Finding
from hingeline.networks.feed_forward import FeedForwardNetwork
from hingeline.networks.loading import as_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.estimators import is_estimator
from hingeline.oracles.opening import oracle as open_oracle
from hingeline.oracles.protocol import Answers, Oracle
from hingeline.oracles.session import QuerySession
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.network_model import NetworkModel

BATCH_ROWS = 8192
"""Most rows in one question."""
_MODEL_FILES = frozenset({".npz", ".safetensors", ".onnx"})
_SUM_SLACK = 1e-3
"""Answers from 0 up whose sums are this near to 1 are probabilities, where nobody says what they are."""
_LEVELS = 2.0**20
"""Steps of the largest answer by which answers are told apart: batches may change the last digits."""


@dataclass(frozen=True, eq=False)
class ModelAnswers:
    """One model on one table of inputs.

    Attributes:
        name: For people.
        outputs: Answers, shape "n k".
        kind: What they are: logits, probabilities or labels; never "auto".
        identified: What was hashed: "by weights", "by file" or "by answers".
        sha256: That hash.
        queries: Rows that were asked.
    """

    name: str
    outputs: FloatArray
    kind: Answers
    identified: str
    sha256: str
    queries: int
    predicted: IntArray | None = None
    """Decisions of a scikit-learn classifier's own `predict`, "n", which need not be its largest score."""

    @property
    def class_count(self) -> int | None:
        """How many classes it tells apart; None where only labels are seen."""
        return None if self.kind == "labels" else self._decision.classes

    @property
    def decided(self) -> IntArray:
        """The class of each row, "n"."""
        if self.predicted is not None:
            return self.predicted
        if self.kind == "labels":
            return self.outputs[:, 0].astype(np.int64)
        return self._decision.of(self.outputs)

    @property
    def decisions_sha256(self) -> str:
        """Hash of `decided`: the same for copies that only differ in how they are written."""
        return digest(self.decided)

    @property
    def confidence(self) -> FloatArray:
        """The largest probability of each row, "n".

        Raises:
            InvalidInput: The model answers labels only.
        """
        self._want_scores("a confidence")
        single = self.outputs.shape[1] == 1
        if self.kind == "probabilities":
            return np.maximum(self.outputs, 1 - self.outputs)[:, 0] if single else self.outputs.max(axis=1)
        return expit(np.abs(self.outputs[:, 0])) if single else softmax(self.outputs, axis=1).max(axis=1)

    def leads(self, labels: IntArray) -> FloatArray:
        """By how much the output of the label leads the best other one, below 0 where it is wrong: "n".

        Raises:
            InvalidInput: The model answers labels only.
        """
        self._want_scores("a margin")
        return self._decision.leads(self.outputs, labels).min(axis=1)

    def right(self, labels: IntArray) -> npt.NDArray[np.bool_]:
        """Whether each row is classified as its label says, "n"."""
        return self.decided == labels

    @property
    def _decision(self) -> Decision:
        return Decision(self.outputs.shape[1], 0.5 if self.kind == "probabilities" else 0.0)

    def _want_scores(self, what: str) -> None:
        if self.kind == "labels":
            raise InvalidInput(f"{self.name} answers labels only, and there is no {what} in a label")


def ask_models(
    models: Any, points: FloatArray, *, batch_rows: int = BATCH_ROWS, on_event: EventSink = ignore
) -> list[ModelAnswers]:
    """Ask several models the same rows.

    Args:
        models: A sequence of models, or a mapping from names to models.
        points: Shape "n d".
        batch_rows: Most rows in one question.
        on_event: Where progress goes.

    Raises:
        InvalidInput: Something that is no model, or that takes other inputs.
        OracleError: A model that gives no usable answers.
    """
    return [ask_model(model, points, name, batch_rows, on_event) for name, model in named_models(models)]


def named_models(models: Any) -> list[tuple[str | None, Any]]:
    """Models with the names that they were given.

    Raises:
        InvalidInput: No mapping and no sequence.
    """
    if isinstance(models, Mapping):
        return [(str(name), model) for name, model in cast("Mapping[Any, Any]", models).items()]
    if isinstance(models, str | Path) or not isinstance(models, Sequence):
        raise InvalidInput(
            f"want a list of models or a dict from names to models; got {type(models).__name__} "
            "(one model goes into a list: [model])"
        )
    return [(None, model) for model in cast("Sequence[Any]", models)]


def ask_model(
    model: Any,
    points: FloatArray,
    name: str | None = None,
    batch_rows: int = BATCH_ROWS,
    on_event: EventSink = ignore,
) -> ModelAnswers:
    """Ask one model; see `ask_models`."""
    door = _door(model, points.shape[1])
    session = QuerySession(door, batch_size=batch_rows, on_event=on_event)
    outputs = session.ask(points)
    known = name or _name(model, door)
    kind = _kind(door.spec.answers, outputs, known)
    predicted, asked = None, session.spent
    if kind != "labels" and is_estimator(model) and hasattr(model, "classes_"):
        # a support vector machine breaks ties of its votes by order in `predict`, and by scores elsewhere
        labels = QuerySession(open_oracle(model, answers="labels"), batch_size=batch_rows, on_event=on_event)
        predicted = labels.ask(points)[:, 0].astype(np.int64)
        asked += labels.spent
    identified, sha256 = _identity(model, outputs)
    return ModelAnswers(known, outputs, kind, identified, sha256, asked, predicted)


def digest(*arrays: npt.NDArray[Any]) -> str:
    """Sha256 of shapes, types and values; -0.0 counts as 0.0."""
    found = hashlib.sha256()
    for array in arrays:
        fixed = np.ascontiguousarray(array + 0.0 if array.dtype.kind == "f" else array)
        plain = fixed.astype(fixed.dtype.newbyteorder("<"))
        found.update(f"{plain.shape}{plain.dtype.str}".encode())
        found.update(plain.tobytes())
    return found.hexdigest()


def _door(model: Any, input_dim: int) -> Oracle:
    outputs = getattr(model, "outputs", None)
    # a Model of sensitivity is known by its two verbs
    if callable(outputs) and callable(getattr(model, "gradients", None)):
        return open_oracle(outputs, input_dim=input_dim, name=str(getattr(model, "name", "model")))
    return open_oracle(model, input_dim=input_dim)


def _name(model: Any, door: Oracle) -> str:
    network = _network(model)
    return "-".join(map(str, network.sizes)) if network is not None else door.spec.name


def _kind(said: Answers, outputs: FloatArray, name: str) -> Answers:
    """What answers are, where nobody said."""
    if said != "auto":
        return said
    if outputs.shape[1] == 1:
        if (outputs == np.rint(outputs)).all():
            raise InvalidInput(
                f"{name} answers one whole number for each row: labels or scores? Say so: "
                "hingeline.oracle(model, input_dim=..., answers='labels') (or 'logits')"
            )
        return "logits"
    sums_to_one = np.abs(outputs.sum(axis=1) - 1).max(initial=0.0) <= _SUM_SLACK
    return "probabilities" if outputs.min(initial=0.0) >= 0 and sums_to_one else "logits"


def _identity(model: Any, outputs: FloatArray) -> tuple[str, str]:
    """What identifies a model: its weights, its file, or else what it answered."""
    network = _network(model)
    if network is not None:
        activation = network.activation.name if isinstance(network, FeedForwardNetwork) else "relu"
        letters = np.frombuffer(activation.encode(), dtype=np.uint8)
        return "by weights", digest(letters, *network.weights, *network.biases)
    if isinstance(model, str | Path) and Path(model).suffix.lower() in _MODEL_FILES and Path(model).is_file():
        with Path(model).open("rb") as file:
            return "by file", hashlib.file_digest(file, "sha256").hexdigest()
    largest = float(np.abs(outputs).max(initial=0.0))
    # a power of two, so that scaling rounds nothing
    unit = 2.0 ** np.ceil(np.log2(largest)) if largest > 0 else 1.0
    return "by answers", digest(np.rint(outputs / unit * _LEVELS).astype(np.int64), np.array([unit]))


def _network(model: Any) -> PiecewiseLinearNetwork | FeedForwardNetwork | None:
    """The network whose weights are seen, if there is one."""
    inside = model.network if isinstance(model, NetworkModel) else model
    if isinstance(inside, PiecewiseLinearNetwork | FeedForwardNetwork):
        return inside
    return as_network(model) if isinstance(model, Finding | tuple | list) else None
