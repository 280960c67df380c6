"""Detectors on disk: `.safetensors` with float64 tensors, without the model, and nothing in the file is run.

The scores of a few clean inputs are stored too. Whoever loads brings the model, and a detector that scores
those inputs otherwise is refused: it would be on another model, and its threshold would mean nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_safetensors

from hingeline.core.arrays import FloatArray, frozen
from hingeline.core.errors import FormatError, InvalidInput
from hingeline.defences.detector.autoencoder import Autoencoder
from hingeline.defences.detector.dense import Dense
from hingeline.defences.detector.detector import HiddenLayerDetector, as_kind
from hingeline.defences.detector.readings import Readings, chosen_layers
from hingeline.defences.detector.scorers import Gaussian, Kernel, Logistic
from hingeline.networks.files import readable, write_atomically
from hingeline.sensitivity.models.model import Model

FORMAT_NAME = "hingeline.detector"
_SCHEMA = "1"
_CLOSE = 1e-6
"""Scores may differ by this share of their spread: other libraries round otherwise."""


def save_detector(detector: HiddenLayerDetector, path: str | Path) -> None:
    """Write a detector whose score is NumPy's alone.

    Raises:
        InvalidInput: A forest, or a file that cannot be written.
    """
    scorer = detector.scorer
    if not isinstance(scorer, Gaussian | Logistic | Kernel):
        raise InvalidInput(
            f"an {scorer.words} is another library's object and cannot be stored; fit it again"
        )
    tensors: dict[str, FloatArray] = {"reference": detector.reference}
    tensors["reference_scores"] = detector.scores(detector.reference)
    facts: dict[str, Any] = {
        "kind": detector.kind,
        "layers": list(detector.readings.layers),
        "what": detector.readings.what,
        "threshold": detector.threshold,
        "spread": detector.spread,
        "false_positives": detector.false_positives,
        "held_out": detector.held_out,
        "scales": [coder.scale for coder in detector.readings.autoencoders],
        "depths": [
            [len(coder.encoder.weights), len(coder.decoder.weights)]
            for coder in detector.readings.autoencoders
        ],
        "positive": [coder.decoder.positive for coder in detector.readings.autoencoders],
        "scorer": {},
    }
    for index, coder in enumerate(detector.readings.autoencoders):
        for name, half in (("encoder", coder.encoder), ("decoder", coder.decoder)):
            for depth, (weight, bias) in enumerate(zip(half.weights, half.biases, strict=True)):
                tensors |= {f"{index}.{name}.W{depth}": weight, f"{index}.{name}.b{depth}": bias}
    for name, value in vars(scorer).items():
        if isinstance(value, np.ndarray):
            tensors[f"scorer.{name}"] = value
        else:
            facts["scorer"][name] = value
    metadata = {"format": FORMAT_NAME, "schema": _SCHEMA, "detector": json.dumps(facts)}
    laid_out = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    write_atomically(path, lambda file: file.write_bytes(to_safetensors(laid_out, metadata)))


def load_detector(path: str | Path, model: Model) -> HiddenLayerDetector:
    """Read a detector that `save` wrote, for the model it was fitted on.

    Raises:
        FormatError: Not such a file.
        InvalidInput: Another model than the detector's.
    """
    path = readable(path)
    tensors, facts = _read(path)
    try:
        host, layers = chosen_layers(model, facts["layers"])
        coders = tuple(_autoencoder(tensors, facts, index) for index in range(len(layers)))
        readings = Readings(host, layers, coders, facts["what"])
        scorer = _scorer(tensors, facts)
        detector = HiddenLayerDetector(
            kind=as_kind(facts["kind"]),
            readings=readings,
            scorer=scorer,
            stand_in=scorer,
            threshold=float(facts["threshold"]),
            spread=float(facts["spread"]),
            false_positives=float(facts["false_positives"]),
            held_out=int(facts["held_out"]),
            stand_in_threshold=float(facts["threshold"]),
            reference=frozen(tensors["reference"]),
        )
        known = tensors["reference_scores"]
    except (KeyError, TypeError, IndexError) as error:
        raise FormatError(f"{path} is not a whole detector: {error!r}") from error
    _same_model(path, detector, known)
    return detector


def _read(path: Path) -> tuple[Mapping[str, FloatArray], dict[str, Any]]:
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
            if metadata.get("format") != FORMAT_NAME or metadata.get("schema") != _SCHEMA:
                raise FormatError(
                    f"{path} does not say that it is a detector of schema {_SCHEMA}: "
                    f"format {metadata.get('format')!r}, schema {metadata.get('schema')!r}"
                )
            tensors = {name: frozen(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
            return tensors, dict(json.loads(metadata.get("detector", "{}")))
    except (SafetensorError, OSError, ValueError) as error:
        raise FormatError(f"{path} is not a readable detector: {error}") from error


def _autoencoder(tensors: Mapping[str, FloatArray], facts: dict[str, Any], index: int) -> Autoencoder:
    halves: list[Dense] = []
    for name, depth in zip(("encoder", "decoder"), facts["depths"][index], strict=True):
        weights = tuple(tensors[f"{index}.{name}.W{layer}"] for layer in range(depth))
        biases = tuple(tensors[f"{index}.{name}.b{layer}"] for layer in range(depth))
        halves.append(Dense(weights, biases, name == "decoder" and bool(facts["positive"][index])))
    return Autoencoder(halves[0], halves[1], float(facts["scales"][index]))


def _scorer(tensors: Mapping[str, FloatArray], facts: dict[str, Any]) -> Gaussian | Logistic | Kernel:
    held = {name.split(".", 1)[1]: array for name, array in tensors.items() if name.startswith("scorer.")}
    whole: dict[str, Any] = {**held, **facts["scorer"]}
    made: dict[str, type[Gaussian | Logistic | Kernel]] = {
        "mahalanobis": Gaussian,
        "logistic": Logistic,
        "svc": Kernel,
    }
    return made[facts["kind"]](**whole)


def _same_model(path: Path, detector: HiddenLayerDetector, known: FloatArray) -> None:
    try:
        seen = detector.scores(detector.reference)
    except ValueError as error:
        raise InvalidInput(f"{path} was fitted on a model of other sizes: {error}") from error
    if np.abs(seen - known).max(initial=0.0) > _CLOSE * detector.spread:
        raise InvalidInput(f"{path} was fitted on another model: its reference inputs score otherwise there")
