"""Fit a detector: autoencoders, score and threshold, each on a part of the clean inputs of its own.

An autoencoder errs less where it was trained, and a score is smaller where it was fitted: a threshold from
those rows would fire too often on fresh ones. For the same reason the model should not have been trained on
rows of the score and the threshold; what it was trained on can be given as `training`, and then all of the
autoencoders' rows come from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray, as_points, frozen
from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink, Note, ignore
from hingeline.core.randomness import Randomness
from hingeline.defences.detector.autoencoder import Autoencoder, AutoencoderSettings, train_autoencoder
from hingeline.defences.detector.detector import (
    SUPERVISED,
    HiddenLayerDetector,
    Kind,
    as_kind,
    conformal_threshold,
)
from hingeline.defences.detector.library_scorers import fit_forest, fit_kernel, imitate
from hingeline.defences.detector.readings import Readings, chosen_layers
from hingeline.defences.detector.scorers import Scorer, SmoothScorer, fit_gaussian, fit_logistic
from hingeline.sensitivity.models.model import LayeredModel, Model

_REFERENCE = 4
_LEAST = 10
"""Fewest rows that anything is fitted on."""


@dataclass(frozen=True)
class DetectorSettings:
    """How clean inputs are shared out, and how autoencoders are trained."""

    autoencoder: AutoencoderSettings = field(default_factory=AutoencoderSettings)
    """Of every layer alike."""
    training_share: float = 0.5
    """Of the clean inputs, for the autoencoders; none if `training` is given."""
    threshold_share: float = 0.5
    """Of the rest, for the threshold; the others fit the score."""

    def __post_init__(self) -> None:
        if not (0 < self.training_share < 1 and 0 < self.threshold_share < 1):
            raise InvalidInput(f"shares of the clean inputs lie between 0 and 1; got {self}")


def fit_detector(
    model: Model,
    x_clean: object,
    *,
    layers: Iterable[int] | None = None,
    kind: Kind = "mahalanobis",
    false_positives: float = 0.05,
    attacked: object = None,
    noisy: object = None,
    training: object = None,
    autoencoders: Sequence[Autoencoder] | None = None,
    settings: DetectorSettings | None = None,
    seed: int = 0,
    on_event: EventSink = ignore,
) -> HiddenLayerDetector:
    """Fit a detector of attacked inputs on a model's hidden layers.

    Args:
        model: Whose hidden layers are seen: `NetworkModel` or `TorchModel`.
        x_clean: Clean inputs, shape "n d", that the model was not trained on.
        layers: Numbers of the layers to read, from 0; all if not given.
        kind: "mahalanobis" and "forest" learn clean inputs only, "logistic" and "svc" also `attacked`;
            "forest" and "svc" want scikit-learn.
        false_positives: Share of clean inputs that may fire.
        attacked: Examples of a known attack, for the kinds that learn from them. Row i is taken to be the
            attacked form of row i of `x_clean` if there are as many, and then only those of the rows that
            fit the score are used, so that the threshold's rows stay unseen; any number of rows otherwise.
        noisy: Inputs with harmless noise, learnt as clean beside them; row by row like `attacked`.
        training: Inputs for the autoencoders, such as those that the model was trained on.
        autoencoders: Trained ones, one for each layer read, such as another detector's; none are trained
            then, and `x_clean` is shared out as if `training` were given.
        settings: Shares and autoencoders.
        seed: Of the shares, first weights and minibatches.
        on_event: Where progress goes.

    Raises:
        InvalidInput: A model without layers, too few inputs for what is promised, or no attacked examples
            for a kind that needs them.
        MissingExtra: scikit-learn is needed and not installed.
    """
    chosen, known = settings or DetectorSettings(), as_kind(kind)
    host, numbers = chosen_layers(model, None if layers is None else list(layers))
    clean = as_points(x_clean, host.input_dim)
    if not 0 < false_positives < 1:
        raise InvalidInput(f"false_positives is a share between 0 and 1; got {false_positives}")
    if (known in SUPERVISED) != (attacked is not None):
        raise InvalidInput(_about_attacked(known))
    chance = Randomness(seed)
    coded, fitted, held = _shares(
        len(clean), chosen, training is not None or autoencoders is not None, chance.step("shares")
    )
    if autoencoders is None:
        taught = clean[coded] if training is None else as_points(training, host.input_dim)
        coders = _autoencoders(host, numbers, taught, chosen.autoencoder, chance, on_event)
    else:
        coders = _fitting_ones(autoencoders, host, numbers, clean[:1])
    readings = Readings(host, numbers, coders, "codes" if known in SUPERVISED else "statistics")
    quiet = readings.of(clean[fitted])
    if noisy is not None:
        quiet = np.concatenate([quiet, readings.of(_rows_of(noisy, clean, fitted))])
    loud = None if attacked is None else readings.of(_rows_of(attacked, clean, fitted))
    scorer, stand_in = _scorer(known, quiet, loud, chance)
    unseen = readings.of(clean[held])
    scores, smooth = scorer.scores(unseen), stand_in.scores(unseen)
    spread = float(scores.std())
    threshold = conformal_threshold(scores, false_positives)
    on_event(Note(f"{scorer.words}: fires above {threshold:.3g}, from {len(held)} held-out clean scores"))
    return HiddenLayerDetector(
        kind=known,
        readings=readings,
        scorer=scorer,
        stand_in=stand_in,
        threshold=threshold,
        spread=spread if spread > 0 else 1.0,
        false_positives=false_positives,
        held_out=len(held),
        stand_in_threshold=conformal_threshold(smooth, false_positives),
        reference=frozen(clean[held[:_REFERENCE]]),
    )


def _shares(
    count: int, settings: DetectorSettings, apart: bool, rng: np.random.Generator
) -> tuple[IntArray, IntArray, IntArray]:
    """Rows for the autoencoders, for the score and for the threshold."""
    order = rng.permutation(count)
    first = 0 if apart else round(settings.training_share * count)
    last = count - round(settings.threshold_share * (count - first))
    parts = order[:first], order[first:last], order[last:]
    if min(len(part) for part in (parts[1:] if apart else parts)) < _LEAST:
        raise InvalidInput(f"{count} clean inputs are too few: every part wants {_LEAST}")
    return parts


def _rows_of(given: object, clean: FloatArray, fitted: IntArray) -> FloatArray:
    """Rows that may be learnt from: those of the score's part, where they belong to the clean ones."""
    rows = as_points(given, clean.shape[1])
    return rows[fitted] if len(rows) == len(clean) else rows


