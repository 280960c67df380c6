"""A model as a practice server shows it: in a chosen precision, with chosen defences, in a fixed order.

Inputs are rounded to the served precision, the model answers, noise is added, then probabilities are formed,
then the answer is rounded or reduced to a label; defences given as texts come after these, in their order.
Noise comes from one seeded generator, so the n-th row answered gets the n-th draw whatever the requests look
like. What is done to answers is done by `defences.doors`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.defences.doors.chained import Chained
from hingeline.defences.doors.defence import Defence
from hingeline.defences.doors.labels_only import LabelsOnly
from hingeline.defences.doors.noise import Noise
from hingeline.defences.doors.precision import Precision
from hingeline.defences.doors.probabilities import Probabilities
from hingeline.defences.doors.rounded import Rounded
from hingeline.defences.doors.typed import defence_from
from hingeline.networks.loading import load_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.local import CallableOracle, network_oracle
from hingeline.oracles.protocol import Oracle

DATATYPES = {"float64": "FP64", "float32": "FP32"}


@dataclass(frozen=True)
class PracticeSettings:
    """What the practice server does to answers, and how badly it behaves."""

    round: int | None = None
    """Decimals that answers are rounded to; None for all."""
    noise: float = 0.0
    """Standard deviation of Gaussian noise added to every logit."""
    labels: bool = False
    """Answer the winning class only (for one output: 1 if it is positive)."""
    softmax: bool = False
    """Answer probabilities (for one output: of the classes 0 and 1)."""
    dtype: str = "float64"
    """Precision of inputs and answers: float64 or float32."""
    rate: float | None = None
    """Rows per second before requests are turned away with 429; None for no limit."""
    fail_every: int | None = None
    """Every so many inference requests one fails before the model is asked: 500, 503, a drop, in turn."""
    latency: float = 0.0
    """Seconds before each answer."""
    max_batch: int | None = None
    """Most rows in one request; more get 413."""
    seed: int = 0
    """Of what the defences draw."""
    defences: tuple[str, ...] = ()
    """More defences as they are typed, such as "top-k:3", around the others in this order."""

    def __post_init__(self) -> None:
        _check(self)

    @property
    def described(self) -> str:
        """The settings in words, for people."""
        words = [
            self.dtype if self.dtype != "float64" else "",
            *(part.words for part in _own_defences(self)),
            *(defence_from(text).words for text in self.defences),
            f"at most {self.rate:g} rows per second" if self.rate is not None else "",
            f"every {self.fail_every}. request fails" if self.fail_every is not None else "",
            f"{self.latency:g} s late" if self.latency else "",
        ]
        return ", ".join(word for word in words if word) or "no defence"


class PracticeModel:
    """Answers rows as the settings say; safe to call from several threads.

    Args:
        model: A network, an oracle in this process, or what `hl.oracle` opens.
        settings: The defences.
        input_dim: Numbers in one row, for a function that does not say.

    Raises:
        InvalidInput: The model is on another host.
    """

    def __init__(self, model: Any, settings: PracticeSettings, input_dim: int | None = None) -> None:
        self._oracle = _opened(model, settings.dtype, input_dim)
        self._settings = settings
        self._defended = _defended(self._oracle, settings)
        self._lock = threading.Lock()
        self.input_dim = self._oracle.spec.input_dim
        # Our own model costs nothing, so one look settles the width; through a door of its own, because the
        # one that is asked would use up a draw.
        look = _defended(self._oracle, settings).query(np.zeros((1, self.input_dim)))
        self.output_dim = look.shape[-1]

    @property
    def input_datatype(self) -> str:
        """The protocol's name of the input type."""
        return DATATYPES[self._settings.dtype]

    @property
    def output_name(self) -> str:
        """What the answers are called."""
        shown = self._defended.spec.answers
        return "logits" if shown in ("auto", self._oracle.spec.answers) else shown

    @property
    def output_datatype(self) -> str:
        """The protocol's name of the answer type."""
        return "INT64" if self.output_name == "labels" else DATATYPES[self._settings.dtype]

    def answers(self, points: FloatArray) -> FloatArray:
        """What the endpoint shows for `points`: "n d" to "n k" ("n 1" for labels).

        Raises:
            TurnedAway: A defence refuses to answer.
        """
        points = _to_precision(points, self._settings.dtype)
        size = self._defended.spec.max_batch or len(points)
        with self._lock:
            parts = [self._defended.query(points[i : i + size]) for i in range(0, len(points), size)]
        return _to_precision(np.concatenate(parts), self._settings.dtype)


def _defended(model: Oracle, settings: PracticeSettings) -> Oracle:
    parts = (*_own_defences(settings), *map(defence_from, settings.defences))
    return Chained(parts).around(model, seed=settings.seed)


def _own_defences(settings: PracticeSettings) -> tuple[Defence, ...]:
    """Those that have a setting of their own, from the inside out."""
    noise = (Noise(settings.noise),) if settings.noise else ()
    if settings.labels:
        return (*noise, LabelsOnly())
    likely = (Probabilities(pair=True),) if settings.softmax else ()
    if settings.round is None:
        return (*noise, *likely)
    # What is rounded are the numbers of the served precision.
    cast = (Precision(settings.dtype),) if settings.dtype != "float64" else ()
    return (*noise, *likely, *cast, Rounded(decimals=settings.round))


def _opened(model: Any, dtype: str, input_dim: int | None) -> Oracle:
    if isinstance(model, str | Path) and Path(model).suffix.lower() in (".npz", ".safetensors"):
        model = load_network(model)
    if isinstance(model, PiecewiseLinearNetwork):
        return network_oracle(model) if dtype == "float64" else _single_precision(model)
    # Loaded here: opening knows every kind of door and so imports more than a server of one network needs.
    from hingeline.oracles.opening import oracle

    opened = oracle(model, input_dim=input_dim)
    if opened.spec.remote:
        raise InvalidInput(
            f"{opened.spec.name} is on another host; practise on a model of your own, from a file"
        )
    return opened


def _single_precision(network: PiecewiseLinearNetwork) -> Oracle:
    """The network computed in float32 throughout, with the rounding errors a real float32 service has."""
    weights = [weight.T.astype(np.float32) for weight in network.weights]
    biases = [bias.astype(np.float32) for bias in network.biases]

    def answer(points: FloatArray) -> FloatArray:
        hidden = points.astype(np.float32)
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            hidden = np.maximum(hidden @ weight + bias, np.float32(0))
        return (hidden @ weights[-1] + biases[-1]).astype(np.float64)

    return CallableOracle(answer, network_oracle(network).spec)


def _to_precision(values: FloatArray, dtype: str) -> FloatArray:
    return values.astype(dtype).astype(np.float64)


def _check(settings: PracticeSettings) -> None:
    if settings.dtype not in DATATYPES:
        raise InvalidInput(f"dtype must be one of {', '.join(DATATYPES)}; got {settings.dtype!r}")
    if settings.labels and (settings.softmax or settings.round is not None):
        raise InvalidInput("labels hide everything else: give labels alone, or softmax and round without it")
    if settings.round is not None and not 0 <= settings.round <= 17:
        raise InvalidInput(f"round takes 0 to 17 decimals; got {settings.round}")
    if not (0 <= settings.noise < np.inf and 0 <= settings.latency < np.inf):
        raise InvalidInput("noise and latency must be numbers from 0 up")
    for text in settings.defences:
        defence_from(text)
    for name in ("rate", "fail_every", "max_batch"):
        value = getattr(settings, name)
        if value is not None and not 0 < value < np.inf:
            raise InvalidInput(f"{name} must be above 0; got {value}")