def _autoencoders(
    model: LayeredModel,
    layers: tuple[int, ...],
    rows: FloatArray,
    settings: AutoencoderSettings,
    chance: Randomness,
    on_event: EventSink,
) -> tuple[Autoencoder, ...]:
    """One for each layer, each with its own draws."""
    if len(rows) < _LEAST:
        raise InvalidInput(f"{len(rows)} inputs are too few for autoencoders; it takes {_LEAST}")
    states, found = model.layers(rows), list[Autoencoder]()
    for layer in layers:
        coder, error = train_autoencoder(states[layer].values, settings, chance.step("autoencoder", layer))
        name = model.layer_names[layer]
        on_event(Note(f"autoencoder on layer {name}: squared error {error:.3g} of the mean square"))
        found.append(coder)
    return tuple(found)


def _fitting_ones(
    given: Sequence[Autoencoder], model: LayeredModel, layers: tuple[int, ...], rows: FloatArray
) -> tuple[Autoencoder, ...]:
    """Autoencoders trained before, if they are of the layers' widths."""
    states = model.layers(rows)
    widths = [states[layer].values.shape[1] for layer in layers]
    taken = [coder.encoder.weights[0].shape[1] for coder in given]
    if taken != widths:
        raise InvalidInput(f"the layers read have widths {widths}, the autoencoders take {taken}")
    return tuple(given)


def _scorer(
    kind: Kind, quiet: FloatArray, loud: FloatArray | None, chance: Randomness
) -> tuple[Scorer, SmoothScorer]:
    """What scores, and what is differentiated in its place."""
    if loud is None:
        if kind == "forest":
            forest = fit_forest(quiet, chance.step("forest"))
            return forest, imitate(forest, quiet, chance.step("imitation"))
        gaussian = fit_gaussian(quiet)
        return gaussian, gaussian
    if kind == "svc":
        kernel = fit_kernel(quiet, loud, chance.step("folds"))
        return kernel, kernel
    logistic = fit_logistic(quiet, loud)
    return logistic, logistic


def _about_attacked(kind: Kind) -> str:
    if kind in SUPERVISED:
        return f'"{kind}" learns from attacked examples; pass them as `attacked` or take "mahalanobis"'
    return f'"{kind}" learns from clean inputs only; leave `attacked` out or take "logistic"'
